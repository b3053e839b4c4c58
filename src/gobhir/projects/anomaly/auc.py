"""The area under the ROC curve with an interval, and the per-frame scores of a labelled test."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.evaluation import Estimate, bootstrap
from gobhir.evaluation.report import Areas

RESAMPLES = 500


def auc(
    scores: np.ndarray, unusual: np.ndarray, groups: Any = None, resamples: int = RESAMPLES
) -> Estimate:
    """How likely something unusual has a higher score than something usual. scores, unusual: (n,);
    groups: as in `bootstrap`. Without an interval where there is one group only."""
    areas = Areas(scores, unusual)
    alone = groups is not None and len(np.unique(groups)) < 2
    if alone:
        return Estimate(float(areas(np.ones((1, len(scores))))[0][0]), n=len(scores))
    (found,) = bootstrap(
        lambda weights: areas(weights)[0],
        len(scores),
        groups=groups,
        method="percentile",
        resamples=resamples,
    )
    return found


def to_all(scores: np.ndarray, numbers: np.ndarray, frames: int) -> np.ndarray:
    """The scores of the frames with these numbers (the first has none) for all frames of a clip:
    each has that of the last one that was looked at before it, or else the first score."""
    last = np.searchsorted(numbers[1:], np.arange(frames), side="right") - 1
    return scores[np.maximum(last, 0)]
