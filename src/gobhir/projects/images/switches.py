"""What the tricks of day 34 are worth here: each alone, against fine-tuning without any of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from gobhir.evaluation import classification, gain, k_fold
from gobhir.evaluation.report import title
from gobhir.lang import LANGUAGES, say, t
from gobhir.projects.images.data import Task
from gobhir.projects.images.network import imagenet, logits, network, with_backbone
from gobhir.projects.images.settings import Settings
from gobhir.projects.images.train import fine_tune, learn_head
from gobhir.projects.results import Table, Words, words

FOLDS = 5
NONE: dict[str, Any] = {
    "augmentation": False,
    "mixup": 0.0,
    "label_smoothing": 0.0,
    "schedule": "constant",
    "layer_decay": 1.0,
    "ema": 0.0,
    "tta": False,
}
TRICKS: dict[str, dict[str, Any]] = {
    "none": {},
    "augmentation": {"augmentation": True},
    "mixup": {"mixup": 0.2},
    "label_smoothing": {"label_smoothing": 0.1},
    "cosine": {"schedule": "cosine"},
    "one_cycle": {"schedule": "one_cycle"},
    "layer_decay": {"layer_decay": 0.8},
    "ema": {"ema": 0.99},
    "tta": {"tta": True},
}


def measured(settings: Settings, todo: Task, times: int) -> Table:
    """Accuracy, and how much more than without any, of `times` trainings each: in each another
    fifth of the pictures is asked about, and order, noise and first head have another seed.
    Pictures of a group, and a picture's answers of several trainings, are drawn together in the
    intervals."""
    own = [replace(settings, seed=settings.seed + k) for k in range(times)]
    tasks = [fold(todo, settings.seed, k) for k in range(times)]
    asked = np.concatenate([one.test for one in tasks])
    target = todo.pictures.labels[asked]
    groups = todo.pictures.groups[asked]
    starts = [_start(*pair) for pair in zip(own, tasks, strict=True)]
    found = {"head": _answers(starts, tasks)}
    plain: list[Any] = []
    for name, changed in TRICKS.items():
        # keys: images.trick.*
        print(t("images.trick.training", name=t(f"images.trick.{name}"), count=times))
        trained = plain  # asking twice needs no training of its own
        if name != "tta":
            wishes = [replace(one, **{**NONE, **changed}) for one in own]
            trained = [_trained(*three) for three in zip(starts, tasks, wishes, strict=True)]
        plain = plain or trained
        found[name] = _answers(trained, tasks, tta=name == "tta")
    names = [words(name, "en") for name in todo.pictures.classes]
    rows: list[list[Any]] = []
    for name in [*TRICKS, "head"]:
        report = classification(found[name], target, names, groups=groups)
        more = "" if name == "none" else gain(found[name], found["none"], target, groups=groups)
        rows.append([say(f"images.trick.{name}"), report.numbers["accuracy"], more])
    head: list[Words] = [
        say("images.trick.trick"),
        {lang: title("accuracy", lang) for lang in LANGUAGES},
        say("images.trick.gain"),
    ]
    said = {"count": times, "epochs": settings.epochs, "pictures": len(np.unique(asked))}
    about = say("images.trick.about", **said)
    return Table(say("images.trick.title"), head, rows, about, number="accuracy")


def fold(todo: Task, seed: int, k: int) -> Task:
    """The pictures divided anew: the k-th fifth is the test, the next one the validation. After all
    five (k = 5, 6, ...) other fifths are drawn."""
    labels, groups = todo.pictures.labels, todo.pictures.groups
    turn, k = divmod(k, FOLDS)
    fifths = [
        rows
        for _, rows in k_fold(len(labels), FOLDS, labels=labels, groups=groups, seed=seed + turn)
    ]
    test, validation, *rest = fifths[k:] + fifths[:k]
    return replace(todo, train=np.concatenate(rest), validation=validation, test=test)


def _start(settings: Settings, todo: Task) -> Any:
    """Where fine-tuning begins: after stage 1 where there are ImageNet's weights."""
    model = network(settings, len(todo.pictures.classes))
    if settings.pretrained:
        with_backbone(model, imagenet())
        learn_head(model, todo, settings)
    return model


def _answers(models: list[Any], tasks: list[Task], tta: bool = False) -> np.ndarray:
    """What each says of its test pictures, one below the other."""
    pairs = zip(models, tasks, strict=True)
    return np.concatenate([logits(model, todo.pixels("test"), tta) for model, todo in pairs])


def _trained(start: Any, todo: Task, settings: Settings) -> Any:
    model = deepcopy(start)
    fine_tune(model, todo, settings, progress=False)
    return model
