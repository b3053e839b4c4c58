"""Intervals against scipy's, and by what they promise: to hold the truth
as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from gobhir.evaluation import bootstrap, difference, mean, wilson
from gobhir.evaluation.intervals import of_rows

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_as_scipys_bootstrap(method: str) -> None:
    x = DRAW.exponential(size=60)
    ours = mean(x, method=method, resamples=20000)
    theirs = scipy.stats.bootstrap(
        (x,), np.mean, n_resamples=20000, method=method, rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.value == pytest.approx(x.mean()) and ours.n == 60
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.015)


def test_any_function_of_rows_as_scipys() -> None:
    x, y = DRAW.normal(size=(2, 40))
    y = x + y
    statistic = of_rows(lambda a, b: np.corrcoef(a, b)[0, 1], x, y)
    (ours,) = bootstrap(statistic, 40, resamples=4000)
    theirs = scipy.stats.bootstrap(
        (x, y),
        lambda a, b: np.corrcoef(a, b)[0, 1],
        paired=True,
        vectorized=False,
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.03)


def test_weights_are_rows_written_out() -> None:
    x = DRAW.normal(size=30)
    (slow,) = bootstrap(of_rows(np.mean, x), 30, resamples=500)
    quick = mean(x, resamples=500)
    assert (slow.value, slow.low, slow.high) == pytest.approx((quick.value, quick.low, quick.high))


@pytest.mark.parametrize(("right", "n"), [(0, 10), (10, 10), (7, 9), (990, 1000)])
def test_wilson_as_scipys(right: int, n: int) -> None:
    theirs = scipy.stats.binomtest(right, n).proportion_ci(0.9, method="wilson")
    ours = wilson(right, n, 0.9)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=1e-12)
    assert ours.low <= right / n <= ours.high


def test_the_truth_lies_inside_as_often_as_promised() -> None:
    """300 times 40 numbers from a skewed law whose mean is 1; by chance +- 1.3 points."""
    inside = {"bca": 0, "percentile": 0}
    for seed in range(300):
        x = np.random.default_rng(seed).gamma(2.0, 0.5, size=40)
        for method in inside:
            found = mean(x, method=method, resamples=600, seed=seed)
            inside[method] += found.low <= 1.0 <= found.high
    assert 0.90 <= inside["bca"] / 300 <= 0.975
    assert 0.89 <= inside["percentile"] / 300 <= 0.975


def test_examples_in_groups_are_fewer_than_they_seem() -> None:
    """25 writers of 12 pages each: most of the variance is between writers."""
    inside = {"groups": 0, "rows": 0}
    for seed in range(150):
        draw = np.random.default_rng(seed)
        x = (draw.normal(size=(25, 1)) + 0.5 * draw.normal(size=(25, 12))).ravel()
        writer = np.repeat(np.arange(25), 12)
        for name, groups in (("groups", writer), ("rows", None)):
            found = mean(x, groups=groups, resamples=400, seed=seed)
            inside[name] += found.low <= 0 <= found.high
    assert 0.86 <= inside["groups"] / 150 <= 0.99
    assert inside["rows"] / 150 < 0.6
    assert mean(x, groups=writer).groups == 25


def test_two_models_on_the_same_examples() -> None:
    hard = DRAW.normal(size=400)
    one, other = hard < 0.6, hard + 0.3 * DRAW.normal(size=400) < 0.5
    found = difference(one, other)
    assert found.value == pytest.approx(one.mean() - other.mean())
    alone = mean(one), mean(other)
    assert found.high - found.low < min(a.high - a.low for a in alone)
    with pytest.raises(ValueError, match="same examples"):
        difference(one, other[:-1])


def test_the_same_seed_gives_the_same_interval_and_no_spread_gives_none() -> None:
    x = DRAW.normal(size=50)
    assert mean(x, seed=4) == mean(x, seed=4) != mean(x, seed=5)
    certain = mean(np.ones(20))
    assert certain.value == 1 and certain.low is certain.high is None
    assert not certain.method


def test_resamples_without_a_value_are_left_out() -> None:
    rare = np.array([1.0] * 3 + [0.0] * 37)

    def share(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (weights @ (rare * np.arange(40))) / (weights @ rare)

    (found,) = bootstrap(share, 40, resamples=500)
    assert 0 <= found.low < 1 < found.high <= 2


def test_a_large_sample_leaves_out_blocks() -> None:
    x = np.random.default_rng(3).exponential(size=2000)
    ours = mean(x, resamples=1000)
    theirs = scipy.stats.bootstrap(
        (x,), np.mean, n_resamples=1000, batch=100, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.008)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: mean([1.0]),
        lambda: mean([1.0, 2.0], method="t"),
        lambda: mean([1.0, 2.0], level=95),
        lambda: mean([1.0, 2.0], groups=[1, 1]),
        lambda: mean([1.0, 2.0], groups=[1]),
    ],
)
def test_what_has_no_interval_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="."):
        wrong()
