"""Directions at right angles: A = QR, by Gram and Schmidt."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.arrays import MatMul
from gobhir.derivation.expression import Fraction, Name
from gobhir.derivation.rounding import objects
from gobhir.lang import say
from gobhir.mathematics.board import Board, page
from gobhir.mathematics.numbers import laid_out, written
from gobhir.mathematics.products import shortened
from gobhir.mathematics.signs import (
    added,
    dotted,
    each,
    letter,
    minus,
    negative,
    norm,
    number,
    sqrt,
    squared,
    times,
)


@page
def qr(board: Board, a: Any) -> tuple[np.ndarray, np.ndarray]:
    """A = Q R: columns of length 1 at right angles to each other (Gram and Schmidt), and a
    triangle that makes A of them. a (m, n). ValueError where the columns of A depend on each
    other."""
    m = board.matrix(a, "A")
    q, r = orthonormal(board, m)
    board.section("maths.head.check")
    board.say("maths.qr.check")
    board.formula(letter("A"), times(letter("Q"), letter("R")), MatMul(laid_out(q), laid_out(r)))
    return q, r


def orthonormal(board: Board, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write how the columns of m are made orthonormal, and what of each goes into them."""
    rows, n = m.shape
    q = np.empty((rows, n), object)
    r = objects([m.flat[0] * 0] * (n * n), (n, n))
    board.say("maths.qr.idea")
    for j in range(n):
        board.say("maths.qr.column", which=letter("a", j + 1))
        u = m[:, j]
        for i in range(j):
            terms = zip(q[:, i], m[:, j], strict=True)
            r[i, j] = board.line(
                Name("r", index=(i + 1, j + 1)),
                added([times(written(x), written(y)) for x, y in terms]),
                dotted(letter("q", i + 1), letter("a", j + 1)),
            )
            part = each(lambda v, k=r[i, j]: board.value(times(written(k), written(v))), q[:, i])
            u = each(lambda x, y: board.value(minus(written(x), written(y))), u, part)
        if j:
            taken = [
                negative(times(letter("r", i + 1, j + 1), letter("q", i + 1))) for i in range(j)
            ]
            board.show(Name("u", index=(j + 1,)), u, added([letter("a", j + 1), *taken]))
        else:
            board.show(Name("u", index=(1,)), u, letter("a", 1))
        size = board.value(added([squared(written(v)) for v in u]))
        if board.zero(size, max(abs(v) for v in m.flat) ** 2):
            raise ValueError(say("errors.maths.dependent", column=j + 1))
        under = sqrt(added([squared(written(v)) for v in u]))
        r[j, j] = board.line(Name("r", index=(j + 1, j + 1)), under, norm(letter("u", j + 1)))
        q[:, j] = shortened(board, u, r[j, j])
        by = Fraction(number(1), written(r[j, j]))
        board.show(Name("q", index=(j + 1,)), q[:, j], times(by, laid_out(u)))
    board.say("maths.qr.both")
    board.show(Name("Q"), q)
    board.show(Name("R"), r)
    return q, r
