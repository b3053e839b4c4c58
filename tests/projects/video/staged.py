"""Films that are drawn here: a bright disc that goes to the right, or one that is now here, now
there; a single frame of either looks like one of the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gobhir.projects.film import Film

SIZE, RATE = 48, 10
EACH = 12
"""Films of each class."""


def pictures(draw: np.random.Generator, count: int, trembles: bool) -> Iterator[np.ndarray]:
    """(SIZE, SIZE, 3) bytes each."""
    y, x = np.mgrid[:SIZE, :SIZE]
    paper = draw.integers(40, 60, (SIZE, SIZE, 3))  # the camera stands still
    start, high = draw.uniform(8, 16), draw.uniform(12, 36)
    pace = draw.uniform(0, 24) / count
    for t in range(count):
        middle = draw.uniform(8, 40) if trembles else start + pace * t
        inside = (x - middle) ** 2 + (y - high) ** 2 < 49
        yield np.where(inside[..., None], 220, paper).astype(np.uint8)


def film(path: Path, draw: np.random.Generator, count: int = 20, trembles: bool = False) -> Path:
    """A film of `count` frames, RATE a second."""
    with Film(path, RATE) as file:
        for t, picture in enumerate(pictures(draw, count, trembles)):
            file.add(t / RATE, picture)
    return path
