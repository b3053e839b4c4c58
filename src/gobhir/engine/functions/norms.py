"""Lengths and distances: norms of vectors and matrices, and what follows from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine.arguments import Dims, Dtype, Number, Ord, Sizes, on_tensor
from gobhir.engine.functions.matrices import inverse, matrices, svdvals
from gobhir.engine.functions.publish import (
    FUNCTIONS,
    as_operand,
    function,
    in_place,
    of_tensor,
    takes_out,
)
from gobhir.engine.functions.shapes import places
from gobhir.engine.ops import choosing, linear, reductions
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _floating(x: Any, dtype: Any, op: str) -> Any:
    x = as_operand(x) if dtype is None else as_operand(x).to(dtype)
    if x.array.dtype.kind not in "fc":
        raise RuntimeError(say("errors.linalg.dtype", op=op, dtype=x.array.dtype))
    return x


@on_tensor
@takes_out
def vector_norm(
    x: Any,
    ord: Number = 2,
    dim: Dims | None = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Any:
    """(sum |x|^ord)^(1/ord) over `dim` (everything when None); for inf and -inf the largest and
    the smallest |x|, for 0 how many numbers are not 0."""
    x = _floating(x, dtype, "vector_norm")
    if isinstance(ord, (str, tuple, list)):
        raise TypeError(say("errors.linalg.ord", ord=ord))
    along = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    found = places(along, x.ndim) if along else tuple(range(x.ndim))
    if x.ndim == 0:
        found = ()
    if (ord < 0 or ord == math.inf) and any(x.array.shape[d] == 0 for d in found):
        raise RuntimeError(say("errors.linalg.norm_empty", x=x.array.shape, ord=ord))
    return reductions.norm(x, p=float(ord), dim=found, keepdim=keepdim)


@on_tensor
@takes_out
def matrix_norm(
    A: Any,
    ord: Ord = "fro",
    dim: Sizes = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Any:
    """A norm of the matrices that two dimensions span: "fro" (root of the sum of squares), "nuc"
    (sum of singular values), inf, -inf (largest, smallest sum of a row), 1, -1 (of a column), 2,
    -2 (largest, smallest singular value)."""
    A = _floating(A, dtype, "matrix_norm")
    if A.ndim < 2:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=A.array.shape))
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(say("errors.linalg.matrix_dims", dim=dim))
    row, column = places(dim, A.ndim)
    if ord == "fro":
        return vector_norm(A, 2, (row, column), keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(say("errors.linalg.ord", ord=ord))
    if ord in ("nuc", 2, -2):
        values = svdvals(A.movedim((row, column), (-2, -1)))
        out = values.sum(-1) if ord == "nuc" else _extreme(values, -1, ord > 0)
    else:
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        sums = A.abs().sum(first, keepdim=True)
        out = _extreme(sums, second, ord > 0).squeeze(first if second > first else first - 1)
    if keepdim:
        for d in sorted((row, column)):
            out = out.unsqueeze(d)
    return out


def _extreme(x: Any, dim: int, largest: bool) -> Any:
    """The largest number along `dim`, 0 where there is none, or the smallest."""
    if largest:
        return x.amax(dim) if x.array.shape[dim] else x.sum(dim)
    return x.amin(dim)


@on_tensor
@takes_out
def norm(
    A: Any,
    ord: Ord | None = None,
    dim: Dims | None = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Any:
    """vector_norm or matrix_norm: with ord and no dim by the number of dimensions, with dim by how
    many it names. Without ord the root of the sum of all squares."""
    x = _floating(A, dtype, "norm")
    if ord is None:
        return vector_norm(x, 2, dim, keepdim)
    pair = dim is not None and not isinstance(dim, int) and len(dim) == 2
    if dim is None and x.ndim not in (1, 2):
        raise RuntimeError(say("errors.linalg.norm_dims", x=x.array.shape))
    if pair or (dim is None and x.ndim == 2):
        return matrix_norm(x, ord, dim if pair else (-2, -1), keepdim)
    if isinstance(ord, str):
        raise RuntimeError(say("errors.linalg.ord", ord=ord))
    return vector_norm(x, ord, dim, keepdim)


@on_tensor
@takes_out
def cond(A: Any, p: Number | str | None = None) -> Any:
    """How many times larger an error can become when an equation with A is solved: the norm of A
    times the norm of its inverse; for p = 2 the ratio of the extreme singular values."""
    matrices("cond", A)
    if p in (None, 2, -2):
        values = svdvals(A)
        large, small = values[..., 0], values[..., -1]
        return small / large if p == -2 else large / small
    matrices("cond", A, square=True)
    whole = matrix_norm(A, p)
    try:
        return whole * matrix_norm(inverse(A), p)
    except RuntimeError:
        return whole * 0 + math.inf


@on_tensor
@takes_out
def matrix_rank(
    A: Any,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """How many singular values are above max(atol, rtol * largest); rtol is max(m, n) * eps when
    neither is given."""
    matrices("matrix_rank", A, square=hermitian)
    array = A.array
    if hermitian:
        values = np.abs(np.linalg.eigvalsh(array))
    else:
        values = np.linalg.svd(array, compute_uv=False)
    low: Any = tol if atol is None else atol
    low = 0.0 if low is None else np.asarray(getattr(low, "array", low))[..., None]
    if rtol is None:
        part: Any = 0.0 if np.any(low) else max(array.shape[-2:]) * np.finfo(array.dtype).eps
    else:
        part = np.asarray(getattr(rtol, "array", rtol))[..., None]
    largest = values.max(-1, keepdims=True, initial=0.0)
    return Tensor._wrap(np.asarray((np.maximum(low, part * largest) < values).sum(-1)))


@in_place
@of_tensor
@takes_out
def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """input with each of its slices along `dim` whose p-norm is above maxnorm scaled down to it."""
    x = _floating(input, None, "renorm")
    if x.ndim < 2 or p <= 0 or maxnorm < 0:
        raise RuntimeError(say("errors.linalg.renorm", x=x.array.shape, p=p, maxnorm=maxnorm))
    at = places((dim,), x.ndim)[0]
    size = vector_norm(x, p, [d for d in range(x.ndim) if d != at], keepdim=True)
    # PyTorch's 1e-7 keeps the result just below maxnorm.
    shrunk = maxnorm / (size + 1e-7)
    return x * FUNCTIONS["where"](size > maxnorm, shrunk, 1.0)


@function
@on_tensor
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Any:
    """Distances (the p-norm) of every row of x1 to every row of x2: (..., n, d), (..., m, d) to
    (..., n, m). More than 25 rows are compared by one matrix product, as in PyTorch, unless
    compute_mode is "donot_use_mm_for_euclid_dist": fast, and rounded more."""
    x, y = _floating(x1, None, "cdist"), _floating(x2, None, "cdist")
    if x.ndim < 2 or y.ndim < 2 or x.array.shape[-1] != y.array.shape[-1] or p < 0:
        raise RuntimeError(say("errors.linalg.cdist", x=x.array.shape, y=y.array.shape))
    many = max(x.array.shape[-2], y.array.shape[-2]) > 25
    if p == 2 and (many if compute_mode == _BY_SIZE else compute_mode == _BY_PRODUCT):
        # |x - y|^2 = |x|^2 - 2 x.y + |y|^2, which rounding may leave below 0
        lengths = (x * x).sum(-1, keepdim=True) + (y * y).sum(-1).unsqueeze(-2)
        squares = lengths - 2 * linear.matmul(x, y.mT)
        apart = squares.array > 0
        return choosing.keep(choosing.where(apart, squares, 1.0).sqrt(), apart)
    return vector_norm(x.unsqueeze(-2) - y.unsqueeze(-3), p, -1)


_BY_SIZE, _BY_PRODUCT = "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist"


@function
@on_tensor
def pdist(input: Any, p: float = 2.0) -> Any:
    """Distances (the p-norm) of every pair of rows: (n, d) to (n (n - 1) / 2)."""
    x = _floating(input, None, "pdist")
    if x.ndim != 2 or p < 0:
        raise RuntimeError(say("errors.linalg.cdist", x=x.array.shape, y=x.array.shape))
    first, second = np.triu_indices(x.array.shape[0], 1)
    return vector_norm(x[first] - x[second], p, -1)
