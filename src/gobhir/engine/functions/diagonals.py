"""Diagonals and triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import checked
from gobhir.engine.device import check_place
from gobhir.engine.functions.publish import function, in_place, of_tensor, takes_out
from gobhir.engine.functions.shapes import place, ravel
from gobhir.engine.ops import diagonals
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@in_place
@of_tensor
@takes_out
def tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangle of each matrix, 0 elsewhere; diagonal > 0 keeps so many diagonals above
    the main one, < 0 leaves so many out."""
    return diagonals.tril(_matrices(input), diagonal=diagonal)


@in_place
@of_tensor
@takes_out
def triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangle of each matrix, 0 elsewhere; diagonal > 0 leaves so many diagonals out,
    < 0 keeps so many below the main one."""
    return diagonals.triu(_matrices(input), diagonal=diagonal)


def _matrices(x: Any) -> Any:
    if x.ndim < 2:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=x.array.shape))
    return x


@function
@checked
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None
) -> Tensor:
    """Where the lower triangle of a row x col matrix is: (2, n), row numbers and column numbers."""
    return _indices(np.tril, row, col, offset, dtype, device)


@function
@checked
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None
) -> Tensor:
    """Where the upper triangle of a row x col matrix is: (2, n), row numbers and column numbers."""
    return _indices(np.triu, row, col, offset, dtype, device)


def _indices(half: Any, row: int, col: int, offset: int, dtype: Any, device: Any) -> Tensor:
    if row < 0 or col < 0:
        raise RuntimeError(say("errors.shape.negative", shape=(row, col)))
    check_place(device)
    if dtype not in (np.int64, np.int32):
        raise NotImplementedError(say("errors.dtype.not_for", op="tril/triu_indices", dtype=dtype))
    return Tensor._wrap(np.stack(np.nonzero(half(np.ones((row, col)), offset))).astype(dtype))


@of_tensor
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of the matrices that dim1 and dim2 span, as a last dimension (a view)."""
    first, second = place(dim1, input.ndim), place(dim2, input.ndim)
    if first == second:
        raise RuntimeError(say("errors.shape.dim_twice", dims=(dim1, dim2)))
    return diagonals.diagonal(input, offset=offset, dim1=first, dim2=second)


@of_tensor
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices that have the last dimension of `input` on their diagonal, 0 elsewhere."""
    ndim = input.ndim + 1
    first, second = place(dim1, ndim), place(dim2, ndim)
    if first == second:
        raise RuntimeError(say("errors.shape.dim_twice", dims=(dim1, dim2)))
    if not input.ndim:
        raise IndexError(say("errors.shape.dim_of_number", dim=-1))
    side = input.array.shape[-1] + abs(offset)
    rest = iter(input.array.shape[:-1])
    shape = tuple(side if i in (first, second) else next(rest) for i in range(ndim))
    where = {"offset": offset, "dim1": first, "dim2": second}
    return diagonals.diagonal_scatter(input, shape=shape, **where)


@of_tensor
@takes_out
def diag(input: Any, diagonal: int = 0) -> Any:
    """Of a vector the matrix that has it on its diagonal, of a matrix its diagonal (a copy)."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(say("errors.shape.vector_or_matrix", x=input.array.shape))
    return diagonals.diagonal(input, offset=diagonal, dim1=0, dim2=1).clone()


@of_tensor
def diagflat(input: Any, offset: int = 0) -> Any:
    """The matrix with all numbers of `input`, in one row, on its diagonal."""
    return diag_embed(ravel(input), offset)


@of_tensor
def trace(input: Any) -> Any:
    """The sum of the numbers on a matrix's diagonal."""
    if input.dtype == bool:
        raise NotImplementedError(say("errors.dtype.not_for", op="trace", dtype=input.dtype))
    if input.ndim != 2:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=input.array.shape))
    return diagonals.diagonal(input, offset=0, dim1=0, dim2=1).sum()
