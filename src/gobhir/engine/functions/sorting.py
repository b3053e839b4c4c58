"""Numbers in order, or the one at a given rank; running results along a dimension.

Where a function gives values and indices, the gradient of a value goes to its index.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import Dim, Dtype
from gobhir.engine.dtypes import as_dtype
from gobhir.engine.functions.joining import cat
from gobhir.engine.functions.publish import in_place, of_tensor, takes_out
from gobhir.engine.functions.reductions import refuse_empty
from gobhir.engine.functions.results import named
from gobhir.engine.functions.shapes import place
from gobhir.engine.ops import indexing, reductions, scans, sorting
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

_NAMES = ("sort", "topk", "kthvalue", "median", "nanmedian", "mode", "cummax", "cummin")
_RESULT = {name: named(name, "values", "indices") for name in _NAMES}


def along(op: Any, x: Any, dim: int, **settings: Any) -> Any:
    """The op along `dim`; a tensor without dimensions is treated as having one."""
    at = place(dim, x.ndim)
    if x.ndim:
        return op(x, dim=at, **settings)
    out = op(x.reshape(1), dim=0, **settings)
    return tuple(o.reshape(()) for o in out) if isinstance(out, tuple) else out.reshape(())


def _ranked(op: Any, x: Any, dim: int, keepdim: bool = True, name: str = "", **more: Any) -> Any:
    values, indices = along(op, x, dim, **more)
    if not keepdim and x.ndim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return _RESULT[name or op.__name__](values, indices)


@of_tensor
@takes_out
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool | None = None) -> Any:
    """All numbers along `dim` in order, as (values, indices). Equal ones keep their order
    (whether `stable` or not), NaN counts as the largest."""
    return _ranked(sorting.sort, input, dim, descending=descending)


@of_tensor
@takes_out
def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """The indices that put the numbers along `dim` in order."""
    at = place(dim, input.ndim)
    x = input.array.reshape(input.shape or 1)
    return Tensor._wrap(sorting.order(x, at, descending).reshape(input.shape))


@of_tensor
@takes_out
def msort(input: Any) -> Any:
    """All numbers along the first dimension in order."""
    return sort(input, 0).values


@of_tensor
@takes_out
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest numbers (or smallest) along `dim`, in order, as (values, indices)."""
    at = place(dim, input.ndim)
    if input.dtype == bool:
        raise RuntimeError(say("errors.reduce.no_bool", op="topk"))
    _check_rank(input, at, k, 0)
    k = k if input.ndim else 1  # of a single number even 0 are one, as in PyTorch
    return _ranked(sorting.topk, input, at, k=k, largest=largest)


@of_tensor
@takes_out
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest number along `dim`, counted from 1, as (values, indices)."""
    at = place(dim, input.ndim)
    _refuse_bool(input, "kthvalue")
    refuse_empty(input, at, "kthvalue", IndexError)
    _check_rank(input, at, k, 1)
    return _ranked(sorting.kthvalue, input, at, keepdim, k=k)


def _check_rank(x: Tensor, dim: int, k: int, low: int) -> None:
    n = x.shape[dim] if x.ndim else 1
    if not low <= k <= n:
        raise RuntimeError(say("errors.reduce.rank", k=k, low=low, high=n, dim=dim))


def _refuse_bool(x: Tensor, op: str) -> None:
    if x.dtype == bool:
        raise NotImplementedError(say("errors.reduce.no_bool", op=op))


@of_tensor
@takes_out
def median(input: Any, dim: Dim = None, keepdim: bool = False) -> Any:
    """The number in the middle, of two middle ones the smaller: of everything, or along `dim` as
    (values, indices). NaN if one is there."""
    return _median("median", input, dim, keepdim, False)


@of_tensor
@takes_out
def nanmedian(input: Any, dim: Dim = None, keepdim: bool = False) -> Any:
    """The median of what is not NaN."""
    return _median("nanmedian", input, dim, keepdim, True)


def _median(name: str, x: Any, dim: int | None, keepdim: bool, skip: bool) -> Any:
    at = None if dim is None else place(dim, x.ndim)
    _refuse_bool(x, name)
    if at is None:
        return reductions.median(x, skip=skip)
    refuse_empty(x, at, name, IndexError)
    return _ranked(sorting.median_along, x, at, keepdim, name, skip=skip)


@of_tensor
@takes_out
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The number that occurs most often along `dim`, the smallest of such, as (values, indices)."""
    at = place(dim, input.ndim)
    refuse_empty(input, at, "mode", IndexError)
    return _ranked(sorting.mode, input, at, keepdim)


# -- between the ranks ----


@of_tensor
@takes_out
def quantile(
    input: Any,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """The number below which the share q (0 to 1, or a tensor of such) of all lies; between two
    ranks it is interpolated: "linear", "lower", "higher", "midpoint" or "nearest".

    With a tensor q the results of its numbers stand along a new first dimension.
    https://docs.pytorch.org/docs/stable/generated/torch.quantile.html
    """
    return _quantile(input, q, dim, keepdim, interpolation, skip=False)


@of_tensor
@takes_out
def nanquantile(
    input: Any,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """The quantile of what is not NaN."""
    return _quantile(input, q, dim, keepdim, interpolation, skip=True)


def _quantile(x: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, skip: bool) -> Any:
    shares, shape = _shares(x, q, interpolation)
    ndim, at = x.ndim, None if dim is None else place(dim, x.ndim)
    slope = q.reshape(-1) if isinstance(q, Tensor) and q.requires_grad else None
    if not x.array.size:
        raise RuntimeError(say("errors.reduce.empty", op="quantile", shape=x.array.shape))
    if at is None or not ndim:
        x, at = x.reshape(-1), None
    ranked = sort(x.movedim(at or 0, -1), -1).values
    number = (ranked.array == ranked.array).sum(-1, keepdims=True)
    n = ranked.shape[-1]
    steps = np.maximum(number - 1, 0) if skip else np.where(number < n, 0, n - 1)
    ranks = (shares * steps).astype(ranked.dtype)
    if not skip:  # where one is NaN, take the last: it is NaN
        ranks[number[..., 0] < n] = n - 1
    if interpolation == "nearest":
        ranks = np.round(ranks)
    low, high = np.floor(ranks), np.ceil(ranks)
    if interpolation == "higher":
        low = high
    where = ranked.ndim - 1, ranked.shape
    places = [indexing.along(a.astype(np.int64), *where) for a in (low, high)]
    out = indexing.getitem(ranked, index=places[0])
    if interpolation in ("linear", "midpoint"):
        weight = ranks - low if interpolation == "linear" else np.where(ranks > low, 0.5, 0.0)
        above = indexing.getitem(ranked, index=places[1])
        part = Tensor._wrap(weight.astype(ranked.dtype))
        if slope is not None and interpolation == "linear":
            part = part + (slope - slope.detach()) * Tensor._wrap(steps.astype(ranked.dtype))
        out = out + (above - out) * part
    out = out.movedim(-1, 0)
    if keepdim:
        for d in range(ndim) if at is None else (at,):
            out = out.unsqueeze(d + 1)
    return out if shape else out.squeeze(0)


def _shares(x: Tensor, q: Any, interpolation: str) -> tuple[np.ndarray, tuple[int, ...]]:
    if x.dtype not in (np.float32, np.float64):
        raise RuntimeError(say("errors.reduce.floats", op="quantile", dtype=x.dtype))
    known = ("linear", "lower", "higher", "midpoint", "nearest")
    if interpolation not in known:
        raise RuntimeError(
            say("errors.reduce.interpolation", name=interpolation, known=", ".join(known))
        )
    if isinstance(q, Tensor) and (q.ndim > 1 or q.dtype != x.dtype):
        raise RuntimeError(say("errors.reduce.shares", shape=q.array.shape, dtype=q.dtype))
    shares = np.asarray(q.array if isinstance(q, Tensor) else q, x.dtype)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise RuntimeError(say("errors.reduce.share"))
    return shares.reshape(-1), shares.shape


# -- running results ----


@in_place
@of_tensor
@takes_out
def cumsum(input: Any, dim: int, *, dtype: Dtype | None = None) -> Any:
    """Running sum along `dim`."""
    return _running("cumsum", scans.cumsum, input, dim, dtype)


@in_place
@of_tensor
@takes_out
def cumprod(input: Any, dim: int, *, dtype: Dtype | None = None) -> Any:
    """Running product along `dim`."""
    return _running("cumprod", scans.cumprod, input, dim, dtype)


def _running(name: str, op: Any, x: Any, dim: int, dtype: Any) -> Any:
    kind = as_dtype(dtype or (np.int64 if x.dtype.kind in "biu" else x.dtype))
    if kind.kind == "b":
        raise NotImplementedError(say("errors.dtype.not_for", op=name, dtype=kind))
    return along(op, x.to(kind), dim).to(kind)


@of_tensor
@takes_out
def logcumsumexp(input: Any, dim: int) -> Any:
    """ln of the running sum of e^x along `dim`, without overflow."""
    return along(scans.logcumsumexp, input, dim)


@of_tensor
@takes_out
def cummax(input: Any, dim: int) -> Any:
    """The largest number so far along `dim`, as (values, indices); the latest on a tie."""
    return _ranked(scans.cummax, input, dim)


@of_tensor
@takes_out
def cummin(input: Any, dim: int) -> Any:
    """The smallest number so far along `dim`, as (values, indices); the latest on a tie."""
    return _ranked(scans.cummin, input, dim)


@of_tensor
@takes_out
def diff(
    input: Any,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Any:
    """Each number less the one before it along `dim`, n times over."""
    if not input.ndim:
        raise RuntimeError(say("errors.reduce.diff_scalar"))
    if n < 0:
        raise RuntimeError(say("errors.reduce.diff_order", n=n))
    at = place(dim, input.ndim)
    if n == 0:
        return input.clone()
    pieces = [piece for piece in (prepend, input, append) if piece is not None]
    out = input if len(pieces) == 1 else cat(pieces, at)
    for _ in range(min(n, out.shape[at])):
        many = out.shape[at] - 1
        late, early = out.narrow(at, 1, many), out.narrow(at, 0, many)
        out = late ^ early if out.dtype == bool else late - early
    return out
