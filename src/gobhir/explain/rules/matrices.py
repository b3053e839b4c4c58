"""The rule of linear algebra: inverses, determinants, decompositions.

Their results come out of elimination or iteration, which no page writes down; so they stand there
with what makes them right, an equation that holds (`equations`), and the gradient is a formula of
matrices in terms of the result. A small determinant is a sum that one does write down.
Source: Giles, An extended collection of matrix derivative results for forward and reverse mode
automatic differentiation (2008); Murray, Differentiation of the Cholesky decomposition (2016);
https://docs.pytorch.org/docs/stable/linalg.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

from gobhir.derivation.arrays import MatMul, SumOver, Transposed
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Name,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    number,
    total,
)
from gobhir.derivation.places import Joined, Reshaped, Spread, Taken, shaped
from gobhir.derivation.rounding import decimals
from gobhir.engine.ops import linalg
from gobhir.explain.rules.spatial import lay
from gobhir.explain.rules.use import Use

OPS = {"inv", "solve", "det", "cofactor", "slogdet", "cholesky", "pinv", "qr", "eigh", "svd"}
SEVERAL = {
    "slogdet": ("s", "l"),
    "qr": ("Q", "R"),
    "eigh": ("lambda", "V"),
    "svd": ("U", "S", "V"),
}
"""Ops of several results, and what these are called."""
WRITTEN = 3
"""Rows of a matrix whose determinant is still written as a sum of products."""


def aside(use: Use) -> Iterator[tuple[str, Name, Expr | None, np.ndarray]]:
    """What has a line of its own: all results of an op that has several, and a matrix of which the
    gradient speaks. Key, name, no expression, value."""
    for k, letter in enumerate(SEVERAL.get(use.record.op.name, ())):
        yield f"result{k}", Name(letter, element=letter.lower()), None, use.results[k]
    A = use.arrays[0]
    match use.record.op.name:
        case "det":
            yield "beside", Name("C", element="c"), None, linalg.Cofactor.forward(A)
        case "solve" | "slogdet" if _regular(A):
            yield "beside", Name("K", element="k"), None, np.linalg.inv(A)
        case "cholesky":
            L = linalg.Cholesky.forward(A)
            yield "beside", Name("K", element="k"), None, np.linalg.inv(L)
        case "qr" if _regular(square := use.results[1][..., : A.shape[-2]]):
            yield "beside", Name("K", element="k"), None, np.linalg.inv(square)


def _regular(A: np.ndarray) -> bool:
    square = bool(A.size) and A.shape[-1] == A.shape[-2]
    return square and bool((np.linalg.matrix_rank(A) == A.shape[-1]).all())


def beside(use: Use) -> Expr | None:
    """What the matrix beside the result is: the inverse of what, or None for the cofactors."""
    match use.record.op.name:
        case "solve" | "slogdet":
            return Power(use.operands[0], number(-1))
        case "cholesky":
            return Power(use.result, number(-1))
        case "qr":
            return Power(use.helpers["result1"], number(-1))
    return None


def forward(use: Use) -> Expr | None:
    """The determinant of a small matrix, as a sum; None for all that is not written as one."""
    if use.record.op.name != "det" or use.arrays[0].ndim != 2 or len(use.arrays[0]) > WRITTEN:
        return None
    A, n = use.whole(0), len(use.arrays[0])
    terms = []
    for columns in permutations(range(n)):
        factors = tuple(A.at((i, j)) for i, j in enumerate(columns))
        product = factors[0] if n == 1 else Product(factors)
        terms.append(product if _even(columns) else Negative(product))
    return total(terms)


def _even(columns: tuple[int, ...]) -> bool:
    return sum(a > b for k, b in enumerate(columns) for a in columns[:k]) % 2 == 0


def symbolic(use: Use) -> Expr:
    """The result in signs: for showing, nobody works it out from this."""
    A = use.operands[0]
    match use.record.op.name:
        case "inv":
            return Power(A, number(-1))
        case "solve":
            return MatMul(Power(A, number(-1)), use.operands[1])
        case "cofactor":
            return Product((Function("det", (A,)), Power(Transposed(A), number(-1))))
    return Function(use.record.op.name, (A,))


def equations(use: Use) -> Iterator[tuple[Expr, Expr]]:
    """What holds of the result, left and right: of matrices in rows and columns."""
    A = use.whole(0)
    made = [use.helpers.get(f"result{k}", use.result) for k in range(3)]
    result = shaped(use.result, np.shape(use.record.value))
    match use.record.op.name:
        case "inv":
            yield MatMul(A, result), _ones(A)
        case "solve" if use.arrays[1].ndim > 1:
            yield MatMul(A, result), use.whole(1)
        case "cholesky":
            yield MatMul(result, Transposed(result)), A
        case "pinv":
            yield MatMul(MatMul(A, result), A), A
        case "qr":
            yield MatMul(made[0], made[1]), A
            yield MatMul(Transposed(made[0]), made[0]), _ones(made[1])
        case "eigh":
            yield MatMul(A, made[1]), Product((_row(made[0]), made[1]))
        case "svd" if made[0].shape[-1] == made[2].shape[-2]:
            yield MatMul(Product((made[0], _row(made[1]))), made[2]), A
        case "cofactor":
            yield MatMul(A, Transposed(result)), Product((_determinant(use), _ones(A)))


def _ones(A: Expr) -> Num:
    return Num(decimals(np.eye(A.shape[-1]).astype(int)))


def _row(v: Expr) -> Expr:
    """A number for each column."""
    return Reshaped(v, (*v.shape[:-1], 1, v.shape[-1]))


def _matrices(c: Expr) -> Expr:
    """A number for each matrix, beside all of its elements."""
    return Reshaped(c, (*c.shape, 1, 1)) if c.shape else c


# -- backward ----


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What a matrix receives when dL/d(result) is c, of several results `use.cotangents`."""
    out = _pull(use, i, c)
    return None if out is None else shaped(out, use.operands[i].shape)


def _pull(use: Use, i: int, c: Expr) -> Expr | None:
    name, K = use.record.op.name, use.helpers.get("beside")
    value = use.record.value
    if name not in SEVERAL:
        c = shaped(c, value.shape)
    X: Any = use.result if name in SEVERAL else shaped(use.result, value.shape)
    match name:
        case "inv":
            return Negative(MatMul(MatMul(Transposed(X), c), Transposed(X)))
        case "solve" if K is not None and use.arrays[1].ndim > 1:
            if i == 1:
                return MatMul(Transposed(K), c)
            return Negative(MatMul(MatMul(Transposed(K), c), Transposed(X)))
        case "det" if K is not None:
            return Product((_matrices(c), K))
        case "slogdet" if K is not None and 1 in use.cotangents:
            return Product((_matrices(use.cotangents[1]), Transposed(K)))
        case "slogdet":  # the sign stays what it is
            return Spread(number(0), np.shape(use.arrays[0]))
        case "cofactor" if _regular(use.arrays[0]):
            det, last = _determinant(use), len(value.shape)
            along = Product((SumOver(Product((c, X)), (last - 2, last - 1), keepdims=True), X))
            return Fraction(Sum((along, Negative(MatMul(MatMul(X, Transposed(c)), X)))), det)
        case "cholesky" if K is not None:
            half = Num(decimals(np.tril(np.ones(value.shape[-2:])) - 0.5 * np.eye(len(value.T))))
            S = Product((half, MatMul(Transposed(X), c)))
            return _symmetric(MatMul(MatMul(Transposed(K), S), K))
        case "pinv":
            return _pull_pinv(use.whole(0), X, c)
        case "qr" if K is not None:
            return _pull_qr(use, K)
        case "eigh":
            return _pull_eigh(use)
        case "svd" if use.helpers["result0"].shape[-1] == use.helpers["result2"].shape[-2]:
            return _pull_svd(use)
    return None


def _symmetric(W: Expr) -> Expr:
    return Fraction(Sum((W, Transposed(W))), number(2))


def _pull_pinv(A: Expr, P: Expr, c: Expr) -> Expr:
    """Golub and Pereyra, The differentiation of pseudo-inverses (1973)."""
    Dt, Pt = Transposed(c), Transposed(P)
    second = Sum((Dt, Negative(MatMul(MatMul(A, P), Dt))))
    third = Sum((Dt, Negative(MatMul(Dt, MatMul(P, A)))))
    first = MatMul(MatMul(Pt, c), Pt)
    there, back = MatMul(MatMul(second, P), Pt), MatMul(Pt, MatMul(P, third))
    return Sum((there, back, Negative(first)))


def _pull_qr(use: Use, K: Expr) -> Expr:
    """Roberts and Roberts, QR and LQ decomposition matrix backpropagation algorithms (2020)."""
    Q, R = use.helpers["result0"], use.helpers["result1"]
    dQ, dR = use.cotangents.get(0), use.cotangents.get(1)
    m, n = np.shape(use.arrays[0])[-2:]
    if m >= n:
        return _pull_deep_qr(Q, R, K, dQ, dR)
    # A wide matrix is [X | Y], R is [U | V]: X = Q U, Y = Q V.
    if dR is None:
        dX, zeros = _pull_deep_qr(Q, _columns(R, 0, m), K, dQ, None), (*K.shape[:-1], n - m)
        return Joined((dX, Spread(number(0), zeros)), len(K.shape) - 1)
    Y, dU, dV = _columns(use.whole(0), m, n), _columns(dR, 0, m), _columns(dR, m, n)
    met = MatMul(Y, Transposed(dV))
    dX = _pull_deep_qr(Q, _columns(R, 0, m), K, met if dQ is None else Sum((dQ, met)), dU)
    return Joined((dX, MatMul(Q, dV)), len(K.shape) - 1)


def _columns(e: Expr, first: int, end: int) -> Expr:
    rank = len(e.shape)
    places = [lay(rank, np.arange(n), axis) for axis, n in enumerate(e.shape[:-1])]
    return Taken(e, "part", (*places, lay(rank, np.arange(first, end), rank - 1)))


def _pull_deep_qr(Q: Expr, R: Expr, K: Expr, dQ: Expr | None, dR: Expr | None) -> Expr:
    parts: list[Expr] = [] if dR is None else [MatMul(R, Transposed(dR))]
    if dQ is not None:
        parts.append(Negative(MatMul(Transposed(dQ), Q)))
    M, n = total(parts), R.shape[-1]
    lower, below = (Num(decimals(np.tril(np.ones((n, n)), k).astype(int))) for k in (0, -1))
    copied = Sum((Product((lower, M)), Transposed(Product((below, M)))))
    moved = MatMul(Q, copied)
    return MatMul(moved if dQ is None else Sum((dQ, moved)), Transposed(K))


def _pull_eigh(use: Use) -> Expr:
    V, values, given = use.helpers["result1"], use.results[0], use.cotangents
    n, parts = values.shape[-1], list[Expr]()
    if 1 in given:
        gaps = linalg._gaps(values)
        parts.append(Product((Num(decimals(gaps)), MatMul(Transposed(V), given[1]))))
    if 0 in given:
        eye = Num(decimals(np.eye(n).astype(int)))
        parts.append(Product((eye, _row(given[0]))))
    return _symmetric(MatMul(MatMul(V, total(parts)), Transposed(V)))


def _pull_svd(use: Use) -> Expr:
    """Townsend, Differentiating the singular value decomposition (2016)."""
    U, S, Vh = (use.helpers[f"result{k}"] for k in range(3))
    dU, dS, dVh = (use.cotangents.get(k) for k in range(3))
    if dU is None and dVh is None:
        assert dS is not None
        return MatMul(Product((U, _row(dS))), Vh)  # the vectors, weighed
    gaps = Num(decimals(linalg._gaps(use.results[1] ** 2)))
    columns, rows = _row(S), Reshaped(S, (*S.shape, 1))
    inner: list[Expr] = []
    outside: list[Expr] = []
    if dU is not None:
        inner.append(Product((_skew(MatMul(Transposed(U), dU)), gaps, columns)))
    if dVh is not None:
        inner.append(Product((rows, _skew(MatMul(Vh, Transposed(dVh))), gaps)))
    if dS is not None:
        eye = Num(decimals(np.eye(S.shape[-1]).astype(int)))
        inner.append(Product((eye, _row(dS))))
    if dU is not None and U.shape[-2] > U.shape[-1]:
        beyond = Sum((dU, Negative(MatMul(U, MatMul(Transposed(U), dU)))))
        outside.append(MatMul(Fraction(beyond, columns), Vh))
    if dVh is not None and Vh.shape[-1] > Vh.shape[-2]:
        beyond = Sum((dVh, Negative(MatMul(MatMul(dVh, Transposed(Vh)), Vh))))
        outside.append(MatMul(U, Fraction(beyond, rows)))
    return total([MatMul(MatMul(U, total(inner)), Vh), *outside])


def _skew(X: Expr) -> Expr:
    return Sum((X, Negative(Transposed(X))))


def _determinant(use: Use) -> Num:
    """A number for each matrix, beside all of its elements."""
    det = np.linalg.det(use.arrays[0])
    return Num(decimals(det[..., None, None] if det.ndim else det))
