"""How good the networks are on the test, beside linear models that are hard to beat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gobhir.deploy import Text
from gobhir.evaluation import Temperature, baselines, probabilities, worst
from gobhir.lang import say, t
from gobhir.projects import learning
from gobhir.projects.results import Card, Data, Mistake, Results, Table, Words
from gobhir.projects.text.data import SHARES, Task, task
from gobhir.projects.text.linear import linear
from gobhir.projects.text.settings import Settings
from gobhir.projects.text.tokens import pieces, rows
from gobhir.projects.text.train import opened, ordered
from gobhir.training import predict
from gobhir.training.logs import read_log

SHOWN = 24


def evaluate(settings: Settings, folder: Path) -> Results:
    """Measure every network that was trained on the same test texts, and all of them together; the
    page of results and the model card go to the folder."""
    kinds = ordered(folder)
    todo = task(settings)
    (texts, target), checked = todo.part("test"), todo.part("validation")
    scores = {kind: answers(folder, kind, settings, texts) for kind in kinds}
    models = {f"text.model.{kind}": scores[kind] for kind in kinds}
    # keys: text.model.bag, text.model.cnn, text.model.lstm, text.model.transformer
    if len(kinds) > 1:
        models["text.model.together"] = together(list(scores.values()))
    learned = todo.part("train")
    count = len(todo.classes)
    others = {"majority": baselines.majority(learned[1], len(texts), count)}
    for seen, output in linear(learned, checked, texts, count).items():
        others[f"text.linear.{seen}"] = output
        # keys: text.linear.words, text.linear.characters, text.linear.both
    best = kinds[0]
    warm = Temperature(learning.told(folder, f"-{best}").temperature)
    history = read_log(learning.history_file(folder, f"-{best}"))
    results = Results.of_classes(
        "text",
        say("text.title", data=Path(settings.data).name),
        models,
        others,
        target,
        todo.classes,
        temperature=warm.value,
        about=say("text.about"),
        data=_origin(todo, settings),
        card=_card(settings, best),
        mistakes=_mistakes(warm(scores[best]), target, texts, todo.classes),
        tables=[_networks(folder, kinds, settings, texts)],
    )
    page = results.trained(settings, history).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def answers(folder: Path, kind: str, settings: Settings, texts: list[str]) -> np.ndarray:
    """A trained network's scores, (texts, classes)."""
    model, told = opened(folder, kind, settings)
    assert isinstance(told.input, Text)
    return np.asarray(predict(model, rows(texts, told.input)).numpy(), float)


def together(scores: list[np.ndarray]) -> np.ndarray:
    """The mean of several networks' probabilities, (texts, classes)."""
    return np.asarray(np.mean([probabilities(one) for one in scores], axis=0))


def _mistakes(
    sure: np.ndarray, target: np.ndarray, texts: list[str], classes: list[Words]
) -> list[Mistake]:
    """The texts that it was surest of, and wrong. sure: (texts, classes), probabilities."""
    return [
        Mistake(
            classes[target[row]],
            classes[sure[row].argmax()],
            float(sure[row].max()),
            text=texts[row],
        )
        for row in worst(sure, target, SHOWN).tolist()
    ]


def _networks(folder: Path, kinds: list[str], settings: Settings, texts: list[str]) -> Table:
    """What each network reads, and how large it is."""
    lines: list[list[Any]] = []
    for kind in kinds:
        model, told = opened(folder, kind, settings)
        form = told.input
        assert isinstance(form, Text)
        lengths = np.array([len(pieces(text, form)) for text in texts])
        size = sum(p.numel() for p in model.parameters())
        cut = float((lengths > form.length).mean() * 100)
        level = say(f"text.level.{form.level}")
        # keys: text.level.characters, text.level.words, text.level.bpe
        row = [level, len(form.vocabulary), float(np.median(lengths)), cut, size]
        lines.append([say(f"text.model.{kind}"), *row])
    names = ("network", "pieces", "vocabulary", "median", "cut", "parameters")
    head: list[Words] = [say(f"text.table.{name}") for name in names]
    # keys: text.table.network, text.table.pieces, text.table.vocabulary, text.table.median
    # keys: text.table.cut, text.table.parameters
    return Table(say("text.table.title"), head, lines)


def _origin(todo: Task, settings: Settings) -> Data:
    parts = {name: len(getattr(todo, name)) for name in SHARES}
    if todo.dataset is not None:
        return Data.of(todo.dataset.card, parts, todo.how)
    return Data(Path(settings.data).name, "", "", "", parts, say("text.own"), todo.how)


def _card(settings: Settings, best: str) -> Card:
    run = [
        f"gobhir project text train --data {settings.data}",
        "gobhir project text evaluate",
        'gobhir project text run "..."',
    ]
    limits: list[Words] = [say("text.card.irony"), say("text.card.others"), say("text.card.names")]
    own = settings.of(best)
    kind = say(f"text.model.{best}")
    model = say("text.card.model", kind=kind, level=say(f"text.level.{own.tokenizer}"))
    return Card(say("text.card.purpose"), [say("text.card.not_for")], limits, run, model)
