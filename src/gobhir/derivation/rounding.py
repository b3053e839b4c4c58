"""Rounding as an algorithm: how a line goes from names to numbers to the result.

A line is a chain of stages. Each stage replaces some parts of the one before it by the number
that a calculator shows for them. Which parts: functions first (e^-z, ln p, ...), brackets and
single terms next, the whole at last. `advance` states that rule, and nothing else does.

*Hand mode*: every number that is written down has at most four significant digits (half rounded
away from zero, as in school), and the next stage is computed from what is written. So a
calculator, fed with the printed digits, gives exactly what is printed.

*Exact mode*: all stages are computed in full precision and shown with just as many digits as
make the line come out on a calculator; a line for which no number of digits does is marked
"last digit may differ by one".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import numpy as np

from gobhir.derivation.arrays import LongSum
from gobhir.derivation.expression import (
    RELATIONS,
    Cases,
    Expr,
    Fraction,
    Function,
    Labelled,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    transform,
    without_labels,
)
from gobhir.derivation.functions import FUNCTIONS, divide

DIGITS = 4
MOST_DIGITS = 9
_CONTEXT = Context(prec=40, traps=[])
"""Forty digits; what is too large becomes infinite and what has no value NaN, as in floats."""
_SHOWN = Context(prec=30, traps=[])
"""What a calculation gives: ten digits are kept back, as every calculator does, so that
(1/3) 0.15 is 0.05 and not 0.0499..."""

Rounder = Callable[[Decimal], Decimal]


def significant(x: Decimal, digits: int = DIGITS) -> Decimal:
    """x with at most `digits` significant digits, halves away from zero; a shorter number keeps
    its own digits (0.10 stays 0.10), a zero loses its sign."""
    if not x.is_finite():
        return x
    if x == 0:
        return Decimal(0)
    if len(x.as_tuple().digits) <= digits:
        return x
    rounded = x.quantize(Decimal((0, (1,), x.adjusted() - digits + 1)), ROUND_HALF_UP)
    # 0.099996 becomes 0.10000, which has one digit too many.
    carried = len(rounded.as_tuple().digits) > digits
    return (
        rounded.quantize(Decimal((0, (1,), rounded.adjusted() - digits + 1)))
        if carried
        else rounded
    )


def decimal(value: Any) -> Decimal:
    """The shortest decimal that stands for this number in its own precision: float32(0.1) is
    0.1, not 0.10000000149."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, (bool, np.bool_)):
        return Decimal(int(value))
    text = np.format_float_positional(value, trim="-") if isinstance(value, np.floating) else None
    return Decimal(
        text if text is not None else repr(value.item() if hasattr(value, "item") else value)
    )


def decimals(array: Any) -> Any:
    """The same for an array (dtype object); a 0-dimensional one gives a Decimal."""
    array = np.asarray(array)
    if array.ndim == 0:
        return decimal(array[()])
    return array if array.dtype == object else each(decimal, array)


def each(function: Callable[[Any], Any], value: Any) -> Any:
    """`function` of a number, or of every number of an array (the result has dtype object)."""
    if not isinstance(value, np.ndarray):
        return function(value)
    return objects([function(v) for v in value.ravel()], value.shape)


def objects(values: list[Any], shape: tuple[int, ...]) -> Any:
    """An array of these objects; np.array would look inside them."""
    out = np.empty(len(values), object)
    for i, v in enumerate(values):
        out[i] = v
    return out.reshape(shape)


def evaluate(e: Expr) -> Decimal:
    """The value of a scalar tree in full precision."""
    with localcontext(_CONTEXT):
        return _SHOWN.plus(_value(e))


def _value(e: Expr) -> Decimal:
    match e:
        case Num() | Sym():
            return decimal(e.value)
        case LongSum():
            return decimal(e.values.sum())
        case Sum():
            return sum((_value(t) for t in e.terms), Decimal(0))
        case Product():
            out = Decimal(1)
            for t in e.terms:
                out *= _value(t)
            return out
        case Negative():
            return -_value(e.body)
        case Fraction():
            return divide(_value(e.left), _value(e.right))
        case Power():
            return _value(e.left) ** _value(e.right)
        case Function():
            return FUNCTIONS[e.name](*(_value(a) for a in e.arguments))
        case Cases():
            return _value(_branch(e))
        case Labelled():
            return _value(e.body)
    raise TypeError(f"no value for {type(e).__name__}")


def _branch(e: Cases) -> Expr:
    return e.then if RELATIONS[e.relation](_value(e.left), _value(e.right)) else e.otherwise


def substituted(e: Expr) -> Expr:
    """The line with numbers for names, braces gone, and of each case only the one that holds."""

    def change(n: Expr) -> Expr | None:
        if isinstance(n, Sym):
            return Num(n.value if n.shape else decimal(n.value), of=n.name)
        if isinstance(n, Cases):
            with localcontext(_CONTEXT):
                return substituted(_branch(n))
        return None

    return transform(without_labels(e), change)


# -- the rule of a line ----


def _literal(e: Expr) -> bool:
    return isinstance(e, Num) or (isinstance(e, Negative) and isinstance(e.body, Num))


def _simple(e: Expr) -> bool:
    """A literal, or a power or quotient of two."""
    return _literal(e) or (
        isinstance(e, (Power, Fraction)) and _literal(e.left) and _literal(e.right)
    )


def _row(e: Expr) -> bool:
    """A literal, a sum of literals, or a product of simple factors."""
    if isinstance(e, Sum):
        return all(_literal(t) for t in e.terms)
    if isinstance(e, Product):
        return all(_simple(t) for t in e.terms)
    return _simple(e)


def typed_at_once(e: Expr) -> bool:
    """Whether a person would type this into a calculator as it stands."""
    match e:
        case Function():
            return all(_row(a) or _negative_row(a) for a in e.arguments)
        case Fraction():
            return _row(e.left) and _row(e.right)
        case Negative():
            return _row(e.body) or typed_at_once(e.body)
    return _row(e)


def _negative_row(e: Expr) -> bool:
    return isinstance(e, Negative) and _row(e.body)


def advance(e: Expr, rounder: Rounder) -> Expr:
    """The next stage of a scalar line of numbers."""
    if _literal(e) and not isinstance(e, Num):
        return Num(-e.body.value, e)  # type: ignore[attr-defined]  # Negative(Num), as just seen
    if typed_at_once(e):
        return Num(rounder(evaluate(e)), e)
    if all(_literal(c) for c in e.children):
        raise TypeError(f"no value for {type(e).__name__}")  # else the line would never end

    def child(c: Expr) -> Expr:
        if _literal(c) or (isinstance(e, Fraction) and _row(c)):
            return c
        return advance(c, rounder)

    return e.rebuild(tuple(child(c) for c in e.children))


def stages(e: Expr, rounder: Rounder) -> tuple[Expr, ...]:
    """A scalar line from its names to its result: names, numbers, ..., one number."""
    line = substituted(e)
    out = [e, line]
    while not isinstance(line, Num):
        line = advance(line, rounder)
        out.append(line)
    if line.source is None and rounder(line.value) != line.value:
        out.append(Num(rounder(line.value), line))
    return tuple(out)


def result(e: Expr, rounder: Rounder) -> Decimal:
    """The number at the end of the line."""
    last = stages(e, rounder)[-1]
    assert isinstance(last, Num)
    return last.value


# -- how many digits exact mode shows ----


@dataclass(frozen=True)
class Shown:
    """A line as it will be printed: every number already has the digits that it is shown with.
    marked: redone on a calculator, the last digit may differ by one."""

    stages: tuple[Expr, ...]
    marked: bool


def shown(line: tuple[Expr, ...], digits: int = DIGITS) -> Shown:
    """Exact mode's choice of digits for one line of full-precision stages: the result with
    `digits`, what leads to it with as few more as the line needs to come out."""
    for given in range(digits, MOST_DIGITS + 1):
        for between in range(digits, given + 1):
            for falling in (False, True):
                attempt = _with_digits(line, given, between, digits, falling)
                if reproducible(attempt):
                    return Shown(attempt, False)
    return Shown(_with_digits(line, digits, digits, digits, False), True)


def _with_digits(
    line: tuple[Expr, ...], given: int, between: int, final: int, falling: bool
) -> tuple[Expr, ...]:
    """The line with its numbers cut: the given ones, those computed on the way (one digit fewer
    from stage to stage if `falling`), the result."""
    last = line[-1]
    seen: dict[int, Num] = {}
    out: list[Expr] = []

    def digits_of(n: Num) -> int:
        if n is last or n.source is None:
            return final if n is last else given
        return max(final, between + len(line) - 2 - len(out)) if falling else between

    def show(n: Expr) -> Expr | None:
        if not isinstance(n, Num):
            return None
        if id(n) not in seen:
            source = None if n.source is None else transform(n.source, show)
            value = n.value if n.constant else significant(n.value, digits_of(n))
            seen[id(n)] = Num(value, source, n.constant, n.of)
        return seen[id(n)]

    for tree in line:
        out.append(transform(tree, show))
    return tuple(out)


def reproducible(line: tuple[Expr, ...]) -> bool:
    """Whether each written number is what a calculator makes of the written numbers it came from,
    rounded to the digits that it is written with."""
    for stage in line:
        for n in stage.walk():
            if isinstance(n, Num) and n.source is not None and not _agrees(n):
                return False
    return True


def _agrees(n: Num) -> bool:
    redone, written = evaluate(n.source), n.value  # type: ignore[arg-type]  # checked by the caller
    if not written.is_finite() or not redone.is_finite():
        return str(written) == str(redone)
    places = Decimal((0, (1,), written.as_tuple().exponent))
    with localcontext(_CONTEXT):
        return redone == written or redone.quantize(places, ROUND_HALF_UP) == written
