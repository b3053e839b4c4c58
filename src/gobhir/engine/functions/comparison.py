"""Comparing: element by element into bool tensors, and whole tensors into one answer. None of
it has a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.drawing import clash
from gobhir.engine.functions.publish import both, function
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _comparison(symbol: str, how: Callable[..., Any]) -> None:
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float, np.generic, np.ndarray)):
            return NotImplemented
        value = other.array if isinstance(other, Tensor) else other
        try:
            return Tensor._wrap(np.asarray(how(self.array, value)))
        except ValueError:
            shapes = clash(self.shape, np.shape(value))
            raise RuntimeError(say("errors.shape.broadcast", op=how.__name__, **shapes)) from None

    setattr(Tensor, f"__{symbol}__", operator)


for _symbol, _how in {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "rand": np.bitwise_and,
    "ror": np.bitwise_or,
    "rxor": np.bitwise_xor,
}.items():
    _comparison(_symbol, _how)

Tensor.__invert__ = lambda self: Tensor._wrap(np.asarray(~self.array))  # type: ignore[attr-defined]


@both
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and the same numbers."""
    return input.shape == other.shape and bool((input.array == other.array).all())


@both
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether |input - other| <= atol + rtol |other| everywhere."""
    return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))


@both
def isnan(input: Tensor) -> Tensor:
    """Where the numbers are NaN, "not a number"."""
    return Tensor._wrap(np.isnan(input.array))


@both
def isinf(input: Tensor) -> Tensor:
    """Where the numbers are infinite."""
    return Tensor._wrap(np.isinf(input.array))


@both
def isfinite(input: Tensor) -> Tensor:
    """Where the numbers are neither NaN nor infinite."""
    return Tensor._wrap(np.isfinite(input.array))


@function
def is_tensor(obj: object) -> bool:
    """Whether this is a Tensor."""
    return isinstance(obj, Tensor)
