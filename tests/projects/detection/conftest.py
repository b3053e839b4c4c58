"""Pictures that are drawn here: reddish discs and bluish squares on noise, with their boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gobhir.projects.detection.formats import Boxed, Sample, write_yolo


@pytest.fixture(autouse=True)
def one_thread():
    """Such small networks gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scene(draw: np.random.Generator, wide: int = 80, high: int = 64):
    """One or two things on noise: ((high, wide, 3) bytes, boxes (n, 4), classes (n,))."""
    pixels = draw.integers(60, 130, (high, wide, 3)).astype(np.uint8)
    y, x = np.mgrid[:high, :wide] + 0.5
    boxes, kinds = [], []
    for place in range(draw.integers(1, 3)):
        side, kind = draw.integers(18, 30), int(draw.integers(2))
        left = place * wide // 2 + draw.integers(0, wide // 2 - side + 1)
        top = draw.integers(0, high - side + 1)
        middle = np.array([left, top]) + side / 2
        inside = (abs(x - middle[0]) < side / 2) & (abs(y - middle[1]) < side / 2)
        if kind == 0:
            inside = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < (side / 2) ** 2
        pixels[inside] = (220, 40, 40) if kind == 0 else (40, 40, 220)
        boxes.append([left, top, left + side, top + side])
        kinds.append(kind)
    return pixels, np.array(boxes, np.float32), np.array(kinds)


@pytest.fixture(scope="session")
def boxed(tmp_path_factory) -> Boxed:
    """Twenty-four pictures with boxes, as files."""
    draw, samples = np.random.default_rng(0), []
    folder = tmp_path_factory.mktemp("drawn")
    for k in range(24):
        pixels, boxes, kinds = scene(draw)
        path = folder / f"{k:02}.png"
        Image.fromarray(pixels).save(path)
        samples.append(Sample(path, (80, 64), boxes, kinds))
    return Boxed(("disc", "square"), tuple(samples))


@pytest.fixture
def shapes(boxed, tmp_path):
    """The same as a YOLO folder."""
    write_yolo(boxed, tmp_path / "shapes")
    return tmp_path / "shapes"
