"""Reading along a dimension, at flat places, under a mask: gather, index_select, take, ... All
are readings at an index, engine/ops/indexing.py; this file works the index out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.functions.publish import as_operand, of_tensor, takes_out
from gobhir.engine.functions.shapes import place
from gobhir.engine.ops import indexing
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@of_tensor
@takes_out
def gather(input: Any, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim=0, and so on; the shape of `index`.

    index: int64, as many dimensions as input, no larger than it except along `dim`.
    https://docs.pytorch.org/docs/stable/generated/torch.gather.html
    """
    input = as_operand(input)
    at = places_along(input, dim, index)
    return indexing.getitem(at_least_1d(input), index=at).reshape(index.shape)


@of_tensor
@takes_out
def take_along_dim(input: Any, indices: Tensor, dim: int | None = None) -> Any:
    """gather with broadcasting: the numbers of `input` at `indices` along `dim`, of the flattened
    input when dim is None. Negative indices count from the end."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    if input.ndim != indices.ndim:
        raise RuntimeError(say("errors.index.dims", index=indices.shape, x=input.shape))
    if not input.ndim:
        return input[indices]
    dim = place(dim, input.ndim)
    whole(indices, "take_along_dim")
    shape = [1 if i == dim else n for i, n in enumerate(input.shape)]
    stretched = np.broadcast_to(indices.array, _joined(indices.shape, shape, dim))
    full = [n if i != dim else input.shape[i] for i, n in enumerate(stretched.shape)]
    n = input.shape[dim]
    positive = np.where(stretched < 0, stretched + n, stretched)
    in_range(input, dim, Tensor._wrap(positive), IndexError)
    return indexing.getitem(input.expand(full), index=indexing.along(positive, dim, full))


def _joined(shape: Any, other: Any, dim: int) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(tuple(shape), tuple(other))
    except ValueError:
        raise RuntimeError(say("errors.index.along", index=shape, x=other, dim=dim)) from None


@of_tensor
@takes_out
def index_select(input: Any, dim: int, index: Tensor) -> Any:
    """The slices of `input` at `index` (int32 or int64, one dimension) along `dim`."""
    dim = place(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(say("errors.index.vector", shape=index.shape))
    whole(index, "index_select")
    if not input.ndim and index.numel() != 1:
        raise RuntimeError(say("errors.index.scalar", count=index.numel()))
    array = in_range(at_least_1d(input), dim, index, IndexError).array.flatten()
    if not input.ndim:
        return input.reshape(1)[array].reshape(())
    return indexing.getitem(input, index=(*[slice(None)] * dim, array))


@of_tensor
@takes_out
def take(input: Any, index: Tensor) -> Any:
    """The numbers at `index` (int64, any shape) of the flattened input."""
    if index.dtype != np.int64:
        raise RuntimeError(say("errors.index.long", op="take", dtype=index.dtype))
    return indexing.getitem(input.reshape(-1), index=(index.array.copy(),))


@of_tensor
@takes_out
def masked_select(input: Any, mask: Tensor) -> Any:
    """The numbers where the mask (bool, broadcast against input) holds, in one dimension."""
    if mask.dtype != bool:
        raise RuntimeError(say("errors.index.mask_dtype", op="masked_select", dtype=mask.dtype))
    shape = np.broadcast_shapes(input.shape, mask.shape)
    mask_array = np.broadcast_to(mask.array, shape)
    return input.expand(shape).reshape(shape or 1)[mask_array.reshape(shape or 1)]


# -- what writing there shares, too ----


def at_least_1d(x: Any) -> Any:
    """x, a tensor without dimensions as a row of one: there is something to index then."""
    return x if x.ndim else x.reshape(1)


def whole(index: Tensor, op: str) -> None:
    """RuntimeError unless the index holds int64 or int32."""
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(say("errors.index.long", op=op, dtype=index.dtype))


def in_range(x: Tensor, dim: int, index: Tensor, error: type[Exception]) -> Tensor:
    """The index itself. `error` where one of its numbers is below 0 or has no place in x."""
    array, n = index.array, x.shape[dim]
    if array.size and (array.min() < 0 or array.max() >= n):
        first = array[(array < 0) | (array >= n)].flat[0]
        raise error(say("errors.index.range", index=first, dim=dim, size=n, shape=tuple(x.shape)))
    return index


def places_along(input: Tensor, dim: int, index: Tensor) -> indexing.Flat:
    """The places that `index` names along `dim`, for gather and scatter."""
    dim = place(dim, input.ndim)
    x = at_least_1d(input)
    array = np.atleast_1d(index.array).copy()  # backward() needs it as it is now
    if not array.size:
        return indexing.Flat(np.zeros(array.shape, np.int64))
    whole(index, "gather/scatter")
    if array.ndim != x.ndim:
        raise RuntimeError(say("errors.index.dims", index=index.shape, x=input.shape))
    for i, (n, most) in enumerate(zip(array.shape, x.shape, strict=True)):
        if n > most and i != dim:
            raise RuntimeError(say("errors.index.along", index=index.shape, x=x.shape, dim=dim))
    in_range(x, dim, index, RuntimeError)
    return indexing.along(array, dim, x.shape)
