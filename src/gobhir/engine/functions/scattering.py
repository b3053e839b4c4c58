"""Writing along a dimension, at flat places, under a mask: scatter, index_add, masked_fill, ...
All are writings at an index, engine/ops/indexing.py; gathering.py reads at the same places.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import Number, Tensors
from gobhir.engine.functions.gathering import at_least_1d, in_range, places_along, whole
from gobhir.engine.functions.indexing import forward, number_or_array, one_number
from gobhir.engine.functions.publish import FUNCTIONS, as_operand, in_place, of_tensor, takes_out
from gobhir.engine.functions.shapes import place
from gobhir.engine.ops import choosing, indexing
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@in_place
@of_tensor
@takes_out
def scatter(
    input: Any,
    dim: int,
    index: Tensor,
    src: Number | Tensor | None = None,
    *,
    value: Number | None = None,
    reduce: str | None = None,
) -> Any:
    """input with src (a tensor or a number) written where `index` says: for dim=0,
    out[index[i][j]][j] = src[i][j]. reduce: None, "add" or "multiply".

    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html
    """
    src = value if src is None else src
    if src is None:
        raise TypeError(say("errors.index.nothing_to_write"))
    at = places_along(input, dim, index)
    if reduce is not None and reduce not in ("add", "multiply"):
        raise RuntimeError(say("errors.index.reduce", reduce=reduce, known="add, multiply"))
    if isinstance(src, Tensor):
        src = _source(input, index, src)
    else:
        src = Tensor._wrap(np.full(index.shape or 1, src).astype(input.dtype))
    x = at_least_1d(input)
    if reduce == "add":
        out = x + indexing.add_at(src, index=at, shape=x.shape)
    elif reduce == "multiply":
        out = indexing.scatter_reduce(x, src, index=at, reduce="prod")
    else:
        out = indexing.set_item(x, src, index=at)
    return out.reshape(input.shape)


@in_place
@of_tensor
@takes_out
def scatter_add(input: Any, dim: int, index: Tensor, src: Tensor) -> Any:
    """input with src added where `index` says: for dim=0, out[index[i][j]][j] += src[i][j]."""
    at = places_along(input, dim, index)
    x = at_least_1d(input)
    sent = indexing.add_at(_source(input, index, src), index=at, shape=x.shape)
    return (x + sent).reshape(input.shape)


@in_place
@of_tensor
@takes_out
def scatter_reduce(
    input: Any, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Any:
    """input with each place that `index` names reduced with the numbers of src sent there.

    reduce: "sum", "prod", "mean", "amax" or "amin"; include_self: input's own number counts too.
    https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html
    """
    known = ("sum", "prod", "mean", "amax", "amin")
    if reduce == "mean" and input.dtype == bool:
        raise NotImplementedError(say("errors.dtype.not_for", op="scatter_reduce", dtype="bool"))
    if reduce not in known:
        raise RuntimeError(say("errors.index.reduce", reduce=reduce, known=", ".join(known)))
    at = places_along(input, dim, index)
    x, src = at_least_1d(input), _source(input, index, src)
    if reduce == "sum":
        if not include_self:
            x = indexing.set_item(x, np.zeros((), x.dtype), index=at)
        out = x + indexing.add_at(src, index=at, shape=x.shape)
    else:
        out = indexing.scatter_reduce(x, src, index=at, reduce=reduce, include_self=include_self)
    return out.reshape(input.shape)


@in_place
@of_tensor
@takes_out
def index_reduce(
    input: Any,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Any:
    """input with its slice number index[i] along `dim` reduced with slice i of source: "prod",
    "mean", "amax" or "amin"."""
    known = ("prod", "mean", "amax", "amin")
    if input.dtype == bool:
        raise NotImplementedError(say("errors.dtype.not_for", op="index_reduce", dtype="bool"))
    if reduce not in known:
        raise RuntimeError(say("errors.index.reduce", reduce=reduce, known=", ".join(known)))
    at, x = _slices(input, dim, index, source, "index_reduce", IndexError)
    source = source.reshape(_slices_shape(x, dim, index))
    out = indexing.scatter_reduce(x, source, index=at, reduce=reduce, include_self=include_self)
    return out.reshape(input.shape)


@in_place
@of_tensor
@takes_out
def index_add(input: Any, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Any:
    """input with alpha * (slice i of source along `dim`) added to its slice number index[i]."""
    at, x = _slices(input, dim, index, source, "index_add", RuntimeError)
    if alpha != 1:
        source = source * alpha
    source = source.reshape(_slices_shape(x, dim, index))
    return (x + indexing.add_at(source, index=at, shape=x.shape)).reshape(input.shape)


@in_place
@of_tensor
@takes_out
def index_copy(input: Any, dim: int, index: Tensor, source: Tensor) -> Any:
    """input with its slice number index[i] along `dim` replaced by slice i of source."""
    if index.dtype != np.int64:
        raise RuntimeError(say("errors.index.long", op="index_copy", dtype=index.dtype))
    at, x = _slices(input, dim, index, source, "index_copy", IndexError)
    source = source.reshape(_slices_shape(x, dim, index))
    return indexing.set_item(x, source, index=at).reshape(input.shape)


@in_place
@of_tensor
def index_fill(input: Any, dim: int, index: Tensor, value: Number | Tensor) -> Any:
    """input with its slices number `index` along `dim` filled with one number."""
    x = at_least_1d(input)
    dim = place(dim, input.ndim)
    if index.dtype != np.int64:
        raise IndexError(say("errors.index.long", op="index_fill", dtype=index.dtype))
    at = (*[slice(None)] * dim, np.unique(index.array))  # a slice is filled once
    return indexing.set_item(x, one_number(value, x, "index_fill"), index=at).reshape(input.shape)


@in_place
@of_tensor
def index_put(input: Any, indices: Tensors, values: Tensor, accumulate: bool = False) -> Any:
    """input with values at input[indices] (a tuple of index tensors); added up if accumulate."""
    values = as_operand(values)
    if values.dtype != input.dtype:
        raise RuntimeError(say("errors.index.dtypes", got=values.dtype, want=input.dtype))
    at = tuple(number_or_array(index) for index in indices)
    if not accumulate:
        return indexing.set_item(input, values, index=at)
    shape = np.empty(input.shape, bool)[at].shape
    return input + indexing.add_at(values.expand(shape), index=at, shape=input.shape)


FUNCTIONS["index_put_"] = Tensor.index_put_  # type: ignore[attr-defined]


@in_place
@of_tensor
def put(input: Any, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    """input with source's numbers at `index` (int64) of the flattened input."""
    if index.dtype != np.int64:
        raise RuntimeError(say("errors.index.long", op="put", dtype=index.dtype))
    if source.numel() != index.numel():
        raise RuntimeError(say("errors.index.put", index=index.shape, source=source.shape))
    flat = (index.reshape(-1),)
    return index_put(input.reshape(-1), flat, source.reshape(-1), accumulate).reshape(input.shape)


@in_place
@of_tensor
def masked_fill(input: Any, mask: Tensor, value: Number | Tensor) -> Any:
    """input with one number wherever the mask (bool, broadcast against input) holds."""
    if mask.dtype != bool:
        raise RuntimeError(say("errors.index.mask_dtype", op="masked_fill", dtype=mask.dtype))
    return choosing.where(mask, one_number(value, input, "masked_fill"), input)


@in_place
@of_tensor
def masked_scatter(input: Any, mask: Tensor, source: Tensor) -> Any:
    """input with the first numbers of source, in order, wherever the mask holds."""
    if mask.dtype != bool:
        raise RuntimeError(say("errors.index.mask_dtype", op="masked_scatter", dtype=mask.dtype))
    if source.dtype != input.dtype:
        raise RuntimeError(say("errors.index.dtypes", got=source.dtype, want=input.dtype))
    shape = np.broadcast_shapes(input.shape, mask.shape)
    at = np.broadcast_to(mask.array, shape)
    wanted = int(at.sum())
    if source.numel() < wanted:
        raise RuntimeError(say("errors.index.masked_scatter", have=source.numel(), want=wanted))
    first = indexing.getitem(source.reshape(-1), index=(slice(wanted),))
    return indexing.set_item(input.expand(shape), first, index=(at,))


@of_tensor
def select_scatter(input: Any, src: Tensor, dim: int, index: int) -> Any:
    """input with src in place of its slice number `index` along `dim`."""
    at = (*[slice(None)] * place(dim, input.ndim), int(index))
    return _with_part(input, src, at)


@of_tensor
@takes_out
def slice_scatter(
    input: Any,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Any:
    """input with src in place of its slices start:end:step along `dim`."""
    at = (*[slice(None)] * place(dim, input.ndim), forward(slice(start, end, step), input))
    return _with_part(input, src, at)


@of_tensor
def diagonal_scatter(input: Any, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """input with src in place of its diagonal (see `diagonal`)."""
    every = Tensor._wrap(np.arange(input.numel()).reshape(input.shape))
    at = every.diagonal(offset, dim1, dim2)
    if src.shape != at.shape:
        raise RuntimeError(say("errors.tensor.inplace_shape", got=src.shape, want=at.shape))
    flat = indexing.set_item(input.reshape(-1), src.to(input.dtype), index=(at.array,))
    return flat.reshape(input.shape)


def _with_part(input: Tensor, src: Tensor, at: tuple[Any, ...]) -> Any:
    want = indexing.getitem(input.detach(), index=at).shape
    if src.shape != want:
        raise RuntimeError(say("errors.tensor.inplace_shape", got=src.shape, want=want))
    return indexing.set_item(input, src.to(input.dtype), index=at)


# -- what these share ----


def _source(input: Tensor, index: Tensor, src: Tensor) -> Any:
    """The part of src that `index` speaks of."""
    if src.dtype != input.dtype:
        raise RuntimeError(say("errors.index.dtypes", got=src.dtype, want=input.dtype))
    src, shape = at_least_1d(src), index.shape or (1,)
    if not index.numel():
        return indexing.getitem(src.reshape(-1), index=slice(0)).reshape(shape)
    if len(shape) != src.ndim:
        raise RuntimeError(say("errors.index.dims", index=index.shape, x=src.shape))
    if any(n > most for n, most in zip(shape, src.shape, strict=False)):
        raise RuntimeError(say("errors.index.source", index=index.shape, source=src.shape))
    if shape == src.shape:
        return src
    return indexing.getitem(src, index=tuple(slice(n) for n in shape))


def _slices(
    input: Tensor, dim: int, index: Tensor, source: Tensor, op: str, error: type[Exception]
) -> tuple[Any, Any]:
    """The index of whole slices along `dim`, and input with at least one dimension. `error` when
    source has not a slice for each index."""
    dim = place(dim, input.ndim)
    whole(index, op)
    x = at_least_1d(input)
    if index.ndim > 1:
        raise IndexError(say("errors.index.vector", shape=index.shape))
    if source.dtype != input.dtype:
        raise RuntimeError(say("errors.index.dtypes", got=source.dtype, want=input.dtype))
    want, got = _slices_shape(x, dim, index), at_least_1d(source).shape
    if source.ndim != input.ndim and op == "index_add":
        raise RuntimeError(say("errors.tensor.inplace_shape", got=source.shape, want=input.shape))
    if got != want:
        rest = (*got[:dim], *got[dim + 1 :]) == (*want[:dim], *want[dim + 1 :])
        raise (error if rest else RuntimeError)(
            say("errors.tensor.inplace_shape", got=source.shape, want=want)
        )
    in_range(x, dim, index, error)
    return (*[slice(None)] * dim, index.array.flatten()), x


def _slices_shape(x: Tensor, dim: int, index: Tensor) -> tuple[int, ...]:
    dim = place(dim, x.ndim)
    return (*x.shape[:dim], index.numel(), *x.shape[dim + 1 :])
