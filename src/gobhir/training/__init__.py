"""Training: one fit loop for Gobhir's models and PyTorch's, with metrics, callbacks, checkpoints.
Stands on nn/, optim/ and utils/; explain/ and what is above may import it. rich, matplotlib and
PyTorch are imported only when they are needed. Start reading in loop.py, then callbacks.py.
"""

from gobhir.training import metrics
from gobhir.training.callbacks import Callback, EarlyStopping, KeepBest, Schedule
from gobhir.training.checkpoint import Checkpoint
from gobhir.training.divergence import Diverged
from gobhir.training.evaluate import evaluate, predict
from gobhir.training.history import History
from gobhir.training.loop import fit
from gobhir.training.run import Run

__all__ = [
    "Callback",
    "Checkpoint",
    "Diverged",
    "EarlyStopping",
    "History",
    "KeepBest",
    "Run",
    "Schedule",
    "evaluate",
    "fit",
    "metrics",
    "predict",
]
