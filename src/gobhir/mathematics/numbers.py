"""The numbers of a page: exact fractions where all that was given is whole, else decimals; how
they are read from what a user types, and how a line of them is worked out."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction as Ratio
from math import isqrt
from typing import Any

import numpy as np

from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    transform,
    without_labels,
)
from gobhir.derivation.rounding import decimal, objects
from gobhir.derivation.signs import Grid, grid
from gobhir.lang import say

Number = Ratio | Decimal
LARGEST = 5
"""Rows up to which whole numbers are worked out in fractions: beyond, these grow too long."""

HIGHEST = 64
"""The highest power of a fraction that is worked out exactly."""


def read(value: Any, name: str) -> Number:
    """What was typed, as a number: 3, 0.5, "2/3", numpy.float32(0.1). ValueError else."""
    if isinstance(value, (str, Ratio)) and not isinstance(value, Decimal):
        try:
            return Ratio(value)
        except (ValueError, ZeroDivisionError):
            raise ValueError(say("errors.maths.no_number", name=name, found=str(value))) from None
    try:
        x = decimal(value)
    except (TypeError, ValueError, ArithmeticError):
        raise ValueError(say("errors.maths.no_number", name=name, found=repr(value))) from None
    if not x.is_finite():
        raise ValueError(say("errors.maths.no_number", name=name, found=str(value)))
    return Ratio(int(x)) if x == x.to_integral_value() else x


def read_array(values: Any, name: str, ndim: int) -> np.ndarray:
    """A vector (ndim 1) or a matrix (ndim 2) of numbers, dtype object. ValueError for rows of
    several lengths, or what is neither."""
    values = values.tolist() if hasattr(values, "tolist") else values
    rows = values if ndim == 2 else [values]
    kind = "matrix" if ndim == 2 else "vector"
    if not _listed(rows) or not rows or not all(_listed(r) and len(r) for r in rows):
        # keys: errors.maths.no_matrix, errors.maths.no_vector
        raise ValueError(say(f"errors.maths.no_{kind}", name=name, found=_short(values)))
    lengths = [len(r) for r in rows]
    if len(set(lengths)) > 1:
        told = ", ".join(map(str, lengths))
        raise ValueError(say("errors.maths.ragged", name=name, lengths=told))
    flat = [read(v, name) for r in rows for v in r]
    return objects(flat, (len(rows), lengths[0]) if ndim == 2 else (lengths[0],))


def _listed(values: Any) -> bool:
    return isinstance(values, (list, tuple, range))


def _short(values: Any) -> str:
    text = repr(values)
    return text if len(text) < 60 else text[:57] + "..."


# -- on the page ---------------------------------------------------------------------------------


def written(x: Number | int) -> Expr:
    """The number as it stands on the page."""
    if isinstance(x, Decimal):
        return Num(x)
    above, below = abs(Ratio(x)).as_integer_ratio()
    if below == 1:
        return Num(Decimal(int(x)))
    part = Fraction(Num(Decimal(above)), Num(Decimal(below)))
    return Negative(part) if x < 0 else part


def laid_out(values: np.ndarray, bar: int | None = None) -> Grid:
    """A matrix of numbers, or a vector as a column."""
    table = values if values.ndim == 2 else values.reshape(-1, 1)
    return grid([[written(v) for v in row] for row in table], bar)


def as_decimal(x: Number | int) -> Decimal:
    """To 28 digits, where it is a fraction."""
    return x if isinstance(x, Decimal) else Decimal(x.numerator) / Decimal(x.denominator)


def floats(values: Any) -> Any:
    """For programs: a float, or an array of them."""
    if isinstance(values, np.ndarray):
        return values.astype(float)
    return float(values) if isinstance(values, (Ratio, Decimal)) else values


# -- exact lines ---------------------------------------------------------------------------------


def is_short(x: Number) -> bool:
    """Whether it is a fraction of which one can keep track."""
    return isinstance(x, Ratio) and abs(x.numerator) < 10**6 and x.denominator < 10**4


def is_whole(e: Expr) -> bool:
    """Whether it can be worked out in fractions: whole numbers and fractions, no function, and
    no power that would fill pages."""
    match e:
        case Num() | Sym():
            return isinstance(e.value, Ratio) or e.value == e.value.to_integral_value()
        case Power(left=base, right=Num() | Sym() | Negative() as n):
            small = is_whole(n) and exact(n).denominator == 1 and abs(exact(n)) <= HIGHEST
            return bool(small and is_whole(base))
        case Sum() | Product() | Negative() | Fraction():
            return all(map(is_whole, e.children))
    return False


def exact(e: Expr) -> Ratio:
    """The value of a tree of whole numbers and fractions. ZeroDivisionError."""
    match e:
        case Num() | Sym():
            return Ratio(e.value)
        case Sum():
            return sum(map(exact, e.terms), Ratio(0))
        case Product():
            out = Ratio(1)
            for t in e.terms:
                out *= exact(t)
            return out
        case Negative():
            return -exact(e.body)
        case Fraction():
            return exact(e.left) / exact(e.right)
        case Power():
            return Ratio(exact(e.left) ** int(exact(e.right)))
    raise TypeError(f"no exact value for {type(e).__name__}")


def exact_stages(e: Expr) -> tuple[Expr, ...]:
    """Names, numbers, what is in brackets, ..., one number; as `rounding.stages` in fractions."""

    def put_in(n: Expr) -> Expr | None:
        return written(n.value) if isinstance(n, Sym) else None

    line = transform(without_labels(e), put_in)
    out = [line]
    while not _plain(line):
        line = _advance(line)
        out.append(line)
    return tuple(out)


def _plain(e: Expr) -> bool:
    if isinstance(e, Negative):
        return _plain(e.body) and not isinstance(e.body, Negative)
    if isinstance(e, Fraction):
        whole = all(isinstance(c, Num) for c in e.children)
        return whole and written(exact(e)).children != () and _same(e)
    return isinstance(e, Num)


def _same(e: Fraction) -> bool:
    """Whether it is in lowest terms, with a denominator other than 1."""
    x = exact(e)
    return bool(x.denominator != 1 and e.right.value == x.denominator)  # type: ignore[attr-defined]


def _advance(e: Expr) -> Expr:
    if all(_plain(c) or _typed(c) for c in e.children):
        return written(exact(e))
    return e.rebuild(tuple(c if _plain(c) else _advance(c) for c in e.children))


def _typed(e: Expr) -> bool:
    """A part that is seen at a glance: a power of a number, the negative of a number."""
    if isinstance(e, Power):
        return all(map(_plain, e.children))
    return isinstance(e, Negative) and _plain(e.body)


def root(x: Ratio) -> Ratio | None:
    """The square root where it is a fraction itself."""
    if x < 0:
        return None
    above, below = isqrt(x.numerator), isqrt(x.denominator)
    found = Ratio(above, below)
    return found if found * found == x else None
