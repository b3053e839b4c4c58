"""Which footage is learned from, which one sets the threshold, which one checks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gobhir import datasets
from gobhir.lang import say
from gobhir.projects.anomaly.footage import Clip, Watched, clips, pairs, watched
from gobhir.projects.anomaly.network import Camera, patches
from gobhir.projects.anomaly.published import published
from gobhir.projects.anomaly.settings import Settings

SHIPPED = "vtest_gt"
PARTS = {"learn": "train", "calibrate": "calibration", "check": "check"}
"""Their names here, and on cards (projects/card.py)."""


@dataclass(frozen=True)
class Task:
    """Normal footage in three parts, in time: pieces (n, height, width) of bytes. test: footage
    with labels, where there is some. shape: (height, width) of the camera's frames."""

    learn: list[np.ndarray]
    calibrate: list[np.ndarray]
    check: list[np.ndarray]
    test: list[Watched]
    shape: tuple[int, int]
    dataset: datasets.Dataset | None = None

    def part(self, which: str) -> list[np.ndarray]:
        """The pieces of "learn", "calibrate" or "check"."""
        found: list[np.ndarray] = getattr(self, which)
        return found

    def count(self, which: str) -> int:
        """How many frames of that part have one before them, and so a score."""
        return sum(len(piece) - 1 for piece in self.part(which))


def task(settings: Settings) -> Task:
    """What the settings name. ValueError where sizes do not fit, or one part would be empty."""
    for name in ("side", "width", "height"):
        unit = 4 if name == "side" else settings.side
        if (size := getattr(settings, name)) % unit:
            raise ValueError(say("anomaly.bad.size", name=name, size=size, unit=unit))
    normal, labelled, dataset = sources(settings)

    def look(clip: Clip, minutes: float = np.inf) -> Watched:
        own = settings
        return watched(clip, own.rate, own.fps, own.height, own.width, minutes)

    seen = [look(clip, settings.minutes) for clip in normal]
    parts = cut([one.greys for one in seen], settings.share)
    learn, calibrate, check = parts
    for name, pieces in zip(PARTS, parts, strict=True):
        if not pieces:
            frames = sum(len(one.greys) for one in seen)
            raise ValueError(
                say("anomaly.bad.part", part=say(f"projects.card.{PARTS[name]}"), frames=frames)
            )
    test = [look(clip) for clip in labelled]
    return Task(learn, calibrate, check, test, seen[0].shape, dataset)


def sources(settings: Settings) -> tuple[list[Clip], list[Clip], datasets.Dataset | None]:
    """Normal clips, labelled clips (where there are), and the data set, if it is one of ours."""
    folder = Path(settings.data).expanduser()
    if settings.data == SHIPPED and not folder.is_dir():
        dataset = datasets.load(SHIPPED)
        return [Clip("vtest", str(dataset.paths["vtest.avi"]))], [], dataset
    found = published(folder) if folder.is_dir() else None
    normal, test = (found.train, found.test) if found else (clips(settings.data), [])
    kept = [[c for c in some if c.name.startswith(settings.only)] for some in (normal, test)]
    if not kept[0] or bool(test) != bool(kept[1]):
        known = ", ".join(c.name for c in normal[:20])
        raise ValueError(say("anomaly.bad.only", only=settings.only, known=known))
    return kept[0], kept[1], None


def cut(pieces: list[np.ndarray], share: float) -> list[list[np.ndarray]]:
    """Three parts in time: the first `share` of all frames, half of the rest, the rest. Of what is
    shorter than two frames nothing moves, so it is left out."""
    total = sum(len(piece) for piece in pieces)
    ends = [round(total * share), round(total * (1 + share) / 2), total]
    parts: list[list[np.ndarray]] = [[], [], []]
    start = 0
    for piece in pieces:
        for part, low, high in zip(parts, [0, *ends], ends, strict=False):
            inside = piece[max(0, low - start) : max(0, high - start)]
            if len(inside) > 1:
                part.append(inside)
        start += len(piece)
    return parts


def background(pieces: list[np.ndarray]) -> torch.Tensor:
    """The mean picture, (height, width), from 0 to 1."""
    total = sum(piece.sum(0, dtype=np.float64) for piece in pieces)
    return torch.from_numpy(total / sum(len(p) for p in pieces) / 255).float()


class Batches:
    """Batches (x, x) of squares of frames, in a new order each epoch: (batch * rows * cols, 2,
    side, side). The checkpoint keeps `generator`, so that a resumed run draws the same."""

    alike = True
    """Each of several processes has the same batches, and takes its share of them."""

    def __init__(self, pieces: list[np.ndarray], camera: Camera, settings: Settings):
        self.pieces, self.camera, self.batch = pieces, camera, settings.batch_size
        rows = [(k, n) for k, piece in enumerate(pieces) for n in range(1, len(piece))]
        self.rows = np.array(rows)
        self.generator = torch.Generator().manual_seed(settings.seed)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        order = torch.randperm(len(self.rows), generator=self.generator)
        for some in order.split(self.batch):
            both = [pairs(self.pieces[k][n - 1 : n + 1]) for k, n in self.rows[some.numpy()]]
            seen = self.camera.seen(torch.from_numpy(np.concatenate(both)))
            x = patches(seen, self.camera.side)
            yield x, x
