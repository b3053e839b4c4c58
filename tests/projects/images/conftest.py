"""Pictures that are drawn here: red discs and blue squares on noise."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


def disc(draw: np.random.Generator, size: int = 40) -> np.ndarray:
    """A reddish disc somewhere, (size, size, 3) bytes."""
    y, x = np.mgrid[:size, :size]
    middle, radius = draw.uniform(14, size - 14, 2), draw.uniform(8, 13)
    inside = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < radius**2
    return _on_noise(inside, (200, 60, 60), draw)


def square(draw: np.random.Generator, size: int = 40) -> np.ndarray:
    """A bluish square somewhere."""
    y, x = np.mgrid[:size, :size]
    left, top, side = *draw.uniform(2, size - 24, 2), draw.uniform(14, 22)
    inside = (x > left) & (x < left + side) & (y > top) & (y < top + side)
    return _on_noise(inside, (60, 60, 200), draw)


def _on_noise(inside: np.ndarray, colour: tuple, draw: np.random.Generator) -> np.ndarray:
    paper = draw.integers(60, 160, (*inside.shape, 3))
    paper[inside] = np.array(colour) + draw.integers(-40, 40, (int(inside.sum()), 3))
    return paper.astype(np.uint8)


@pytest.fixture
def shapes(tmp_path):
    """A folder with 40 discs and 40 squares, in files of three kinds; one name is Bangla."""
    draw, folder = np.random.default_rng(0), tmp_path / "shapes"
    for name, kind in (("গোল", disc), ("square", square)):
        (folder / name).mkdir(parents=True)
        for k in range(40):
            suffix = ("jpg", "png", "webp")[k % 3]
            Image.fromarray(kind(draw)).save(folder / name / f"{k:02}.{suffix}")
    return folder
