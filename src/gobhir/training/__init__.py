"""Training: one fit loop for models of Gobhir, PyTorch and Keras; metrics, callbacks, checkpoints.
Stands on nn/, optim/ and utils/; explain/ and what is above may import it. rich, matplotlib and
frameworks are imported only when they are needed. Start reading in loop.py, then callbacks.py.
"""

from typing import Any

from gobhir.training import metrics
from gobhir.training.callbacks import Average, Callback, EarlyStopping, KeepBest, Schedule
from gobhir.training.checkpoint import Checkpoint
from gobhir.training.divergence import Diverged
from gobhir.training.evaluate import evaluate, predict
from gobhir.training.history import History
from gobhir.training.logs import CSVLog, TensorBoardLog
from gobhir.training.loop import fit
from gobhir.training.processes import is_main_process
from gobhir.training.run import Run

__all__ = [
    "Average",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Diverged",
    "EarlyStopping",
    "History",
    "KeepBest",
    "Run",
    "Schedule",
    "TensorBoardLog",
    "evaluate",
    "fit",
    "is_main_process",
    "metrics",
    "plots",
    "predict",
]


def __getattr__(name: str) -> Any:
    if name != "plots":
        raise AttributeError(f"module 'gobhir.training' has no attribute '{name}'")
    from importlib import import_module

    return import_module("gobhir.training.plots")
