"""Right and wrong classes: accuracy, top-k, confusion matrix, precision, recall, F1.

Definitions: https://scikit-learn.org/stable/modules/model_evaluation.html#classification-metrics
An output is one of: class numbers (n,), whole; scores or probabilities (n, classes); one score or
probability an example (n,) or (n, 1), floating, for the classes 0 and 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.training.metrics.base import Metric, arrays, logit, ratio

AVERAGES = ("auto", "binary", "macro", "micro", "weighted", None)


class _TwoScales:
    """Whether numbers of one score an example are probabilities or scores is known for sure only
    at the end: as soon as one lies outside 0 to 1, all are scores. Until then both is counted."""

    def __init__(self, threshold: float, from_logits: bool | None):
        self.cuts = (threshold, logit(threshold))
        self.from_logits = from_logits

    def reset(self) -> None:
        self.outside = False

    def labels(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The classes if these are probabilities, and the classes if they are scores."""
        if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
            self.outside = True
        as_probability, as_score = (scores > cut for cut in self.cuts)
        return as_probability.astype(np.int64), as_score.astype(np.int64)

    def expect(self, logits: bool) -> None:
        if self.from_logits is None:
            self.from_logits = logits

    @property
    def scores(self) -> bool:
        return self.outside if self.from_logits is None else self.from_logits


class Accuracy(Metric):
    """The share of examples whose class is right, 0 to 1.

    threshold: from which probability on one score an example means class 1. from_logits: whether
    such scores are logits; by default they are as soon as one lies outside 0 to 1.
    """

    joins = True
    name = "accuracy"

    def __init__(self, threshold: float = 0.5, from_logits: bool | None = None):
        self._scales = _TwoScales(threshold, from_logits)
        self.reset()

    def expect(self, logits: bool) -> None:
        self._scales.expect(logits)

    def reset(self) -> None:
        self._scales.reset()
        self.right, self.count = [0, 0], 0

    def update(self, output: Any, target: Any) -> None:
        out, y = arrays(output, target)
        if out.ndim == 1 and out.dtype.kind == "f":
            for i, labels in enumerate(self._scales.labels(out)):
                self.right[i] += int(np.count_nonzero(labels == y))
        else:
            n = int(np.count_nonzero((out.argmax(1) if out.ndim == 2 else out) == y))
            self.right = [n + so_far for so_far in self.right]
        self.count += y.size

    def compute(self) -> float:
        self._check_seen(self.count)
        return self.right[self._scales.scores] / self.count


class TopK(Metric):
    """The share of examples whose true class is among the k with the highest scores. Of equal
    scores the higher class number counts as higher, as in scikit-learn."""

    joins = True

    def __init__(self, k: int = 5):
        self.k = k
        self.name = f"top_{k}"
        self.reset()

    def reset(self) -> None:
        self.right, self.count = 0, 0

    def update(self, output: Any, target: Any) -> None:
        out, y = arrays(output, target)
        if out.ndim != 2:
            raise ValueError(say("errors.metrics.scores", metric=self.name, shape=out.shape))
        own = np.take_along_axis(out, y[:, None], 1)
        later = np.arange(out.shape[1]) > y[:, None]
        before = (out > own) | ((out == own) & later)
        self.right += int(np.count_nonzero(before.sum(1) < self.k))
        self.count += y.size

    def compute(self) -> float:
        self._check_seen(self.count)
        return self.right / self.count


class ConfusionMatrix(Metric):
    """How often class i (row) was taken for class j (column), as whole numbers.

    normalize: "true" divides each row by its sum, "pred" each column, "all" by everything.
    After `compute`, `labels` says which classes the rows stand for: all, where the output has a
    score for each; else those that occurred.
    """

    joins = True
    name = "confusion_matrix"

    def __init__(
        self,
        normalize: str | None = None,
        threshold: float = 0.5,
        from_logits: bool | None = None,
    ):
        if normalize not in (None, "true", "pred", "all"):
            known = "true, pred, all, None"
            raise ValueError(say("errors.metrics.choice", what="normalize", known=known))
        self.normalize = normalize
        self._scales = _TwoScales(threshold, from_logits)
        self.reset()

    def expect(self, logits: bool) -> None:
        self._scales.expect(logits)

    def reset(self) -> None:
        self._scales.reset()
        self.labels = np.zeros(0, np.int64)
        # One for each reading of the scores; the same one twice where there is only one reading.
        self._counts = [np.zeros((0, 0), np.int64) for _ in range(2)]

    def update(self, output: Any, target: Any) -> None:
        out, y = arrays(output, target)
        if out.ndim == 2:
            predicted = (out.argmax(1),) * 2
            seen = np.arange(out.shape[1])
        elif out.dtype.kind == "f":
            predicted = self._scales.labels(out)
            seen = np.arange(2)
        else:
            predicted = (out,) * 2
            seen = np.unique(out)
        self._make_room(np.union1d(seen, y))
        n = len(self.labels)
        rows = np.searchsorted(self.labels, y) * n
        for counts, labels in zip(self._counts, predicted, strict=True):
            cells = rows + np.searchsorted(self.labels, labels)
            counts += np.bincount(cells, minlength=n * n).reshape(n, n)

    def _make_room(self, labels: np.ndarray) -> None:
        if len(self.labels) == len(labels) and np.array_equal(self.labels, labels):
            return
        every = np.union1d(self.labels, labels)
        place = np.searchsorted(every, self.labels)
        for i, counts in enumerate(self._counts):
            self._counts[i] = np.zeros((len(every),) * 2, np.int64)
            self._counts[i][np.ix_(place, place)] = counts
        self.labels = every

    def counts(self) -> np.ndarray:
        """The matrix before normalising."""
        counts = self._counts[self._scales.scores]
        self._check_seen(int(counts.sum()))
        return counts.copy()

    def compute(self) -> np.ndarray:
        counts = self.counts()
        if self.normalize is None:
            return counts
        sums = {"true": counts.sum(1, keepdims=True), "pred": counts.sum(0, keepdims=True)}
        below = sums.get(self.normalize, counts.sum())
        return counts / np.where(below == 0, 1, below)  # a class that never occurs: a row of zeros


class _OfCounts(Metric):
    """What precision, recall and F1 share: the matrix, and how classes are averaged."""

    joins = True

    def __init__(
        self,
        average: str | None = "auto",
        pos_label: int = 1,
        zero_division: float = 0.0,
        threshold: float = 0.5,
        from_logits: bool | None = None,
    ):
        if average not in AVERAGES:
            known = ", ".join(map(str, AVERAGES))
            raise ValueError(say("errors.metrics.choice", what="average", known=known))
        self.average = average
        self.pos_label = pos_label
        self.zero_division = zero_division
        self.matrix = ConfusionMatrix(None, threshold, from_logits)
        self.matrix.name = self.name

    def expect(self, logits: bool) -> None:
        self.matrix.expect(logits)

    def reset(self) -> None:
        self.matrix.reset()

    def update(self, output: Any, target: Any) -> None:
        self.matrix.update(output, target)

    def compute(self) -> Any:
        counts, labels = self.matrix.counts(), self.matrix.labels
        hits, given, true = np.diag(counts), counts.sum(0), counts.sum(1)
        occurs = (given + true) > 0
        two = len(labels) <= 2 and set(labels.tolist()) <= {0, 1, self.pos_label}
        average = ("binary" if two else "macro") if self.average == "auto" else self.average
        if average == "binary":
            if not two:
                raise ValueError(say("errors.metrics.binary", labels=labels.tolist()))
            chosen = labels == self.pos_label
            hits, given, true = (np.array([a[chosen].sum()]) for a in (hits, given, true))
        elif average == "micro":
            hits, given, true = (np.array([a.sum()]) for a in (hits, given, true))
        else:
            hits, given, true = hits[occurs], given[occurs], true[occurs]
        above, below = self._fraction(hits, given, true)
        each = ratio(above, below, self.zero_division, self.name)
        if average is None:
            return each
        if average == "weighted":
            return float(np.average(each, weights=true))
        return float(each.mean())

    def _fraction(self, hits: Any, given: Any, true: Any) -> tuple[Any, Any]:
        raise NotImplementedError(say("errors.metrics.no_method", metric=type(self).__name__))


class Precision(_OfCounts):
    """Of the examples that were called a class, the share that was of it: tp / (tp + fp).

    average: "binary" looks at pos_label alone; "macro" is the mean over classes, "weighted" by
    how often each is true, "micro" counts all together; None gives one value a class; "auto" is
    binary for two classes, else macro. zero_division: the value, with a warning, for 0 / 0.
    """

    name = "precision"

    def _fraction(self, hits: Any, given: Any, true: Any) -> tuple[Any, Any]:
        return hits, given


class Recall(_OfCounts):
    """Of the examples that are of a class, the share that was called it: tp / (tp + fn).
    Settings as in Precision."""

    name = "recall"

    def _fraction(self, hits: Any, given: Any, true: Any) -> tuple[Any, Any]:
        return hits, true


class F1(_OfCounts):
    """The harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn).
    Settings as in Precision."""

    name = "f1"

    def _fraction(self, hits: Any, given: Any, true: Any) -> tuple[Any, Any]:
        return 2 * hits, given + true


def accuracy(output: Any, target: Any, **settings: Any) -> float:
    """The share of right classes; settings as in Accuracy."""
    return float(Accuracy(**settings)(output, target))


def top_k(output: Any, target: Any, k: int = 5) -> float:
    """The share of examples whose true class is among the k highest scores."""
    return float(TopK(k)(output, target))


def confusion_matrix(output: Any, target: Any, **settings: Any) -> np.ndarray:
    """Rows: true classes, columns: given ones; settings as in ConfusionMatrix."""
    return np.asarray(ConfusionMatrix(**settings)(output, target))


def precision(output: Any, target: Any, average: str | None = "auto", **settings: Any) -> Any:
    """tp / (tp + fp); settings as in Precision."""
    return Precision(average, **settings)(output, target)


def recall(output: Any, target: Any, average: str | None = "auto", **settings: Any) -> Any:
    """tp / (tp + fn); settings as in Recall."""
    return Recall(average, **settings)(output, target)


def f1(output: Any, target: Any, average: str | None = "auto", **settings: Any) -> Any:
    """2 tp / (2 tp + fp + fn); settings as in F1."""
    return F1(average, **settings)(output, target)
