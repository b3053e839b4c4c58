"""Inverses, equations, determinants and decompositions, of one matrix or stacks of them.

Names, arguments and results: https://docs.pytorch.org/docs/stable/linalg.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import Sizes, on_tensor
from gobhir.engine.functions.publish import FUNCTIONS, as_operand, of_tensor, takes_out
from gobhir.engine.functions.results import named
from gobhir.engine.ops import linalg, shapes
from gobhir.engine.ops.diagonals import tril, triu
from gobhir.engine.ops.indexing import set_item
from gobhir.engine.ops.linear import matmul
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

QR = named("linalg_qr", "Q", "R")
SVD = named("linalg_svd", "U", "S", "Vh")
Eig = named("linalg_eig", "eigenvalues", "eigenvectors")
Eigh = named("linalg_eigh", "eigenvalues", "eigenvectors")
Slogdet = named("linalg_slogdet", "sign", "logabsdet")
Lstsq = named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
OldQR = named("qr", "Q", "R")
OldSVD = named("svd", "U", "S", "V")
Triangular = named("triangular_solve", "solution", "cloned_coefficient")


def matrices(op: str, A: Any, square: bool = False) -> Any:
    """A itself. RuntimeError unless it holds matrices of floating numbers (and square ones)."""
    shape = as_operand(A).array.shape
    if len(shape) < 2:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=shape))
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(say("errors.linalg.square", op=op, x=shape))
    if A.array.dtype == np.float16 and op != "matrix_exp":
        raise NotImplementedError(say("errors.dtype.not_for", op=op, dtype="float16"))
    if A.array.dtype.kind not in "fc":
        raise RuntimeError(say("errors.linalg.dtype", op=op, dtype=A.array.dtype))
    return A


# -- inverses and equations ----


@of_tensor
@takes_out
def inverse(input: Any) -> Any:
    """The inverse: input @ out = I. LinAlgError (a RuntimeError) when there is none."""
    return linalg.inv(matrices("inv", input, square=True))


@on_tensor
@takes_out
def inv(A: Any) -> Any:
    """The inverse: A @ out = I. LinAlgError (a RuntimeError) when there is none."""
    return inverse(A)


@on_tensor
@takes_out
def solve(A: Any, B: Tensor, *, left: bool = True) -> Any:
    """X with A @ X = B, or X @ A = B with left=False. B holds matrices, or vectors: (..., n) for
    A: (..., n, n). LinAlgError when A has no inverse."""
    matrices("solve", A, square=True)
    if A.dtype != as_operand(B).dtype:
        raise RuntimeError(say("errors.dtype.matmul", x=A.dtype, y=B.dtype))
    n = A.array.shape[-1]
    vectors = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.array.shape == A.array.shape[:-1])
    if vectors and not left:
        raise RuntimeError(say("errors.linalg.solve", A=A.array.shape, B=B.array.shape))
    X = B.unsqueeze(-1) if vectors else B if left else B.mT
    if X.array.shape[-2] != n:
        raise RuntimeError(say("errors.linalg.solve", A=A.array.shape, B=B.array.shape))
    A, X = stretched(A if left else A.mT, X)
    out = linalg.solve(A, X)
    return out.squeeze(-1) if vectors else out if left else out.mT


def stretched(A: Any, B: Any) -> tuple[Any, Any]:
    """Both with the same stack of matrices in front."""
    first, second = A.array.shape[:-2], B.array.shape[:-2]
    if first == second:
        return A, B
    stack = FUNCTIONS["broadcast_shapes"](first, second)
    return (
        shapes.expand(A, shape=(*stack, *A.array.shape[-2:])),
        shapes.expand(B, shape=(*stack, *B.array.shape[-2:])),
    )


@on_tensor
@takes_out
def solve_triangular(
    A: Any, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    """X with A @ X = B (X @ A = B with left=False), where of A only the upper or the lower
    triangle counts, with ones on its diagonal if unitriangular."""
    matrices("solve_triangular", A, square=True)
    matrices("solve_triangular", B)
    if unitriangular:
        half = triu(A, diagonal=1) if upper else tril(A, diagonal=-1)
        A = half + Tensor._wrap(np.eye(A.array.shape[-1], dtype=A.dtype))
    else:
        A = triu(A, diagonal=0) if upper else tril(A, diagonal=0)
    return solve(A, B, left=left)


@of_tensor
@takes_out
def triangular_solve(
    input: Any, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """X with A @ X = input (A.T with transpose), where of A only one triangle counts."""
    if transpose:
        X = solve_triangular(A.mT, input, upper=not upper, unitriangular=unitriangular)
    else:
        X = solve_triangular(A, input, upper=upper, unitriangular=unitriangular)
    return Triangular(X, A.clone())


@of_tensor
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse; singular values up to rcond times the largest count as 0."""
    return linalg.pinv(matrices("pinv", input), rtol=float(rcond))


@on_tensor
@takes_out
def pinv(
    A: Any,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Any:
    """The pseudo-inverse of Moore and Penrose; singular values up to max(atol, rtol * largest)
    count as 0 (rtol: max(m, n) * eps when neither is given). hermitian: A is symmetric, and only
    its lower triangle is read."""
    rtol = rcond if rtol is None else rtol
    matrices("pinv", A, square=hermitian)
    return linalg.pinv(
        A,
        atol=0.0 if atol is None else float(atol),
        rtol=None if rtol is None else float(rtol),
        hermitian=hermitian,
    )


@on_tensor
@takes_out
def lstsq(A: Any, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The X that makes the squares of A @ X - B smallest, and (but for the driver gels) A's rank;
    the sums of these squares with the drivers gels, gelsd and gelss (where A: (..., m, n) has
    m > n and full rank)."""
    matrices("lstsq", A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(say("errors.linalg.driver", driver=driver))
    driver = driver or "gelsy"
    vectors = A.ndim - 1 == as_operand(B).ndim and A.array.shape[:-1] == B.array.shape
    Y = B.unsqueeze(-1) if vectors else B
    m, n = A.array.shape[-2:]
    if Y.ndim < 2 or Y.array.shape[-2] != m or A.dtype != B.dtype:
        raise RuntimeError(say("errors.linalg.solve", A=A.array.shape, B=B.array.shape))
    X = matmul(pinv(A, rtol=rcond), Y)
    S = np.linalg.svd(A.array, compute_uv=False)
    cutoff = max(m, n) * np.finfo(A.dtype).eps if rcond is None else rcond
    rank = (S[..., :1] * cutoff < S).sum(-1)
    apart = matmul(A, X) - Y
    residuals = (apart * apart).sum(-2)
    if m <= n or driver == "gelsy" or (rank < n).any():
        residuals = residuals.reshape(-1)[:0]
    values = S if driver in ("gelsd", "gelss") else np.zeros(0, A.dtype)
    rank = np.zeros(0, np.int64) if driver == "gels" else np.asarray(rank)
    out = X.squeeze(-1) if vectors else X
    return Lstsq(out, residuals, Tensor._wrap(rank), Tensor._wrap(values))


@of_tensor
@takes_out
def matrix_power(input: Any, n: int) -> Any:
    """input @ input @ ..., n times; of the inverse for a negative n; I for n = 0."""
    if input.ndim < 2 or input.array.shape[-1] != input.array.shape[-2]:
        raise RuntimeError(say("errors.linalg.square", op="matrix_power", x=input.array.shape))
    if n < 0:
        return matrix_power(inverse(input), -n)
    if n == 0:
        return set_item(input, np.eye(input.array.shape[-1], dtype=input.dtype), index=...)
    out, square = None, input
    while n:
        if n % 2:
            out = square if out is None else matmul(out, square)
        n //= 2
        square = matmul(square, square) if n else square
    return out.clone() if out is input else out


@of_tensor
def matrix_exp(input: Any) -> Any:
    """The matrix exponential, I + A + A @ A / 2 + A @ A @ A / 6 + ..."""
    return linalg.matrix_exp(matrices("matrix_exp", input, square=True))


@on_tensor
@takes_out
def tensorsolve(A: Any, B: Tensor, dims: Sizes | None = None) -> Any:
    """X with tensordot(A, X, X.ndim) = B. `dims` of A are moved to its end before."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(-len(dims), 0)))
    shape = A.array.shape[B.ndim :]
    n = int(np.prod(shape))
    if n * n != A.array.size or B.array.size != n:
        raise RuntimeError(say("errors.linalg.solve", A=A.array.shape, B=B.array.shape))
    X = solve(shapes.reshape(A, shape=(n, n)), shapes.reshape(B, shape=(n,)))
    return shapes.reshape(X, shape=shape)


@on_tensor
@takes_out
def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse for tensordot over the first `ind` dimensions of A."""
    shape = A.array.shape
    n = int(np.prod(shape[ind:]))
    if not 0 < ind <= len(shape) or n * n != A.array.size:
        raise RuntimeError(say("errors.linalg.square", op="tensorinv", x=shape))
    flat = inverse(shapes.reshape(A, shape=(n, n)))
    return shapes.reshape(flat, shape=(*shape[ind:], *shape[:ind]))


# -- determinants ----


@of_tensor
@takes_out
def det(input: Any) -> Any:
    """The determinant of each matrix."""
    return linalg.det(matrices("det", input, square=True))


@of_tensor
@takes_out
def slogdet(input: Any) -> Any:
    """The determinant's sign and the logarithm of its absolute value; (0, -inf) where there is
    no inverse."""
    return Slogdet(*linalg.slogdet(matrices("slogdet", input, square=True)))


@of_tensor
def logdet(input: Any) -> Any:
    """The logarithm of the determinant; NaN where that is negative, -inf where it is 0."""
    sign, size = linalg.slogdet(matrices("logdet", input, square=True))
    return FUNCTIONS["where"](Tensor._wrap(sign.array < 0), Tensor._wrap(sign.array * np.nan), size)


# -- decompositions ----


@on_tensor
@takes_out
def cholesky(A: Any, *, upper: bool = False) -> Any:
    """L, lower triangular, with L @ L.mT = A (its transpose with upper). LinAlgError unless A is
    symmetric and positive definite; only one triangle is read."""
    L = linalg.cholesky(matrices("cholesky", A.mT if upper else A, square=True))
    return L.mT if upper else L


@of_tensor
@takes_out
def old_cholesky(input: Any, upper: bool = False) -> Any:
    """L, lower triangular, with L @ L.mT = input; its transpose with upper."""
    return cholesky(input, upper=upper)


@of_tensor
@takes_out
def cholesky_solve(input: Any, L: Tensor, upper: bool = False) -> Any:
    """X with A @ X = input, where L is A's Cholesky factor."""
    matrices("cholesky_solve", L, square=True)
    return solve(_product(L, upper), matrices("cholesky_solve", input))


@of_tensor
@takes_out
def cholesky_inverse(input: Any, upper: bool = False) -> Any:
    """The inverse of A, whose Cholesky factor is `input`."""
    matrices("cholesky_inverse", input, square=True)
    return linalg.inv(_product(input, upper))


def _product(L: Any, upper: bool) -> Any:
    """What has this Cholesky factor, of which only one half is read. The slopes are those of the
    whole product, as PyTorch has them."""
    L = L.mT if upper else L
    half = tril(L.detach(), diagonal=0)
    product = matmul(half, half.mT)
    if not L.requires_grad:
        return product
    whole = matmul(L, L.mT)
    return whole + (product - whole.detach())


@on_tensor
@takes_out
def qr(A: Any, mode: str = "reduced") -> Any:
    """Q with orthonormal columns, R upper triangular, Q @ R = A. mode: "reduced", "complete"
    (a square Q), or "r" (an empty Q)."""
    matrices("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(say("errors.linalg.qr_mode", mode=mode))
    if mode == "r":
        nothing = Tensor._wrap(np.zeros(0, A.dtype))
        return QR(nothing, linalg.qr(A, mode="reduced")[1])
    return QR(*linalg.qr(A, mode=mode))


@of_tensor
@takes_out
def old_qr(input: Any, some: bool = True) -> Any:
    """Q with orthonormal columns, R upper triangular, Q @ R = input; Q is square unless some."""
    return OldQR(*qr(input, "reduced" if some else "complete"))


@on_tensor
@takes_out
def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """A = U @ diag(S) @ Vh, singular values largest first; U and Vh are square with
    full_matrices."""
    return SVD(*linalg.svd(matrices("svd", A), full_matrices=full_matrices))


@of_tensor
@takes_out
def old_svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """input = U @ diag(S) @ V.mT, singular values largest first; U and V are square unless some,
    and zeros without compute_uv."""
    U, S, Vh = svd(input, full_matrices=not some or not compute_uv)
    if not compute_uv:
        return OldSVD(U.detach() * 0, svdvals(input), Vh.detach().mT * 0)
    return OldSVD(U, S, Vh.mT)


@on_tensor
@takes_out
def svdvals(A: Any, *, driver: str | None = None) -> Any:
    """The singular values, largest first."""
    return svd(A, full_matrices=False).S


@on_tensor
@takes_out
def eigh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues, smallest first, and eigenvectors (columns) of symmetric matrices, of which the
    lower ("L") or the upper ("U") triangle is read."""
    matrices("eigh", A, square=True)
    if str(UPLO).upper() not in ("L", "U"):
        raise RuntimeError(say("errors.linalg.uplo", UPLO=UPLO))
    return Eigh(*linalg.eigh(A, UPLO=UPLO.upper()))


@on_tensor
@takes_out
def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices, smallest first."""
    return eigh(A, UPLO).eigenvalues


@on_tensor
def eig(A: Any) -> Any:
    """Eigenvalues and eigenvectors (columns) as complex numbers, without gradient."""
    values, vectors = np.linalg.eig(matrices("eig", A, square=True).array)
    kind = np.result_type(A.dtype, np.complex64)
    return Eig(Tensor._wrap(values.astype(kind)), Tensor._wrap(vectors.astype(kind)))


@on_tensor
def eigvals(A: Any) -> Any:
    """The eigenvalues as complex numbers, without gradient."""
    return eig(A).eigenvalues


for _name, _f in {"cholesky": old_cholesky, "qr": old_qr, "svd": old_svd}.items():
    FUNCTIONS.pop(_f.__name__)
    delattr(Tensor, _f.__name__)
    _f.__name__ = _name
    of_tensor(_f)
