"""What really happened, and how reports are held against it."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.projects.cctv.truth import Footage, Report, Score, score, spans
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.tracking.files import Rows

RIGHT = Zone("right", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)))
DOOR = Line("door", ((0.5, 1), (0.5, 0)))


def box(x: float, y: float = 150) -> list[float]:
    return [x - 10, y - 60, x + 10, y]


def footage(*paths) -> Footage:
    """paths: for each person where they stand (x in pixels of 200) at 10 moments a second."""
    rows = [(k, who, *box(x), 1.0) for who, path in enumerate(paths) for k, x in enumerate(path)]
    return Footage(Rows.of(rows), (200, 200), 10.0, near=5)


def walk(a: float, b: float, seconds: float) -> list[float]:
    return np.linspace(a, b, round(seconds * 10)).tolist()


def test_visits() -> None:
    there_and_back = walk(50, 150, 4) + walk(150, 150, 3) + walk(150, 50, 4) + walk(50, 50, 5)
    at_the_edge = walk(103, 103, 10)
    first, second = footage(there_and_back + walk(50, 150, 4), at_the_edge).intrusions(RIGHT)[:2]
    assert first.sure and second.sure  # two visits of the first person
    assert first.first == pytest.approx(1.8, abs=0.2) and first.last == pytest.approx(9.2, abs=0.2)
    (edge,) = footage([50] * 10, at_the_edge).intrusions(RIGHT)
    assert not edge.sure


def test_crossings() -> None:
    crosses, trembles, along = walk(50, 150, 4), [98, 102] * 20, [60] * 40
    (found,) = footage(crosses, trembles, along).crossings(DOOR)
    assert (found.who, found.sure) == (0, True)
    assert found.first < 2 < found.last


def test_stays_have_a_limit_and_a_band_around_it() -> None:
    long, short, nearly = walk(150, 150, 12), walk(150, 150, 5), walk(150, 150, 9)
    found = footage(long, short, nearly).stays(RIGHT, limit=10)
    assert [(h.who, h.sure) for h in found] == [(0, True), (2, False)]
    assert found[0].first == pytest.approx(8)


def test_ways() -> None:
    against, along, slowly = walk(199, 60, 5), walk(60, 199, 5), walk(190, 183, 6)
    stands, briefly = walk(150, 150, 6), walk(100, 150, 3) + walk(150, 120, 1.5)
    found = footage(against, along, slowly, stands, briefly).wrong_ways(RIGHT, degrees=0)
    assert [(h.who, h.sure) for h in found] == [(0, True), (4, False)]
    assert found[0].first == 0 and found[0].last == pytest.approx(3.7, abs=0.2)
    (other,) = footage(along).wrong_ways(RIGHT, degrees=180)
    assert other.sure and not footage(against).wrong_ways(RIGHT, degrees=180)


def test_crowds() -> None:
    stays, comes, late = walk(150, 150, 20), walk(50, 150, 10), [50] * 90 + [150] * 110
    (crowd,) = footage(stays, comes, late).crowds(RIGHT, 3)
    assert (crowd.who, crowd.sure, crowd.times) == (None, False, 1)  # for a moment
    (pair,) = footage(stays, comes + [150] * 100, late).crowds(RIGHT, 3)
    assert pair.sure and pair.first == pytest.approx(9) and pair.last == pytest.approx(19.9)
    assert not footage(stays, late).crowds(RIGHT, 3)
    edge = footage(stays, [103] * 200).crowds(RIGHT, 2)
    assert [h.sure for h in edge] == [False]
    seen = footage(stays, comes + [150] * 100)
    happened = seen.crowds(RIGHT, 2)
    said = Report("crowding", "right", 8.0, np.array([0, 0, 200, 200], np.float32))
    assert score(seen, happened, [said]) == Score(1, 0, 0, 0)  # whose box it is does not matter


def report(seconds: float, x: float, place: str = "right") -> Report:
    return Report("intrusion", place, seconds, np.array(box(x), np.float32))


def test_reports_are_right_false_or_neither() -> None:
    seen = footage(walk(50, 150, 4) + walk(150, 150, 6), [103] * 100)
    happened = seen.intrusions(RIGHT)
    right = report(3.0, 125)
    assert score(seen, happened, [right]) == Score(1, 0, 0, 0)
    assert score(seen, happened, []) == Score(0, 0, 1, 0)
    assert score(seen, happened, [right, report(5.0, 150)]) == Score(1, 1, 0, 0)  # said twice
    assert score(seen, happened, [report(3.0, 30)]) == Score(0, 1, 1, 0)  # somewhere else
    assert score(seen, happened, [report(3.0, 125, "left")]) == Score(0, 1, 1, 0)
    assert score(seen, happened, [right, report(3.0, 103)]) == Score(1, 0, 0, 1)  # at the edge


def test_precision_and_recall_have_intervals() -> None:
    one = Score(9, 1, 3) + Score(9, 1, 3)
    assert (one.precision.value, one.recall.value) == (0.9, 0.75)
    assert one.precision.low < 0.9 < one.precision.high


def test_spans() -> None:
    assert spans(np.array([1.0, 1.1, 1.2, 5.0, 5.1]), 1.0) == [(1.0, 1.2), (5.0, 5.1)]
    assert spans(np.array([]), 1.0) == []
