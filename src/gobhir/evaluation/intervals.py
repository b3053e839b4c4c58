"""How sure a number is: bootstrap intervals, and Wilson's for shares.

A resample of the examples is a row of weights: how often each example was drawn. A statistic is a
function of such weights, (resamples, n) -> (resamples,) or (resamples, several): so all resamples
are measured at once, and groups, pairs and the jackknife are only other weights.

Efron, Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 14.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from gobhir.lang import say

Statistic = Callable[[np.ndarray], np.ndarray]
METHODS = ("bca", "percentile")
_AT_ONCE = 1 << 17
"""So many weights are held at a time: they fit into a processor's cache."""
_BLOCKS = 1000
"""The jackknife leaves out one example after the other, or one of so many blocks of them."""


@dataclass(frozen=True)
class Estimate:
    """A number, and from where to where it may well lie. n: the examples that it was measured on
    (groups: how many groups they came in). level: how often such an interval holds the truth.
    method: "bca", "percentile", "wilson", or "" where there is no interval (low and high are None).
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    level: float = 0.95
    method: str = ""
    groups: int | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.4g}"
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def wilson(right: int, n: int, level: float = 0.95) -> Estimate:
    """The share right / n with Wilson's interval (1927), honest also near 0 and 1 and for few
    examples. The examples are independent: for those that come in groups take `bootstrap`."""
    if not 0 <= right <= n or n < 1:
        raise ValueError(say("evaluation.bad.proportion", right=right, count=n))
    z = NormalDist().inv_cdf(0.5 + _level(level) / 2)
    p, rest = right / n, z * z / n
    middle = (p + rest / 2) / (1 + rest)
    half = z * math.sqrt(p * (1 - p) / n + rest / (4 * n)) / (1 + rest)
    # At the ends the formula gives 0 and 1, but for rounding.
    low = 0.0 if right == 0 else middle - half
    high = 1.0 if right == n else middle + half
    return Estimate(p, low, high, n, level, "wilson")


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    groups: Any = None,
    method: str = "bca",
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Estimate]:
    """An Estimate for each number that `statistic` gives, from resampling n examples.

    groups: one an example; whole groups are drawn, since their examples are no news to one another.
    method: "bca", Efron's bias-corrected and accelerated interval, or "percentile".
    Resamples without a value (nan: a class that was not drawn) are left out. Where all the others
    agree there is no spread to be seen, and the interval is None.
    """
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise ValueError(say("evaluation.bad.method", method=method, known=known))
    if n < 2 or resamples < 100:
        raise ValueError(say("evaluation.bad.resamples", count=n, resamples=resamples))
    member = None if groups is None else np.unique(_one_each(groups, n), return_inverse=True)[1]
    units = n if member is None else int(member.max()) + 1
    if units < 2:
        raise ValueError(say("evaluation.bad.resamples", count=units, resamples=resamples))

    def measured(drawn: np.ndarray) -> np.ndarray:
        found = np.asarray(statistic(drawn if member is None else drawn[:, member]), float)
        return found.reshape(len(drawn), -1)

    value = measured(np.ones((1, units)))[0]
    drawn = np.concatenate([measured(w) for w in _draws(units, n, resamples, seed)])
    left_out = None
    if method == "bca":
        left_out = np.concatenate([measured(w) for w in _leaving_out(units, n, seed)])
    out = []
    for i, v in enumerate(value.tolist()):
        ends = _ends(v, drawn[:, i], None if left_out is None else left_out[:, i], _level(level))
        said = method if ends[0] is not None else ""
        out.append(Estimate(v, *ends, n, level, said, None if member is None else units))
    return out


def mean(values: Any, **settings: Any) -> Estimate:
    """The mean of one number an example, such as its error; settings as in `bootstrap`."""
    column = np.asarray(values, float)
    return bootstrap(lambda w: w @ column / w.sum(1), len(column), **settings)[0]


def difference(one: Any, other: Any, **settings: Any) -> Estimate:
    """How much larger the mean of `one` is than that of `other`, both from the same examples:
    1 or 0 for right or wrong, or errors. An interval that leaves 0 out tells the two apart."""
    a, b = np.asarray(one, float), np.asarray(other, float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(say("evaluation.bad.pair", one=a.shape, other=b.shape))
    return mean(a - b, **settings)


def of_rows(function: Callable[..., Any], *columns: Any) -> Statistic:
    """Any function of the examples' columns as a statistic of weights: each resample is written out
    row by row, which is slow but always right."""
    arrays = [np.asarray(column) for column in columns]

    def statistic(weights: np.ndarray) -> np.ndarray:
        found = []
        for row in weights.astype(int):
            rows = np.repeat(np.arange(len(row)), row)
            found.append(function(*(array[rows] for array in arrays)))
        return np.asarray(found, float)

    return statistic


# -- weights -------------------------------------------------------------------------------------


def _draws(units: int, n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """(some, units): how often each was drawn, for all resamples, some at a time."""
    draw = np.random.default_rng(seed)
    most = max(1, _AT_ONCE // max(units, n))
    for start in range(0, resamples, most):
        some = min(most, resamples - start)
        rows = np.arange(some)[:, None] * units
        cells = (draw.integers(units, size=(some, units)) + rows).ravel()
        yield np.bincount(cells, minlength=some * units).reshape(some, units).astype(float)


def _leaving_out(units: int, n: int, seed: int) -> Iterator[np.ndarray]:
    """(some, units): 1 for all but one, or but one block, after the other."""
    blocks = min(units, _BLOCKS)
    block = np.random.default_rng(seed).permutation(units) % blocks if blocks < units else None
    block = np.arange(units) if block is None else block
    most = max(1, _AT_ONCE // max(units, n))
    for start in range(0, blocks, most):
        which = np.arange(start, min(start + most, blocks))
        yield (block != which[:, None]).astype(float)


def _ends(
    value: float, drawn: np.ndarray, left_out: np.ndarray | None, level: float
) -> tuple[float | None, float | None]:
    """The interval's two ends."""
    drawn = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or not len(drawn) or np.ptp(drawn) <= 1e-12 * abs(value):
        return None, None
    normal = NormalDist()
    tails = [(1 - level) / 2, (1 + level) / 2]
    if left_out is not None:
        left_out = left_out[np.isfinite(left_out)]
        # What is as large as the value itself is half below it.
        below = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
        if 0 < below < 1:
            bias = normal.inv_cdf(float(below))
            pull = left_out.mean() - left_out
            spread = float((pull**2).sum()) ** 1.5
            acceleration = float((pull**3).sum()) / (6 * spread) if spread else 0.0
            moved = [bias + normal.inv_cdf(tail) for tail in tails]
            tails = [normal.cdf(bias + m / (1 - acceleration * m)) for m in moved]
    low, high = np.quantile(drawn, tails)
    return float(low), float(high)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(say("evaluation.bad.level", level=level))
    return level


def _one_each(groups: Any, n: int) -> np.ndarray:
    column = np.asarray(groups)
    if column.shape != (n,):
        said = {"what": "groups", "shape": column.shape, "count": n}
        raise ValueError(say("evaluation.bad.column", **said))
    return column
