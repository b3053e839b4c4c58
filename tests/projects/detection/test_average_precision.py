"""Average precision, against cases done by hand and a slow, literal reading of its definition."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.evaluation.intervals import of_rows
from gobhir.projects.detection.average_precision import average_precision, matched
from gobhir.projects.detection.boxes import Detections


def overlap(a, b) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return wide * high / (sum(areas) - wide * high)


def literal(found, truth, level: float, kind: int) -> float:
    """COCO's average precision, word by word."""
    free = [[list(map(float, b)) for b, k in zip(t.boxes, t.classes, strict=True) if k == kind]
            for t in truth]  # fmt: skip
    count = sum(map(len, free))
    if not count:
        return float("nan")
    every = sorted(
        (
            (-float(s), p, k)
            for p, one in enumerate(found)
            for k, s in enumerate(one.scores)
            if one.classes[k] == kind
        ),
    )
    right = []
    for _, p, k in every:
        overlaps = [overlap(list(map(float, found[p].boxes[k])), box) for box in free[p]]
        best = max(range(len(overlaps)), key=overlaps.__getitem__, default=None)
        good = best is not None and overlaps[best] >= level
        right.append(good)
        if good:
            free[p].pop(best)
    points = [
        (sum(right[: n + 1]) / count, sum(right[: n + 1]) / (n + 1)) for n in range(len(right))
    ]
    total = 0.0
    for place in range(101):
        total += max((p for r, p in points if r >= place / 100 - 1e-9), default=0.0)
    return total / 101


def scene(seed: int, pictures: int = 6) -> tuple[list[Detections], list[Detections]]:
    """Boxes of three classes, and detections: some near them, some wrong, some of another class."""
    draw = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(pictures):
        n = draw.integers(0, 6)
        low = draw.random((n, 2)) * 60
        boxes = np.concatenate([low, low + 10 + draw.random((n, 2)) * 20], 1)
        kinds = draw.integers(0, 3, n)
        near = np.repeat(boxes, 2, 0) + draw.normal(0, 2.5, (2 * n, 4))
        stray = draw.random((3, 2)) * 60
        far = np.concatenate([stray, stray + 15], 1)
        named = np.concatenate([np.repeat(kinds, 2), draw.integers(0, 3, 3)])
        named = np.where(draw.random(len(named)) < 0.15, draw.integers(0, 3, len(named)), named)
        scores = draw.permutation(1000)[: len(named)] / 1000 + draw.random() * 1e-4
        found.append(Detections.of(np.concatenate([near, far]), scores, named))
        truth.append(Detections.of(boxes, classes=kinds))
    return found, truth


@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_the_definition_says(seed) -> None:
    found, truth = scene(seed)
    levels = (0.3, 0.5, 0.75)
    got = average_precision(found, truth, levels, classes=(0, 1, 2))
    want = [[literal(found, truth, level, kind) for kind in range(3)] for level in levels]
    assert np.allclose(got.table, want, equal_nan=True)
    assert got.at(0.5) == pytest.approx(np.nanmean(want[1]))
    assert got.mean == pytest.approx(np.nanmean(want))


BOX, OTHER, FAR = [0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]


@pytest.mark.parametrize(
    ("found", "want"),
    [
        # Both found, nothing else: 1. None: 0.
        ([(BOX, 0.9), (OTHER, 0.8)], 1.0),
        ([], 0.0),
        # A false alarm below both costs nothing; above both, each recall has 1/2, then 2/3.
        ([(BOX, 0.9), (OTHER, 0.8), (FAR, 0.1)], 1.0),
        ([(FAR, 0.95), (BOX, 0.9), (OTHER, 0.8)], 2 / 3),
        # One of two: precision 1 up to recall 0.5, that is at 51 of 101 places.
        ([(BOX, 0.9)], 51 / 101),
        # The same one twice: the second is a false alarm.
        ([(BOX, 0.9), (BOX, 0.8), (OTHER, 0.7)], (51 + 50 * 2 / 3) / 101),
    ],
)
def test_cases_by_hand(found, want) -> None:
    boxes, scores = [f[0] for f in found], [f[1] for f in found]
    truth = [Detections.of([BOX, OTHER])]
    got = average_precision([Detections.of(boxes, scores)], truth, (0.5,))
    assert got.at(0.5) == pytest.approx(want)


def test_the_curve_goes_down_the_scores() -> None:
    found = [Detections.of([FAR, BOX], [0.9, 0.8]), Detections.of([BOX], [0.7])]
    truth = [Detections.of([BOX]), Detections.of([BOX, OTHER])]
    one = matched(found, truth)
    recall, precision = one.curve()
    assert one.scores.tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert recall.tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert precision.tolist() == pytest.approx([0, 1 / 2, 2 / 3])


def test_weights_are_pictures_drawn_again() -> None:
    found, truth = scene(3, pictures=7)
    got = average_precision(found, truth, (0.5, 0.75), classes=(0, 1, 2))
    rows = np.random.default_rng(0).multinomial(7, [1 / 7] * 7, size=20).astype(float)

    def again(chosen: np.ndarray) -> list[float]:
        picked = [found[k] for k in chosen], [truth[k] for k in chosen]
        one = average_precision(*picked, (0.5, 0.75), classes=(0, 1, 2))
        return [one.at(0.5), one.at(0.75)]

    want = of_rows(again, np.arange(7))(rows)
    assert np.allclose(got.measured(rows)[:, :2], want, equal_nan=True)


def test_every_number_has_its_interval() -> None:
    found, truth = scene(1, pictures=30)
    got = average_precision(found, truth, (0.5, 0.75))
    for one, value in zip(got.estimates(300), [got.at(0.5), got.at(0.75), got.mean], strict=True):
        assert one.low < one.value < one.high and one.n == 30
        assert one.value == pytest.approx(value)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="2 pictures.* 1"):
        average_precision([Detections.of()] * 2, [Detections.of()])
    with pytest.raises(KeyError, match=r"0\.5"):
        average_precision([Detections.of()], [Detections.of([BOX])], (0.5,)).at(0.6)
