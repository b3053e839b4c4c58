"""Honest evaluation: splits that stay, duplicates, intervals, calibration, baselines, reports.
Stands on lang/ and training/metrics; projects/ and deploy/ may import it. NumPy only; scikit-learn
is imported when a linear classifier is asked for. Start reading in splits.py, then intervals.py.
"""

from gobhir.evaluation import baselines
from gobhir.evaluation.calibration import Temperature, brier, ece, probabilities, reliability
from gobhir.evaluation.duplicates import joined, near, normalised, same
from gobhir.evaluation.intervals import Estimate, bootstrap, difference, mean, wilson
from gobhir.evaluation.report import blocks, classification, gain, regression, worst
from gobhir.evaluation.splits import by_id, in_order, k_fold, leaks, rolling, split

__all__ = [
    "Estimate",
    "Temperature",
    "baselines",
    "blocks",
    "bootstrap",
    "brier",
    "by_id",
    "classification",
    "difference",
    "ece",
    "gain",
    "in_order",
    "joined",
    "k_fold",
    "leaks",
    "mean",
    "near",
    "normalised",
    "probabilities",
    "regression",
    "reliability",
    "rolling",
    "same",
    "split",
    "wilson",
    "worst",
]
