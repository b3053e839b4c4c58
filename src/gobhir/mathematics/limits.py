"""What a function comes near to: limits from both sides, the derivative as a limit, and Taylor's
polynomials with what they miss."""

from __future__ import annotations

from decimal import Decimal
from math import factorial, isfinite, isinf, isnan
from typing import Any

from gobhir.derivation.expression import Expr, Fraction, Function, Name, Num, Power, number
from gobhir.derivation.formula import negative
from gobhir.derivation.rounding import significant
from gobhir.derivation.signs import Operator
from gobhir.lang import say
from gobhir.mathematics.board import Board, cell, page
from gobhir.mathematics.derivatives import precise, smooth
from gobhir.mathematics.functions import parse, put, source, value, variables
from gobhir.mathematics.numbers import Number, as_decimal, floats, read, written
from gobhir.mathematics.rules import Rules, simplified
from gobhir.mathematics.signs import added, letter, minus, times

SMALL = [Decimal(10) ** -k for k in range(1, 7)]
LONGEST = 400
"""Characters of a derivative from which on nobody reads it."""
TIMES = 4
"""How often L'Hopital's rule is tried."""


def one_letter(f: Any) -> tuple[Expr, str]:
    """A function of one letter, and that letter."""
    tree = parse(f)
    names = variables(tree)
    if len(names) > 1:
        raise ValueError(say("errors.maths.one_letter", names=", ".join(names)))
    return tree, names[0] if names else "x"


@page
def limit(board: Board, f: str, to: Any) -> float:
    """What f comes near to when its letter goes to `to`: tables from both sides, then by rules
    (putting in, L'Hopital). to: a number, "inf" or "-inf". The result: the limit, which may be
    infinite. ValueError where both sides do not agree."""
    tree, by = one_letter(f)
    x = letter(by)
    board.formula(Function("f", (x,)), tree)
    far = str(to).lower().lstrip("+-") in ("inf", "infinity", "oo")
    goal = (-1 if str(to).startswith("-") else 1) * Decimal("Infinity") if far else None
    point = as_decimal(read(to, "to")) if goal is None else goal
    board.section("maths.head.table")
    tables = [_side(board, tree, by, point, s) for s in ((1,) if far else (-1, 1))]
    sides = [s for s in tables if s is not None]
    if not sides:
        raise ValueError(say("errors.maths.no_limit"))
    board.section("maths.head.by_rules")
    found = board.decide(_by_rules(board, tree, by, point, sides))
    shown = Operator(tree, "lim", Name(by), (Num(point),))
    board.say("maths.limit.so")
    board.formula(shown, cell(found))
    return found


def _side(board: Board, tree: Expr, by: str, point: Decimal, sign: int) -> float | None:
    """Write a table from one side; what it comes to. None where f has no values there."""
    if point.is_infinite():
        places = [(1 if point > 0 else -1) * 1 / h for h in SMALL]
        board.say("maths.limit.far", letter=letter(by))
    else:
        places = [point + sign * h for h in SMALL]
        board.say("maths.limit.left" if sign < 0 else "maths.limit.right", letter=letter(by))
        # keys: maths.limit.left, maths.limit.right
    values = [precise(tree, {by: p}) for p in places]
    if all(v.is_nan() for v in values):
        board.say("maths.limit.no_side")
        return None
    rows = [[Num(p), Num(significant(v, 7))] for p, v in zip(places, values, strict=True)]
    board.table([letter(by), Function("f", (letter(by),))], rows)
    return _settled([float(v) for v in values])


def _settled(values: list[float]) -> float:
    """Where a sequence goes: a number, an infinity, or NaN for nowhere."""
    if not all(map(isfinite, values)):
        return values[-1] if isinf(values[-1]) else float("nan")
    moves = [abs(b - a) for a, b in zip(values, values[1:], strict=False)]
    if moves[-1] <= 1e-4 * max(1.0, abs(values[-1])):
        return values[-1]
    before, last = values[-2] - values[-3], values[-1] - values[-2]
    if abs(last) < 0.5 * abs(before):  # each move a fixed part of the one before, as with roots
        return values[-1] - last * last / (last - before)
    growing = all(abs(b) > 1.5 * abs(a) for a, b in zip(values[2:], values[3:], strict=False))
    if growing:
        return float("inf") if values[-1] > 0 else -float("inf")
    return float("nan")


def _by_rules(board: Board, tree: Expr, by: str, point: Decimal, sides: list[float]) -> float:
    """Write how the limit follows; its value."""
    first, last = sides[0], sides[-1]
    if not (isnan(first) or isnan(last) or _alike(first, last)):
        raise ValueError(say("errors.maths.two_sides", left=f"{first:.6g}", right=f"{last:.6g}"))
    if not point.is_infinite():
        there = precise(tree, {by: point})
        if there.is_finite() and all(_alike(float(there), s) for s in sides):
            board.say("maths.limit.put_in", letter=letter(by))
            return float(there)
    for _ in range(TIMES):
        if not isinstance(tree, Fraction):
            break
        above, below = (_end(part, by, point) for part in (tree.left, tree.right))
        if not (above == below == 0 or (isinf(above) and isinf(below))):
            break
        # keys: maths.limit.zero, maths.limit.infinite
        board.say("maths.limit.zero" if above == 0 else "maths.limit.infinite")
        parts = [Rules(by).derive(part) for part in (tree.left, tree.right)]
        new = simplified(Fraction(*parts))
        bounds = (Num(point),)
        board.formula(
            Operator(tree, "lim", Name(by), bounds), Operator(new, "lim", Name(by), bounds)
        )
        tree = new
        end = _end(tree, by, point)
        if not isnan(end) and all(isnan(s) or _alike(s, end) for s in sides):
            return end
    if any(map(isnan, sides)):
        raise ValueError(say("errors.maths.no_limit"))
    board.say("maths.limit.table_only")
    return _near(sides[0] if isinf(sides[0]) else sum(sides) / len(sides))


def _alike(a: float, b: float) -> bool:
    if isinf(a) or isinf(b):
        return a == b
    return abs(a - b) <= 1e-3 * max(1.0, min(abs(a), abs(b)))


def _near(x: float) -> float:
    """A number from a table, without the last digits that have not settled yet."""
    return x if isinf(x) else float(f"{round(x, 5):.6g}") + 0.0  # no -0


def _end(tree: Expr, by: str, point: Decimal) -> float:
    """The value there, or NaN; at infinity what far values say."""
    if not point.is_infinite():
        return float(precise(tree, {by: point}))
    far = [float(precise(tree, {by: Decimal(10) ** k * (1 if point > 0 else -1)})) for k in (6, 9)]
    if abs(far[1]) > 100 * abs(far[0]) or isinf(far[1]):
        return far[1] * float("inf")
    if abs(far[1]) < abs(far[0]) / 100 or far[1] == 0:
        return 0.0
    return _near(far[1]) if abs(far[1] - far[0]) < 1e-3 * abs(far[1]) else float("nan")


@page
def numerical_derivative(board: Board, f: str, at: Any) -> float:
    """The slope without rules: from two neighbouring values, with smaller and smaller steps, and
    why the smallest step is not the best. f of one letter, at: a number. The result: the best of
    the central ones."""
    tree, by = one_letter(f)
    point = {by: board.number(at, "at")}
    x, h = letter(by), letter("h")
    board.formula(Function("f", (x,)), tree)
    smooth(tree, point)
    board.say("maths.steps.formulas")
    ahead, behind = Function("f", (added((x, h)),)), Function("f", (minus(x, h),))
    board.formula(None, Fraction(minus(ahead, Function("f", (x,))), h))
    board.formula(None, Fraction(minus(ahead, behind), times(number(2), h)))
    a = board.decide(floats(point[by]))
    exact = float(value(Rules(by).derive(tree), {by: a}))
    board.say("maths.steps.exact")
    board.formula(Function("f'", (written(point[by]),)), cell(exact))
    board.section("maths.head.table")
    board.say("maths.steps.table")
    rows, found = [], []
    for k in range(1, 16, 2):
        step = 10.0**-k
        forward = (value(tree, {by: a + step}) - value(tree, {by: a})) / step
        central = (value(tree, {by: a + step}) - value(tree, {by: a - step})) / (2 * step)
        found.append((abs(central - exact), float(central)))
        numbers = (forward, abs(forward - exact), central, abs(central - exact))
        rows.append([Num(Decimal(10) ** -k), *(cell(float(n)) for n in numbers)])
    e = letter("e")
    board.table([h, letter("d", 1), e, letter("d", 2), e], rows)
    board.say("maths.steps.valley")
    return min(found)[1]


@page
def taylor(board: Board, f: str, at: Any = 0, n: int = 4, x: Any = None) -> tuple[float, ...]:
    """Taylor's polynomial of degree n around a point: the function's value, slope, bend, ... there,
    built into a polynomial, and what it misses. The result: the coefficients of 1, (x - at),
    (x - at)^2, ..."""
    tree, by = one_letter(f)
    if not isinstance(n, int) or not 0 <= n <= 12:
        raise ValueError(say("errors.maths.degree", found=str(n)))
    point = {by: board.number(at, "at")}
    a = point[by]
    board.formula(Function("f", (letter(by),)), tree)
    smooth(tree, point)
    board.say("maths.taylor.idea", count=n)
    board.section("maths.head.derivatives")
    coefficients = []
    orders: list[Expr] = board.decide(lambda: _orders(tree, by, n))
    for k, derived in enumerate(orders):
        board.say("maths.taylor.order", count=k)
        if k:
            board.formula(_derived(k, letter(by)), derived)
        there: Number = board.line(_derived(k, written(a)), put(derived, point))
        divided = Fraction(written(there), number(factorial(k)))
        coefficients.append(board.line(Name("c", index=(k,)), divided) if k > 1 else there)
    board.section("maths.head.polynomial")
    board.say("maths.taylor.built")
    moved = letter(by) if a == 0 else minus(letter(by), written(a))
    terms = [_term(c, moved, k) for k, c in enumerate(coefficients) if c != 0]
    board.formula(Function("T", (letter(by),)), added(terms) if terms else number(0))
    spot = as_decimal(a) + 1 if x is None else as_decimal(board.number(x, "x"))
    board.section("maths.head.missed")
    board.say("maths.taylor.missed", where=Num(spot))
    truth = float(precise(tree, {by: spot}))
    exact = [float(value(d, {by: float(a)})) / factorial(k) for k, d in enumerate(orders)]
    reached, lines = 0.0, []
    for k, c in enumerate(exact):
        reached += c * float(spot - as_decimal(a)) ** k
        lines.append([number(k), cell(reached), cell(truth), cell(abs(truth - reached))])
    shown = [Function(s, (Num(spot),)) for s in ("T", "f")]
    board.table([letter("n"), *shown, letter("e")], lines)
    board.say("maths.taylor.nearer")
    return tuple(c + 0.0 for c in exact)  # no -0


def _orders(tree: Expr, by: str, n: int) -> list[Expr]:
    """The function and its first n derivatives."""
    out = [tree]
    for k in range(n):
        out.append(Rules(by).derive(out[-1]))
        if len(source(out[-1])) > LONGEST:
            raise ValueError(say("errors.maths.swollen", order=k + 1))
    return out


def _derived(k: int, x: Expr) -> Expr | Name:
    """f''(x); from the fourth derivative on f with a small (4)."""
    return Function("f" + "'" * k, (x,)) if k < 4 else Name("f", k)


def _term(c: Number, moved: Expr, k: int) -> Expr:
    power = moved if k == 1 else Power(moved, number(k))
    if k == 0:
        return written(c)
    part = power if abs(c) == 1 else times(written(c if c > 0 else -c), power)
    return negative(part) if c < 0 else part
