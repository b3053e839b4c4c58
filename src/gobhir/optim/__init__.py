"""Optimizers under PyTorch's names; each states its update rule beside the code that does it.
Stands on engine/ and lang/; training, explain and all above may import it.
Start reading in sgd.py, then optimizer.py.
"""

from gobhir.optim.adam import Adam, AdamW
from gobhir.optim.optimizer import Assignment, Optimizer
from gobhir.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Assignment", "Optimizer"]
