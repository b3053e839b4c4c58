"""How good a model is: accuracy and its kin, ROC and precision-recall, errors of numbers.
Stands on lang/ and NumPy alone, so that it measures any framework's outputs.
Start reading in base.py, then classification.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gobhir.lang import say
from gobhir.training.metrics.base import Mean, Metric
from gobhir.training.metrics.classification import (
    F1,
    Accuracy,
    ConfusionMatrix,
    Precision,
    Recall,
    TopK,
    accuracy,
    confusion_matrix,
    f1,
    precision,
    recall,
    top_k,
)
from gobhir.training.metrics.curves import (
    AUC,
    ROC,
    AveragePrecision,
    PrecisionRecall,
    PrecisionRecallCurve,
    ROCCurve,
    average_precision,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from gobhir.training.metrics.regression import MAE, MSE, R2, RMSE, mae, mse, r2, rmse

NAMES: dict[str, Callable[[], Metric]] = {
    "accuracy": Accuracy,
    "top_k": TopK,
    "precision": Precision,
    "recall": Recall,
    "f1": F1,
    "confusion_matrix": ConfusionMatrix,
    "roc": ROC,
    "auc": AUC,
    "precision_recall": PrecisionRecall,
    "average_precision": AveragePrecision,
    "mse": MSE,
    "mae": MAE,
    "rmse": RMSE,
    "r2": R2,
}


def metric(wish: Any) -> Metric:
    """A Metric: `wish` itself, the one of that name, or the mean of what a function
    `wish(output, target)` gives batch by batch."""
    if isinstance(wish, Metric):
        return wish
    if isinstance(wish, type) and issubclass(wish, Metric):
        return wish()
    if isinstance(wish, str):
        if wish not in NAMES:
            raise ValueError(say("errors.training.metric", name=wish, known=", ".join(NAMES)))
        return NAMES[wish]()
    if callable(wish):
        return Mean(wish)
    raise TypeError(say("errors.training.metric_type", type=type(wish).__name__))


__all__ = [
    "AUC",
    "Accuracy",
    "AveragePrecision",
    "ConfusionMatrix",
    "F1",
    "MAE",
    "MSE",
    "Mean",
    "Metric",
    "NAMES",
    "Precision",
    "PrecisionRecall",
    "PrecisionRecallCurve",
    "R2",
    "RMSE",
    "ROC",
    "ROCCurve",
    "Recall",
    "TopK",
    "accuracy",
    "average_precision",
    "confusion_matrix",
    "f1",
    "mae",
    "metric",
    "mse",
    "precision",
    "precision_recall_curve",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "roc_curve",
    "top_k",
]
