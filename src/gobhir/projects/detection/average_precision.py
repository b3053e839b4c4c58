"""Average precision: how good a detector is, over all thresholds of its scores.

Each detection, the surest first, takes the box of its class that it covers best (IoU) among those
that nobody took yet; where none reaches the threshold it is a false alarm. Going down the scores
gives pairs of recall and precision; the area below them, with precision made monotone and read at
101 places, is the average precision (COCO's way: https://cocodataset.org/#detection-eval).

A resample of the pictures is a row of weights (evaluation/intervals.py), so `measured` computes all
resamples from one matching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gobhir.evaluation import Estimate, bootstrap
from gobhir.lang import say
from gobhir.projects.detection.boxes import Detections, iou

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
"""COCO's: the mean over them is what papers call AP."""
PLACES = np.linspace(0, 1, 101)
MOST = 100
"""So many detections of a class count in a picture, the surest."""


@dataclass(frozen=True)
class Matches:
    """The detections of one class in all pictures, the surest first.

    scores: (n,). right: (thresholds, n), whether each found a box of its own. picture: (n,), where
    it was. true: (pictures,), how many boxes there are.
    """

    scores: np.ndarray
    right: np.ndarray
    picture: np.ndarray
    true: np.ndarray

    def curve(self, threshold: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(recall, precision), (n,) each, after each detection, at the threshold of that number."""
        up = np.cumsum(self.right[threshold])
        return up / max(1, self.true.sum()), up / np.arange(1, len(up) + 1)

    def measured(self, weights: np.ndarray | None = None) -> np.ndarray:
        """(resamples, thresholds) average precisions; weights: (resamples, pictures), how often
        each picture counts. nan where no box was drawn."""
        if weights is None:
            weights = np.ones((1, len(self.true)))
        found = np.full((len(weights), len(self.right)), np.nan)
        total = weights @ self.true
        for r in np.flatnonzero(total > 0):
            each = weights[r, self.picture]
            seen = np.maximum(np.cumsum(each), 1e-12)
            for t, right in enumerate(self.right):
                up = np.cumsum(each * right)
                found[r, t] = _area(up / total[r], up / seen)
        return found


def _area(recall: np.ndarray, precision: np.ndarray) -> float:
    """Precision, made to fall only, at 101 places of recall; their mean."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    # A recall of 0.3 may be computed a hair below it.
    at = np.searchsorted(recall, PLACES - 1e-9)
    return float(np.append(best, 0.0)[at].mean())


def matched(
    found: Sequence[Detections],
    truth: Sequence[Detections],
    thresholds: Sequence[float] = (0.5,),
    kind: int = 0,
) -> Matches:
    """The matches of one class; found, truth: one for each picture, in the same order. ValueError
    where these are not as many."""
    if len(found) != len(truth):
        raise ValueError(say("detection.bad.pictures", found=len(found), truth=len(truth)))
    levels = np.asarray(thresholds, float)
    scores, right, picture = [], [], []
    for k, (one, there) in enumerate(zip(found, truth, strict=True)):
        rows = np.flatnonzero(one.classes == kind)
        rows = rows[np.argsort(-one.scores[rows], kind="stable")[:MOST]]
        boxes = there.boxes[there.classes == kind]
        scores.append(one.scores[rows])
        right.append(_taken(iou(one.boxes[rows], boxes), levels))
        picture.append(np.full(len(rows), k))
    true = np.array([(there.classes == kind).sum() for there in truth], float)
    sure = np.concatenate([np.zeros(0), *scores])
    order = np.argsort(-sure, kind="stable")
    hits = np.concatenate([np.zeros((len(levels), 0), bool), *right], 1)
    where = np.concatenate([np.zeros(0, int), *picture])
    return Matches(sure[order], hits[:, order], where[order], true)


def _taken(overlap: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(levels, n): whether each detection, in its order, takes one of the (n, m) boxes."""
    n, m = overlap.shape
    right = np.zeros((len(levels), n), bool)
    for t, level in enumerate(levels if m else []):
        free = np.ones(m, bool)
        for k in range(n):
            best = int(np.argmax(np.where(free, overlap[k], -1)))
            if free[best] and overlap[k, best] >= level - 1e-10:
                right[t, k], free[best] = True, False
    return right


@dataclass(frozen=True)
class AveragePrecision:
    """Average precisions of a detector. table: (thresholds, classes), nan for a class that is in no
    picture. An area over all pictures, each with its interval: `estimates`."""

    thresholds: tuple[float, ...]
    classes: tuple[int, ...]
    matches: tuple[Matches, ...]

    @property
    def table(self) -> np.ndarray:
        return np.stack([m.measured()[0] for m in self.matches], 1)

    def at(self, threshold: float) -> float:
        """The mean over the classes at one threshold. KeyError for one that was not measured."""
        if threshold not in self.thresholds:
            known = ", ".join(map(str, self.thresholds))
            raise KeyError(say("detection.bad.threshold", threshold=threshold, known=known))
        return _mean(self.table[self.thresholds.index(threshold)])

    @property
    def mean(self) -> float:
        """The mean over classes and thresholds; with COCO's thresholds: AP."""
        return _mean(self.table)

    def measured(self, weights: np.ndarray) -> np.ndarray:
        """(resamples, thresholds + 1): the mean over the classes at each threshold,
        and over all."""
        each = np.stack([m.measured(weights) for m in self.matches], 2)
        there = np.isfinite(each)
        with np.errstate(invalid="ignore"):
            means = np.where(there, each, 0).sum(2) / there.sum(2)
        return np.column_stack([means, means.mean(1)])

    def estimates(self, resamples: int = 1000, seed: int = 0) -> list[Estimate]:
        """As `measured`, of these pictures, each with its interval over pictures (BCa)."""
        pictures = len(self.matches[0].true)
        return bootstrap(self.measured, pictures, resamples=resamples, seed=seed)


def _mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")


def average_precision(
    found: Sequence[Detections],
    truth: Sequence[Detections],
    thresholds: Sequence[float] = THRESHOLDS,
    classes: Sequence[int] | None = None,
) -> AveragePrecision:
    """How good `found` is for `truth`, one each for each picture. classes: those that count
    (default: all that are in the truth)."""
    if classes is None:
        classes = sorted({int(k) for one in truth for k in one.classes}) or [0]
    matches = tuple(matched(found, truth, thresholds, kind) for kind in classes)
    return AveragePrecision(tuple(thresholds), tuple(classes), matches)
