"""The cheapest pairs against trying all, overlap and turning by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from gobhir.projects.tracking.association import match, overlap, turn


def total(cost: np.ndarray, pairs, most: float) -> float:
    """What pairs cost, with `most` for each of the smaller side who stays alone."""
    alone = min(cost.shape) - len(pairs)
    return sum(cost[i, j] for i, j in pairs) + most * alone


@pytest.mark.parametrize("seed", range(20))
def test_no_other_pairs_cost_less(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n, m = draw.integers(1, 5, 2).tolist()
    cost, most = draw.uniform(0, 1, (n, m)), 0.6
    found = match(cost, most)
    pairs = list(zip(found.rows, found.columns, strict=True))
    assert all(cost[i, j] < most for i, j in pairs)
    assert sorted([*found.rows, *found.free_rows]) == list(range(n))
    assert sorted([*found.columns, *found.free_columns]) == list(range(m))
    small, large = sorted((n, m))
    every = (
        [(i, j) if n <= m else (j, i) for i, j in enumerate(chosen)]
        for chosen in permutations(range(large), small)
    )
    best = min(total(cost, [p for p in one if cost[p] < most], most) for one in every)
    assert total(cost, pairs, most) == pytest.approx(best)


def test_nobody_and_nothing() -> None:
    found = match(np.empty((0, 3)), 0.5)
    assert not len(found.rows) and found.free_columns.tolist() == [0, 1, 2]


def test_wider_boxes_meet_before_they_touch() -> None:
    one, beside = np.array([[0.0, 0, 10, 20]]), np.array([[12.0, 0, 22, 20]])
    assert overlap(one, beside)[0, 0] == 1
    assert overlap(one, beside, 0.5)[0, 0] == pytest.approx(1 - 8 / 32)  # 20 wide each, 8 shared


def test_turning_back_costs_one_and_going_on_nothing() -> None:
    heading = np.array([[2.0, 0.0], [0.0, 0.0]])
    last = np.array([[0.0, 0, 10, 20], [0.0, 0, 10, 20]])
    ahead, behind, aside = [5.0, 0, 15, 20], [-5.0, 0, 5, 20], [0.0, 7, 10, 27]
    found = turn(heading, last, np.array([ahead, behind, aside]))
    np.testing.assert_allclose(found, [[0, 1, 0.5], [0, 0, 0]], atol=1e-9)
