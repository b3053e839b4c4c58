"""Thresholds from the tail of scores, against SciPy's distributions and against counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gobhir.projects.anomaly.tail import Tail, alarms, most_peaks, poisson, smoothed

RATE = 5


def hours_of(count: float, seed: int, noise: str = "normal", keep: float = 0.9) -> np.ndarray:
    """Scores that remember a little (AR(1)), as those of footage do."""
    from scipy.signal import lfilter

    draw = np.random.default_rng(seed)
    shape = round(count * 3600 * RATE)
    steps = draw.normal(size=shape) if noise == "normal" else draw.standard_t(4, shape)
    return lfilter([1], [1, -keep], steps)


def test_alarms_with_a_short_pause_between_them_are_one() -> None:
    scores = np.array([0, 5, 0, 0, 7, 6, 0, 0, 0, 5.0])
    assert [(a.first, a.last, a.top, a.peak) for a in alarms(scores, 5, 2)] == [
        (1, 5, 4, 7),
        (9, 9, 9, 5),
    ]
    assert len(alarms(scores, 5, 1)) == 3 and len(alarms(scores, 5, 3)) == 1
    assert alarms(scores, 7.5, 1) == []


@given(
    scores=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=40), quiet=st.integers(0, 6)
)
def test_no_scores_have_more_alarms_than_fit(scores, quiet) -> None:
    most = most_peaks([len(scores)], quiet)
    assert len(alarms(np.array(scores), 1, quiet)) <= most
    densest = [float(k % (quiet + 2) == 0) for k in range(len(scores))]
    assert len(alarms(np.array(densest), 1, quiet)) == most


def test_the_mean_of_the_last_scores() -> None:
    scores = np.random.default_rng(0).random(30)
    expected = [scores[max(0, k - 6) : k + 1].mean() for k in range(30)]
    np.testing.assert_allclose(smoothed(scores, 7), expected)
    np.testing.assert_allclose(smoothed(scores, 1), scores)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]
)
def test_the_interval_of_a_count_is_that_of_the_tables(count, low, high) -> None:
    found = poisson(count, 2, 70)
    assert found.value == count / 2 and found.n == 70
    assert (found.low * 2, found.high * 2) == pytest.approx((low, high), rel=1e-3)


@pytest.mark.parametrize("shape", [0.0, 0.25])
def test_the_tail_is_that_which_the_peaks_were_drawn_from(shape) -> None:
    peaks = stats.genpareto.rvs(shape, 0, 2.0, size=4000, random_state=0)
    scores = np.ones(40_000)
    scores[::10] = 1 + peaks  # a tenth of all: the tail begins where they do
    tail = Tail.fit([scores], RATE, 1)
    assert tail.shape == pytest.approx(shape, abs=0.25)
    per_hour = 4000 / (40_000 / RATE / 3600)
    for score in (2.0, 6.0, 15.0):
        expected = per_hour * stats.genpareto.sf(score - 1, shape, 0, 2.0)
        assert math.log(tail.per_hour(score) / expected) == pytest.approx(0, abs=math.log(2))


@pytest.mark.parametrize("tail", [Tail(1, 60, 0.5, 0), Tail(1, 60, 0.5, 0.3)])
def test_threshold_and_rate_belong_together(tail) -> None:
    for wished in (0.01, 1, 59):
        score = tail.threshold(wished)
        assert tail.per_hour(score) == pytest.approx(wished)
        assert tail.value(score, wished) == pytest.approx(0.8)
        fifth = tail.threshold(wished / 5)
        assert tail.value(fifth, wished) == pytest.approx(20 / 21)
    assert tail.threshold(1000) == 1  # no more than its own rate can be promised
    values = [tail.value(s, 1.0) for s in np.linspace(-5, 20, 100)]
    assert (np.diff(values) > 0).all() and 0 < values[0] < values[-1] < 1


@pytest.mark.parametrize("noise", ["normal", "heavy"])
def test_unseen_footage_raises_about_as_many_false_alarms_as_were_wished_for(noise) -> None:
    seen, unseen = hours_of(20, 1, noise), hours_of(60, 2, noise)
    tail = Tail.fit([seen], RATE, 10)
    for wished in (1.0, 6.0):
        count = len(alarms(unseen, tail.threshold(wished), 10))
        assert 0.5 * wished < count / 60 < 2 * wished


def test_a_threshold_can_be_set_beyond_what_was_seen() -> None:
    """From one hour: one alarm in ten hours."""
    tail = Tail.fit([hours_of(1, 3)], RATE, 10)
    unseen = hours_of(200, 4)
    assert tail.threshold(0.1) > tail.threshold(1.0)
    assert len(alarms(unseen, tail.threshold(0.1), 10)) / 200 < 1.0


def test_too_little_footage_is_refused() -> None:
    with pytest.raises(ValueError, match="too little"):
        Tail.fit([np.array([0.0, 1.0, 0.5])], RATE, 10)
    with pytest.raises(ValueError, match="too little"):
        Tail.fit([], RATE, 10)
    assert math.isfinite(Tail.fit([hours_of(0.02, 0)], RATE, 2).threshold(0.001))
