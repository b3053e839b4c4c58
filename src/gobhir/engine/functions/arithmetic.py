"""+, -, *, /, ** and their in-place forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.functions.publish import alias, binary, both, in_place, unary
from gobhir.engine.inplace import become
from gobhir.engine.ops import arithmetic, elementary, linear
from gobhir.engine.tensor import Tensor

mul = binary(arithmetic.mul)
div = binary(arithmetic.div)
neg = unary(arithmetic.neg)
alias("multiply", mul)
alias("divide", div)
alias("true_divide", div)
alias("negative", neg)


@in_place
@both
def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input + alpha * other."""
    return input + (other if alpha == 1 else alpha * other)


@in_place
@both
def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input - alpha * other."""
    return input - (other if alpha == 1 else alpha * other)


alias("subtract", sub)


@in_place
@both
def pow(input: Any, exponent: Any) -> Any:
    """input ** exponent; one of the two may be a number."""
    return arithmetic.pow(input, exponent)


def _operator(function: Callable[..., Any], swapped: bool = False) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float)):
            if not isinstance(other, (np.generic, np.ndarray)):
                return NotImplemented
            other = Tensor._wrap(np.asarray(other))
        return function(other, self) if swapped else function(self, other)

    operator.__name__ = function.__name__
    operator.__doc__ = function.__doc__
    return operator


def _in_place(function: Callable[..., Any], name: str) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float, np.generic, np.ndarray)):
            return NotImplemented
        return become(self, name, lambda x: function(x, other))

    return operator


for _symbol, _op in {
    "add": arithmetic.add,
    "sub": arithmetic.sub,
    "mul": arithmetic.mul,
    "truediv": arithmetic.div,
    "pow": arithmetic.pow,
    "matmul": linear.matmul,
}.items():
    _direct = _operator(_op)
    setattr(Tensor, f"__{_symbol}__", _direct)
    setattr(Tensor, f"__r{_symbol}__", _operator(_op, swapped=True))
    if _symbol != "matmul":
        setattr(Tensor, f"__i{_symbol}__", _in_place(_direct, f"{_op.__name__}_"))

Tensor.__neg__ = neg
Tensor.__pos__ = lambda self: self  # type: ignore[attr-defined]
Tensor.__abs__ = unary(elementary.abs)
