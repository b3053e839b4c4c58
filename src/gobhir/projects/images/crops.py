"""Squares cut out of street photographs (Penn-Fudan): with a pedestrian, or without anybody.

Squares of one photograph are one group. Those without anybody are no larger than those with, and
often smaller, since little of a street is free: part of the task can be solved by that.
"""

from __future__ import annotations

import numpy as np

from gobhir.datasets import Dataset, read_picture
from gobhir.projects.images.folders import Pictures, shown
from gobhir.projects.parts import Words

CLASSES: list[Words] = [
    {"en": "nobody", "bn": "কেউ নেই"},
    {"en": "person", "bn": "মানুষ"},
]
SMALLEST = 24
"""Pixels of the photograph: of less one sees nothing."""
TRIES = 60


def crops(dataset: Dataset, size: int) -> Pictures:
    """For each pedestrian a square around them, and, where the photograph has room, another
    without anybody; always the same squares."""
    draw = np.random.default_rng(0)
    pixels, labels, groups = [], [], []
    names = sorted(name for name in dataset.paths if name.startswith("images/"))
    for group, name in enumerate(names):
        picture = read_picture(dataset.paths[name])
        height, width = picture.shape[:2]
        boxes = boxes_of(dataset, name, picture)
        squares = [_around(box, width, height) for box in boxes]
        free = [_free(boxes, side, width, height, draw) for *_, side in squares]
        for person, found in ((1, squares), (0, free)):
            for square in found:
                if square is not None:
                    x, y, side = square
                    pixels.append(shown(picture[y : y + side, x : x + side], size))
                    labels.append(person)
                    groups.append(group)
    return Pictures(CLASSES, np.stack(pixels), np.array(labels), np.array(groups))


def boxes_of(dataset: Dataset, name: str, picture: np.ndarray) -> np.ndarray:
    """(n, 4): left, top, right, bottom of everybody in the photograph called `name`, in pixels."""
    label = name.replace("images/", "labels/").rsplit(".", 1)[0] + ".txt"
    text = dataset.paths[label].read_text(encoding="utf-8")
    # Lines of class, centre, size in shares.
    rows = np.array([line.split() for line in text.splitlines() if line.strip()], float)
    height, width = picture.shape[:2]
    x, y, w, h = rows[:, 1] * width, rows[:, 2] * height, rows[:, 3] * width, rows[:, 4] * height
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)


def _around(box: np.ndarray, width: int, height: int) -> tuple[int, int, int]:
    """(left, top, side) of the square around a box that lies within the photograph."""
    left, top, right, bottom = box
    side = min(round(1.1 * max(right - left, bottom - top)), width, height)
    x = min(max(0, round((left + right - side) / 2)), width - side)
    y = min(max(0, round((top + bottom - side) / 2)), height - side)
    return x, y, side


def _free(
    boxes: np.ndarray, side: int, width: int, height: int, draw: np.random.Generator
) -> tuple[int, int, int] | None:
    """A square that touches no box, as large as `side` or smaller; None where none was found."""
    for _ in range(TRIES):
        own = max(SMALLEST, round(side * draw.uniform(0.4, 1)))
        if own > min(width, height):
            continue
        x, y = int(draw.integers(width - own + 1)), int(draw.integers(height - own + 1))
        across = np.minimum(boxes[:, 2], x + own) - np.maximum(boxes[:, 0], x)
        down = np.minimum(boxes[:, 3], y + own) - np.maximum(boxes[:, 1], y)
        if not ((across > 0) & (down > 0)).any():
            return x, y, own
    return None
