"""Squares of street photographs drawn here: people are rectangles, each of a colour of its own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gobhir import datasets
from gobhir.projects.images import people as module
from gobhir.projects.images.crops import crops
from gobhir.projects.images.people import people

WIDTH, HEIGHT = 320, 200
STREET = 255


@pytest.fixture
def streets(tmp_path):
    """Twelve grey photographs with up to four people, as Penn-Fudan keeps its boxes."""
    draw, paths = np.random.default_rng(4), {}
    for k in range(12):
        pixels = np.full((HEIGHT, WIDTH, 3), STREET, np.uint8)
        lines = []
        for number in range(1, 1 + k % 4 + (k == 0)):
            w, h = draw.integers(16, 28), draw.integers(40, 70)
            x, y = 75 * number - 60 + draw.integers(20), draw.integers(HEIGHT - h)
            pixels[y : y + h, x : x + w] = 10 * number
            box = (x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT
            lines.append(f"0 {box[0]:.6f} {box[1]:.6f} {box[2]:.6f} {box[3]:.6f}")
        if not lines:
            continue  # everybody's photograph has somebody
        picture, label = tmp_path / f"{k}.png", tmp_path / f"{k}.txt"
        Image.fromarray(pixels).save(picture)
        label.write_text("\n".join(lines) + "\n")
        paths |= {f"images/{k:02}.png": picture, f"labels/{k:02}.txt": label}
    return datasets.Dataset(datasets.entry("pennfudan_yolo"), tmp_path, paths, True)


def test_as_many_people_as_colours(streets, monkeypatch) -> None:
    """Counted in another way: by the pixels of each colour in the square."""
    squares: list[np.ndarray] = []

    def seen(square: np.ndarray, size: int) -> np.ndarray:
        squares.append(square)
        return np.zeros((3, size, size), np.uint8)

    monkeypatch.setattr(module, "shown", seen)
    found = people(streets, 32)
    assert np.bincount(found.labels).min() >= 5
    for square, label in zip(squares, found.labels.tolist(), strict=True):
        area = [(square == 10 * number).all(2).sum() for number in range(1, 5)]
        # The smallest of them has 16 x 40 pixels: of whoever is in, most, of others next to none.
        assert min(2, sum(a > 0.6 * 16 * 40 for a in area)) == label
        assert not any(0.06 * 28 * 70 < a < 0.6 * 16 * 40 for a in area)


def test_always_the_same_squares_at_most_one_of_a_class_and_photograph(streets) -> None:
    one, two = people(streets, 32), people(streets, 32)
    assert (one.pixels == two.pixels).all() and (one.groups == two.groups).all()
    pairs = list(zip(one.groups.tolist(), one.labels.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) and len({group for group, _ in pairs}) > 6


def test_squares_around_people_and_without_anybody(streets) -> None:
    found = crops(streets, 32)
    dark = (found.pixels < 100).mean((1, 2, 3))
    assert (dark[found.labels == 1] > 0.1).all() and (dark[found.labels == 0] == 0).all()
