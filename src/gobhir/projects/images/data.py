"""The pictures, which of them are for training, validation and the test, and their batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gobhir import datasets
from gobhir.deploy import Picture
from gobhir.evaluation import split
from gobhir.lang import say
from gobhir.projects.images.augment import augmented, mixed
from gobhir.projects.images.crops import crops
from gobhir.projects.images.folders import Pictures, read_folder
from gobhir.projects.images.networks.efficientnet_lite import MEAN, STD
from gobhir.projects.images.people import people
from gobhir.projects.images.settings import Settings
from gobhir.projects.parts import words

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
SHIPPED = {
    "pennfudan_yolo": ("pennfudan_yolo", crops),
    "pennfudan_people": ("pennfudan_yolo", people),
}
"""What `--data` can name beside a folder: a data set, and what makes classified pictures of it."""


@dataclass(frozen=True)
class Task:
    """Pictures that are divided once and for all. train, validation, test: their numbers."""

    pictures: Pictures
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    dataset: datasets.Dataset | None

    def labels(self, which: str) -> np.ndarray:
        """The classes of "train", "validation" or "test"."""
        found: np.ndarray = self.pictures.labels[getattr(self, which)]
        return found

    def pixels(self, which: str) -> np.ndarray:
        """The pictures of "train", "validation" or "test": (n, 3, size, size) bytes."""
        found: np.ndarray = self.pictures.pixels[getattr(self, which)]
        return found


def task(settings: Settings) -> Task:
    """The pictures that the settings name, divided by their seed."""
    if settings.size % 32:
        raise ValueError(say("images.bad.size", size=settings.size))
    dataset = None
    folder = Path(settings.data).expanduser()
    if settings.data in SHIPPED and not folder.is_dir():
        name, made_of = SHIPPED[settings.data]
        dataset = datasets.load(name)
        pictures = made_of(dataset, settings.size)
    else:
        pictures = read_folder(folder, settings.size)
    labels = pictures.labels
    parts = split(len(pictures), SHARES, labels=labels, groups=pictures.groups, seed=settings.seed)
    for rows in parts.values():
        missing = set(range(len(pictures.classes))) - set(labels[rows].tolist())
        if missing:
            names = ", ".join(words(pictures.classes[k], "en") for k in sorted(missing))
            raise ValueError(say("images.bad.copies", classes=names))
    return Task(pictures, **parts, dataset=dataset)


def form(settings: Settings) -> Picture:
    """How a picture is prepared for the network: written into its ONNX file."""
    return Picture(settings.size, settings.size, mean=MEAN, std=STD)


def normalised(x: torch.Tensor) -> torch.Tensor:
    """From 0 to 1 -> as the network wants it."""
    mean, std = (torch.tensor(v, device=x.device).view(3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std


class Batches:
    """Batches (x, y) of the rows of one part: in a new order each epoch and changed as the settings
    say where `learning`, else in their own order as they are.

    x: (n, 3, size, size) float32; y: (n,) class numbers, with mixup (n, classes) shares. The
    checkpoint keeps `generator`, so that a resumed run draws the same.
    """

    alike = True
    """Each of several processes has the same batches, and takes its share of them."""

    def __init__(self, todo: Task, which: str, settings: Settings, learning: bool = False):
        self.pixels, self.labels = todo.pixels(which), torch.from_numpy(todo.labels(which))
        self.classes = len(todo.pictures.classes)
        self.settings, self.learning = settings, learning
        self.generator = torch.Generator().manual_seed(settings.seed)

    def __len__(self) -> int:
        return -(-len(self.pixels) // self.settings.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        own, count = self.settings, len(self.pixels)
        order = torch.arange(count)
        if self.learning:
            order = torch.randperm(count, generator=self.generator)
        for rows in order.split(own.batch_size):
            x = torch.from_numpy(self.pixels[rows.numpy()]).float() / 255
            y = self.labels[rows]
            if self.learning and own.augmentation:
                x = augmented(x, self.generator)
            if self.learning and own.mixup:
                x, y = mixed(x, y, self.classes, own.mixup, self.generator)
            yield normalised(x), y
