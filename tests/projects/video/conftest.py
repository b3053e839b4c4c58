"""Films that are drawn here: a bright disc that goes to the right, or one that goes back and forth;
a single frame of either looks like one of the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gobhir.projects.detection.video import Film, Frame

SIZE, RATE = 48, 10


@pytest.fixture(autouse=True)
def one_thread():
    """Such small networks gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pictures(draw: np.random.Generator, count: int, trembles: bool):
    """(SIZE, SIZE, 3) bytes each."""
    y, x = np.mgrid[:SIZE, :SIZE]
    start, high = draw.uniform(8, 16), draw.uniform(12, 36)
    for t in range(count):
        middle = draw.uniform(8, 40) if trembles else start + 24 * t / count
        inside = (x - middle) ** 2 + (y - high) ** 2 < 49
        paper = draw.integers(40, 60, (SIZE, SIZE, 3))
        paper[inside] = 220
        yield paper.astype(np.uint8)


def film(path, draw: np.random.Generator, count: int = 20, trembles: bool = False):
    """A film of `count` frames, RATE a second."""
    with Film(path, RATE) as file:
        for t, picture in enumerate(pictures(draw, count, trembles)):
            file.add(Frame(t, t / RATE, picture))
    return path


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A folder with 8 films that tremble and 8 that do not; one class has a Bangla name."""
    draw, folder = np.random.default_rng(0), tmp_path_factory.mktemp("films")
    for name in ("fight", "শান্ত"):
        for k in range(8):
            film(folder / name / f"{k}.mp4", draw, trembles=name == "fight")
    return folder


