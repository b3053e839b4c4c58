"""What the tricks of day 34 are worth here: each alone, against fine-tuning without any of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np

from gobhir.evaluation import classification, gain
from gobhir.evaluation.report import title
from gobhir.lang import LANGUAGES, say, t
from gobhir.projects.images.data import Task
from gobhir.projects.images.network import imagenet, logits, network, with_backbone
from gobhir.projects.images.settings import Settings
from gobhir.projects.images.train import fine_tune, learn_head
from gobhir.projects.results import Table, Words, words

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
    """Accuracy on the test, and how much more than without any, of `times` trainings each, whose
    seeds (order, noise, first head) differ; the split stays. Pictures of a group, and a picture's
    answers of all trainings, are drawn together in the intervals."""
    target = np.tile(todo.labels("test"), times)
    groups = np.tile(todo.pictures.groups[todo.test], times)
    starts = [_start(replace(settings, seed=settings.seed + k), todo) for k in range(times)]
    found: dict[str, np.ndarray] = {}
    plain: list[Any] = []
    for name, changed in TRICKS.items():
        # keys: images.trick.*
        print(t("images.trick.training", name=t(f"images.trick.{name}"), count=times))
        own = plain  # asking twice needs no training of its own
        if name != "tta":
            seeds = [replace(settings, seed=settings.seed + k) for k in range(times)]
            wishes = [replace(one, **{**NONE, **changed}) for one in seeds]
            own = [_trained(*pair) for pair in zip(starts, repeat(todo), wishes, strict=False)]
        plain = plain or own
        found[name] = _answers(own, todo, tta=name == "tta")
    found["head"] = _answers(starts, todo)
    names = [words(name, "en") for name in todo.pictures.classes]
    rows: list[list[Any]] = []
    for name, output in found.items():
        report = classification(output, target, names, groups=groups)
        more = "" if name == "none" else gain(output, found["none"], target, groups=groups)
        rows.append([say(f"images.trick.{name}"), report.numbers["accuracy"], more])
    head: list[Words] = [
        say("images.trick.trick"),
        {lang: title("accuracy", lang) for lang in LANGUAGES},
        say("images.trick.gain"),
    ]
    about = say("images.trick.about", count=times, epochs=settings.epochs)
    return Table(say("images.trick.title"), head, rows, about, number="accuracy")


def _start(settings: Settings, todo: Task) -> Any:
    """Where fine-tuning begins: after stage 1 where there are ImageNet's weights."""
    model = network(settings, len(todo.pictures.classes))
    if settings.pretrained:
        with_backbone(model, imagenet())
        learn_head(model, todo, settings)
    return model


def _answers(models: list[Any], todo: Task, tta: bool = False) -> np.ndarray:
    """What all of them say of the test pictures, one below the other: (models * n, classes)."""
    return np.concatenate([logits(model, todo.pixels("test"), tta) for model in models])


def _trained(start: Any, todo: Task, settings: Settings) -> Any:
    model = deepcopy(start)
    fine_tune(model, todo, settings, progress=False)
    return model
