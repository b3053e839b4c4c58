"""What elimination gives: solutions, inverse, determinant, rank. Every row operation is named."""

from __future__ import annotations

from fractions import Fraction as Ratio
from typing import Any

import numpy as np

from gobhir.derivation.arrays import MatMul
from gobhir.derivation.expression import Expr, Fraction, Function, Name, Power
from gobhir.derivation.rounding import objects
from gobhir.lang import say
from gobhir.mathematics.board import Board, page
from gobhir.mathematics.numbers import Number, laid_out, written
from gobhir.mathematics.signs import (
    added,
    element,
    inner,
    letter,
    minus,
    negative,
    number,
    row,
    times,
)


@page
def solve(board: Board, a: Any, b: Any) -> np.ndarray:
    """x with A x = b, by Gauss and Jordan's elimination. A (n, n), b (n,). ValueError where there
    is no solution, or more than one."""
    m, y = board.matrix(a, "A"), board.vector(b, "b")
    square(m)
    if len(m) != len(y):
        raise ValueError(say("errors.maths.right_side", rows=len(m), found=len(y)))
    x = solved(board, m, y)
    board.section("maths.head.check")
    board.say("maths.solve.check")
    for i in range(len(m)):
        board.line(Name("b", index=(i + 1,)), inner([*map(written, m[i])], [*map(written, x)]))
    return x


def solved(board: Board, m: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Write how A x = b is solved."""
    n = len(m)
    board.say("maths.solve.joined")
    table, _, pivots = eliminated(board, np.column_stack([m, y]), n, full=True)
    if len(pivots) < n:
        wrong = any(not board.zero(v) for v in table[len(pivots) :, n])
        _singular(m, pivots, "errors.maths.no_solution" if wrong else "errors.maths.many_solutions")
        # keys: errors.maths.no_solution, errors.maths.many_solutions
    board.say("maths.solve.read")
    board.show(Name("x"), table[:, n])
    return table[:, n]


@page
def inverse(board: Board, a: Any) -> np.ndarray:
    """The matrix that undoes A: A A^-1 = I, by Gauss and Jordan's elimination. A (n, n).
    ValueError where A has no inverse."""
    m = board.matrix(a, "A")
    square(m)
    n = len(m)
    unit = objects([m.flat[0] * 0 + int(i == j) for i in range(n) for j in range(n)], (n, n))
    board.say("maths.inverse.joined")
    board.formula(None, laid_out(np.hstack([m, unit]), n))
    board.say("maths.inverse.same")
    table, _, pivots = eliminated(board, np.hstack([m, unit]), n, full=True, shown=True)
    if len(pivots) < n:
        _singular(m, pivots, "errors.maths.singular")  # keys: errors.maths.singular
    found = table[:, n:]
    board.say("maths.inverse.read")
    board.show(Power(letter("A"), number(-1)), found)
    board.section("maths.head.check")
    board.say("maths.inverse.check")
    product = [
        board.value(inner([*map(written, m[i])], [*map(written, found[:, j])]))
        for i in range(n)
        for j in range(n)
    ]
    left = times(letter("A"), Power(letter("A"), number(-1)))
    board.show(left, objects(product, (n, n)), MatMul(laid_out(m), laid_out(found)))
    return found


@page
def determinant(board: Board, a: Any) -> Number:
    """By how much A stretches areas or volumes, with a minus where it turns them over: the product
    of the pivots that elimination leaves. A (n, n)."""
    m = board.matrix(a, "A")
    square(m)
    n = len(m)
    board.say("maths.determinant.plan")
    table, swaps, pivots = eliminated(board, m, n, full=False)
    left = Function("det", (letter("A"),))
    board.section("maths.head.product")
    if len(pivots) < n:
        board.say("maths.determinant.zero", column=_missing(pivots))
        zero: Number = m.flat[0] * 0
        board.formula(left, written(zero))
        return zero
    board.say("maths.determinant.pivots")
    diagonal = [written(table[i, i]) for i in range(n)]
    if swaps:
        board.say("maths.determinant.swaps", count=swaps)
        diagonal.insert(0, Power(number(-1), number(swaps)))
    found: Number = board.line(left, times(*diagonal) if len(diagonal) > 1 else diagonal[0])
    if n in (2, 3):
        board.section("maths.head.check")
        board.say(f"maths.determinant.by_formula_{n}")
        # keys: maths.determinant.by_formula_2, maths.determinant.by_formula_3
        board.line(left, _cofactors(m))
    return found


def _cofactors(m: np.ndarray) -> Expr:
    """The determinant of a 2 by 2 or 3 by 3 matrix along its first row."""

    def at(i: int, j: int) -> Expr:
        return element("a", m, i, j)

    def small(i: int, j: int, left: int, right: int) -> Expr:
        return minus(times(at(i, left), at(j, right)), times(at(i, right), at(j, left)))

    if len(m) == 2:
        return small(0, 1, 0, 1)
    return added(
        [
            times(at(0, 0), small(1, 2, 1, 2)),
            negative(times(at(0, 1), small(1, 2, 0, 2))),
            times(at(0, 2), small(1, 2, 0, 1)),
        ]
    )


@page
def rank(board: Board, a: Any) -> int:
    """How many rows of A say something that the others do not: the pivots of its echelon form.
    A (m, n)."""
    m = board.matrix(a, "A")
    board.say("maths.rank.plan")
    _, _, pivots = eliminated(board, m, m.shape[1], full=False)
    board.say("maths.rank.count", count=len(pivots))
    board.formula(Function("rank", (letter("A"),)), number(len(pivots)))
    least = min(m.shape)
    board.say("maths.rank.full" if len(pivots) == least else "maths.rank.less", most=least)
    return len(pivots)


# -- the elimination itself ----------------------------------------------------------------------


def eliminated(
    board: Board, start: np.ndarray, columns: int, full: bool, shown: bool = False
) -> tuple[np.ndarray, int, list[int]]:
    """Write the elimination of the first `columns` columns; what is left, how many rows were
    swapped, and the columns that have a pivot. full: pivots become 1, and what stands above them
    0 too (Gauss and Jordan). shown: the matrix stands on the page already."""
    m = start.copy()
    bar = columns if columns < m.shape[1] else None
    if bar is not None and not shown:
        board.formula(None, laid_out(m, bar))
    largest = max(abs(v) for v in m[:, :columns].flat)
    pivots: list[int] = []
    swaps = 0
    for col in range(columns):
        top = len(pivots)
        if top == len(m):
            break
        board.say("maths.rows.column", column=col + 1)
        best = board.decide(top + int(np.argmax([abs(v) for v in m[top:, col]])))
        if board.zero(m[best, col], largest):
            board.say("maths.rows.no_pivot", column=col + 1, row=top + 1)
            m[top:, col] = m.flat[0] * 0
            continue
        swaps += _swapped(board, m, top, best, col, bar)
        if full:
            _scaled(board, m, top, col, bar)
        if _cleared(board, m, top, col, bar, full):
            board.formula(None, laid_out(m, bar))
        pivots.append(col)
    return m, swaps, pivots


def _swapped(board: Board, m: np.ndarray, top: int, best: int, col: int, bar: int | None) -> int:
    """Partial pivoting: the number of greatest size comes up."""
    pivot = m[best, col]
    if best == top:
        board.say("maths.rows.pivot", pivot=pivot, row=top + 1)
        return 0
    board.say("maths.rows.swap", pivot=pivot, a=top + 1, b=best + 1)
    m[[top, best]] = m[[best, top]]
    board.formula(None, laid_out(m, bar))
    return 1


def _scaled(board: Board, m: np.ndarray, top: int, col: int, bar: int | None) -> None:
    """The pivot becomes 1."""
    pivot = m[top, col]
    if pivot == 1:
        return
    before = row(map(written, m[top]), bar)
    m[top] = [board.value(Fraction(written(v), written(pivot))) for v in m[top]]
    board.say("maths.rows.scale", row=top + 1, pivot=pivot)
    by = written(1 / pivot) if isinstance(pivot, Ratio) else Fraction(number(1), written(pivot))
    after = row(map(written, m[top]), bar)
    board.formula(_row(top), times(by, _row(top)), times(by, before), after, arrow=True)


def _cleared(board: Board, m: np.ndarray, top: int, col: int, bar: int | None, full: bool) -> int:
    """All other rows (or all below) lose so much of the pivot's row that 0 stands in its column;
    how many rows that changed."""
    changed = 0
    for i in range(0 if full else top + 1, len(m)):
        if i == top or board.decide(m[i, col] == 0):
            continue
        changed += 1
        # keys: maths.rows.clear, maths.rows.clear_by
        key = "maths.rows.clear" if full else "maths.rows.clear_by"
        board.say(key, row=i + 1, top=top + 1)
        factor = m[i, col]
        if not full:
            ratio = Fraction(written(m[i, col]), written(m[top, col]))
            factor = board.line(Name("f"), ratio)
        taken = [board.value(times(written(factor), written(v))) for v in m[top]]
        left = [
            board.value(minus(written(a), written(b))) for a, b in zip(m[i], taken, strict=True)
        ]
        left[col] = m.flat[0] * 0
        before, pivot = row(map(written, m[i]), bar), row(map(written, m[top]), bar)
        much = row([written(v if factor > 0 else -v) for v in taken], bar)
        board.formula(
            _row(i),
            *(_less(a, factor, b) for a, b in ((_row(i), _row(top)), (before, pivot))),
            *([] if abs(factor) == 1 else [_less(before, 1 if factor > 0 else -1, much)]),
            row(map(written, left), bar),
            arrow=True,
        )
        m[i] = left
    return changed


def _less(a: Expr, factor: Number | int, b: Expr) -> Expr:
    """a - factor b, written with the sign that the factor has."""
    part = b if abs(factor) == 1 else times(written(factor if factor > 0 else -factor), b)
    return added([a, negative(part) if factor > 0 else part])


def _row(i: int) -> Expr:
    return letter("R", i + 1)


def square(m: np.ndarray) -> None:
    """ValueError for what has not as many columns as rows."""
    if m.shape[0] != m.shape[1]:
        raise ValueError(say("errors.maths.not_square", shape=f"{m.shape[0]}×{m.shape[1]}"))


def _missing(pivots: list[int]) -> int:
    """The first column, counted from 1, that has no pivot."""
    return next(j + 1 for j, p in enumerate([*pivots, -1]) if p != j)


def _singular(m: np.ndarray, pivots: list[int], key: str) -> None:
    raise ValueError(say(key, column=_missing(pivots), rank=len(pivots), size=len(m)))
