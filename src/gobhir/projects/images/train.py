"""Learning in two stages: a new head on features that are already good, then everything, gently."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import nn

from gobhir.deploy import About, export
from gobhir.lang import LANGUAGES, t
from gobhir.projects import learning
from gobhir.projects.images.data import Batches, Task, form, normalised, task
from gobhir.projects.images.network import (
    applied,
    asked,
    imagenet,
    keep,
    kept,
    logits,
    network,
    with_backbone,
)
from gobhir.projects.images.settings import Settings
from gobhir.projects.parts import words
from gobhir.training import Average, CSVLog, History, Schedule
from gobhir.training.logs import read_log
from gobhir.training.processes import is_main_process

HEAD, ONNX = "-head", "model.onnx"
"""The network as it was after stage 1 is called HEAD."""
HEAD_LR = 0.003
WARM = 0.1
"""The share of all steps in which the learning rate rises."""


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> dict[str, History]:
    """Train in both stages (without weights from ImageNet only in the second). The weights go to
    `model-head.safetensors` and `model.safetensors`, the curves to `history-head.csv` and
    `history.csv`, and the whole to `model.onnx`."""
    todo = task(settings)
    count = len(todo.pictures.classes)
    model = network(settings, count)
    if settings.pretrained:
        with_backbone(model, imagenet())
    learning.begin(settings, folder, ("", HEAD), resume)
    (folder / ONNX).unlink(missing_ok=True)
    curves = {}
    if settings.pretrained:
        first, log = learning.model_file(folder, HEAD), learning.history_file(folder, HEAD)
        if resume and first.is_file():
            model, curves["head"] = kept(settings, count, first), read_log(log)
        else:
            print(t("images.training.head"))
            curves["head"] = learn_head(model, todo, settings, log)
            keep(model, first)
    last = learning.model_file(folder)
    if settings.epochs:
        print(t("images.training.all"))
        wishes = how(model, todo, settings)
        curves["all"] = learning.train_one(settings, folder, "", model, resume=resume, **wishes)
    else:
        keep(model, last)
    if is_main_process():  # of several (torchrun) the one that has written the weights
        _export(kept(settings, count, last), todo, settings, folder / ONNX)
    return curves


def learn_head(model: Any, todo: Task, settings: Settings, log: Path | None = None) -> History:
    """Stage 1, feature extraction: the backbone is only looked through, once for each picture; what
    learns is one Linear, in seconds."""
    model.eval()
    x, held_out = (
        torch.from_numpy(applied(model.features, todo.pixels(which)))
        for which in ("train", "validation")
    )
    y, validation = (torch.from_numpy(todo.labels(which)) for which in ("train", "validation"))
    optimizer = torch.optim.AdamW(
        model.head.parameters(), HEAD_LR, weight_decay=settings.weight_decay
    )
    return learning.learn(
        replace(settings, epochs=settings.head_epochs, patience=10),
        model.head,
        (x, y),
        "cross_entropy",
        optimizer=optimizer,
        metrics=["accuracy"],
        callbacks=[CSVLog(log)] if log else [],
        validation=(held_out, validation),
        device=None,  # it looks at features, not pictures
        precision="fp32",
        progress=False,
    )


def fine_tune(model: Any, todo: Task, settings: Settings, **more: Any) -> History:
    """Stage 2: all weights learn, early layers (edges, colours) slower than late ones. more: as for
    `learn`."""
    return learning.learn(settings, model, **how(model, todo, settings), **more)


def how(model: Any, todo: Task, settings: Settings) -> dict[str, Any]:
    """What stage 2 learns from, and how: words for `learn`. What BatchNorm knows of ImageNet's
    pictures stays: a small folder would tell it worse."""
    data = Batches(todo, "train", settings, learning=True)
    optimizer = torch.optim.AdamW(
        groups(model, settings.lr, settings.layer_decay), weight_decay=settings.weight_decay
    )
    model.train()
    if settings.pretrained:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()  # fit leaves it so
    return {
        "data": data,
        "loss": nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing),
        "optimizer": optimizer,
        "metrics": [accuracy],
        "callbacks": [Average(settings.ema)] if settings.ema else [],
        "validation": Batches(todo, "validation", settings),
        "scheduler": schedule(optimizer, settings.schedule, settings.epochs * len(data)),
        "clip_norm": 1.0,
    }


def groups(model: Any, lr: float, decay: float) -> list[dict[str, Any]]:
    """The parameters in groups from the head down, each with `decay` times the rate above it."""
    order: list[nn.Module] = [model.head]
    order += [getattr(model, name) for name in ("last", "dense") if hasattr(model, name)]
    order += [*reversed(list(model.blocks)), *([model.stem] if hasattr(model, "stem") else [])]
    found: list[dict[str, Any]] = []
    for part in order:
        if own := list(part.parameters()):
            found.append({"params": own, "lr": lr * decay ** len(found)})
    return found


def schedule(optimizer: Any, kind: str, steps: int) -> Schedule | None:
    """How the learning rate moves over so many steps; "cosine" rises first, for a tenth of them."""
    if kind == "constant":
        return None
    if kind == "one_cycle":
        most = [group["lr"] for group in optimizer.param_groups]
        return Schedule(torch.optim.lr_scheduler.OneCycleLR(optimizer, most, steps), "batch")
    warm = max(1, round(WARM * steps))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm))))

    return Schedule(torch.optim.lr_scheduler.LambdaLR(optimizer, share), "batch")


def accuracy(output: Any, target: Any) -> float:
    """The share of right answers; of mixed pictures the larger part counts."""
    classes = target.argmax(1) if target.ndim == 2 else target
    return float((output.argmax(1) == classes).float().mean())


def _export(model: Any, todo: Task, settings: Settings, path: Path) -> None:
    """The model as one file that `gobhir serve` runs: it knows its pictures and its classes, and
    asks both ways where the settings do."""
    labels = {lang: [words(c, lang) for c in todo.pictures.classes] for lang in LANGUAGES}
    title = {lang: t("images.title", lang, data=Path(settings.data).name) for lang in LANGUAGES}
    about = About(title=title, labels=labels, input=form(settings))
    scores = logits(model, todo.pixels("validation"), settings.tta)
    about = learning.calibrated(about, scores, todo.labels("validation"))
    learning.write_about(path.parent, "", about)
    some = torch.from_numpy(todo.pixels("validation")[:4]).float() / 255
    export(asked(model, settings.tta), normalised(some).numpy(), path, about=about)
