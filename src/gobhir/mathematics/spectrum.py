"""Directions that a matrix only stretches: eigenvalues by the characteristic polynomial, by power
iteration and by QR; and what every matrix does, taken apart (SVD)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as Ratio
from math import gcd
from typing import Any

import numpy as np

from gobhir.derivation.arrays import MatMul
from gobhir.derivation.expression import Expr, Fraction, Function, Name
from gobhir.derivation.rounding import objects
from gobhir.derivation.signs import grid
from gobhir.lang import say
from gobhir.mathematics.board import Board, cell, page
from gobhir.mathematics.elimination import square
from gobhir.mathematics.numbers import Number, floats, laid_out, written
from gobhir.mathematics.orthogonal import orthonormal
from gobhir.mathematics.products import applied, length, shortened
from gobhir.mathematics.signs import (
    added,
    column,
    element,
    inner,
    letter,
    matrix_named,
    minus,
    named,
    negative,
    number,
    sqrt,
    squared,
    times,
    vector_named,
)

ROUNDS = 200
CLOSE = 1e-10


@page
def eigen(board: Board, a: Any) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (the columns) of a 2 by 2 matrix, by its characteristic
    polynomial. ValueError where no real direction keeps its own, as in a rotation."""
    m = board.matrix(a, "A")
    if m.shape != (2, 2):
        raise ValueError(say("errors.maths.two_by_two", shape=f"{m.shape[0]}×{m.shape[1]}"))
    board.say("maths.eigen.idea")
    board.formula(
        MatMul(matrix_named("A"), vector_named("v")), times(letter("lambda"), letter("v"))
    )
    board.say("maths.eigen.determinant")
    values = eigenvalues(board, m)
    board.section("maths.head.vectors")
    vectors = eigenvectors(board, m, values)
    if vectors is None:
        return objects(list(values), (2,)), np.eye(2)
    board.section("maths.head.check")
    board.say("maths.eigen.check")
    for value, v in zip(values, vectors, strict=True):
        product = [board.value(inner([*map(written, r)], [*map(written, v)])) for r in m]
        stretched = times(written(value), laid_out(v))
        board.formula(
            None, MatMul(laid_out(m), laid_out(v)), column(map(written, product)), stretched
        )
    return objects(list(values), (2,)), np.array([*zip(*vectors, strict=True)], dtype=object)


def eigenvalues(board: Board, m: np.ndarray, base: str = "a") -> tuple[Number, Number]:
    """Write the eigenvalues of a 2 by 2 matrix, the larger one first. base: of its elements."""
    (a, b), (c, d) = ([element(base, m, i, j) for j in range(2)] for i in range(2))
    unknown = letter("lambda")
    shifted = [[minus(a, unknown), b], [c, minus(d, unknown)]]
    expanded = minus(times(*(shifted[i][i] for i in range(2))), times(b, c))
    board.formula(
        Function("det", (minus(letter(base.upper()), times(unknown, letter("I"))),)), expanded
    )
    board.say("maths.eigen.trace", matrix=letter(base.upper()))
    trace = board.line(Name("t"), added((a, d)))
    det = board.line(Name("d"), minus(times(a, d), times(b, c)))
    board.say("maths.eigen.polynomial")
    left = added((squared(unknown), negative(times(written(trace), unknown)), written(det)))
    board.formula(left, number(0))
    under = board.line(
        Name("D"), minus(squared(named("t", trace)), times(number(4), named("d", det)))
    )
    if board.decide(under < 0):
        raise ValueError(say("errors.maths.rotation", found=f"{float(under):.4g}"))
    if board.decide(under == 0):
        board.say("maths.eigen.double")
    root = board.line(sqrt(letter("D")), sqrt(named("D", under)))
    found = []
    for k, sign in enumerate((added, _difference)):
        above = sign((named("t", trace), written(root)))
        shape = Fraction(sign((letter("t"), sqrt(letter("D")))), number(2))
        found.append(board.line(Name("lambda", index=(k + 1,)), Fraction(above, number(2)), shape))
    return found[0], found[1]


def _difference(pair: Sequence[Expr]) -> Expr:
    return minus(*pair)


def eigenvectors(
    board: Board, m: np.ndarray, values: Sequence[Number], base: str = "v"
) -> list[np.ndarray] | None:
    """Write a direction for each eigenvalue of a 2 by 2 matrix; None where every one will do."""
    (a, b), (c, d) = m
    if board.decide(bool(b == 0 and c == 0 and a == d)):
        board.say("maths.eigen.all")
        return None
    out = []
    for k, value in enumerate(values):
        board.say("maths.eigen.vector", which=letter("lambda", k + 1))
        first = board.value(minus(written(a), written(value)))
        last = board.value(minus(written(d), written(value)))
        zeros = column([number(0), number(0)])
        shifted = np.array([[first, b], [c, last]], dtype=object)
        board.formula(None, MatMul(laid_out(shifted), vector_named(base)), zeros)
        # The row with the larger numbers says more; it is at right angles to the vector.
        top = board.decide(bool(max(abs(first), abs(b)) >= max(abs(c), abs(last))))
        p, q = (first, b) if top else (c, last)
        v = _shortest(q, -p)
        if v[0] < 0 or (v[0] == 0 and v[1] < 0):
            v = -v
        board.show(Name(base, index=(k + 1,)), v)
        out.append(v)
    return out


def _shortest(x: Number, y: Number) -> np.ndarray:
    """(x, y), made as short as whole numbers go."""
    if isinstance(x, Ratio) and isinstance(y, Ratio) and x.denominator == y.denominator == 1:
        shared = gcd(x.numerator, y.numerator)
        x, y = x / shared, y / shared
    return objects([x, y], (2,))


# -- by repetition -------------------------------------------------------------------------------


@page
def power_iteration(board: Board, a: Any, start: Any = None) -> tuple[Number, np.ndarray]:
    """The eigenvalue of greatest size and its unit eigenvector: multiply by A, divide by the
    length, again and again. a (n, n). start (n,): the first vector (all ones). ValueError where
    the vectors do not come to rest."""
    m = board.matrix(a, "A")
    square(m)
    x = board.vector([1] * len(m) if start is None else start, "start", "x0")
    if len(x) != len(m):
        raise ValueError(say("errors.maths.right_side", rows=len(m), found=len(x)))
    board.section("maths.head.first_round")
    board.say("maths.power.multiply")
    y = applied(board, m, x)
    if not any(y):
        raise ValueError(say("errors.maths.vanished"))
    board.show(
        Name("y"),
        y,
        MatMul(matrix_named("A"), vector_named("x0")),
        MatMul(laid_out(m), laid_out(x)),
    )
    board.say("maths.power.shorten")
    long = length(board, "y", y)
    unit = shortened(board, y, long)
    by = Fraction(number(1), written(long))
    board.show(Name("x", index=(1,)), unit, times(by, laid_out(y)))
    board.section("maths.head.rounds")
    rounds = board.decide(lambda: _powers(floats(m), floats(x)))
    board.say("maths.power.table", count=len(rounds))
    head = [None, *(letter("x", i + 1) for i in range(len(m))), letter("lambda")]
    board.table(head, [[number(k), *map(float, v), value] for k, (v, value) in _some(rounds)])
    board.say("maths.power.rayleigh")
    v, value = rounds[-1]
    board.section("maths.head.check")
    board.say("maths.eigen.check")
    sides = _cut(floats(m) @ v), times(cell(value), _cut(v))
    board.formula(None, MatMul(matrix_named("A"), vector_named("x")), *sides)
    return value, v


def _powers(m: np.ndarray, x: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """The unit vector of each round, and which eigenvalue it stands for."""
    rounds = []
    for _ in range(ROUNDS):
        y = m @ x
        x = y / (np.linalg.norm(y) or 1)
        rounds.append((x, float(x @ m @ x)))
        if np.linalg.norm(m @ x - rounds[-1][1] * x) < CLOSE * np.abs(m).max():
            return rounds
    raise ValueError(say("errors.maths.restless", count=ROUNDS))


@page
def qr_iteration(board: Board, a: Any) -> np.ndarray:
    """All eigenvalues at once: take A = Q R apart, put it together the other way round as R Q, and
    do so again; the diagonal becomes the eigenvalues. a (n, n) with real eigenvalues of different
    sizes. ValueError where it does not come to rest."""
    m = board.matrix(a, "A")
    square(m)
    board.say("maths.qr.plan")
    board.section("maths.head.first_round")
    q, r = orthonormal(board, m)
    board.say("maths.qr.other_way")
    turned = objects(
        [
            board.value(inner([*map(written, r[i])], [*map(written, q[:, j])]))
            for i, j in np.ndindex(m.shape)
        ],
        m.shape,
    )
    board.show(
        Name("A", index=(1,)),
        turned,
        times(letter("R"), letter("Q")),
        MatMul(laid_out(r), laid_out(q)),
    )
    rounds = board.decide(lambda: factored(floats(m)))
    return all_rounds(board, rounds)[0]


def all_rounds(
    board: Board, rounds: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Write what QR iteration came to: the eigenvalues, and the product of all Q."""
    board.section("maths.head.rounds")
    board.say("maths.qr.table", count=len(rounds))
    n = len(rounds[0][0])
    largest = Function("max", (Function("abs", (letter("a", "i", "j"),)),))
    head = [None, *(letter("a", i + 1, i + 1) for i in range(n)), largest]
    rows = [
        [number(k), *map(float, np.diag(a)), float(np.abs(np.tril(a, -1)).max())]
        for k, (a, _) in _some(rounds)
    ]
    board.table(head, rows)
    values = np.diag(rounds[-1][0])
    board.say("maths.qr.values")
    for i, value in enumerate(values):
        board.formula(Name("lambda", index=(i + 1,)), cell(float(value)))
    return values, rounds[-1][1]


def factored(a: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """R Q of each round, and the product of the Q so far."""
    size, turned, rounds = np.abs(a).max(), np.eye(len(a)), []
    for _ in range(ROUNDS):
        q = np.zeros_like(a)
        for j, own in enumerate(a.T):
            u = own.copy()
            for k in range(j):  # the modified way, which keeps right angles in floats
                u -= (q[:, k] @ u) * q[:, k]
            length = np.linalg.norm(u)
            q[:, j] = u / length if length > 1e-12 * size else _completed(q[:, :j])
        a, turned = q.T @ a @ q, turned @ q
        a[np.abs(a) < 1e-13 * size] = 0
        rounds.append((a, turned))
        if np.abs(np.tril(a, -1)).max(initial=0) < CLOSE * size:
            return rounds
    raise ValueError(say("errors.maths.restless_qr", count=ROUNDS))


def _completed(q: np.ndarray) -> np.ndarray:
    """A unit vector at right angles to all these columns."""
    left = np.eye(len(q)) - q @ q.T
    best: np.ndarray = left[:, np.argmax(np.linalg.norm(left, axis=0))]
    return best / np.linalg.norm(best)


def _cut(v: np.ndarray) -> Expr:
    """A vector of floats with four digits."""
    return grid([[cell(float(x))] for x in v])


def _some(rounds: list[Any]) -> list[tuple[int, Any]]:
    """The first rounds, some on the way, and the last, with their numbers."""
    last = len(rounds)
    kept = {1, 2, 3, 4, 5, 8, 12, 20, 40, 80, 160} & set(range(1, last))
    return [(k, rounds[k - 1]) for k in sorted({*kept, last})]
