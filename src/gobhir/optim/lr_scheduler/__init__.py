"""Learning rates that change over time, under PyTorch's names; each states its formula.
Stands on optim/optimizer.py and lang/; training and all above may import it.
Start reading in decay.py, then scheduler.py.
"""

from gobhir.optim.lr_scheduler.by_function import LambdaLR, MultiplicativeLR
from gobhir.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from gobhir.optim.lr_scheduler.cycle import CyclicLR
from gobhir.optim.lr_scheduler.decay import (
    ConstantLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from gobhir.optim.lr_scheduler.one_cycle import OneCycleLR
from gobhir.optim.lr_scheduler.plateau import ReduceLROnPlateau
from gobhir.optim.lr_scheduler.scheduler import LRScheduler
from gobhir.optim.lr_scheduler.together import ChainedScheduler, SequentialLR

_LRScheduler = LRScheduler  # PyTorch's name for it before 2.0

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
