"""The pictures of a project, which of them are learned from, and their batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gobhir import datasets
from gobhir.datasets import read_picture
from gobhir.lang import say
from gobhir.projects.detection.augment import Example, alone, mosaic, recoloured
from gobhir.projects.detection.boxes import Detections, resized
from gobhir.projects.detection.formats import Boxed, Sample, read_boxed
from gobhir.projects.detection.settings import FOLDS, Settings
from gobhir.training.callbacks import Callback

SHIPPED = ("pennfudan_yolo",)
MEMORY = 1_500_000_000
"""Bytes of pictures that are kept in memory; of more each is read when it is needed."""


@dataclass(frozen=True)
class Task:
    """Pictures that are divided: train and test are numbers of `boxed.samples`."""

    boxed: Boxed
    train: np.ndarray
    test: np.ndarray
    dataset: datasets.Dataset | None
    folds: bool
    """Whether the test is one of FOLDS parts, drawn; else the folder says what it is."""

    def truth(self, rows: np.ndarray) -> list[Detections]:
        """The boxes of those pictures, in their own pixels."""
        samples = [self.boxed.samples[k] for k in rows]
        return [Detections.of(s.boxes, classes=s.classes) for s in samples]


def task(settings: Settings) -> Task:
    """The pictures that the settings name. A folder's own test (or validation) part is the test;
    without any, one of five parts is, drawn always in the same way: fold 0 to 4."""
    if settings.size % 32:
        raise ValueError(say("detection.bad.multiple", size=settings.size))
    dataset, folder = None, Path(settings.data).expanduser()
    if settings.data in SHIPPED and not folder.is_dir():
        dataset = datasets.load(settings.data)
        folder = dataset.folder
    boxed = read_boxed(folder)
    if dataset is not None:
        boxed = Boxed(tuple(dataset.classes("en")), boxed.samples)
    part = np.array([sample.part for sample in boxed.samples])
    own = next((name for name in ("test", "validation") if (part == name).any()), None)
    if own is not None:
        train, test = np.flatnonzero(part == "train"), np.flatnonzero(part == own)
    else:
        order = np.random.default_rng(0).permutation(len(part))
        test = np.sort(order[settings.fold :: FOLDS])
        train = np.setdiff1d(np.arange(len(part)), test)
    boxes = [sum(len(boxed.samples[k].boxes) for k in rows) for rows in (train, test)]
    if min(boxes) < 1 or len(test) < 2:
        said = {"folder": folder, "train": boxes[0], "test": boxes[1], "pictures": len(test)}
        raise ValueError(say("detection.data.few", **said))
    return Task(boxed, train, test, dataset, own is None)


class Shelf:
    """Pictures as they are learned from: their longer side at most `most` pixels, with their boxes.
    They stay in memory if there is room."""

    def __init__(self, samples: list[Sample], most: int):
        self.samples, self.most = samples, most
        shrunk = (min(1, most / max(s.size)) ** 2 * s.size[0] * s.size[1] * 3 for s in samples)
        self.keeps = sum(shrunk) <= MEMORY
        self.kept: dict[int, Example] = {}

    def __getitem__(self, k: int) -> Example:
        if k in self.kept:
            return self.kept[k]
        sample = self.samples[k]
        pixels = read_picture(sample.path)
        scale = min(1.0, self.most / max(sample.size))
        wide, high = (max(1, round(n * scale)) for n in sample.size)
        by = np.array([wide / sample.size[0], high / sample.size[1]] * 2, np.float32)
        boxes = np.concatenate([sample.boxes * by, sample.classes[:, None]], 1).astype(np.float32)
        found = resized(pixels, wide, high), boxes
        if self.keeps:
            self.kept[k] = found
        return found


class Batches:
    """Batches (x, y) to learn from, in a new order each epoch, each picture changed by chance.

    x: (n, 3, size, size) float32 from 0 to 1; y: (n, most boxes, 5): x1, y1, x2, y2, class; -1
    where there is no further box. The checkpoint keeps `generator`, so that a resumed run draws
    the same.
    """

    def __init__(self, todo: Task, settings: Settings):
        self.shelf = Shelf([todo.boxed.samples[k] for k in todo.train], round(1.5 * settings.size))
        self.settings = settings
        self.epoch = 1
        self.generator = torch.Generator().manual_seed(settings.seed)

    def __len__(self) -> int:
        return -(-len(self.shelf.samples) // self.settings.batch_size)

    @property
    def plain(self) -> bool:
        """Whether pictures stand alone in this epoch: so do those that it will be asked about."""
        own = self.settings
        return self.epoch > own.epochs - round(own.plain * own.epochs)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        draw = np.random.default_rng(int(torch.randint(2**62, (1,), generator=self.generator)))
        order = draw.permutation(len(self.shelf.samples))
        for start in range(0, len(order), self.settings.batch_size):
            rows = order[start : start + self.settings.batch_size]
            yield batch([self.example(int(k), draw) for k in rows])

    def example(self, k: int, draw: np.random.Generator) -> Example:
        """One changed picture: picture k, alone or with three others."""
        own = self.settings
        if not self.plain and draw.random() < own.mosaic:
            others = draw.integers(len(self.shelf.samples), size=3)
            pixels, boxes = mosaic([self.shelf[int(n)] for n in (k, *others)], own.size, draw)
        else:
            pixels, boxes = alone(self.shelf[k], own.size, draw)
        return (recoloured(pixels, draw) if own.colour else pixels), boxes


class Clock(Callback):
    """Tells the batches which epoch it is."""

    def __init__(self, batches: Batches):
        self.batches = batches

    def on_epoch_begin(self, run: Any) -> None:
        self.batches.epoch = run.epoch


def batch(examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of one size with their boxes -> (x, y) as Batches gives them. Channels lie last in
    memory: so convolutions are quicker."""
    most = max(1, *(len(boxes) for _, boxes in examples))
    y = np.full((len(examples), most, 5), -1, np.float32)
    for row, (_, boxes) in zip(y, examples, strict=True):
        row[: len(boxes)] = boxes
    x = torch.from_numpy(np.stack([pixels for pixels, _ in examples])).permute(0, 3, 1, 2)
    return x.float() / 255, torch.from_numpy(y)
