"""Several looks at a picture: boxes come back to where they were, and are put together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gobhir.projects.detection.boxes import GREY, Detections
from gobhir.projects.detection.looks import LOOKS, Looks, fused, look


def bright(frame: np.ndarray) -> Detections:
    """A detector that is never wrong: white boxes on black or grey, the left one first."""
    import cv2

    count, _, found, _ = cv2.connectedComponentsWithStats((frame[..., 0] > 200).astype(np.uint8))
    boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in found[1:count]]
    return Detections.of(boxes, np.linspace(0.9, 0.8, len(boxes)), np.arange(len(boxes)) * 0)


def scene(high: int, wide: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    frame = np.zeros((high, wide, 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        frame[y1:y2, x1:x2] = 255
    return frame


@given(
    high=st.integers(10, 60),
    wide=st.integers(10, 60),
    scale=st.sampled_from([1.0, 0.8, 0.7, 0.33]),
    mirror=st.booleans(),
    data=st.data(),
)
def test_what_another_look_finds_is_where_it_was(high, wide, scale, mirror, data) -> None:
    x1, y1 = data.draw(st.integers(0, wide - 2)), data.draw(st.integers(0, high - 2))
    x2, y2 = data.draw(st.integers(x1 + 1, wide)), data.draw(st.integers(y1 + 1, high))
    frame = scene(high, wide, (x1, y1, x2, y2))
    before = frame.copy()
    found = look(bright, frame, scale, mirror)
    assert found.boxes.tolist() == [[x1, y1, x2, y2]] and found.scores == pytest.approx([0.9])
    assert (frame == before).all()


def test_another_look_is_smaller_and_mirrored_with_grey_around_it() -> None:
    seen = []

    def detector(frame: np.ndarray) -> Detections:
        seen.append(frame)
        return Detections.of()

    frame = scene(40, 80, (0, 0, 8, 40))
    assert len(look(detector, frame, 1.0, True)) == 0
    assert (seen[0] == frame[:, ::-1]).all()
    look(detector, frame, 0.8, False)
    assert seen[1].shape == (50, 100, 3) and (seen[1][5:45, 10:90] == frame).all()
    assert (seen[1][:5] == GREY).all() and (seen[1][:, 90:] == GREY).all()


def test_a_box_in_the_grey_around_the_picture_is_none() -> None:
    def detector(frame: np.ndarray) -> Detections:
        return Detections.of([[0, 0, 4, 4], [0, 0, 20, 20]], [0.9, 0.8])

    found = look(detector, np.zeros((40, 40, 3), np.uint8), 0.8, False)
    assert found.boxes.tolist() == [[0, 0, 15, 15]] and found.scores == pytest.approx([0.8])


def test_looks_are_put_together() -> None:
    one = Detections.of([[0, 0, 10, 10], [50, 50, 60, 60]], [0.9, 0.6])
    other = Detections.of([[1, 0, 11, 10], [0, 0, 9, 10], [80, 0, 90, 10]], [0.3, 0.6, 0.4])
    found = fused([one, other])
    # The surest takes the one most like it (IoU 0.9), not the surer or first; the one that is left
    # (IoU 0.82) had its partner taken, so it stands alone.
    assert found.scores == pytest.approx([0.75, 0.3, 0.2, 0.15])
    np.testing.assert_allclose(found.boxes[0], [0, 0, (0.9 * 10 + 0.6 * 9) / 1.5, 10], rtol=1e-6)
    assert found.boxes[1:].tolist() == [[50, 50, 60, 60], [80, 0, 90, 10], [1, 0, 11, 10]]


def test_different_classes_and_boxes_of_the_same_look_stay_apart() -> None:
    same = [[0, 0, 10, 10], [0, 0, 10, 10]]
    assert len(fused([Detections.of(same, [0.9, 0.8])])) == 2
    apart = fused([Detections.of(same[:1], [0.9], [0]), Detections.of(same[:1], [0.9], [1])])
    assert sorted(apart.classes.tolist()) == [0, 1] and apart.scores == pytest.approx([0.45] * 2)
    assert len(fused([Detections.of(), Detections.of()])) == 0


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(1, 4))
def test_the_same_answer_several_times_is_that_answer(scores, times) -> None:
    boxes = [[20 * k, 0, 20 * k + 10, 10] for k in range(len(scores))]
    found = fused([Detections.of(boxes, scores)] * times)
    assert found.scores == pytest.approx(sorted(scores, reverse=True), rel=1e-5)
    assert sorted(found.boxes[:, 0].tolist()) == pytest.approx([20 * k for k in range(len(scores))])


def test_a_detector_that_looks_twice_finds_the_same_and_leaves_out_what_is_unsure() -> None:
    frame = scene(40, 60, (5, 5, 15, 30), (40, 5, 50, 30))
    found = Looks(bright, 0.3)(frame)
    assert len(LOOKS) == 2 and len(found) == 2
    assert sorted(found.boxes.tolist()) == [[5, 5, 15, 30], [40, 5, 50, 30]]
    assert found.scores == pytest.approx([0.85, 0.85])  # mirrored, the other one is left
    assert len(Looks(bright, 0.9)(frame)) == 0
