"""MOTA, IDF1 and the counts, against motmetrics and by hand."""

from __future__ import annotations

import math

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.metrics import measure

SAME = {
    "mota": "mota",
    "idf1": "idf1",
    "precision": "precision",
    "recall": "recall",
    "switches": "num_switches",
    "fragmentations": "num_fragmentations",
    "misses": "num_misses",
    "false_positives": "num_false_positives",
    "mostly_tracked": "mostly_tracked",
    "mostly_lost": "mostly_lost",
    "boxes": "num_objects",
    "found": "num_predictions",
    "people": "num_unique_objects",
}


def literal_iou(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def theirs(truth: Rows, tracks: Rows) -> dict:
    kept = motmetrics.MOTAccumulator()
    for frame in np.unique(np.concatenate([truth.frames, tracks.frames])):
        one, other = truth.between(frame, frame + 1), tracks.between(frame, frame + 1)
        away = np.full((len(one), len(other)), np.nan)
        for i, a in enumerate(one.boxes.astype(float)):
            for j, b in enumerate(other.boxes.astype(float)):
                if (shared := literal_iou(a, b)) >= 0.5:
                    away[i, j] = 1 - shared
        kept.update(one.ids, other.ids, away, frameid=frame)
    made = motmetrics.metrics.create()
    table = made.compute(kept, metrics=[*SAME.values(), "motp"], name="x")
    return table.loc["x"].to_dict()


def scene(seed: int, people: int, frames: int, missed: float, extra: float, swapped: float):
    """People who walk about, and tracks of them: some missed, some made up, some names changed."""
    draw = np.random.default_rng(seed)
    start, step = draw.uniform(0, 60, (people, 2)), draw.normal(0, 2, (people, 2))
    name = np.arange(people) + 100
    truth, tracks = [], []
    for t in range(frames):
        for k in range(people):
            if draw.random() < 0.1:
                continue
            x, y = start[k] + t * step[k]
            truth.append((t, k, x, y, x + 20, y + 40, 1))
            if draw.random() < swapped:
                name[k] = draw.integers(100, 100 + people + 2)
            taken = {row[1] for row in tracks if row[0] == t}
            if draw.random() > missed and name[k] not in taken:
                a, b = draw.normal(0, 3, 2)
                tracks.append((t, name[k], x + a, y + b, x + a + 20, y + b + 40, 1))
        if draw.random() < extra:
            x, y = draw.uniform(0, 60, 2)
            tracks.append((t, 900 + int(draw.integers(2)), x, y, x + 20, y + 40, 1))
    return Rows.of(truth), Rows.of(tracks)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    people=st.integers(1, 6),
    frames=st.integers(1, 15),
    missed=st.floats(0, 1),
    extra=st.floats(0, 1),
    swapped=st.floats(0, 0.4),
)
def test_as_motmetrics_counts(seed, people, frames, missed, extra, swapped) -> None:
    truth, tracks = scene(seed, people, frames, missed, extra, swapped)
    if not len(truth):
        return
    ours, want = measure(truth, tracks), theirs(truth, tracks)
    for name, key in SAME.items():
        value = getattr(ours, name)
        if len(tracks) or name != "precision":
            assert value == pytest.approx(want[key], abs=1e-6), name
    if ours.matches:
        assert ours.motp == pytest.approx(1 - want["motp"], abs=1e-5)


def walk(frames, who, left=0.0) -> list[tuple[float, ...]]:
    return [(t, who, left + t, 0, left + t + 10, 20, 1) for t in frames]


def test_by_hand_one_person_with_two_names() -> None:
    truth = Rows.of(walk(range(10), 1))
    found = measure(truth, Rows.of(walk(range(4), 7) + walk(range(5, 10), 8)))
    assert (found.misses, found.false_positives, found.switches) == (1, 0, 1)
    assert found.fragmentations == 1 and found.mostly_tracked == 1
    assert found.mota == pytest.approx(1 - 2 / 10)
    assert found.idf1 == pytest.approx(2 * 5 / (10 + 9))  # the longer half counts


def test_what_is_made_up_where_nobody_is_counts() -> None:
    truth = Rows.of(walk(range(2), 1))
    found = measure(truth, Rows.of(walk(range(2), 7) + walk(range(2, 9), 7)))
    assert found.false_positives == 7 and found.mota == pytest.approx(1 - 7 / 2)
    assert found.idf1 == pytest.approx(4 / 11)


def test_nothing_found_and_nobody_there() -> None:
    truth, nothing = Rows.of(walk(range(3), 1)), Rows.of([])
    found = measure(truth, nothing)
    assert (found.mota, found.idf1, found.recall) == (0, 0, 0) and math.isnan(found.precision)
    assert found.mostly_lost == 1
    assert math.isnan(measure(nothing, truth).mota)


def test_the_threshold_decides_what_is_right() -> None:
    truth, beside = Rows.of(walk(range(3), 1)), Rows.of(walk(range(3), 1, left=4))
    assert measure(truth, beside, 0.4).recall == 1  # IoU 6 / 14
    assert measure(truth, beside, 0.45).recall == 0
