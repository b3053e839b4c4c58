"""Whoever is followed keeps the number: crossing, hidden, half seen, missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gobhir.projects.detection.boxes import Detections
from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.metrics import measure
from gobhir.projects.tracking.tracker import Options, Tracker


def at(*places: tuple[float, float], scores=None) -> Detections:
    """People of 20 x 60 pixels with their left upper corners there."""
    return Detections.of([(x, y, x + 20, y + 60) for x, y in places], scores)


def followed(frames: list[Detections], options: Options | None = None) -> list[list[int]]:
    tracker = Tracker(options)
    return [[one.id for one in tracker.update(now)] for now in frames]


def test_two_people_who_cross_keep_their_numbers() -> None:
    truth, rows, tracker = [], [], Tracker()
    draw = np.random.default_rng(0)
    for t in range(60):
        places = [(5.0 * t, 100.0), (300 - 5.0 * t, 112.0)]
        truth += [(t, k, x, y, x + 20, y + 60, 1) for k, (x, y) in enumerate(places)]
        shaken = [(x + draw.normal(0, 1), y + draw.normal(0, 1)) for x, y in places]
        rows += [(t, one.id, *one.box, 1) for one in tracker.update(at(*shaken))]
    found = measure(Rows.of(truth), Rows.of(rows))
    assert (found.switches, found.misses, found.false_positives) == (0, 0, 0)
    assert found.idf1 == 1


def test_who_is_hidden_for_a_while_comes_back_with_the_same_number() -> None:
    frames = [at((4.0 * t, 50)) if not 20 <= t < 32 else at() for t in range(50)]
    ids = followed(frames)
    assert {name for now in ids for name in now} == {1}
    assert ids[33:] == [[1]] * 17
    forgetful = followed(frames, Options(patience=5))
    assert forgetful[-1] == [2]


def test_a_foretold_box_says_so_and_goes_on_with_the_same_velocity() -> None:
    tracker = Tracker(Options(coast=3))
    for t in range(20):
        (seen,) = tracker.update(at((4.0 * t, 50)))
    assert seen.lost == 0 and seen.age == 19
    for lost in (1, 2, 3):
        (hidden,) = tracker.update(at())
        assert hidden.lost == lost and hidden.id == seen.id
        assert hidden.box[0] == pytest.approx(4 * (19 + lost), abs=1)
    assert tracker.update(at()) == []


def test_half_hidden_people_are_kept_but_never_begun() -> None:
    options = Options(sure=0.5, unsure=0.1, start=0.5)
    sure, weak = at((50, 50), scores=[0.9]), at((50, 50), scores=[0.2])
    assert followed([sure, sure, weak, weak, weak], options) == [[1]] * 5
    assert followed([weak] * 5, options) == [[]] * 5
    deaf = replace(options, unsure=0.5, coast=0)
    assert followed([sure, sure, weak, weak], deaf) == [[1], [1], [], []]


def test_a_single_flash_is_nobody() -> None:
    frames = [at((50, 50)), at((51, 50)), at((52, 50), (200, 50)), at((53, 50)), at((54, 50))]
    assert followed(frames, Options(confirm=2)) == [[1]] * 5


def test_a_second_box_on_somebody_is_not_somebody_else() -> None:
    frames = [at((50, 50))] * 3 + [at((50, 50), (53, 54))] * 5
    assert followed(frames, Options(apart=0.5)) == [[1]] * 8


def test_dropped_frames_are_told_by_steps() -> None:
    whole = [at((9.0 * t, 50)) for t in range(40)]
    tracker, ids = Tracker(), set()
    for k, t in enumerate([*range(15), *range(15, 40, 4)]):
        steps = 1 if k < 15 else (1 if t == 15 else 4)
        ids |= {one.id for one in tracker.update(whole[t], steps)}
    assert ids == {1}
    assert tracker.people[0].age == 39


def test_the_order_of_detections_does_not_matter() -> None:
    draw, one, other = np.random.default_rng(1), Tracker(), Tracker()
    for t in range(20):
        now = at((4.0 * t, 50), (300 - 3.0 * t, 60), (150, 4.0 * t))
        shuffled = now[draw.permutation(3)] if t else now
        a, b = one.update(now), other.update(shuffled)
        assert [x.id for x in a] == [x.id for x in b]
        np.testing.assert_allclose([x.box for x in a], [x.box for x in b])


def test_an_empty_street() -> None:
    assert followed([at()] * 3) == [[]] * 3
