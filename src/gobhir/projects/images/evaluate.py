"""How good the network is on pictures that it has never seen, beside answers that look less."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gobhir.evaluation import Temperature, baselines
from gobhir.evaluation.report import worst
from gobhir.lang import LANGUAGES, say, t
from gobhir.projects.images import count
from gobhir.projects.images.data import SHARES, Task, task
from gobhir.projects.images.network import kept, logits
from gobhir.projects.images.settings import Settings
from gobhir.projects.images.switches import measured
from gobhir.projects.images.train import HEAD
from gobhir.projects.learning import history_file, model_file, told
from gobhir.projects.parts import png
from gobhir.projects.results import Card, Data, Mistake, Results, Table, Words
from gobhir.training.logs import read_log

SHOWN = 12


def evaluate(
    settings: Settings,
    folder: Path,
    *,
    switches: Annotated[int, "images.switches"] = 0,
) -> Results:
    """Measure the trained network on the test pictures; the page of results and the model card go
    to the folder. switches: also train with each trick of day 34 alone, so many times."""
    todo = task(settings)
    classes = todo.pictures.classes
    model = kept(settings, len(classes), model_file(folder))
    pixels, target = todo.pixels("test"), todo.labels("test")
    output = logits(model, pixels, settings.tta)
    warm = Temperature(told(folder).temperature)
    own = todo.pictures.groups[todo.test]
    tables = [_networks(), _parts(model, settings)]
    if switches:
        tables.insert(0, measured(settings, todo, switches))
    results = Results.of_classes(
        "images",
        say("images.title", data=Path(settings.data).name),
        {_name(settings): output},
        simple(todo, settings, folder),
        target,
        classes,
        groups=own if len(np.unique(own)) < len(own) else None,
        about=say("images.about"),
        data=_origin(todo, settings),
        card=_card(settings),
        temperature=warm.value,
        mistakes=_mistakes(todo, warm(output)),
        tables=tables,
    )
    log = next(p for p in (history_file(folder), history_file(folder, HEAD)) if p.is_file())
    page = results.trained(settings, read_log(log)).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def simple(todo: Task, settings: Settings, folder: Path) -> dict[str, np.ndarray]:
    """Answers to beat, (n, classes) each: the most frequent class, logistic regression on the
    picture's colours, and, where it was trained, a new head on ImageNet's features alone."""
    x, asked = (histograms(todo.pixels(which)) for which in ("train", "test"))
    y, count_ = todo.labels("train"), len(todo.pictures.classes)
    found = {
        "majority": baselines.majority(y, len(asked), count_),
        "images.histogram": baselines.logistic(x, y, asked, count_),
    }
    head = model_file(folder, HEAD)
    if settings.epochs and head.is_file():
        model = kept(settings, count_, head)
        found["images.features"] = logits(model, todo.pixels("test"))
    return found


def histograms(pixels: np.ndarray) -> np.ndarray:
    """How much of each of 64 colours is in a picture: (n, 3, h, w) bytes -> (n, 64)."""
    level = (pixels >> 6).astype(np.int64)
    colour = (level[:, 0] * 16 + level[:, 1] * 4 + level[:, 2]).reshape(len(pixels), -1)
    return np.stack([np.bincount(row, minlength=64) for row in colour]) / colour.shape[1]


def _name(settings: Settings) -> str:
    kinds = {
        "efficientnet_lite0": "EfficientNet-Lite0",
        "mobilenet_v2": "MobileNetV2",
        "resnet18": "ResNet-18",
        "resnet50": "ResNet-50",
        "vgg16": "VGG-16",
    }
    return kinds[settings.network]


def _mistakes(todo: Task, shares: np.ndarray) -> list[Mistake]:
    """The surest wrong answers. shares: (n, classes), probabilities."""
    classes, target = todo.pictures.classes, todo.labels("test")
    found = []
    for k in worst(shares, target, SHOWN):
        given = int(shares[k].argmax())
        picture = png(todo.pictures.pixels[todo.test[k]].transpose(1, 2, 0))
        sure = float(shares[k, given])
        found.append(Mistake(classes[int(target[k])], classes[given], sure, picture=picture))
    return found


def _networks() -> Table:
    """What the networks of networks/ cost, as they are published: 1000 classes, 224 x 224."""
    import torch

    rows: list[list[Any]] = []
    for name, build in count.NETWORKS.items():
        with torch.device("meta"):
            model = build(1000)
        rows.append([name, *count.total(model)])
    head: list[Words] = [
        say("images.table.network"),
        say("images.table.parameters"),
        say("images.table.multiply_adds"),
    ]
    return Table(say("images.table.networks"), head, rows, say("images.table.about"))


def _parts(model: Any, settings: Settings) -> Table:
    """Where in the trained network its parameters and its work are."""
    rows: list[list[Any]] = []
    for one in count.parts(model, settings.size):
        shape = "×".join(str(n) for n in one.shape)
        rows.append([one.name, one.kind, shape, one.parameters, one.multiply_adds])
    head: list[Words] = [
        say("images.table.part"),
        say("images.table.kind"),
        say("images.table.shape"),
        say("images.table.parameters"),
        say("images.table.multiply_adds"),
    ]
    return Table(say("images.table.own", network=_name(settings), size=settings.size), head, rows)


def _origin(todo: Task, settings: Settings) -> Data:
    parts = {name: len(getattr(todo, name)) for name in SHARES}
    split = say("images.split", seed=settings.seed)
    if todo.dataset is not None:
        found = Data.of(todo.dataset.card, parts, split)
        found.note = say(f"images.note.{settings.data}")  # keys: images.note.*
        return found
    return Data(Path(settings.data).name, "", "", "", parts, say("images.own"), split)


def _card(settings: Settings) -> Card:
    run = [
        f"gobhir project images train --data {settings.data} --network {settings.network}",
        "gobhir project images evaluate",
        "gobhir project images run PICTURE.jpg",
        "gobhir serve gobhir-projects/images/model.onnx",
    ]
    start = "card.pretrained" if settings.pretrained else "card.scratch"
    said: Words = {
        lang: t(f"images.{start}", lang, network=_name(settings), size=settings.size)
        for lang in LANGUAGES
    }  # keys: images.card.pretrained, images.card.scratch
    limits: list[Words] = [say("images.card.small"), say("images.card.elsewhere")]
    not_for: list[Words] = [say("images.card.not_for")]
    if settings.data == "pennfudan_people":
        not_for.append(say("images.card.not_for_people"))
    purpose = say(f"images.card.{'purpose' if settings.pretrained else 'purpose_scratch'}")
    # keys: images.card.purpose, images.card.purpose_scratch
    return Card(purpose, not_for, limits, run, said)
