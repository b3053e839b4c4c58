"""Colours tell people apart where boxes cannot."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.projects.detection.boxes import Detections
from gobhir.projects.tracking.looks import BINS, USUAL, looks, unlike
from gobhir.projects.tracking.tracker import Options, Tracker

RED, BLUE = (200, 40, 40), (40, 40, 200)


def street(*people: tuple[float, tuple[int, int, int]]) -> tuple[np.ndarray, Detections]:
    """A frame with people of one colour each, and their boxes."""
    frame = np.full((120, 200, 3), 110, np.uint8)
    boxes = []
    for x, colour in people:
        frame[20:100, int(x) : int(x) + 30] = colour
        boxes.append((x, 20, x + 30, 100))
    return frame, Detections.of(boxes)


def test_the_same_colours_are_alike_and_others_are_not() -> None:
    frame, seen = street((10, RED), (60, RED), (120, BLUE))
    found = looks(frame, seen.boxes)
    assert found.shape == (3, BINS)
    np.testing.assert_allclose((found**2).sum(1), 1, rtol=1e-5)
    far = unlike(found, found)
    np.testing.assert_allclose(np.diag(far), 0, atol=1e-3)
    assert far[0, 1] == pytest.approx(0, abs=1e-3) and far[0, 2] > 0.5


def test_a_box_outside_the_picture_looks_like_nothing() -> None:
    frame, _ = street()
    found = looks(frame, np.array([[300.0, 10, 330, 90], [-50, -90, -20, -10], [5, 5, 5, 5]]))
    np.testing.assert_array_equal(found, 0)
    np.testing.assert_array_equal(unlike(found, found), USUAL)  # it tells nothing, for or against


def meeting(told: bool) -> list[list[tuple[int, str]]]:
    """Red and blue walk towards each other, are hidden, and turn round: who has which number?"""
    tracker, found = Tracker(Options(patience=20)), []
    for t in range(40):
        x = 4.0 * t if t < 20 else 4.0 * (39 - t)
        frame, seen = street((x, RED), (170 - x, BLUE))
        if 16 <= t < 24:
            seen = seen[:0]
        look = looks(frame, seen.boxes) if told else None
        tracks = tracker.update(seen, looks=look)
        near_red = [(one.id, "red" if abs(one.box[0] - x) < 20 else "blue") for one in tracks]
        found.append(sorted(near_red))
    return found


def test_who_turns_round_out_of_sight_is_known_by_the_clothes() -> None:
    by_colours, by_boxes = meeting(True), meeting(False)
    assert by_colours[-1] == by_colours[10]
    assert by_boxes[-1] != by_boxes[10]  # straight on is all that boxes can tell


def test_colours_may_come_and_go() -> None:
    tracker = Tracker()
    for t in range(12):
        frame, seen = street((4.0 * t, RED), (170 - 4.0 * t, BLUE))
        look = looks(frame, seen.boxes) if t % 3 else None
        tracks = tracker.update(seen, looks=look)
    assert [one.id for one in tracks] == [1, 2]
