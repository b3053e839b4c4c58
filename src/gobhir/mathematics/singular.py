"""What every matrix does, taken apart: A = U S V^T."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as Ratio
from typing import Any

import numpy as np

from gobhir.derivation.arrays import MatMul
from gobhir.derivation.expression import Fraction, Name
from gobhir.derivation.rounding import objects
from gobhir.lang import say
from gobhir.mathematics.board import Board, page
from gobhir.mathematics.numbers import Number, floats, laid_out, written
from gobhir.mathematics.products import applied, inner_products, shortened
from gobhir.mathematics.signs import (
    added,
    each,
    letter,
    matrix_named,
    named,
    norm,
    number,
    sqrt,
    squared,
    times,
    transposed,
)
from gobhir.mathematics.spectrum import all_rounds, eigenvalues, eigenvectors, factored


@page
def svd(board: Board, a: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A = U S V^T: turn, stretch, turn. The columns of V are the eigenvectors of A^T A, the
    singular values the roots of its eigenvalues. a (m, n), not all zeros; U (m, r), S (r,),
    V^T (r, n) for the r singular values that are not 0, largest first."""
    m = board.matrix(a, "A")
    if not any(m.flat):
        raise ValueError(say("errors.maths.zero_matrix"))
    board.say("maths.svd.idea")
    gram = inner_products(board, m)
    board.section("maths.head.values")
    values, vectors = _of_symmetric(board, gram)
    board.section("maths.head.singular")
    u, sizes, v = [], [], []
    for k, (value, w) in enumerate(zip(values, vectors, strict=True)):
        if board.decide(abs(float(value)) <= 1e-12 * float(values[0])):
            board.say("maths.svd.zero", which=letter("sigma", k + 1))
            continue
        board.say("maths.svd.one", which=letter("sigma", k + 1))
        sizes.append(board.line(Name("sigma", index=(k + 1,)), sqrt(named("lambda", value, k + 1))))
        long = board.line(norm(letter("w", k + 1)), sqrt(added([squared(written(x)) for x in w])))
        v.append(shortened(board, w, long))
        board.show(
            Name("v", index=(k + 1,)), v[-1], Fraction(letter("w", k + 1), norm(letter("w", k + 1)))
        )
        image = applied(board, m, v[-1])
        u.append(shortened(board, image, sizes[-1]))
        by = Fraction(number(1), written(sizes[-1]))
        general = times(
            Fraction(number(1), letter("sigma", k + 1)), letter("A"), letter("v", k + 1)
        )
        board.show(Name("u", index=(k + 1,)), u[-1], general, times(by, laid_out(image)))
    board.section("maths.head.together")
    board.say("maths.svd.parts")
    left, right = np.column_stack(u), np.vstack(v)
    r = len(sizes)
    diagonal = objects(
        [s if i == j else Ratio(0) for i, s in enumerate(sizes) for j in range(r)], (r, r)
    )
    board.formula(
        letter("A"),
        MatMul(MatMul(matrix_named("U"), matrix_named("Sigma")), transposed(matrix_named("V"))),
        MatMul(MatMul(laid_out(left), laid_out(diagonal)), laid_out(right)),
    )
    board.section("maths.head.check")
    board.say("maths.svd.check")
    product = [
        board.value(
            added([times(*map(written, (left[i, k], sizes[k], right[k, j]))) for k in range(r)])
        )
        for i, j in np.ndindex(m.shape)
    ]
    board.show(None, objects(product, m.shape))
    return left, objects(sizes, (r,)), right


def _of_symmetric(board: Board, gram: np.ndarray) -> tuple[Sequence[Number], Sequence[np.ndarray]]:
    """Write the eigenvalues of A^T A, largest first, and their eigenvectors w."""
    if len(gram) == 1:
        board.say("maths.svd.single")
        return [gram[0, 0]], [objects([gram.flat[0] * 0 + 1], (1,))]
    if len(gram) == 2:
        values = eigenvalues(board, gram, "g")
        vectors = eigenvectors(board, gram, values, "w")
        unit = np.array([[1, 0], [0, 1]], dtype=object)
        return values, vectors if vectors is not None else [each(_whole, row) for row in unit]
    board.say("maths.qr.plan")
    rounds = board.decide(lambda: factored(floats(gram)))
    found, turned = all_rounds(board, rounds)
    order = board.decide([int(i) for i in np.argsort(-found, kind="stable")])
    cut = [board.cut(found[i]) for i in order]
    return cut, [objects([board.cut(x) for x in turned[:, i]], (len(gram),)) for i in order]


def _whole(x: int) -> Number:
    return Ratio(x)
