"""Boxes: overlaps against counted pixels, NMS against its definition, ways there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gobhir.projects.detection.boxes import (
    Detections,
    Letterbox,
    area,
    clip,
    covered,
    iou,
    nms,
    resized,
    suppressed,
    to_centres,
    to_corners,
)


def some(count: int, seed: int, side: int = 20) -> np.ndarray:
    """Boxes with whole corners, so that their pixels can be counted."""
    draw = np.random.default_rng(seed)
    low = draw.integers(0, side - 1, (count, 2))
    return np.concatenate([low, low + draw.integers(1, side, (count, 2))], 1).astype(np.float32)


def mask(box: np.ndarray) -> np.ndarray:
    x1, y1, x2, y2 = box.astype(int)
    out = np.zeros((40, 40), bool)
    out[y1:y2, x1:x2] = True
    return out


def test_overlaps_are_those_of_counted_pixels() -> None:
    a, b = some(12, 0), some(15, 1)
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            both = (mask(one) & mask(other)).sum()
            assert iou(a, b)[i, j] == pytest.approx(both / (mask(one) | mask(other)).sum())
            least = min(mask(one).sum(), mask(other).sum())
            assert covered(a, b)[i, j] == pytest.approx(both / least)
    assert area(a).tolist() == [mask(one).sum() for one in a]


def test_boxes_without_area_overlap_nothing() -> None:
    flat = np.array([[1, 1, 1, 5], [3, 3, 2, 2], [0, 0, 0, 0]], np.float32)
    assert area(flat).tolist() == [0, 0, 0]
    assert not iou(flat, flat).any()
    assert iou(np.zeros((0, 4)), flat).shape == (0, 3)


def slow_nms(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, most: float) -> list[int]:
    kept: list[int] = []
    for k in sorted(range(len(boxes)), key=lambda k: -scores[k]):
        rivals = [j for j in kept if classes[j] == classes[k]]
        if all(iou(boxes[[j]], boxes[[k]])[0, 0] <= most for j in rivals):
            kept.append(k)
    return kept


@given(st.integers(0, 2**31), st.floats(0, 0.95))
def test_nms_is_what_its_definition_says(seed, most) -> None:
    boxes, draw = some(20, seed), np.random.default_rng(seed)
    scores, classes = draw.random(20), draw.integers(0, 3, 20)
    assert nms(boxes, scores, classes, most).tolist() == slow_nms(boxes, scores, classes, most)
    alone = np.zeros(20, int)
    assert nms(boxes, scores, None, most).tolist() == slow_nms(boxes, scores, alone, most)


def test_the_surest_stay_when_there_are_too_many() -> None:
    apart = np.arange(3000, dtype=np.float32)[:, None] * 2 + np.array([0, 0, 1, 1])
    scores = np.random.default_rng(0).random(3000)
    left = suppressed(Detections.of(apart, scores), limit=50)
    assert left.scores.tolist() == sorted(scores.astype(np.float32), reverse=True)[:50]


@given(st.integers(0, 2**31))
def test_corners_and_centres_are_two_ways_to_say_it(seed) -> None:
    boxes = some(6, seed)
    assert np.allclose(to_corners(to_centres(boxes)), boxes)
    assert np.allclose(to_centres(boxes)[:, 2] * to_centres(boxes)[:, 3], area(boxes))


def test_what_leaves_the_picture_is_cut_off() -> None:
    boxes = np.array([[-5, -5, 5, 5], [8, 2, 30, 4], [20, 20, 30, 30]], np.float32)
    assert clip(boxes, 10, 10).tolist() == [[0, 0, 5, 5], [8, 2, 10, 4], [10, 10, 10, 10]]


@given(
    st.integers(1, 90), st.integers(1, 90), st.integers(1, 90), st.integers(1, 90),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_boxes_follow_a_picture_into_a_letterbox_and_back(h, w, high, wide, keep, middle) -> None:
    fitted = Letterbox.of((h, w), (high, wide), keep=keep, middle=middle)
    boxes = np.array([[0, 0, w, h], [w / 4, h / 3, w / 2, h / 2]])
    inside = fitted.boxes(boxes)
    assert np.allclose(fitted.boxes_back(inside), boxes)
    assert inside.min() >= 0 and (inside[:, [2, 3]] <= np.array([wide, high]) + 1).all()
    assert fitted.picture(np.zeros((h, w, 3), np.uint8)).shape == (high, wide, 3)


def test_a_box_marks_the_same_pixels_after_fitting() -> None:
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[20:40, 30:70] = 255
    fitted = Letterbox.of((60, 100), (80, 80))
    small = fitted.picture(picture)
    x1, y1, x2, y2 = fitted.boxes(np.array([[30.0, 20, 70, 40]]))[0].round().astype(int)
    assert small[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].min() == 255
    assert (small[0] == 114).all() and (small[-1] == 114).all()
    bright = np.argwhere(small[..., 0] > 200)
    assert abs(bright.min(0) - [y1, x1]).max() <= 1 and abs(bright.max(0) + 1 - [y2, x2]).max() <= 1


def test_thin_things_do_not_vanish_when_a_picture_shrinks_much() -> None:
    striped = np.zeros((300, 300, 3), np.uint8)
    striped[:, ::10] = 250
    assert resized(striped, 30, 30).min() == 25


def test_detections_fit_together() -> None:
    one = Detections.of([[0, 0, 1, 1], [1, 1, 2, 2]], [0.5, 0.9], [3, 4])
    assert one[one.scores > 0.6].classes.tolist() == [4]
    assert len(Detections.joined([one, Detections.of(), one])) == 4
    assert len(Detections.joined([])) == 0
    with pytest.raises(ValueError, match=r"\(2, 4\), \(3,\), \(2,\)"):
        Detections.of([[0, 0, 1, 1], [1, 1, 2, 2]], [0.5, 0.9, 1.0])
    with pytest.raises(ValueError, match="0 x 10"):
        Letterbox.of((10, 0), (64, 64))
