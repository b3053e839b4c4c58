"""Changed pictures: boxes stay around what they mark."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.projects.detection.augment import (
    SEEN,
    STRETCH,
    ZOOM,
    alone,
    mosaic,
    placed,
    recoloured,
    zoomed,
)


def example(seed: int, wide: int = 90, high: int = 60):
    """A bright box on black, with its true box."""
    draw = np.random.default_rng(seed)
    x, y = draw.integers(2, wide - 42), draw.integers(2, high - 32)
    w, h = draw.integers(20, 40), draw.integers(16, 30)
    pixels = np.zeros((high, wide, 3), np.uint8)
    pixels[y : y + h, x : x + w] = 255
    return pixels, np.array([[x, y, x + w, y + h, 7]], np.float32)


def around(pixels: np.ndarray) -> np.ndarray:
    """The box around what is bright."""
    y, x = np.nonzero(pixels[..., 0] > 190)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("scale", [(0.7, 0.7), (1.0, 1.0), (1.6, 1.2), (0.8, 1.1)])
def test_a_box_follows_its_picture(mirror, scale) -> None:
    pixels, boxes = example(0)
    size = (round(90 * scale[0]) + 30, round(60 * scale[1]) + 20)
    out, found = placed(pixels, boxes, scale, (12.5, 8.0), size, mirror)
    assert out.shape == (size[1], size[0], 3) and found[0, 4] == 7
    assert abs(found[0, :4] - around(out)).max() <= 1


def test_pictures_come_nearer_and_farther_wider_and_narrower() -> None:
    draw, pixels = np.random.default_rng(0), np.zeros((60, 90, 3), np.uint8)
    scales = np.array([zoomed(pixels, 180, (0.6, 1.4), draw) for _ in range(2000)])
    zooms, wider = scales.prod(1) ** 0.5 / 2, np.log(scales[:, 0] / scales[:, 1])
    assert [zooms.min(), zooms.max()] == pytest.approx([0.6, 1.4], abs=0.01)
    assert [wider.min(), wider.max()] == pytest.approx([-STRETCH, STRETCH], abs=0.01)
    assert abs(np.corrcoef(zooms, wider)[0, 1]) < 0.1


@pytest.mark.parametrize("seed", range(12))
def test_alone_marks_what_is_seen(seed) -> None:
    out, found = alone(example(seed), 96, np.random.default_rng(seed))
    assert out.shape == (96, 96, 3)
    for box in found:
        assert abs(box[:4] - around(out)).max() <= 1


@pytest.mark.parametrize("seed", range(12))
def test_a_mosaic_marks_all_that_is_seen_enough(seed) -> None:
    draw = np.random.default_rng(seed)
    out, found = mosaic([example(seed + k) for k in range(4)], 96, draw)
    assert out.shape == (96, 96, 3) and len(found) <= 4
    assert found[:, :4].min(initial=0) >= 0 and found[:, :4].max(initial=0) <= 96
    marked = np.zeros((96, 96), bool)
    for x1, y1, x2, y2, _ in found.round().astype(int):
        assert (out[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1] > 190).all()
        marked[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1] = True
    # What is bright and not marked is only what is left of boxes that were mostly cut off.
    largest = ZOOM[1] ** 2 * (96 / 90) ** 2 * 40 * 30
    assert ((out[..., 0] > 190) & ~marked).sum() <= (4 - len(found)) * SEEN * largest


def test_a_box_goes_when_little_of_it_is_left() -> None:
    pixels, boxes = example(1)
    x1, x2 = boxes[0, 0], boxes[0, 2]
    for share, stays in ((0.5, 1), (0.2, 0)):
        _, found = placed(pixels, boxes, (1, 1), (-(x2 - share * (x2 - x1)), 0), (90, 60))
        assert len(found) == stays


def test_other_light_is_another_picture_of_the_same_things() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    one, other = (recoloured(pixels, np.random.default_rng(k)) for k in (1, 2))
    assert one.shape == pixels.shape and one.dtype == np.uint8
    assert (one != other).mean() > 0.3
    again = recoloured(pixels, np.random.default_rng(1))
    assert (one == again).all()
    grey = np.full((4, 4, 3), 100, np.uint8)
    changed = recoloured(grey, np.random.default_rng(3))
    assert np.ptp(changed) == 0  # grey stays grey
