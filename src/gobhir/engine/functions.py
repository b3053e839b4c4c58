"""PyTorch's top-level functions: the methods of Tensor called as functions, choosing by a
condition, and comparing whole tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.creation import as_tensor
from gobhir.engine.methods import add, all, any, log_softmax, mean, softmax, sub, sum
from gobhir.engine.ops import elementary
from gobhir.engine.tensor import Tensor

_methods: Any = Tensor  # its ops are attached when methods.py is imported

abs = _methods.abs
argmax = _methods.argmax
clone = _methods.clone
div = _methods.div
dot = _methods.dot
exp = _methods.exp
flatten = _methods.flatten
log = _methods.log
matmul = _methods.matmul
maximum = _methods.maximum
minimum = _methods.minimum
mm = _methods.mm
mul = _methods.mul
neg = _methods.neg
permute = _methods.permute
pow = _methods.pow
relu = _methods.relu
reshape = _methods.reshape
sigmoid = _methods.sigmoid
sign = _methods.sign
sqrt = _methods.sqrt
squeeze = _methods.squeeze
t = _methods.t
tanh = _methods.tanh
transpose = _methods.transpose
unsqueeze = _methods.unsqueeze

__all__ = [
    "abs",
    "add",
    "all",
    "allclose",
    "any",
    "argmax",
    "clone",
    "div",
    "dot",
    "equal",
    "exp",
    "flatten",
    "is_tensor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log_softmax",
    "matmul",
    "maximum",
    "mean",
    "minimum",
    "mm",
    "mul",
    "neg",
    "numel",
    "permute",
    "pow",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "softmax",
    "sqrt",
    "squeeze",
    "sub",
    "sum",
    "t",
    "tanh",
    "transpose",
    "unsqueeze",
    "where",
]


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, other elsewhere; with the condition alone, the indices
    at which it holds, one tensor a dimension."""
    if input is None and other is None:
        return tuple(Tensor._wrap(index) for index in np.nonzero(condition.array))
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = as_tensor(input)
    return elementary.where(condition, input, other)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and the same numbers."""
    return input.shape == other.shape and bool((input.array == other.array).all())


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether |input - other| <= atol + rtol |other| everywhere."""
    return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))


def isnan(input: Tensor) -> Tensor:
    """Where the numbers are NaN, "not a number"."""
    return Tensor._wrap(np.isnan(input.array))


def isinf(input: Tensor) -> Tensor:
    """Where the numbers are infinite."""
    return Tensor._wrap(np.isinf(input.array))


def isfinite(input: Tensor) -> Tensor:
    """Where the numbers are neither NaN nor infinite."""
    return Tensor._wrap(np.isfinite(input.array))


def numel(input: Tensor) -> int:
    """How many numbers there are."""
    return input.numel()


def is_tensor(obj: object) -> bool:
    """Whether this is a Tensor."""
    return isinstance(obj, Tensor)
