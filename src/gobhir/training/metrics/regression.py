"""How far predicted numbers are from the true ones: MSE, RMSE, MAE, R2.

Definitions: https://scikit-learn.org/stable/modules/model_evaluation.html#regression-metrics
Outputs and targets: (n,) or (n, columns); the measures of several columns are averaged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.lang import say, warn
from gobhir.training.metrics.base import Metric, as_array


class _OfErrors(Metric):
    """What the measures share: sums over the examples, one a column, in float64."""

    joins = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.count: int = 0
        self.total: Any = 0.0

    def update(self, output: Any, target: Any) -> None:
        p, y = columns(output, target)
        self.total = self.total + self._of(p, y).sum(0)
        self.count += len(y)

    def compute(self) -> float:
        self._check_seen(self.count)
        return float(np.mean(self.total / self.count))

    def _of(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (p - y) ** 2


def columns(output: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as (n, columns) in float64. ValueError where the shapes differ by more than ones."""
    p, y = as_array(output), as_array(target)
    if p.shape != y.shape and not (
        p.size == y.size and [s for s in p.shape if s != 1] == [s for s in y.shape if s != 1]
    ):
        raise ValueError(say("errors.metrics.numbers", output=p.shape, target=y.shape))
    n = len(y) if y.ndim else 1
    width = y.size // n if n else 1
    return p.reshape(n, width).astype(np.float64), y.reshape(n, width).astype(np.float64)


class MSE(_OfErrors):
    """The mean squared error."""

    name = "mse"


class MAE(_OfErrors):
    """The mean absolute error, in the target's own unit."""

    name = "mae"

    def _of(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.abs(p - y)


class RMSE(_OfErrors):
    """The root of the mean squared error, in the target's own unit."""

    name = "rmse"

    def compute(self) -> float:
        self._check_seen(self.count)
        return float(np.mean(np.sqrt(self.total / self.count)))


class R2(_OfErrors):
    """The share of the target's variance that is explained: 1 - sum (p - y)^2 / sum (y - mean)^2.

    1 is perfect, 0 is no better than always saying the mean. A target that never changes gives
    1 when it is met exactly, else 0; fewer than two examples give nan, with a warning.
    """

    name = "r2"

    def reset(self) -> None:
        super().reset()
        self._mean: Any = 0.0
        self._spread: Any = 0.0

    def update(self, output: Any, target: Any) -> None:
        before = self.count
        super().update(output, target)
        _, y = columns(output, target)
        if not len(y):
            return
        # Source: Chan, Golub, LeVeque, Algorithms for computing the sample variance (1983).
        mean = y.mean(0)
        apart = mean - self._mean
        self._spread = self._spread + ((y - mean) ** 2).sum(0)
        self._spread = self._spread + apart**2 * before * len(y) / self.count
        self._mean = self._mean + apart * len(y) / self.count

    def compute(self) -> float:
        self._check_seen(self.count)
        if self.count < 2:
            warn(say("errors.metrics.one_example", metric=self.name), RuntimeWarning)
            return math.nan
        spread = np.where(self._spread == 0, 1.0, self._spread)
        constant = np.where(self.total == 0, 1.0, 0.0)
        return float(np.mean(np.where(self._spread == 0, constant, 1 - self.total / spread)))


def mse(output: Any, target: Any) -> float:
    """The mean squared error."""
    return float(MSE()(output, target))


def mae(output: Any, target: Any) -> float:
    """The mean absolute error."""
    return float(MAE()(output, target))


def rmse(output: Any, target: Any) -> float:
    """The root of the mean squared error."""
    return float(RMSE()(output, target))


def r2(output: Any, target: Any) -> float:
    """The share of the target's variance that is explained."""
    return float(R2()(output, target))
