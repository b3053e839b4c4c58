"""Learning in two stages, for each fold and once for all: a reader on what a CNN saw that does not
learn; then, where it is wanted, both together, gently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import nn

from gobhir.deploy import About, export
from gobhir.lang import LANGUAGES, t
from gobhir.projects import learning
from gobhir.projects.images.train import schedule
from gobhir.projects.parts import words
from gobhir.projects.settings import of_training
from gobhir.projects.video.data import Part, Task, Views, shown, task
from gobhir.projects.video.features import features
from gobhir.projects.video.network import ClipNet, Kept, Reader, network, reader
from gobhir.projects.video.settings import MOST_FOLDS, Settings
from gobhir.training import History, predict
from gobhir.training.processes import is_main_process

READER, ONNX = "-reader", "model.onnx"
"""What is learned in stage 1 is called READER and the fold, in stage 2 by the fold alone."""


def of_fold(fold: int | None) -> str:
    """What the network of a fold is called; None: the one that is kept in the end."""
    return "" if fold is None else f"-fold{fold + 1}"


NAMES = [stage + of_fold(k) for stage in (READER, "") for k in (None, *range(MOST_FOLDS))]


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> dict[str, History]:
    """Train a network for each fold, by which the project is measured, and one on all clips, which
    goes to `model.onnx`. Readers go to `model-reader*.safetensors`, fine-tuned networks to
    `model*.safetensors`, curves to `history*.csv`, what the CNN saw to `features/`."""
    todo = task(settings)
    classes = len(todo.clips.classes)
    model = network(settings, classes)
    learning.begin(settings, folder, NAMES, resume)
    (folder / ONNX).unlink(missing_ok=True)
    found = features(todo.clips, model, settings, folder)
    curves = {}
    for fold in (*range(len(todo.folds)), None):
        told = {"fold": (fold or 0) + 1, "folds": len(todo.folds)}
        print(t("video.training.all") if fold is None else t("video.training.fold", **told))
        curves[of_fold(fold)] = learned(todo, fold, found, settings, folder, resume)
    if is_main_process():  # of several (torchrun) the one that has written the weights
        finish(todo, found, settings, folder)
    return curves


def learned(
    todo: Task,
    fold: int | None,
    found: torch.Tensor,
    settings: Settings,
    folder: Path,
    resume: bool,
) -> History:
    """Stage 1 of one network, and stage 2 if it is wanted; gives the curve of the last of them."""
    part, name = todo.part(fold), of_fold(fold)
    one = reader(settings, len(todo.clips.classes))
    wishes = {"progress": False, "resume": resume}
    data = how(one, found, todo, part, settings)
    history = learning.train_one(settings, folder, READER + name, one, **data, **wishes)
    if settings.tune:
        learning.put_weights(one, learning.kept(folder, READER + name))
        model = network(settings, len(todo.clips.classes))
        model.reader.load_state_dict(one.state_dict())
        own = replace(settings, epochs=settings.tune, patience=0)
        data = how_tuned(model, todo, part, settings)
        history = learning.train_one(own, folder, name, model, resume=resume, **data)
    return history


class Looks:
    """Batches (seen, y) of what the CNN saw: where `learning`, in a new order and another view of
    each clip in each epoch."""

    alike = True
    """Each of several processes has the same batches, and takes its share of them."""

    def __init__(
        self,
        found: torch.Tensor,
        labels: np.ndarray,
        rows: np.ndarray,
        settings: Settings,
        learning: bool = False,
    ):
        self.found, self.labels = found, torch.from_numpy(labels)
        self.rows, self.batch, self.learning = torch.from_numpy(rows), settings.batch_size, learning
        self.generator = torch.Generator().manual_seed(settings.seed)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count = len(self.rows)
        order, views = torch.arange(count), torch.zeros(count, dtype=torch.long)
        if self.learning:
            order = torch.randperm(count, generator=self.generator)
            views = torch.randint(len(self.found), (count,), generator=self.generator)
        for some in order.split(self.batch):
            rows = self.rows[some]
            yield self.found[views[some], rows], self.labels[rows]


def how(
    one: Reader, found: torch.Tensor, todo: Task, part: Part, settings: Settings
) -> dict[str, Any]:
    """What stage 1 learns from, and how: words for `learn`."""
    data = Looks(found, todo.clips.labels, part.train, settings, learning=True)
    optimizer = learning.adamw(one, settings.lr, settings.weight_decay)
    return {
        "data": data,
        "validation": Looks(found, todo.clips.labels, part.validation, settings),
        "loss": "cross_entropy",
        "optimizer": optimizer,
        "metrics": ["accuracy"],
        "scheduler": schedule(optimizer, "cosine", settings.epochs * len(data)),
        "clip_norm": 1.0,
    }


def how_tuned(model: ClipNet, todo: Task, part: Part, settings: Settings) -> dict[str, Any]:
    """What stage 2 learns from, and how. The first blocks may stay as they are; what BatchNorm
    knows of ImageNet's pictures stays in any case: a few clips would tell it worse."""
    blocks = list(model.cnn.blocks)
    still = blocks[: max(0, len(blocks) - settings.tune_blocks)]
    for module in [model.cnn.stem, *still] if still else []:
        module.requires_grad_(False)
    model.train()
    for module in model.modules() if settings.pretrained else []:
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # fit leaves it so
    own = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(own, settings.tune_lr, weight_decay=settings.weight_decay)
    data = Views(todo.clips, part.train, settings, learning=True)
    return {
        "data": data,
        "validation": Views(todo.clips, part.validation, settings),
        "loss": "cross_entropy",
        "optimizer": optimizer,
        "metrics": ["accuracy"],
        "scheduler": schedule(optimizer, "cosine", settings.tune * len(data)),
        "clip_norm": 1.0,
    }


def opened(settings: Settings, classes: int, folder: Path, fold: int | None) -> ClipNet:
    """The network of a fold as it was trained. FileNotFoundError where none was."""
    model = network(settings, classes)
    name = of_fold(fold)
    own, file = (model, name) if settings.tune else (model.reader, READER + name)
    of_training(learning.model_file(folder, file))
    learning.put_weights(own, learning.kept(folder, file))
    return model.eval()


@torch.no_grad()
def scores(todo: Task, found: torch.Tensor, settings: Settings, folder: Path) -> np.ndarray:
    """(N, classes): what is said of each clip by the network that has not seen its source."""
    classes = len(todo.clips.classes)
    out = np.zeros((len(todo.clips), classes), np.float32)
    for fold, part in enumerate(todo.folds):
        model = opened(settings, classes, folder, fold)
        if settings.tune:
            test = Views(todo.clips, part.test, settings)
            out[part.test] = torch.cat([model(x) for x, _ in test]).numpy()
        else:
            out[part.test] = predict(model.reader, found[0, part.test]).numpy()
    return out


def finish(todo: Task, found: torch.Tensor, settings: Settings, folder: Path) -> None:
    """The network of all clips as one file. It says how sure it is by a temperature that was fitted
    to what the networks of the folds said of clips that were new to them."""
    labels = {lang: [words(c, lang) for c in todo.clips.classes] for lang in LANGUAGES}
    title = {lang: t("video.title", lang, data=Path(settings.data).name) for lang in LANGUAGES}
    said = scores(todo, found, settings, folder)
    about = learning.calibrated(About(title=title, labels=labels), said, todo.clips.labels)
    learning.write_about(folder, "", about)
    model = opened(settings, len(todo.clips.classes), folder, None)
    some = shown(todo.clips.pixels[:2]).numpy()
    made = export(Kept(model, settings), some, folder / ONNX, about=about)
    print(t("video.exported", path=made.path))
