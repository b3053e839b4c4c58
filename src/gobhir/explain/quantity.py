"""What a page is about: quantities with a name, a value and an expression; and how an array is
looked at on a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Function, Index, Name, Sym, number
from gobhir.engine import Record, Tensor


@dataclass(eq=False)
class Quantity:
    """Something with a name and a value. exact: the engine's value; `sym.value`: the page's;
    reference: PyTorch's in float64, None where it was not asked or has no such op."""

    sym: Sym
    exact: Any
    expr: Expr | None = None
    record: Record | None = None
    layer: str = ""
    given: str = ""
    """For what was not computed: "input", "target", "parameter" or "constant"."""
    reference: Any = None

    @property
    def name(self) -> Name:
        return self.sym.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.sym.shape

    @property
    def truth(self) -> Any:
        """What the page's values are compared with."""
        return self.exact if self.reference is None else self.reference


@dataclass(eq=False)
class Pulled(Quantity):
    """dL/d(of). paths: how many contributions met in it."""

    of: Quantity | None = None
    paths: int = 1


def view(array: np.ndarray, parameter: bool = False) -> Any:
    """An array as the page shows it: one example is a column, not a row in a batch of one; a
    single number is a number."""
    if array.ndim >= 2 and array.shape[0] == 1 and not parameter:
        array = array[0]
    if array.size == 1 and (array.ndim < 2 or not parameter):
        return array.reshape(())
    return array


def element(e: Expr, index: Index, shape: tuple[int, ...]) -> Expr:
    """The tree of one element of a result of `shape`, whose expression may have its shape up to
    dimensions of size 1, or be one number for all."""
    if e.shape == shape:
        return e.at(index)
    if not e.shape:
        return e.at(())
    flat = int(np.ravel_multi_index(index, shape)) if shape else 0
    return e.at(tuple(int(i) for i in np.unravel_index(flat, e.shape)))


class Saturated(ArithmeticError):
    """With four digits a value has no end: a probability became exactly 1, and then ln 0."""


def plain(x: Any) -> Expr:
    """A plain number in a formula; attention's 0.7071067811865475 is 1 / sqrt(2)."""
    n = round(1 / x**2) if isinstance(x, float) and 0 < x < 1 else 0
    if 1 < n < 1 << 20 and x == 1 / math.sqrt(n) and len(repr(x)) > 10:
        return Fraction(number(1), Function("sqrt", (number(n),)))
    return number(x)


def as_written(exact: np.ndarray) -> np.ndarray:
    """Numbers that came out of float32 as one writes them there: 0.1, not 0.10000000149."""
    if exact.dtype != np.float64 or exact.size > 4096:
        return exact
    short = exact.astype(np.float32)
    return short if np.array_equal(short, exact) else exact


def key(x: Tensor) -> Any:
    """What a tensor stands for on a tape: the record that made it, or the leaf itself."""
    return x if x._record is None else x._record


def ancestors(loss: Record) -> set[Record]:
    """The records of which it was made, itself among them."""
    todo, seen = [loss], {loss}
    while todo:
        for x in todo.pop().inputs:
            if isinstance(x, Tensor) and x._record is not None and x._record not in seen:
                seen.add(x._record)
                todo.append(x._record)
    return seen


def blank(shape: tuple[int, ...]) -> Any:
    """A value for names that are only ever printed."""
    zero = np.full((), Decimal(0), object)
    return np.broadcast_to(zero, shape) if shape else Decimal(0)


def size(shape: tuple[int, ...]) -> int:
    """How many numbers."""
    return math.prod(shape)
