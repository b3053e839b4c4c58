"""The digits, tidied, and which of them are for training, for validation and for the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir import datasets
from gobhir.deploy import Drawing, Picture
from gobhir.deploy.drawing import all_drawn
from gobhir.deploy.inputs import prepared
from gobhir.evaluation import same, split
from gobhir.lang import Message, say
from gobhir.projects.digits.hand import sample
from gobhir.projects.digits.settings import Settings
from gobhir.projects.learning import framework

SIDE, BOX = 28, 22
Form = Drawing | Picture
HANDWRITING = Drawing(SIDE, BOX)
KIND = {"numta": "bangla", "sample": "bangla", "fashion_mnist": "clothes"}
"""What a data set shows, where it is not Latin digits."""
SHARES = {"train": 0.88, "validation": 0.02, "test": 0.1}
SPLIT_SEED = 0
"""The held-out tenth stays the same, whatever the seed of a training."""


@dataclass(frozen=True)
class Digits:
    """pictures: (N, 28, 28) from 0 (paper) to 1 (ink), as they come; labels: (N,); train,
    validation, test: numbers of rows. Copies of one picture are in one part. form: what becomes of
    a picture before the network sees it. dataset: the card; None for the sample that the project
    draws itself."""

    pictures: np.ndarray
    labels: np.ndarray
    classes: list[dict[str, str]]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    form: Form
    dataset: datasets.Dataset | None = None

    def rows(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """(n, 1, 28, 28) as the network sees them, and labels (n,), of "train", ..."""
        rows = getattr(self, part)
        return seen(list(self.pictures[rows]), self.form), self.labels[rows]

    def batches(self, settings: Settings) -> Batches:
        """The training part, to learn from."""
        size, strength = settings.batch_size, settings.augment
        hand = isinstance(self.form, Drawing)
        return Batches(*self.rows("train"), size, strength, settings.seed, hand)


def digits(name: str) -> Digits:
    """The data set of that name, divided once and for all."""
    if name == "sample":
        pictures, labels = sample(40, seed=0)
        dataset = None
    else:
        dataset = datasets.load(name)
        pictures, labels = dataset.images, dataset.labels
    bright = np.float32(pictures.max())  # NumtaDB counts to 20, others to 255
    parts = split(len(labels), SHARES, labels=labels, groups=same(pictures), seed=SPLIT_SEED)
    pictures, labels = pictures / bright, labels.astype(np.int64)
    return Digits(pictures, labels, classes(name), **parts, form=form(name), dataset=dataset)


def classes(name: str) -> list[dict[str, str]]:
    """The names of the classes of the data set, in both languages."""
    if name == "sample":
        return [{"en": digit, "bn": digit} for digit in "০১২৩৪৫৬৭৮৯"]
    return [dict(one) for one in datasets.entry(name).classes]


def title(settings: Settings) -> Message:
    """What it is that the network reads."""
    return say(f"digits.title.{kind(settings.data)}")  # keys: digits.title.*


def form(name: str) -> Form:
    """What becomes of a picture: handwriting is tidied, ink told from paper; a piece of clothing is
    shown as it is."""
    return Picture(SIDE, SIDE, channels=1) if kind(name) == "clothes" else HANDWRITING


def kind(name: str) -> str:
    """What the data set shows: bangla or latin (digits), or clothes."""
    return KIND.get(name, "latin")


def seen(pictures: list[Any], form: Form = HANDWRITING) -> np.ndarray:
    """Any pictures, (H, W) or (H, W, 3), as the network sees them: (N, 1, 28, 28)."""
    if isinstance(form, Picture):
        return np.stack([prepared(form, picture) for picture in pictures])
    return all_drawn(pictures, SIDE, BOX)[:, None]


class Batches:
    """Batches of (x, y), augmented and in a new order each epoch. hand: whether they are written by
    hand, so that another pen could have done it; else they are only bent.

    What an epoch draws follows from the seed and the epoch's number alone, so that a training that
    goes on after a kill sees the same digits as one that was never interrupted.
    """

    alike = True
    """Every process of several (torchrun) is given the same batches."""

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int,
        strength: float,
        seed: int,
        hand: bool = True,
    ):
        framework("torch", "digits.bad.torch")
        self.x, self.y, self.batch_size = x, y, batch_size
        self.strength, self.seed, self.hand = strength, seed, hand
        self.epoch = 1

    def set_epoch(self, epoch: int) -> None:
        """For which epoch the next walk through is."""
        self.epoch = epoch

    def __len__(self) -> int:
        # A last batch of one digit would leave BatchNorm nothing to compare it with.
        return max(1, len(self.x) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        import torch

        from gobhir.projects.digits.augment import augment, bend

        change = augment if self.hand else bend
        chance = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        order = torch.randperm(len(self.x), generator=chance).numpy()
        for k in range(len(self)):
            rows = order[k * self.batch_size : (k + 1) * self.batch_size]
            x = change(torch.from_numpy(self.x[rows]), self.strength, chance)
            yield x.numpy(), self.y[rows]
