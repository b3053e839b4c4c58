"""Linear algebra: inverses, determinants and the decompositions, of one matrix or stacks of them.

The pullbacks follow Giles, An extended collection of matrix derivative results (2008), and, for
the decompositions, the derivations that PyTorch's linalg pages refer to.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import where
from gobhir.engine.ops.diagonals import diagonal_scatter, tril
from gobhir.engine.ops.joining import cat
from gobhir.engine.ops.linear import matmul
from gobhir.lang import say


class LinAlgError(RuntimeError):
    """A matrix has not what was asked of it: an inverse, a Cholesky factor, ..."""


class MatrixOp(Op, abstract=True):
    family = Family.LINEAR


class Inv(MatrixOp):
    """The inverse: A @ out = I. A, out: (..., n, n)."""

    formula = "inv(A)"
    back = {"A": "-out.T @ d @ out.T"}

    def forward(A):
        try:
            return np.linalg.inv(A)
        except np.linalg.LinAlgError:
            raise LinAlgError(say("errors.linalg.singular", op="inv")) from None

    def vjp(d, out, A):
        return -matmul(matmul(out.mT, d), out.mT)


class Solve(MatrixOp):
    """X with A @ X = B. A: (..., n, n), B, X: (..., n, k)."""

    formula = "inv(A) @ B"
    back = {"A": "-inv(A).T @ d @ X.T", "B": "inv(A).T @ d"}
    result = "X"

    def forward(A, B):
        try:
            return np.linalg.solve(A, B)
        except np.linalg.LinAlgError:
            raise LinAlgError(say("errors.linalg.singular", op="solve")) from None

    def vjps(d, X, A, B):
        dB = solve(A.mT, d)
        return -matmul(dB, X.mT), dB


class Det(MatrixOp):
    """The determinant. A: (..., n, n), out: (...)."""

    formula = "det(A)"
    back = {"A": "d * out * inv(A).T"}

    def forward(A):
        return np.linalg.det(A)

    def vjp(d, out, A):
        return _matrices(d) * cofactor(A)


class Cofactor(MatrixOp):
    """The cofactors: det(A) A^-T where there is an inverse, and a number each where there is
    none. A, C: (..., n, n)."""

    formula = "det(A) * inv(A).T"
    result = "C"

    def forward(A):
        U, S, Vh = np.linalg.svd(A)
        others = _products(S[..., None, :], _left_out(S, 1))
        return (U * (others * _sign(U, Vh))[..., None, :]) @ Vh

    def vjp(d, C, A):
        return cofactor_change(A, d)


class CofactorChange(MatrixOp):
    """How the cofactors of A change as A changes in the direction D. A, D, out: (..., n, n)."""

    formula = "sum(D * C) / det(A) * C - C @ D.T @ C / det(A)"

    def forward(A, D):
        # With A = U S Vh the cofactors of S + t U^T D V are sums of products of all of S but two.
        U, S, Vh = np.linalg.svd(A)
        F = U.mT @ D @ Vh.mT
        rest = _products(S[..., None, None, :], _left_out(S, 2))
        rest = rest * (1 - np.eye(S.shape[-1], dtype=S.dtype))
        along = (rest @ np.diagonal(F, 0, -2, -1)[..., None])[..., 0]
        change = -rest * F.mT + along[..., None] * np.eye(S.shape[-1], dtype=S.dtype)
        return U @ (change * _sign(U, Vh)[..., None]) @ Vh

    def vjp_A(d, out, A, D):
        # The third derivative of a determinant; of A without an inverse it is refused by inv.
        X = inv(A).mT
        DX, dX = _matrices((D * X).sum((-2, -1))), _matrices((d * X).sum((-2, -1)))
        both = matmul(matmul(d, X.mT), D)
        slope = DX * d + dX * D - both - matmul(matmul(D, X.mT), d)
        total = DX * dX - _matrices((both * X).sum((-2, -1)))
        return _matrices(det(A)) * (total * X - matmul(matmul(X, slope.mT), X))

    def vjp_D(d, out, A, D):
        return cofactor_change(A, d)


def _left_out(S, many):
    """Ones, but for the one or two places that stand at the index in front."""
    kept = 1 - np.eye(S.shape[-1], dtype=S.dtype)
    return kept if many == 1 else kept[:, None] * kept


def _products(S, kept):
    return (S * kept + (1 - kept)).prod(-1)


def _sign(U, Vh):
    return (np.linalg.det(U) * np.linalg.det(Vh))[..., None]


class Slogdet(MatrixOp):
    """Sign of the determinant and logarithm of its absolute value. A: (..., n, n), sign,
    logabsdet: (...)."""

    formula = "(sign(det(A)), log(abs(det(A))))"
    results = ("sign", "logabsdet")

    def forward(A):
        return tuple(np.linalg.slogdet(A))

    def vjp(d, out, A):
        return _matrices(d[1]) * inv(A).mT


class Cholesky(MatrixOp):
    """L, lower triangular, with L @ L.T = A. A, L: (..., n, n); A symmetric, positive definite.

    Source of the pullback: Murray, Differentiation of the Cholesky decomposition (2016).
    """

    formula = "cholesky(A)"
    result = "L"

    def forward(A):
        try:
            return np.linalg.cholesky(A)
        except np.linalg.LinAlgError:
            raise LinAlgError(say("errors.linalg.not_positive")) from None

    def vjp(d, L, A):
        half = np.tril(np.ones(L.shape[-2:], L.dtype)) - 0.5 * np.eye(L.shape[-1], dtype=L.dtype)
        S = matmul(L.mT, d) * half
        whole = solve(L.mT, solve(L.mT, S).mT)
        return 0.5 * (whole + whole.mT)


class QR(MatrixOp):
    """Q with orthonormal columns and R, upper triangular, with Q @ R = A. A: (..., m, n); with
    mode "reduced" Q: (..., m, k), R: (..., k, n), k = min(m, n); with "complete" k = m.

    Source of the pullback: Roberts and Roberts, QR and LQ decomposition matrix backpropagation
    algorithms for square, wide, and deep matrices (2020).
    """

    formula = "qr(A)"
    results = ("Q", "R")

    def forward(A, *, mode="reduced"):
        return tuple(np.linalg.qr(A, mode))

    def vjp(d, out, A, *, mode):
        (dQ, dR), (Q, R), (m, n) = d, out, A.shape[-2:]
        if mode == "complete" and m > n:
            raise RuntimeError(say("errors.linalg.qr_complete"))
        if m >= n:
            return _deep_qr(dQ, dR, Q, R)
        # A wide matrix is [X | Y], R is [U | V]: X = Q U, Y = Q V.
        Y, U = A[..., m:], R[..., :m]
        dU, dV = dR[..., :m], dR[..., m:]
        dX = _deep_qr(dQ + matmul(Y, dV.mT), dU, Q, U)
        return cat(dX, matmul(Q, dV), dim=len(A.shape) - 1)


def _deep_qr(dQ, dR, Q, R):
    M = matmul(R, dR.mT) - matmul(dQ.mT, Q)
    lower = tril(M, diagonal=0)
    copied = lower + tril(M, diagonal=-1).mT
    return solve(R, (dQ + matmul(Q, copied)).mT).mT


class Eigh(MatrixOp):
    """Eigenvalues, smallest first, and eigenvectors (columns of V) of symmetric matrices, of which
    one triangle is read. A: (..., n, n), L: (..., n), V: (..., n, n)."""

    formula = "eigh(A)"
    results = ("L", "V")

    def forward(A, *, UPLO="L"):
        try:
            return tuple(np.linalg.eigh(A, UPLO))
        except np.linalg.LinAlgError:
            raise LinAlgError(say("errors.linalg.not_finite", op="eigh")) from None

    def vjp(d, out, A, *, UPLO):
        (dL, dV), (L, V) = d, out
        inner = matmul(V.mT, dV) * _gaps(L) + _on_diagonal(dL)
        whole = matmul(matmul(V, inner), V.mT)
        return 0.5 * (whole + whole.mT)


class SVD(MatrixOp):
    """A = U @ diag(S) @ Vh, singular values largest first. A: (..., m, n), S: (..., k), U:
    (..., m, k), Vh: (..., k, n), k = min(m, n); with full_matrices U and Vh are square."""

    formula = "svd(A)"
    results = ("U", "S", "Vh")

    def forward(A, *, full_matrices=True):
        try:
            return tuple(np.linalg.svd(A, full_matrices))
        except np.linalg.LinAlgError:
            raise LinAlgError(say("errors.linalg.not_finite", op="svd")) from None

    def vjp(d, out, A, *, full_matrices):
        (dU, dS, dVh), (U, S, Vh) = d, out
        k = S.shape[-1]
        U, dU, Vh, dVh = U[..., :k], dU[..., :k], Vh[..., :k, :], dVh[..., :k, :]
        columns = S.reshape((*S.shape[:-1], 1, k))
        rows = S.reshape((*S.shape[:-1], k, 1))
        gaps = _gaps(S * S)
        turned = _skew(matmul(U.mT, dU)) * gaps * columns
        turned = turned + rows * (_skew(matmul(Vh, dVh.mT)) * gaps)
        left = matmul(U, turned + _on_diagonal(dS))
        if A.shape[-2] > k:
            left = left + (dU - matmul(U, matmul(U.mT, dU))) * _inverse(columns)
        out = matmul(left, Vh)
        if A.shape[-1] > k:
            out = out + matmul(U, (dVh - matmul(matmul(dVh, Vh.mT), Vh)) * _inverse(rows))
        return out


def _skew(X):
    return X - X.mT


def _gaps(L):
    """1 / (L[j] - L[i]) in row i, column j."""
    return _inverse(L.reshape((*L.shape[:-1], 1, L.shape[-1])) - L.reshape((*L.shape, 1)))


def _inverse(x):
    """1 / x, but 0 for 0: equal singular values have a slope, if their vectors have not."""
    flat = x == 0
    return where(flat, 0.0, 1 / where(flat, 1.0, x))


def _on_diagonal(v):
    n = len(v.shape)
    return diagonal_scatter(v, shape=(*v.shape, v.shape[-1]), dim1=n - 1, dim2=n)


def _matrices(d):
    """A number for each matrix, ready to be multiplied with all of it."""
    return d.reshape((*d.shape, 1, 1))


class Pinv(MatrixOp):
    """The pseudo-inverse of Moore and Penrose; singular values of at most
    max(atol, rtol * largest) count as 0. Of a hermitian A (m = n) the lower triangle is read.
    A: (..., m, n), P: (..., n, m).

    Source of the pullback: Golub and Pereyra, The differentiation of pseudo-inverses (1973).
    """

    formula = "pinv(A)"
    result = "P"

    def forward(A, *, atol=0.0, rtol=None, hermitian=False):
        if hermitian:
            A = np.tril(A) + np.tril(A, -1).mT
        if not A.size:
            return np.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
        if rtol is None:
            rtol = max(A.shape[-2:]) * np.finfo(A.dtype).eps if not atol else 0.0
        U, S, Vh = np.linalg.svd(A, full_matrices=False)
        large = np.maximum(atol, rtol * S[..., :1]) < S
        inverse = np.where(large, 1 / np.where(large, S, 1), 0).astype(A.dtype)
        return (Vh.mT * inverse[..., None, :]) @ U.mT

    def vjp(d, P, A, *, atol, rtol, hermitian):
        PA, AP = matmul(P, A), matmul(A, P)
        first = matmul(matmul(P.mT, d), P.mT)
        Dt = d.mT
        second = Dt - matmul(AP, Dt)
        third = Dt - matmul(Dt, PA)
        return matmul(matmul(second, P), P.mT) + matmul(P.mT, matmul(P, third)) - first


class MatrixExp(MatrixOp):
    """The matrix exponential, I + A + A @ A / 2 + ... A, out: (..., n, n).

    Source: Higham, The scaling and squaring method for the matrix exponential revisited (2005);
    the pullback reads the derivative off a matrix of twice the size (Najfeld and Havel, 1995).
    """

    formula = "matrix_exp(A)"

    def forward(A):
        if not A.size:
            return A.copy()
        norm = np.abs(A).sum(-2).max()
        times = max(0, math.ceil(math.log2(norm / 0.5))) if 0.5 < norm < np.inf else 0
        X = A / A.dtype.type(2**times)
        term = out = np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape)
        for k in range(1, 19):  # 0.5^19 / 19! is below what float64 can tell from 0
            term = term @ X / A.dtype.type(k)
            out = out + term
        for _ in range(times):
            out = out @ out
        return out

    def vjp(d, out, A):
        n, At, last = A.shape[-1], A.mT, len(A.shape) - 1
        above = cat(At, d, dim=last)
        below = cat(np.zeros(A.shape, A.dtype), At, dim=last)
        return matrix_exp(cat(above, below, dim=last - 1))[..., :n, n:]


inv = function(Inv)
solve = function(Solve)
det = function(Det)
cofactor = function(Cofactor)
cofactor_change = function(CofactorChange)
slogdet = function(Slogdet)
cholesky = function(Cholesky)
qr = function(QR)
eigh = function(Eigh)
svd = function(SVD)
pinv = function(Pinv)
matrix_exp = function(MatrixExp)
