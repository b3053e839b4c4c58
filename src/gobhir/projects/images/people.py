"""Squares cut out of street photographs (Penn-Fudan): how many people are in them, none, one, or
several? Squares of one photograph are one group."""

from __future__ import annotations

import numpy as np

from gobhir.datasets import Dataset, read_picture
from gobhir.projects.images.crops import boxes_of
from gobhir.projects.images.folders import Pictures, shown
from gobhir.projects.parts import Words

CLASSES: list[Words] = [
    {"en": "nobody", "bn": "কেউ নেই"},
    {"en": "one person", "bn": "একজন"},
    {"en": "several people", "bn": "কয়েকজন"},
]
TRIES = 300
SIDES = (0.35, 0.8)
"""The smallest and the largest square, as shares of the photograph's shorter side."""
IN, OUT = 0.7, 0.05
"""Somebody is in a square of which so much of their box is, and is not with at most so much."""


def people(dataset: Dataset, size: int) -> Pictures:
    """Of each photograph one square of each class, where one is found; always the same squares."""
    draw = np.random.default_rng(0)
    pixels, labels, groups = [], [], []
    names = sorted(name for name in dataset.paths if name.startswith("images/"))
    for group, name in enumerate(names):
        picture = read_picture(dataset.paths[name])
        boxes = boxes_of(dataset, name, picture)
        found: dict[int, np.ndarray] = {}
        for _ in range(TRIES):
            x, y, side = _somewhere(picture, draw)
            count = _inside(boxes, x, y, side)
            if count is not None:
                found.setdefault(min(count, 2), picture[y : y + side, x : x + side])
        for label, square in sorted(found.items()):
            pixels.append(shown(square, size))
            labels.append(label)
            groups.append(group)
    return Pictures(CLASSES, np.stack(pixels), np.array(labels), np.array(groups))


def _somewhere(picture: np.ndarray, draw: np.random.Generator) -> tuple[int, int, int]:
    """(left, top, side) of a square anywhere in the photograph."""
    height, width = picture.shape[:2]
    side = round(draw.uniform(*SIDES) * min(height, width))
    return int(draw.integers(width - side + 1)), int(draw.integers(height - side + 1)), side


def _inside(boxes: np.ndarray, x: int, y: int, side: int) -> int | None:
    """How many boxes are in the square; None where one is cut through, so that nobody could say."""
    across = np.minimum(boxes[:, 2], x + side) - np.maximum(boxes[:, 0], x)
    down = np.minimum(boxes[:, 3], y + side) - np.maximum(boxes[:, 1], y)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    share = across.clip(0) * down.clip(0) / area
    if ((share > OUT) & (share < IN)).any():
        return None
    return int((share >= IN).sum())
