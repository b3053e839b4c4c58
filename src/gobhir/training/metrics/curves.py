"""What a classifier could do at every threshold: ROC and precision-recall, and their areas.

Definitions: https://scikit-learn.org/stable/modules/model_evaluation.html#roc-metrics
Outputs: one score or probability an example, or one a class. For more than two classes each
class has a curve of its own, against all others, and areas are averaged over the classes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gobhir.lang import say, warn
from gobhir.training.metrics.base import Metric, arrays


class ROCCurve(NamedTuple):
    """False and true positive rate at each threshold, from none called positive to all."""

    fpr: np.ndarray
    tpr: np.ndarray
    thresholds: np.ndarray
    auc: float


class PrecisionRecallCurve(NamedTuple):
    """Precision and recall at each threshold, lowest first; the last point, (1, 0), has none."""

    precision: np.ndarray
    recall: np.ndarray
    thresholds: np.ndarray
    average_precision: float


class _OfScores(Metric):
    """What the curves share: all scores and targets, kept until the end."""

    joins = True
    quick = False

    def __init__(self, pos_label: int = 1):
        self.pos_label = pos_label
        self.reset()

    def reset(self) -> None:
        self._scores: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []

    def update(self, output: Any, target: Any) -> None:
        out, y = arrays(output, target)
        self._scores.append(np.array(out, np.float64))
        self._targets.append(np.array(y))

    def _cases(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(scores, is it positive) for the one question that two classes ask, or for each of
        several classes."""
        self._check_seen(sum(map(len, self._targets)))
        out, y = np.concatenate(self._scores), np.concatenate(self._targets)
        if np.isnan(out).any():
            raise ValueError(say("errors.metrics.nan", metric=self.name))
        if out.ndim == 1:
            return [(out, y == self.pos_label)]
        given = np.allclose(out.sum(1), 1.0, atol=1e-4) and bool((out >= 0).all())
        p = out if given else _softmax(out)
        if out.shape[1] == 2:
            return [(p[:, 1], y == 1)]
        return [(p[:, c], y == c) for c in range(out.shape[1])]


class ROC(_OfScores):
    """The ROC curve: an ROCCurve, or, for more than two classes, a list with one a class.

    drop_intermediate leaves out points on straight lines, as scikit-learn does.
    """

    name = "roc"

    def __init__(self, pos_label: int = 1, drop_intermediate: bool = True):
        super().__init__(pos_label)
        self.drop_intermediate = drop_intermediate

    def compute(self) -> ROCCurve | list[ROCCurve]:
        curves = [_roc(s, y, self.drop_intermediate) for s, y in self._cases()]
        return curves[0] if len(curves) == 1 else curves


class AUC(_OfScores):
    """The area under the ROC curve: the probability that a positive example has a higher score
    than a negative one. More than two classes: the mean over the classes (one against the rest).
    nan, with a warning, where one of the two does not occur."""

    name = "auc"

    def compute(self) -> float:
        return float(np.mean([_roc(s, y, False).auc for s, y in self._cases()]))


class PrecisionRecall(_OfScores):
    """The precision-recall curve: a PrecisionRecallCurve, or, for more than two classes, a list
    with one a class."""

    name = "precision_recall"

    def compute(self) -> PrecisionRecallCurve | list[PrecisionRecallCurve]:
        curves = [_precision_recall(s, y) for s, y in self._cases()]
        return curves[0] if len(curves) == 1 else curves


class AveragePrecision(_OfScores):
    """The mean of the precisions at each threshold, weighted by the recall gained there; more
    than two classes: the mean over the classes."""

    name = "average_precision"

    def compute(self) -> float:
        areas = [_precision_recall(s, y).average_precision for s, y in self._cases()]
        return float(np.mean(areas))


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _counts(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(thresholds from high to low, true positives, false positives from each on)."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    last = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    true = np.cumsum(positive[order])[last]
    return sorted_scores[last], true, last + 1 - true


def _roc(scores: np.ndarray, positive: np.ndarray, drop_intermediate: bool) -> ROCCurve:
    thresholds, true, false = _counts(scores, positive)
    if drop_intermediate and len(true) > 2:
        bends = (np.diff(true, 2) != 0) | (np.diff(false, 2) != 0)
        keep = np.concatenate([[True], bends, [True]])
        thresholds, true, false = thresholds[keep], true[keep], false[keep]
    true, false = np.append(0, true), np.append(0, false)
    rates = []
    for name, count in (("tpr", true), ("fpr", false)):
        if count[-1] == 0:
            key = "errors.metrics.no_positives" if name == "tpr" else "errors.metrics.no_negatives"
            warn(say(key), RuntimeWarning)
            rates.append(np.full(len(count), math.nan))
        else:
            rates.append(count / count[-1])
    tpr, fpr = rates
    return ROCCurve(fpr, tpr, np.append(math.inf, thresholds), float(np.trapezoid(tpr, fpr)))


def _precision_recall(scores: np.ndarray, positive: np.ndarray) -> PrecisionRecallCurve:
    thresholds, true, false = _counts(scores, positive)
    precision = true / (true + false)
    if true[-1] == 0:
        warn(say("errors.metrics.no_positives"), RuntimeWarning)
        recall = np.ones(len(true))
        area = 0.0
    else:
        recall = true / true[-1]
        area = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return PrecisionRecallCurve(
        np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1], area
    )


def roc_curve(output: Any, target: Any, **settings: Any) -> Any:
    """The ROC curve; settings as in ROC."""
    return ROC(**settings)(output, target)


def roc_auc(output: Any, target: Any, pos_label: int = 1) -> float:
    """The area under the ROC curve."""
    return float(AUC(pos_label)(output, target))


def precision_recall_curve(output: Any, target: Any, pos_label: int = 1) -> Any:
    """The precision-recall curve."""
    return PrecisionRecall(pos_label)(output, target)


def average_precision(output: Any, target: Any, pos_label: int = 1) -> float:
    """The area under the precision-recall curve, as a sum of steps."""
    return float(AveragePrecision(pos_label)(output, target))
