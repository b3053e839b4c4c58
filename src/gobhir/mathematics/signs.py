"""Short names for what the algorithms write again and again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gobhir.derivation.arrays import Transposed
from gobhir.derivation.expression import (
    Expr,
    Function,
    Labelled,
    Name,
    Power,
    Product,
    Sum,
    Sym,
    number,
)
from gobhir.derivation.formula import negative
from gobhir.derivation.rounding import objects
from gobhir.derivation.signs import grid
from gobhir.mathematics.numbers import Number, written

__all__ = ["negative", "number", "written"]


def letter(base: str, *index: int | str) -> Sym:
    """A name alone, for lines in which nothing is worked out."""
    return Sym(Name(base, index=index), number(0).value)


def matrix_named(base: str) -> Sym:
    """The name of a matrix, as a factor of a product of matrices."""
    return Sym(Name(base), np.zeros((2, 2)))


def vector_named(base: str) -> Sym:
    """The name of a vector, likewise."""
    return Sym(Name(base), np.zeros(2))


def element(base: str, values: np.ndarray, *place: int) -> Sym:
    """One element of a vector or matrix by its name, counted from 1."""
    return Sym(Name(base, index=tuple(i + 1 for i in place)), values[place])


def elements(base: str, values: np.ndarray) -> list[Sym]:
    """All elements of a vector."""
    return [element(base, values, i) for i in range(len(values))]


def named(base: str, value: Number, *index: int | str) -> Sym:
    """A number by its name."""
    return Sym(Name(base, index=index), value)


def added(terms: Iterable[Expr]) -> Expr:
    """Their sum, with every term written, zeros too."""
    found = tuple(terms)
    return found[0] if len(found) == 1 else Sum(found)


def minus(a: Expr, b: Expr) -> Expr:
    return Sum((a, negative(b)))


def times(*factors: Expr) -> Expr:
    return Product(factors)


def squared(e: Expr) -> Expr:
    return Power(e, number(2))


def sqrt(e: Expr) -> Expr:
    return Function("sqrt", (e,))


def norm(e: Expr) -> Expr:
    return Function("norm", (e,))


def dotted(a: Expr, b: Expr) -> Expr:
    """a . b, for showing."""
    return Product((a, Product((b,))))


def transposed(e: Expr) -> Expr:
    return Transposed(e)


def inner(a: Sequence[Expr], b: Sequence[Expr]) -> Expr:
    """a1 b1 + a2 b2 + ..."""
    return added(Product(pair) for pair in zip(a, b, strict=True))


def braced(e: Expr, base: str) -> Expr:
    """e with a brace under it that says what it is."""
    return Labelled(e, letter(base))


def column(cells: Iterable[Expr]) -> Expr:
    return grid([[c] for c in cells])


def row(cells: Iterable[Expr], bar: int | None = None) -> Expr:
    return grid([list(cells)], bar)


def each(function: Any, *arrays: np.ndarray) -> np.ndarray:
    """function of the elements of arrays of one shape, one by one."""
    flat = [function(*v) for v in zip(*(a.ravel() for a in arrays), strict=True)]
    return objects(flat, arrays[0].shape)
