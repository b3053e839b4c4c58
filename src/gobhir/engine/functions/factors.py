"""Gaussian elimination (LU), and decompositions that report a failure instead of raising it.

Names, arguments and results: https://docs.pytorch.org/docs/stable/linalg.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import on_tensor
from gobhir.engine.functions.matrices import cholesky, inv, matrices, solve, solve_triangular, svd
from gobhir.engine.functions.publish import FUNCTIONS, function, of_tensor, takes_out
from gobhir.engine.functions.results import named
from gobhir.engine.ops import lu as ops
from gobhir.engine.ops.linalg import LinAlgError
from gobhir.engine.ops.linear import matmul
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

LU = named("linalg_lu", "P", "L", "U")
Factored = named("linalg_lu_factor", "LU", "pivots")
FactoredEx = named("linalg_lu_factor_ex", "LU", "pivots", "info")
Unpacked = named("lu_unpack", "P", "L", "U")
InvEx = named("linalg_inv_ex", "inverse", "info")
CholeskyEx = named("linalg_cholesky_ex", "L", "info")
SolveEx = named("linalg_solve_ex", "result", "info")


# -- Gaussian elimination ----


@on_tensor
@takes_out
def lu(A: Any, *, pivot: bool = True) -> Any:
    """A = P @ L @ U: P exchanges rows, L is lower triangular with ones on its diagonal, U upper
    triangular. (..., m, n) to (..., m, m), (..., m, k), (..., k, n) with k = min(m, n)."""
    _with_pivots(pivot)
    L, U, rows = ops.lu(matrices("lu", A))
    return LU(Tensor._wrap(ops.permutation(rows, A.dtype)), L, U)


def _with_pivots(pivot: bool) -> None:
    if not pivot:
        raise RuntimeError(say("errors.linalg.pivot"))


@on_tensor
@takes_out
def lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """L and U in one matrix (L below the diagonal, without its ones), and the row, counted from 1,
    with which each row changed places. For `lu_solve`."""
    return Factored(*lu_factor_ex(A, pivot=pivot, check_errors=True)[:2])


@on_tensor
@takes_out
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """`lu_factor`, and for each matrix 0 or the first place, counted from 1, of a 0 on U's
    diagonal."""
    _with_pivots(pivot)
    L, U, rows = ops.lu(matrices("lu_factor", A))
    m, n = A.array.shape[-2:]
    below = _widened(L, n, -1) if n > m else L
    packed = (below - Tensor._wrap(np.eye(m, n, dtype=A.dtype))) + (
        _widened(U, m, -2) if m > n else U
    )
    zero = np.diagonal(U.array, 0, -2, -1) == 0
    info = np.where(zero.any(-1), zero.argmax(-1) + 1 if zero.shape[-1] else 0, 0)
    if check_errors and info.any():
        raise LinAlgError(say("errors.linalg.singular", op="lu_factor"))
    return FactoredEx(packed, Tensor._wrap(_pivots(rows.array, min(m, n))), _info(info))


def _widened(x: Any, size: int, dim: int) -> Any:
    more = list(x.array.shape)
    more[dim] = size - more[dim]
    return FUNCTIONS["cat"]([x, Tensor._wrap(np.zeros(more, x.dtype))], dim)


def _pivots(rows: np.ndarray, count: int) -> np.ndarray:
    """The order of rows as exchanges, one after the other, counted from 1."""
    now = np.broadcast_to(np.arange(rows.shape[-1]), rows.shape).copy()
    out = np.empty((*rows.shape[:-1], count), np.int32)
    for j in range(count):
        where = (now == rows[..., j : j + 1]).argmax(-1)[..., None]
        out[..., j] = where[..., 0] + 1
        np.put_along_axis(now, where, now[..., j : j + 1], -1)
        now[..., j] = rows[..., j]
    return out


def _rows(pivots: np.ndarray, m: int) -> np.ndarray:
    """The order of m rows that these exchanges lead to."""
    rows = np.broadcast_to(np.arange(m), (*pivots.shape[:-1], m)).copy()
    for j in range(pivots.shape[-1]):
        where = pivots[..., j : j + 1].astype(np.int64) - 1
        there = np.take_along_axis(rows, where, -1)
        np.put_along_axis(rows, where, rows[..., j : j + 1], -1)
        rows[..., j : j + 1] = there
    return rows


@function
@on_tensor
@takes_out
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """P, L and U from what `lu_factor` gave."""
    if LU_data.ndim < 2:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=LU_data.array.shape))
    m, n = LU_data.array.shape[-2:]
    k, pivots = min(m, n), LU_pivots.array
    if unpack_pivots and (
        pivots.dtype != np.int32
        or pivots.shape[-1:] != (k,)
        or not ((pivots > 0) & (pivots <= m)).all()
    ):
        raise RuntimeError(say("errors.linalg.pivots", dtype=pivots.dtype, k=k, m=m))
    nothing = Tensor._wrap(np.zeros(0, LU_data.dtype))
    P = L = U = nothing
    if unpack_pivots:
        P = Tensor._wrap(ops.permutation(_rows(LU_pivots.array, m), LU_data.dtype))
    if unpack_data:
        L = LU_data[..., :k].tril(-1) + Tensor._wrap(np.eye(m, k, dtype=LU_data.dtype))
        U = LU_data[..., :k, :].triu()
    return Unpacked(P, L, U)


@on_tensor
@takes_out
def linalg_lu_solve(
    LU: Any, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Any:
    """X with A @ X = B (X @ A = B with left=False; A.mT for A with adjoint), where LU and pivots
    are what `lu_factor` gave for A."""
    P, L, U = lu_unpack(LU, pivots)
    if not left:
        return linalg_lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    if adjoint:
        half = solve_triangular(L.mT, solve_triangular(U.mT, B, upper=False), upper=True)
        return matmul(P, half)
    half = solve_triangular(L, matmul(P.mT, B), upper=False, unitriangular=True)
    return solve_triangular(U, half, upper=True)


@of_tensor
@takes_out
def lu_solve(input: Any, LU_data: Tensor, LU_pivots: Tensor) -> Any:
    """X with A @ X = input, where LU_data and LU_pivots are what `lu_factor` gave for A."""
    return linalg_lu_solve(LU_data, LU_pivots, input)


# -- principal components ----


@function
@on_tensor
def svd_lowrank(
    A: Any, q: int | None = 6, niter: int = 2, M: Tensor | None = None
) -> tuple[Any, Any, Any]:
    """U, S and V of the q largest singular values of A (of A - M): (..., m, q), (..., q),
    (..., n, q). PyTorch approaches them from random directions, niter times; these are exact."""
    x = matrices("svd_lowrank", A if M is None else A - M)
    U, S, Vh = svd(x, full_matrices=False)
    if q is not None and q < 0:
        raise RuntimeError(say("errors.shape.negative", shape=(q,)))
    return U[..., :q], S[..., :q], Vh[..., :q, :].mT


@function
@on_tensor
def pca_lowrank(
    A: Any, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Any, Any, Any]:
    """The principal components of A's columns: U, S and V with V's columns the q (6 unless told)
    directions in which the rows of A differ most. center: each column less its mean."""
    x = matrices("pca_lowrank", A)
    sizes = x.array.shape[-2:]
    most = min(6, *sizes) if q is None else q
    if not 0 <= most <= min(sizes):
        raise ValueError(say("errors.linalg.components", q=q, x=x.array.shape))
    return svd_lowrank(x - x.mean(-2, keepdim=True) if center else x, most, niter)


# -- with a report ----


def _info(found: Any) -> Tensor:
    return Tensor._wrap(np.asarray(found, np.int32))


def _reported(f: Any, A: Any, failing: Any, *more: Any, **named: Any) -> tuple[Any, Tensor]:
    """f(A, ...) and where each matrix fails (0: nowhere). NaN stands where one does."""
    try:
        return f(A, *more, **named), _info(np.zeros(A.array.shape[:-2]))
    except LinAlgError:
        info = failing(A.array)
        fine = Tensor._wrap((info == 0)[..., None, None])
        where = FUNCTIONS["where"]
        good = where(fine, A, Tensor._wrap(np.eye(A.array.shape[-1], dtype=A.dtype)))
        out = f(good, *more, **named)
        if out.ndim < A.ndim:
            fine = fine.squeeze(-1)
        return where(fine, out, float("nan")), _info(info)


def _zero_pivot(a: np.ndarray) -> np.ndarray:
    return lu_factor_ex(Tensor._wrap(a)).info.array


def _not_positive(a: np.ndarray) -> np.ndarray:
    """The order of the first leading part of each matrix that is not positive definite, or 0."""
    info = np.zeros(a.shape[:-2], np.int32)
    for at in np.ndindex(info.shape):
        for k in range(1, a.shape[-1] + 1):
            try:
                np.linalg.cholesky(a[at][:k, :k])
            except np.linalg.LinAlgError:
                info[at] = k
                break
    return info


@on_tensor
@takes_out
def inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """The inverse, and for each matrix 0 or where elimination found no pivot."""
    if check_errors:
        inv(A)
    return InvEx(*_reported(inv, matrices("inv", A, square=True), _zero_pivot))


@on_tensor
@takes_out
def solve_ex(A: Any, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """`solve`, and for each matrix 0 or where elimination found no pivot."""
    if check_errors:
        solve(A, B, left=left)
    A = matrices("solve", A, square=True)
    return SolveEx(*_reported(solve, A, _zero_pivot, B, left=left))


@on_tensor
@takes_out
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """`cholesky`, and for each matrix 0 or the order of its first part that is not positive
    definite."""
    if check_errors:
        cholesky(A, upper=upper)
    A = matrices("cholesky", A, square=True)
    return CholeskyEx(*_reported(cholesky, A, _not_positive, upper=upper))
