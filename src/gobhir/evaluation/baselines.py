"""What a model has to beat: answers that hardly look, and a linear model that looks once.

Each function gives outputs for the test rows, as a model would: probabilities (n, classes), class
numbers, or numbers. Time series as in Hyndman, Athanasopoulos, Forecasting (2021), https://otexts.com/fpp3/
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.lang import say

ALPHAS = tuple(10.0**power for power in range(-3, 6))
"""How strongly the linear model's weights may be held back; leaving one out chooses."""


def for_classes(
    train_x: Any, train_y: Any, test_x: Any, classes: int | None = None, *, seed: int = 0
) -> dict[str, np.ndarray]:
    """All that a classifier has to beat: {"majority": (n, classes), "chance": (n,),
    "logistic": (n, classes)}. train_y: class numbers from 0 on."""
    return {
        "majority": majority(train_y, len(test_x), classes),
        "chance": chance(train_y, len(test_x), classes, seed=seed),
        "logistic": logistic(train_x, train_y, test_x, classes),
    }


def for_numbers(train_x: Any, train_y: Any, test_x: Any) -> dict[str, np.ndarray]:
    """All that a regression has to beat: {"mean", "median", "linear": as train_y}."""
    y = np.asarray(train_y, float)
    return {
        "mean": np.repeat(y.mean(0, keepdims=True), len(test_x), 0),
        "median": np.repeat(np.median(y, 0, keepdims=True), len(test_x), 0),
        "linear": ridge(train_x, y, test_x),
    }


def for_series(past: Any, ahead: int, season: int | None = None) -> dict[str, np.ndarray]:
    """All that a forecast has to beat: {"naive", "drift", "seasonal_naive" with a season}.

    past: (windows, length), what is known when each forecast is made; gives (windows, ahead).
    """
    known = np.atleast_2d(np.asarray(past, float))
    length = known.shape[1]
    if length < 2 or ahead < 1 or (season is not None and not 1 <= season <= length):
        said = {"length": length, "ahead": ahead, "season": season}
        raise ValueError(say("evaluation.bad.series", **said))
    last, steps = known[:, -1:], np.arange(1, ahead + 1)
    found = {
        "naive": np.repeat(last, ahead, 1),
        "drift": last + (last - known[:, :1]) / (length - 1) * steps,
    }
    if season is not None:
        found["seasonal_naive"] = known[:, length - season + (steps - 1) % season]
    return found


# -- one by one ----------------------------------------------------------------------------------


def majority(train_y: Any, n: int, classes: int | None = None) -> np.ndarray:
    """The most frequent class for all n; as probabilities, each class's share in what was learned
    from. (n, classes)."""
    return np.repeat(_shares(train_y, classes)[None], n, 0)


def chance(train_y: Any, n: int, classes: int | None = None, *, seed: int = 0) -> np.ndarray:
    """A class for each of n, drawn as often as it occurs. (n,) class numbers."""
    shares = _shares(train_y, classes)
    return np.random.default_rng(seed).choice(len(shares), n, p=shares)


def logistic(
    train_x: Any, train_y: Any, test_x: Any, classes: int | None = None, *, c: float = 1.0
) -> np.ndarray:
    """Logistic regression on standardised columns, by scikit-learn. (n, classes).
    ImportError where scikit-learn is missing."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ImportError(say("evaluation.bad.sklearn")) from None
    train, test = _standardised(train_x, test_x)
    y = np.asarray(train_y)
    model = LogisticRegression(C=c, max_iter=1000).fit(train, y)
    out = np.zeros((len(test), len(_shares(y, classes))))
    out[:, model.classes_] = model.predict_proba(test)
    return out


def ridge(train_x: Any, train_y: Any, test_x: Any, alphas: Any = ALPHAS) -> np.ndarray:
    """Linear regression whose squared weights cost alpha times their sum, on standardised columns;
    of `alphas` the one whose error is least when each row in turn is left out. Shaped as train_y.

    Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning (2009), 3.4 and 7.10.
    """
    train, test = _standardised(train_x, test_x)
    y = np.asarray(train_y, float)
    middle = y.mean(0)
    u, s, vt = np.linalg.svd(train, full_matrices=False)
    turned = u.T @ (y - middle).reshape(len(y), -1)
    best, weights = np.inf, np.zeros((train.shape[1], turned.shape[1]))
    for alpha in alphas:
        kept = s**2 / (s**2 + alpha)
        wrong = (y - middle).reshape(len(y), -1) - u @ (kept[:, None] * turned)
        # The mean is learned, too: it has 1/n of each row's say.
        own = (u**2 * kept).sum(1) + 1 / len(y)
        error = float(((wrong / np.maximum(1 - own, 1e-12)[:, None]) ** 2).mean())
        if error < best:
            best, weights = error, vt.T @ ((s / (s**2 + alpha))[:, None] * turned)
    return (test @ weights).reshape(len(test), *y.shape[1:]) + middle


def _shares(train_y: Any, classes: int | None) -> np.ndarray:
    y = np.asarray(train_y)
    if y.ndim != 1 or not len(y) or y.dtype.kind not in "iu" or y.min() < 0:
        raise ValueError(say("evaluation.bad.classes", shape=y.shape, type=str(y.dtype)))
    if classes is not None and y.max() >= classes:
        raise ValueError(say("evaluation.bad.class", label=int(y.max()), count=classes))
    return np.bincount(y, minlength=classes or 0) / len(y)


def _standardised(train_x: Any, test_x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as (n, columns), each column with mean 0 and spread 1 where it is learned from."""
    train, test = (np.asarray(x, float).reshape(len(x), -1) for x in (train_x, test_x))
    if train.shape[1] != test.shape[1]:
        said = {"train": train.shape, "test": test.shape}
        raise ValueError(say("evaluation.bad.features", **said))
    middle, spread = train.mean(0), train.std(0)
    spread[spread == 0] = 1.0
    return (train - middle) / spread, (test - middle) / spread
