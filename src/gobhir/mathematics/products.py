"""Products and lengths: dot product, matrix product, norms, projections, least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.arrays import MatMul
from gobhir.derivation.expression import Expr, Fraction, Function, Name
from gobhir.derivation.rounding import objects
from gobhir.lang import say
from gobhir.mathematics.board import Board, page, told
from gobhir.mathematics.elimination import solved
from gobhir.mathematics.numbers import Number, laid_out, written
from gobhir.mathematics.signs import (
    added,
    column,
    dotted,
    each,
    element,
    elements,
    inner,
    letter,
    matrix_named,
    minus,
    norm,
    row,
    sqrt,
    squared,
    times,
    transposed,
    vector_named,
)

FEW = 9
"""Entries of a product that are all written out; of more, the first is, and the rest is folded."""


@page
def dot(board: Board, a: Any, b: Any) -> Number:
    """a . b = a1 b1 + a2 b2 + ..., and the angle between a and b. Vectors of one length.
    ValueError for other shapes."""
    x, y = board.vector(a, "a"), board.vector(b, "b")
    _alike(x, y)
    board.say("maths.dot.meet")
    product = dotted(letter("a"), letter("b"))
    d: Number = board.line(product, inner(elements("a", x), elements("b", y)))
    board.section("maths.head.angle")
    board.say("maths.norm.l2")
    sizes = [length(board, "a", x), length(board, "b", y)]
    if not all(sizes):
        board.say("maths.dot.no_angle")
        return d
    board.say("maths.dot.angle")
    general = Fraction(product, times(norm(letter("a")), norm(letter("b"))))
    put_in = Fraction(written(d), times(*map(written, sizes)))
    board.line(Function("cos", (letter("theta"),)), put_in, general)
    board.say(f"maths.dot.{'right' if d == 0 else 'sharp' if d > 0 else 'blunt'}")
    # keys: maths.dot.right, maths.dot.sharp, maths.dot.blunt
    return d


def _alike(x: np.ndarray, y: np.ndarray) -> None:
    if len(x) != len(y):
        raise ValueError(say("errors.maths.lengths", a=len(x), b=len(y)))


def length(board: Board, base: str, v: np.ndarray) -> Number:
    """Write how long a vector is."""
    under = added(squared(e) for e in elements(base, v))
    found: Number = board.line(norm(letter(base)), sqrt(under))
    return found


@page
def norms(board: Board, v: Any) -> np.ndarray:
    """The three usual sizes of a vector: the sum of the sizes of its numbers, its length, the
    largest of them (L1, L2, maximum)."""
    x = board.vector(v, "v")
    sizes = [Function("abs", (e,)) for e in elements("v", x)]
    board.say("maths.norm.l1")
    positive = each(abs, x)
    signed = [Function("abs", (written(v),)) for v in x]
    whole = added(map(written, positive))
    one = board.line(Name("L", index=(1,)), whole, added(sizes), added(signed))
    board.say("maths.norm.l2")
    two = board.line(Name("L", index=(2,)), sqrt(added(squared(e) for e in elements("v", x))))
    board.say("maths.norm.max")
    most = max(positive)
    stages = [Function("max", tuple(part)) for part in (sizes, signed, map(written, positive))]
    board.formula(Name("L", index=("max",)), *stages, written(most))
    return objects([one, two, most], (3,))


@page
def matmul(board: Board, a: Any, b: Any) -> np.ndarray:
    """C = A B: every row of A meets every column of B. A (m, n), B (n, p), C (m, p). ValueError
    where A has not as many columns as B has rows."""
    x, y = board.matrix(a, "A"), board.matrix(b, "B")
    if x.shape[1] != y.shape[0]:
        shapes = {"a": f"{x.shape[0]}×{x.shape[1]}", "b": f"{y.shape[0]}×{y.shape[1]}"}
        raise ValueError(say("errors.maths.inner", columns=x.shape[1], rows=y.shape[0], **shapes))
    m, n, p = *x.shape, y.shape[1]
    board.say("maths.matmul.shapes", m=str(m), n=str(n), p=str(p))

    def entry(i: int, j: int) -> Number:
        terms = [times(element("a", x, i, k), element("b", y, k, j)) for k in range(n)]
        found: Number = board.line(Name("c", index=(i + 1, j + 1)), added(terms))
        return found

    board.say("maths.matmul.first")
    meeting = MatMul(row(map(written, x[0])), column(map(written, y[:, 0])))
    board.formula(Name("c", index=(1, 1)), meeting)
    values = [entry(0, 0)]
    rest = [(i, j) for i in range(m) for j in range(p)][1:]
    if rest:
        board.say("maths.matmul.rest")
        with board.folded(told("maths.matmul.all", count=len(rest)), when=len(rest) >= FEW):
            values += [entry(i, j) for i, j in rest]
    c = objects(values, (m, p))
    board.say("maths.matmul.whole")
    whole = times(letter("A"), letter("B"))
    board.show(Name("C"), c, whole, MatMul(laid_out(x), laid_out(y)))
    return c


@page
def project(board: Board, b: Any, onto: Any) -> np.ndarray:
    """The shadow of the vector b on the vector `onto`, or on all that the columns of the matrix
    `onto` can make: the nearest point to b there. ValueError where the columns depend on each
    other, or the vector is zero."""
    values = onto.tolist() if hasattr(onto, "tolist") else onto
    if isinstance(values, (list, tuple)) and values and isinstance(values[0], (list, tuple)):
        return _nearest(board, values, b)[1]
    y, x = board.vector(b, "b"), board.vector(values, "a")
    _alike(x, y)
    if not any(x):
        raise ValueError(say("errors.maths.zero_vector", name="a"))
    board.say("maths.project.how_much")
    above = board.line(dotted(letter("a"), letter("b")), inner(elements("a", x), elements("b", y)))
    below = board.line(dotted(letter("a"), letter("a")), added(map(squared, elements("a", x))))
    general = Fraction(dotted(letter("a"), letter("b")), dotted(letter("a"), letter("a")))
    c = board.line(Name("c"), Fraction(written(above), written(below)), general)
    board.say("maths.project.shadow")
    p = each(lambda v: board.value(times(written(c), written(v))), x)
    board.show(Name("p"), p, times(letter("c"), letter("a")), times(written(c), laid_out(x)))
    _left_over(board, y, p, {"a": x})
    return p


def _left_over(board: Board, b: np.ndarray, p: np.ndarray, against: dict[str, np.ndarray]) -> None:
    """What is left of b beyond p, and that it stands at right angles to the columns."""
    board.section("maths.head.check")
    board.say("maths.project.rest")
    e = each(lambda u, v: board.value(minus(written(u), written(v))), b, p)
    shown = minus(laid_out(b), laid_out(p))
    board.show(Name("e"), e, minus(letter("b"), letter("p")), shown)
    board.say("maths.project.right")
    for base, x in against.items():
        terms = inner([*map(written, x)], [*map(written, e)])
        board.line(dotted(letter(*_index(base)), letter("e")), terms)
    if not board.whole:
        board.say("maths.project.nearly")


def _index(base: str) -> tuple[Any, ...]:
    return (base[0], int(base[1:])) if base[1:] else (base,)


@page
def least_squares(board: Board, a: Any, b: Any) -> np.ndarray:
    """The x for which A x comes nearest to b (the sum of the squared misses is smallest). A (m, n)
    with m >= n, b (m,). ValueError where the columns of A depend on each other."""
    return _nearest(board, a, b)[0]


def _nearest(board: Board, a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """x, and A x."""
    m, y = board.matrix(a, "A"), board.vector(b, "b")
    if len(m) != len(y):
        raise ValueError(say("errors.maths.right_side", rows=len(m), found=len(y)))
    n = m.shape[1]
    board.say("maths.project.normal")
    whole, unknown = matrix_named("A"), vector_named("x")
    turned = transposed(whole)
    right_side = MatMul(turned, vector_named("b"))
    board.formula(MatMul(MatMul(turned, whole), unknown), right_side)
    board.say("maths.project.gram")
    gram = inner_products(board, m)
    right = objects(
        [board.value(inner([*map(written, m[:, i])], [*map(written, y)])) for i in range(n)], (n,)
    )
    board.show(right_side, right, MatMul(laid_out(m.T), laid_out(y)))
    board.section("maths.head.solve")
    x = solved(board, gram, right)
    board.section("maths.head.nearest")
    board.say("maths.project.point")
    p = objects([board.value(inner([*map(written, r)], [*map(written, x)])) for r in m], (len(m),))
    board.show(Name("p"), p, MatMul(whole, unknown), MatMul(laid_out(m), laid_out(x)))
    _left_over(board, y, p, {f"a{j + 1}": m[:, j] for j in range(n)})
    return x, p


def inner_products(board: Board, m: np.ndarray) -> np.ndarray:
    """Write A^T A, the dot products of the columns of A with each other."""
    n = m.shape[1]
    columns = [[*map(written, m[:, j])] for j in range(n)]
    values = [board.value(inner(columns[i], columns[j])) for i in range(n) for j in range(n)]
    gram = objects(values, (n, n))
    whole = matrix_named("A")
    shown: Expr = MatMul(transposed(whole), whole)
    board.show(Name("G"), gram, shown, MatMul(laid_out(m.T), laid_out(m)))
    return gram


def applied(board: Board, m: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A x, without writing it."""
    found = [board.value(inner([*map(written, r)], [*map(written, x)])) for r in m]
    return objects(found, (len(m),))


def shortened(board: Board, v: np.ndarray, long: Number) -> np.ndarray:
    """v divided by its length, without writing it."""
    return each(lambda x: board.value(Fraction(written(x), written(long))), v)
