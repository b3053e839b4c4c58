"""Baselines against scikit-learn's, and against what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gobhir.evaluation import baselines

DRAW = np.random.default_rng(0)
X, Q = DRAW.normal(size=(80, 5)) * [1, 10, 0.1, 1, 1], DRAW.normal(size=(30, 5))
Y = DRAW.choice(3, 80, p=[0.6, 0.3, 0.1])


def test_classes_as_scikit_learn() -> None:
    found = baselines.for_classes(X, Y, Q)
    prior = DummyClassifier(strategy="prior").fit(X, Y).predict_proba(Q)
    assert np.allclose(found["majority"], prior)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X, Y)
    assert np.allclose(found["logistic"], linear.predict_proba(Q), atol=1e-5)
    drawn = np.bincount(baselines.chance(Y, 5000)) / 5000
    assert np.allclose(drawn, np.bincount(Y) / 80, atol=0.03)
    assert found["chance"].shape == (30,) and found["chance"].dtype.kind == "i"


def test_a_class_that_was_never_learned_gets_nothing() -> None:
    found = baselines.for_classes(X, Y, Q, classes=5)
    assert found["chance"].max() < 3
    for out in (found["majority"], found["logistic"]):
        assert out.shape == (30, 5) and np.allclose(out.sum(1), 1) and not out[:, 3:].any()


def test_numbers_as_scikit_learn() -> None:
    y = X @ DRAW.normal(size=(5, 2)) + DRAW.normal(size=(80, 2))
    found = baselines.for_numbers(X, y, Q)
    scaled = make_pipeline(StandardScaler(), RidgeCV(baselines.ALPHAS)).fit(X, y)
    assert np.allclose(found["linear"], scaled.predict(Q))
    assert np.allclose(found["mean"], y.mean(0)) and found["mean"].shape == (30, 2)
    assert np.allclose(baselines.for_numbers(X, y[:, 0], Q)["median"], np.median(y[:, 0]))


def test_series_say_what_their_names_say() -> None:
    past = np.array([[1.0, 2, 3, 4, 5, 9], [3.0, 1, 2, 3, 1, 2]])
    found = baselines.for_series(past, 4, season=3)
    assert found["naive"].tolist() == [[9] * 4, [2] * 4]
    assert found["seasonal_naive"].tolist() == [[4, 5, 9, 4], [3, 1, 2, 3]]
    assert np.allclose(found["drift"][0], 9 + 1.6 * np.arange(1, 5))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: baselines.majority([0.5], 3),
        lambda: baselines.majority([0, 4], 3, classes=3),
        lambda: baselines.ridge(X, Y, Q[:, :2]),
        lambda: baselines.for_series([[1.0, 2.0]], 1, season=3),
    ],
)
def test_what_has_no_baseline_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        wrong()
