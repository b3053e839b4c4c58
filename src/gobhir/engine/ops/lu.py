"""A matrix as a product of triangles: Gaussian elimination, written down."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.diagonals import tril, triu
from gobhir.engine.ops.indexing import plain
from gobhir.engine.ops.joining import cat
from gobhir.engine.ops.linalg import solve
from gobhir.engine.ops.linear import matmul


class LU(Op):
    """L, lower triangular with ones on its diagonal, and U, upper triangular, with L @ U the rows
    of A in the order `rows`; the largest number of a column always comes up (partial pivoting).
    A: (..., m, n), L: (..., m, k), U: (..., k, n), k = min(m, n), rows: (..., m).

    Source of the pullback: Axen, Differentiating the LU decomposition (2021).
    """

    family = Family.LINEAR
    formula = "lu(A)"
    results = ("L", "U", "rows")

    def forward(A):
        m, n = A.shape[-2:]
        k = min(m, n)
        work = A.copy()
        rows = np.broadcast_to(np.arange(m), A.shape[:-1]).copy()
        for j in range(k):
            best = j + np.argmax(np.abs(work[..., j:, j]), axis=-1)[..., None]
            _exchange(work, j, best)
            _exchange(rows[..., None], j, best)
            pivot = work[..., j : j + 1, j]
            factors = work[..., j + 1 :, j] / np.where(pivot == 0, 1, pivot)
            work[..., j + 1 :, j] = factors
            work[..., j + 1 :, j + 1 :] -= factors[..., None] * work[..., j : j + 1, j + 1 :]
        L = np.tril(work[..., :k], -1) + np.eye(m, k, dtype=A.dtype)
        return L, np.triu(work[..., :k, :]), rows

    def vjp(d, out, A):
        (dL, dU, _), (L, U, rows), (m, n) = d, out, A.shape[-2:]
        k = min(m, n)
        above, left = L[..., :k, :], U[..., :, :k]  # the square parts
        dL1, dU1 = dL[..., :k, :], dU[..., :, :k]
        if m > n:  # B2 = L2 U
            d2 = solve(U, dL[..., k:, :].mT).mT
            dU1 = dU1 - matmul(L[..., k:, :].mT, d2)
        if n > m:  # B2 = L U2
            d2 = solve(L.mT, dU[..., :, k:])
            dL1 = dL1 - matmul(d2, U[..., :, k:].mT)
        inner = tril(matmul(above.mT, dL1), diagonal=-1) + triu(matmul(dU1, left.mT), diagonal=0)
        dB = solve(left, solve(above.mT, inner).mT).mT
        if m != n:
            dB = cat(dB, d2, dim=len(A.shape) - (2 if m > n else 1))
        return matmul(permutation(rows, dB.dtype), dB)


def _exchange(a, j, best):
    """Row j and the row at `best`, of each matrix, change places."""
    at = best[..., None]
    top, found = a[..., j : j + 1, :].copy(), np.take_along_axis(a, at, -2)
    np.put_along_axis(a, np.broadcast_to(at, top.shape), top, -2)
    a[..., j : j + 1, :] = found


def permutation(rows, dtype):
    """P with (P @ X)[rows[i]] = X[i]: (..., m) to (..., m, m)."""
    rows = plain(rows)
    return (rows[..., None, :] == np.arange(rows.shape[-1])[:, None]).astype(dtype)


lu = function(LU)
