"""The clips that the settings name, who is asked about what, and what is shown of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from gobhir import datasets
from gobhir.evaluation import k_fold, split
from gobhir.lang import say
from gobhir.projects.parts import words
from gobhir.projects.video.clips import Clips, of_strips, read_folder
from gobhir.projects.video.sampling import chosen
from gobhir.projects.video.settings import SHIPPED, Settings

WATCHED = 0.1
"""The share of the clips by which the learning is watched: it is not learned from."""
CROP, LIGHT = 0.2, 0.2
"""A view is cut by up to so much of a side, and up to so much brighter or darker."""


@dataclass(frozen=True)
class Part:
    """Who learns, by whom the learning is watched, who is asked: numbers of clips."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Task:
    """Clips, and the folds: each clip is in the test of one, and no source in two of its parts.
    all: of the network that is kept in the end, which learns from all but those who watch."""

    clips: Clips
    folds: list[Part]
    all: Part
    dataset: datasets.Dataset | None

    def part(self, fold: int | None) -> Part:
        """The fold of that number; None: all."""
        return self.all if fold is None else self.folds[fold]


def task(settings: Settings) -> Task:
    """The clips that the settings name, and the folds by their seed."""
    if settings.size % 32:
        raise ValueError(say("images.bad.size", size=settings.size))
    dataset = None
    folder = Path(settings.data).expanduser()
    if settings.data == SHIPPED:
        dataset = datasets.load(SHIPPED)
        clips = of_strips(dataset, settings.size)
    else:
        clips = read_folder(folder, settings)
    parts = folds(clips, settings.folds, settings.seed)
    nobody = np.array([], int)
    whole = _watched(clips, np.arange(len(clips)), nobody, settings.seed)
    return Task(clips, parts, whole, dataset)


def folds(clips: Clips, count: int, seed: int) -> list[Part]:
    """So many folds. ValueError where one of them lacks a class."""
    pairs = k_fold(len(clips), count, labels=clips.labels, groups=clips.groups, seed=seed)
    found = [_watched(clips, learned, asked, seed) for learned, asked in pairs]
    for one in found:
        for rows in (one.train, one.test):
            missing = set(range(len(clips.classes))) - set(clips.labels[rows].tolist())
            if missing:
                names = ", ".join(words(clips.classes[k], "en") for k in sorted(missing))
                raise ValueError(say("video.bad.fold", classes=names, folds=count))
    return found


def _watched(clips: Clips, rows: np.ndarray, asked: np.ndarray, seed: int) -> Part:
    own = (clips.labels[rows], clips.groups[rows])
    # Of few sources a larger share, so that one of each class may watch.
    share = min(0.5, max(WATCHED, len(clips.classes) / len(np.unique(own[1]))))
    shares = {"train": 1 - share, "validation": share}
    parts = split(len(rows), shares, labels=own[0], groups=own[1], seed=seed)
    return Part(rows[parts["train"]], rows[parts["validation"]], asked)


def shown(pixels: np.ndarray) -> torch.Tensor:
    """Frames as the network is shown them: (..., h, w, 3) bytes -> (..., 3, h, w) from 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).movedim(-1, -3).float() / 255


def view(pixels: np.ndarray, settings: Settings, draw: np.random.Generator | None) -> torch.Tensor:
    """A look at a clip: (kept, size, size, 3) bytes -> (frames, 3, size, size) from 0 to 1.

    Without `draw` the clip as it is. With it: frames by chance where `sampling` says so, and all of
    them mirrored or not, cut, brighter or darker alike: what happens stays what it is."""
    rows = chosen(settings.sampling, len(pixels), settings.frames, draw)
    x = shown(pixels[rows])
    if draw is None:
        return x
    size = x.shape[-1]
    side = max(1, round(size * (1 - CROP * draw.random())))
    top, left = draw.integers(size - side + 1, size=2)
    x = x[..., top : top + side, left : left + side]
    x = F.interpolate(x, (size, size), mode="bilinear", align_corners=False)
    if draw.random() < 0.5:
        x = x.flip(-1)
    return (x * (1 + LIGHT * (2 * draw.random() - 1))).clamp(0, 1)


class Views:
    """Batches (x, y) of clips as pixels, x (n, frames, 3, size, size): where `learning`, in a new
    order and another look at each in each epoch."""

    alike = True
    """Each of several processes has the same batches, and takes its share of them."""

    def __init__(self, clips: Clips, rows: np.ndarray, settings: Settings, learning: bool = False):
        self.clips, self.rows, self.settings, self.learning = clips, rows, settings, learning
        self.generator = torch.Generator().manual_seed(settings.seed)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.settings.tune_batch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order, draw = self.rows, None
        if self.learning:
            # The checkpoint keeps the generator, so that a resumed run draws the same.
            draw = np.random.default_rng(int(torch.randint(2**31, (), generator=self.generator)))
            order = draw.permutation(order)
        for start in range(0, len(order), self.settings.tune_batch):
            rows = order[start : start + self.settings.tune_batch]
            x = [view(self.clips.pixels[k], self.settings, draw) for k in rows]
            yield torch.stack(x), torch.from_numpy(self.clips.labels[rows])
