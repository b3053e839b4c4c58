"""Learning to find things: changed pictures, a rate that rises and falls, averaged weights."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import nn

from gobhir.deploy import export
from gobhir.lang import say, t
from gobhir.projects import learning
from gobhir.projects.detection.backbone import backbone
from gobhir.projects.detection.data import Batches, Clock, Task, task
from gobhir.projects.detection.draw import sheet
from gobhir.projects.detection.formats import read_boxed, write_yolo
from gobhir.projects.detection.lint import lint
from gobhir.projects.detection.losses import DetectionLoss
from gobhir.projects.detection.network import Decoded, Network
from gobhir.projects.detection.onnx import KEY
from gobhir.projects.detection.optimizer import grouped
from gobhir.projects.detection.settings import Settings
from gobhir.projects.images.network import imagenet
from gobhir.projects.parts import png
from gobhir.projects.settings import of_training, write
from gobhir.training import Average, Callback, History, Schedule

ONNX, SHEET = "model.onnx", "batch-{}.png"
WARM, LEAST = 100, 0.02
"""Steps in which the rate rises; the share of it that is left at the end."""


def train(
    settings: Settings,
    folder: Path,
    *,
    resume: Annotated[bool, "projects.resume"] = False,
    check: Annotated[bool, "detection.check"] = False,
    convert: Annotated[str | None, "detection.convert"] = None,
) -> History | None:
    """Train the detector; the weights go to `model.safetensors`, the curves to `history.csv`, two
    batches as it sees them to `batch-*.png`, and what others can run to `model.onnx`.

    check: only say what is wrong with the data. convert: only write them as a YOLO folder there."""
    if check or convert is not None:
        _only(settings, check, convert)
        return None
    todo = task(settings)
    model = network(settings, todo)
    if settings.start is not None:
        start(model, Path(settings.start).expanduser(), settings)
    learning.begin(settings, folder, resume=resume)
    done = resume and learning.model_file(folder).exists()
    if not done:
        (folder / ONNX).unlink(missing_ok=True)
    data = Batches(todo, settings)
    pictures(data, folder)
    history = learning.train_one(
        settings,
        folder,
        "",
        model,
        data,
        DetectionLoss(settings.size),
        resume=resume,
        **how(model, data, settings),
    )
    if not (folder / ONNX).is_file():
        learning.put_weights(model, learning.kept(folder))
        to_onnx(model.cpu(), todo, settings, folder / ONNX)
    return history


def network(settings: Settings, todo: Task) -> Network:
    """The network with weights drawn by the settings' seed, and with ImageNet's where the backbone
    begins with them; what is to begin with another training's needs none of those."""
    torch.manual_seed(settings.seed)
    weights = imagenet() if settings.pretrained and settings.start is None else None
    model = Network(len(todo.boxed.names), backbone(settings.backbone, weights))
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def start(model: nn.Module, folder: Path, settings: Settings) -> None:
    """Give the model the weights of the training in another folder, but for what answers for
    classes where these are others. FileNotFoundError where nothing was trained there, ValueError
    where it was another network."""
    of_training(learning.model_file(folder))
    theirs = Settings.load(folder).backbone
    if theirs != settings.backbone:
        raise ValueError(say("detection.bad.backbone", folder=folder, backbone=theirs))
    own, old = model.state_dict(), learning.kept(folder)
    fitting = {
        name: torch.from_numpy(array)
        for name, array in old.items()
        if name in own and own[name].shape == array.shape
    }
    missing = [n for n in own if n not in fitting and not n.startswith("heads.")]
    if missing:
        raise ValueError(say("detection.bad.start", folder=folder, name=missing[0]))
    model.load_state_dict({**own, **fitting})


def how(model: nn.Module, data: Batches, settings: Settings) -> dict[str, Any]:
    """The optimizer, the schedule and the callbacks: words for `learning.learn`."""
    optimizer = grouped(model, settings.lr, settings.weight_decay)
    told: list[Callback] = [Clock(data)]
    told += [Average(settings.ema)] if settings.ema else []
    return {
        "optimizer": optimizer,
        "scheduler": schedule(optimizer, settings.epochs * len(data)),
        "callbacks": told,
        "clip_norm": 10.0,
    }


def schedule(optimizer: Any, steps: int) -> Schedule:
    """The rate rises for some steps, then falls as half a cosine."""
    warm = max(1, min(WARM, steps // 10))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        done = min(1.0, (step - warm) / max(1, steps - warm))
        return LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * done))

    return Schedule(torch.optim.lr_scheduler.LambdaLR(optimizer, share), "batch")


def pictures(data: Batches, folder: Path) -> None:
    """The first pictures with mosaic and without, with their boxes, as PNG files; what is drawn
    for them does not change what is learned from."""
    draw = np.random.default_rng(0)
    count = min(8, len(data.shelf.samples))
    for name, epoch in (("mosaic", 1), ("plain", data.settings.epochs + 1)):
        data.epoch = epoch
        if name == "mosaic" and data.plain:
            continue
        examples = [data.example(k, draw) for k in range(count)]
        write(folder / SHEET.format(name), png(sheet(examples)))
    data.epoch = 1


def to_onnx(model: Network, todo: Task, settings: Settings, path: Path) -> None:
    """The model as one file that `open_detector` reads: it knows its size and its classes."""
    import onnx

    decoded = Decoded(model, settings.size).eval()
    example = np.random.default_rng(0).random((2, 3, settings.size, settings.size), np.float32)
    part = path.with_name("unnamed.onnx")
    try:
        export(decoded, example, part, tolerance=1e-3)
        file = onnx.load(part)
    finally:
        part.unlink(missing_ok=True)
    for graph, name in zip(file.graph.output, ("boxes", "scores"), strict=True):
        file.graph.node.append(onnx.helper.make_node("Identity", [graph.name], [name]))
        graph.name = name
    classes = todo.dataset.card.classes if todo.dataset is not None else None
    names = {
        lang: [c[lang] for c in classes] if classes else list(todo.boxed.names)
        for lang in ("bn", "en")
    }
    about = json.dumps({"size": settings.size, "names": names}, ensure_ascii=False)
    file.metadata_props.add(key=KEY, value=about)
    write(path, file.SerializeToString())


def _only(settings: Settings, check: bool, convert: str | None) -> None:
    """What can be asked for instead of training."""
    from gobhir import datasets
    from gobhir.projects.detection.data import SHIPPED

    folder = Path(settings.data).expanduser()
    if settings.data in SHIPPED and not folder.is_dir():
        folder = datasets.load(settings.data).folder
    if check:
        faults = lint(folder)
        for fault in faults:
            print(fault)
        if faults:
            raise ValueError(say("detection.lint.found", folder=folder, count=len(faults)))
        print(t("detection.lint.fine", folder=folder))
    if convert is not None:
        boxed = read_boxed(folder)
        write_yolo(boxed, Path(convert))
        print(t("detection.converted", count=len(boxed.samples), folder=convert))
