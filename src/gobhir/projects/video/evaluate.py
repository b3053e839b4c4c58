"""How good the networks are on clips whose source they have never seen, beside simpler answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gobhir.evaluation import probabilities
from gobhir.evaluation.intervals import mean
from gobhir.evaluation.report import worst
from gobhir.lang import LANGUAGES, Count, digits, say, t
from gobhir.projects.learning import history_file
from gobhir.projects.parts import png
from gobhir.projects.results import Card, Data, Mistake, Results, Table, Words
from gobhir.projects.video.data import Task, task
from gobhir.projects.video.features import features
from gobhir.projects.video.network import network
from gobhir.projects.video.settings import SHIPPED, Settings
from gobhir.projects.video.simple import simple
from gobhir.projects.video.train import READER, of_fold, opened, scores
from gobhir.training.logs import read_log

WRONG, STRIP = 8, 4
"""So many mistakes are shown, each by so many of its frames."""


def evaluate(settings: Settings, folder: Path) -> Results:
    """Ask every clip of the network of its fold; the page of results and the model card go to the
    folder."""
    todo = task(settings)
    clips = todo.clips
    opened(settings, len(clips.classes), folder, None)  # or nothing was trained
    found = features(clips, network(settings, len(clips.classes)), settings, folder)
    output = scores(todo, found, settings, folder)
    log = history_file(folder, of_fold(None) if settings.tune else READER + of_fold(None))
    results = Results.of_classes(
        "video",
        say("video.title", data=Path(settings.data).name),
        {_name(settings): output},
        simple(todo, found[0].numpy(), settings),
        clips.labels,
        clips.classes,
        groups=clips.groups,
        about=say("video.about"),
        data=_origin(todo, settings),
        card=_card(settings),
        mistakes=_mistakes(todo, output),
        tables=[_folds(todo, output)],
    )
    page = results.trained(settings, read_log(log)).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def _name(settings: Settings) -> str:
    cell = {"lstm": "LSTM", "gru": "GRU", "mean": "mean"}[settings.cell]
    cnn = "EfficientNet-Lite0" if settings.pretrained else "CNN"
    return f"{cnn} + {cell}"


def _folds(todo: Task, output: np.ndarray) -> Table:
    """The accuracy in each fold: how much it hangs on which places were asked about."""
    right = (output.argmax(1) == todo.clips.labels).astype(float)
    rows: list[list[Any]] = []
    for k, part in enumerate(todo.folds):
        own, groups = right[part.test], todo.clips.groups[part.test]
        share = mean(own, groups=groups)
        number: Words = {lang: digits(k + 1, lang) for lang in LANGUAGES}
        rows.append([number, len(own), len(np.unique(groups)), share])
    head: list[Words] = [
        say("video.table.fold"),
        say("video.table.clips"),
        say("video.table.sources"),
        say("video.table.right"),
    ]
    return Table(say("video.table.title"), head, rows, say("video.table.about"), number="accuracy")


def _mistakes(todo: Task, output: np.ndarray) -> list[Mistake]:
    """The surest wrong answers, each as a strip of frames."""
    clips, shares = todo.clips, probabilities(output)
    found = []
    for k in worst(output, clips.labels, WRONG):
        given = int(shares[k].argmax())
        rows = np.linspace(0, clips.pixels.shape[1] - 1, STRIP).round().astype(int)
        picture = png(np.hstack(clips.pixels[k, rows]))
        true, said = clips.classes[int(clips.labels[k])], clips.classes[given]
        found.append(Mistake(true, said, float(shares[k, given]), picture=picture))
    return found


def _origin(todo: Task, settings: Settings) -> Data:
    sources = len(np.unique(todo.clips.groups))
    told = {"folds": Count(settings.folds), "sources": Count(sources), "seed": settings.seed}
    split = say("video.split", **told)
    parts = {"test": len(todo.clips)}
    if todo.dataset is not None:
        return Data.of(todo.dataset.card, parts, split)
    return Data(Path(settings.data).name, "", "", "", parts, say("video.own"), split)


def _kind(settings: Settings) -> str:
    if not settings.pretrained:
        return "small"
    return "tuned" if settings.tune else "model"


def _card(settings: Settings) -> Card:
    run = [
        f"gobhir project video train --data {settings.data}",
        "gobhir project video evaluate",
        "gobhir project video run FILM.mp4",
    ]
    model = say(
        f"video.card.{_kind(settings)}",
        name=_name(settings),
        frames=Count(settings.frames),
        span=settings.span,
        size=settings.size,
    )  # keys: video.card.tuned, video.card.model, video.card.small
    purpose: Words = say("video.card.purpose")
    not_for: list[Words] = [say("video.card.not_for_people"), say("video.card.not_for_alone")]
    limits: list[Words] = [say("video.card.elsewhere"), say("video.card.shown")]
    if settings.data == SHIPPED:
        limits += [say("video.card.cut"), say("video.card.rare")]
    return Card(purpose, not_for, limits, run, model)
