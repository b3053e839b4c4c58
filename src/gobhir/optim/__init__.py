"""Optimizers under PyTorch's names; each states its update rule beside the code that does it.
Stands on engine/ and lang/, swa_utils on nn/ too; training, explain and all above may import it.
Start reading in sgd.py, then optimizer.py; lr_scheduler/ changes learning rates over time.
"""

from importlib import import_module
from typing import Any

from gobhir.engine.absent import missing
from gobhir.optim.adadelta import Adadelta
from gobhir.optim.adafactor import Adafactor
from gobhir.optim.adagrad import Adagrad
from gobhir.optim.adam import Adam, AdamW
from gobhir.optim.adamax import Adamax
from gobhir.optim.asgd import ASGD
from gobhir.optim.lbfgs import LBFGS
from gobhir.optim.muon import Muon
from gobhir.optim.nadam import NAdam
from gobhir.optim.optimizer import Assignment, Optimizer
from gobhir.optim.radam import RAdam
from gobhir.optim.rmsprop import RMSprop
from gobhir.optim.rprop import Rprop
from gobhir.optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Assignment",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
]


def __getattr__(name: str) -> Any:
    # Loaded when asked for, so that `import gobhir` is quick, and optimizers do not need nn.
    if name in ("lr_scheduler", "swa_utils"):
        return import_module(f"gobhir.optim.{name}")
    raise missing(__name__, name)
