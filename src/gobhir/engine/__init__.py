"""The engine: Tensor, ops, the tape and what reads it (backward). NumPy only, and lang for errors.
nn, optim, explain, lift and all above may import it; it imports none of them.
Start reading in ops/activations.py (Sigmoid, a whole op on one screen), then tape.py, backward.py.
"""

from gobhir.engine import functions  # noqa: F401  attaches the operators to Tensor
from gobhir.engine.apply import apply
from gobhir.engine.backward import backward, grad
from gobhir.engine.malloc import keep_freed_memory
from gobhir.engine.op import OPS, Family, Op
from gobhir.engine.tape import Gradient, Record, Tape, Update
from gobhir.engine.tensor import Tensor

keep_freed_memory()

__all__ = [
    "OPS",
    "Family",
    "Gradient",
    "Op",
    "Record",
    "Tape",
    "Tensor",
    "Update",
    "apply",
    "backward",
    "grad",
]
