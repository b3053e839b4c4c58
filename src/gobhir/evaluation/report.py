"""All numbers of one model on one test, each with its interval.

Shares of independent examples have Wilson's interval; all else, and everything that comes in
groups, is resampled (BCa). The plain values are those of training/metrics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gobhir.evaluation.calibration import brier, log_loss, probabilities
from gobhir.evaluation.intervals import Estimate, bootstrap, difference, wilson
from gobhir.lang import catalogue, language, say, t
from gobhir.training.history import title as column_title
from gobhir.training.metrics.base import arrays
from gobhir.training.metrics.regression import columns

LOWER_IS_BETTER = frozenset(
    {"mae", "rmse", "mase", "log_loss", "brier", "ece", "loss", "false_alarms"}
)
SHARES = frozenset(
    {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1"}
    | {"ap", "ap50", "ap75", "mota", "idf1"}
)
"""What is read best in percent."""
AREAS = 10
"""Of more classes the areas under the curves say little, and cost more than all the rest."""


@dataclass(frozen=True)
class OfClass:
    """How one class fares: support is how many examples are of it."""

    name: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int


@dataclass(frozen=True)
class Classification:
    """numbers: accuracy, balanced_accuracy, macro_f1, and with probabilities log_loss, brier, and,
    of at most ten classes, auc and average_precision. confusion[i][j]: how often class i was taken
    for j."""

    numbers: dict[str, Estimate]
    per_class: list[OfClass]
    confusion: list[list[int]]


def classification(
    output: Any, target: Any, classes: Any = None, *, groups: Any = None, **settings: Any
) -> Classification:
    """The report of a classifier. output: probabilities or scores (n, classes), one an example for
    classes 0 and 1, or class numbers, whole; target: class numbers. classes: their names, or how
    many there are. settings: as in `bootstrap`."""
    out, y = arrays(output, target)
    p = None if out.dtype.kind in "iu" else probabilities(out)
    given = out if p is None else p.argmax(1)
    many = int(max(given.max(initial=0), y.max(initial=0))) + 1 if p is None else p.shape[1]
    told = many if classes is None else classes
    names = [str(c) for c in (range(told) if isinstance(told, int) else told)]
    if not len(y) or max(many, int(y.max()) + 1) > len(names) or y.min() < 0:
        said = {"count": len(names), "output": out.shape}
        raise ValueError(say("evaluation.bad.names", **said))
    c = len(names)
    counts = _Counts(y * c + given, c)
    matrix = counts(np.ones((1, len(y))))[0]
    each = [brier(p, y), log_loss(p, y)] if p is not None else []
    areas = [] if p is None or c > AREAS else _areas(p, y)

    def statistic(w: np.ndarray) -> np.ndarray:
        cells = counts(w)
        precision, recall, f1 = _rates(cells)
        found = [np.trace(cells, axis1=1, axis2=2) / w.sum(1)]
        found += [_mean_there(recall), _mean_there(f1)]
        if areas:
            both = np.array([area(w) for area in areas])
            found += [_mean_there(both[:, i].T) for i in (0, 1)]
        found += [w @ one / w.sum(1) for one in each]
        return np.column_stack([*found, precision, recall, f1])

    found = bootstrap(statistic, len(y), groups=groups, **settings)
    keys = ["accuracy", "balanced_accuracy", "macro_f1"]
    keys += ["auc", "average_precision"] if areas else []
    keys += ["brier", "log_loss"] if each else []
    numbers = dict(zip(keys, found, strict=False))
    rates = [found[len(keys) + i * c :][:c] for i in range(3)]
    level = settings.get("level", 0.95)
    if groups is None:
        numbers["accuracy"] = wilson(int(np.trace(matrix)), len(y), level)
        rates = [[_wilson(matrix, i, kind, level) for i in range(c)] for kind in range(3)]
    elif numbers["accuracy"].value in (0.0, 1.0):
        # Groups that are all right are all right again when they are drawn anew: they tell as much
        # as so many single examples.
        many = len(np.unique(np.asarray(groups)))
        one = wilson(many * int(numbers["accuracy"].value), many, level)
        numbers["accuracy"] = replace(
            numbers["accuracy"], low=one.low, high=one.high, method=one.method
        )
    support = matrix.sum(1).astype(int).tolist()
    per_class = [OfClass(*row) for row in zip(names, *rates, support, strict=True)]
    return Classification(numbers, per_class, matrix.astype(int).tolist())


def regression(
    output: Any, target: Any, *, groups: Any = None, scale: float | None = None, **settings: Any
) -> dict[str, Estimate]:
    """mae, rmse, r2 of numbers, (n,) or (n, columns; their mean is taken). scale: the mean absolute
    error of the naive forecast where it was learned; then mase = mae / scale is among them
    (Hyndman, Koehler 2006). settings: as in `bootstrap`; for forecasts pass groups=blocks(...)."""
    p, y = columns(output, target)
    if not (np.isfinite(p).all() and np.isfinite(y).all()):
        raise ValueError(say("evaluation.bad.numbers"))
    wrong, square = np.abs(p - y), (p - y) ** 2

    def statistic(w: np.ndarray) -> np.ndarray:
        n = w.sum(1, keepdims=True)
        mae, mse = (w @ wrong / n).mean(1), w @ square / n
        spread = w @ y**2 / n - (w @ y / n) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(spread > 1e-12 * (1 + y.var(0)), 1 - mse / spread, math.nan).mean(1)
        found = [mae, np.sqrt(mse).mean(1), r2]
        return np.column_stack([*found, mae / scale] if scale else found)

    y = y - y.mean(0)
    found = bootstrap(statistic, len(y), groups=groups, **settings)
    return dict(zip(["mae", "rmse", "r2", "mase"], found, strict=False))


def gain(one: Any, other: Any, target: Any, **settings: Any) -> Estimate:
    """How much better `one` is than `other` on the same examples: in accuracy, or, for floating
    targets, how much smaller its mean absolute error is. settings: as in `bootstrap`."""
    if np.asarray(target).dtype.kind == "f":
        a, b = (np.abs(np.subtract(*columns(out, target))).mean(1) for out in (one, other))
        return difference(b, a, **settings)
    return difference(_right(one, target), _right(other, target), **settings)


def worst(output: Any, target: Any, most: int = 24) -> np.ndarray:
    """The rows of the worst mistakes, worst first: wrong classes, the surest of them first; for
    floating targets the largest errors."""
    if np.asarray(target).dtype.kind == "f":
        return np.argsort(-np.abs(np.subtract(*columns(output, target))).mean(1))[:most]
    out, y = arrays(output, target)
    if out.dtype.kind in "iu":
        return np.flatnonzero(out != y)[:most]
    p = probabilities(out)
    sure = p.max(1) - p[np.arange(len(y)), y]
    wrong = np.flatnonzero(p.argmax(1) != y)
    return wrong[np.argsort(-sure[wrong], kind="stable")][:most]


def blocks(n: int, length: int) -> np.ndarray:
    """Groups of neighbours, (n,): errors of neighbouring times resemble one another, so they are
    drawn together (a block bootstrap). length: at least as long as this lasts, such as a season."""
    if length < 1 or n < 2 * length:
        raise ValueError(say("evaluation.bad.blocks", length=length, count=n))
    return np.arange(n) // length


def title(name: str, lang: str | None = None) -> str:
    """A number's name in words; those of one's own stay."""
    key = f"evaluation.name.{name}"  # keys: evaluation.name.*
    known = key in catalogue(lang or language())
    return t(key, lang) if known else column_title(name, lang)


# -- statistics of weights -----------------------------------------------------------------------


class _Counts:
    """The confusion matrix of each resample: weights (r, n) -> (r, classes, classes)."""

    def __init__(self, cells: np.ndarray, classes: int):
        self.order = np.argsort(cells, kind="stable")
        self.there, self.starts = np.unique(cells[self.order], return_index=True)
        self.classes = classes

    def __call__(self, w: np.ndarray) -> np.ndarray:
        out = np.zeros((len(w), self.classes**2))
        out[:, self.there] = np.add.reduceat(w[:, self.order], self.starts, axis=1)
        return out.reshape(len(w), self.classes, self.classes)


def _rates(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of each class; nan where there is nothing to divide by."""
    hits = np.diagonal(cells, axis1=1, axis2=2)
    given, true = cells.sum(1), cells.sum(2)
    with np.errstate(invalid="ignore"):
        return hits / given, hits / true, 2 * hits / (given + true)


def _mean_there(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is not nan."""
    there = ~np.isnan(values)
    count = there.sum(-1)
    return np.where(there, values, 0).sum(-1) / np.where(count, count, math.nan)


def _areas(p: np.ndarray, y: np.ndarray) -> list[Areas]:
    if p.shape[1] == 2:
        return [Areas(p[:, 1], y == 1)]
    return [Areas(p[:, c], y == c) for c in np.unique(y)]


class Areas:
    """The areas under the ROC and the precision-recall curve of each resample: weights (r, n) ->
    two of (r,)."""

    def __init__(self, score: np.ndarray, positive: np.ndarray):
        self.order = np.argsort(-score, kind="stable")
        # Equal scores are passed at once.
        self.starts = np.unique(-score[self.order], return_index=True)[1]
        self.distinct = len(self.starts) == len(score)
        self.positive = positive[self.order]

    def __call__(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        every = w[:, self.order]
        yes = every * self.positive
        if not self.distinct:
            yes, every = (np.add.reduceat(one, self.starts, axis=1) for one in (yes, every))
        no = every - yes
        so_far, seen = np.cumsum(yes, 1), np.cumsum(every, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            roc = (no * (so_far - yes / 2)).sum(1) / (so_far[:, -1] * no.sum(1))
            precision = np.where(seen > 0, so_far / seen, 0)
            return roc, (yes * precision).sum(1) / so_far[:, -1]


def _wilson(matrix: np.ndarray, i: int, kind: int, level: float) -> Estimate:
    """Class i's precision, recall or F1 (kind 0, 1, 2) from the confusion matrix."""
    hits, given, true = int(matrix[i, i]), int(matrix[:, i].sum()), int(matrix[i].sum())
    n = (given, true, given + true - hits)[kind]
    if not n:
        return Estimate(math.nan, level=level)
    share = wilson(hits, n, level)
    if kind < 2:
        return share
    # F1 is 2 j / (1 + j), where j is the share of hits in all that is, or is called, of the class.
    value, low, high = (2 * j / (1 + j) for j in (share.value, share.low or 0.0, share.high or 0.0))
    return Estimate(value, low, high, n, level, "wilson")


def _right(output: Any, target: Any) -> np.ndarray:
    out, y = arrays(output, target)
    given = out if out.dtype.kind in "iu" else probabilities(out).argmax(1)
    return given == y
