"""Calibration against scikit-learn, by hand, and on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import sklearn.metrics as theirs
from sklearn.calibration import calibration_curve

from gobhir.evaluation import Temperature, brier, ece, probabilities, reliability
from gobhir.evaluation.calibration import log_loss

DRAW = np.random.default_rng(0)
TRUE = DRAW.normal(size=(20000, 3)) * 2


def drawn(z: np.ndarray) -> np.ndarray:
    """A class for each row, drawn with the probabilities that its scores stand for."""
    return (z + DRAW.gumbel(size=z.shape)).argmax(1)


Y = drawn(TRUE)


def test_by_hand() -> None:
    """Sure of 0.9 twice (once right), of 0.6 once (right): |0.9 - 0.5| 2/3 + |0.6 - 1| 1/3."""
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    y = np.array([0, 1, 1])
    found = reliability(p, y, 10)
    assert found.ece == pytest.approx(0.4 * 2 / 3 + 0.4 / 3)
    assert found.count == [1, 2] and found.right == [1.0, 0.5]
    assert found.sure == pytest.approx([0.6, 0.9])
    assert ece(p[:, 1], y, 10) == pytest.approx(found.ece)
    assert brier(p, y).mean() == pytest.approx((0.02 + 1.62 + 0.32) / 3)


@pytest.mark.parametrize("mass", [False, True])
def test_bins_as_scikit_learn(mass: bool) -> None:
    p = probabilities(1.7 * TRUE)
    sure, right = p.max(1), p.argmax(1) == Y
    strategy = "quantile" if mass else "uniform"
    theirs_right, theirs_sure = calibration_curve(right, sure, n_bins=10, strategy=strategy)
    found = reliability(p, Y, 10, mass=mass)
    assert np.allclose(found.right, theirs_right, atol=2e-3)
    assert np.allclose(found.sure, theirs_sure, atol=2e-3)
    if mass:
        assert np.ptp(found.count) <= 1


def test_scores_as_scikit_learn() -> None:
    p = probabilities(TRUE)
    assert log_loss(p, Y).mean() == pytest.approx(theirs.log_loss(Y, p))
    two, y = probabilities(TRUE[:, 0]), (Y == 0).astype(int)
    assert brier(two, y).mean() == pytest.approx(2 * theirs.brier_score_loss(y, two[:, 1]))


@pytest.mark.parametrize("hot", [0.4, 1.0, 3.0])
def test_the_temperature_of_data_is_found(hot: float) -> None:
    found = Temperature.fit(TRUE * hot, Y)
    assert found.value == pytest.approx(hot, rel=0.03)
    best = scipy.optimize.minimize_scalar(
        lambda t: theirs.log_loss(Y, probabilities(TRUE * hot / t)),
        bounds=(0.1, 9),
        method="bounded",
    )
    assert found.value == pytest.approx(best.x, rel=1e-3)
    p = found(TRUE * hot)
    assert np.array_equal(p.argmax(1), TRUE.argmax(1))
    assert ece(p, Y) < 0.015
    assert hot == 1.0 or ece(TRUE * hot, Y) > 0.05


def test_one_score_an_example() -> None:
    y = (DRAW.random(5000) < 1 / (1 + np.exp(-TRUE[:5000, 0]))).astype(int)
    assert Temperature.fit(2 * TRUE[:5000, 0], y).value == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Temperature.fit(np.eye(3)[[0, 1, 2]], [0, 1, 2]),
        lambda: Temperature.fit(np.eye(3)[[0, 1, 2]], [1, 2, 0]),
        lambda: Temperature.fit(np.eye(3), [0, 1]),
        lambda: reliability(np.eye(3), [0, 1, 3]),
        lambda: reliability(np.eye(3), [0, 1, 2], 0),
        lambda: brier(np.full((2, 3), np.nan), [0, 1]),
    ],
)
def test_what_cannot_be_calibrated_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="."):
        wrong()
