"""What occurs, how often, and between which bounds: unique, bincount, histc, searchsorted. None
of it has a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import Number, checked
from gobhir.engine.functions.publish import as_operand, function, of_tensor, takes_out
from gobhir.engine.functions.results import named
from gobhir.engine.functions.shapes import place
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

_Histogram = named("histogram", "hist", "bin_edges")


@of_tensor
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different numbers (or slices along `dim`) in ascending order; if asked, for each number
    of input which of them it is, and how often each occurs."""
    axis = _whole_dim(input, dim)
    found, inverse, counts = np.unique(
        input.array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    inverse = inverse.reshape(input.shape if axis is None else -1)
    return _asked(found, inverse, counts, return_inverse, return_counts)


@of_tensor
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The numbers (or slices along `dim`) without those that equal the one before them; if asked,
    for each to which it was joined, and how many were."""
    axis = _whole_dim(input, dim) or 0
    array = input.array.reshape(-1) if dim is None else input.array
    rows = np.moveaxis(array, axis, 0)
    flat = rows.reshape(len(rows), -1) if rows.size else np.zeros((len(rows), 1))
    new = np.ones(len(rows), bool)
    new[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    inverse = np.cumsum(new) - 1
    counts = np.bincount(inverse) if len(rows) else np.zeros(0, np.int64)
    found = np.moveaxis(rows[new], 0, axis)
    inverse = inverse.reshape(input.shape) if dim is None else inverse
    return _asked(found, inverse, counts, return_inverse, return_counts)


def _whole_dim(x: Tensor, dim: int | None) -> int | None:
    """The dimension whose slices are compared; RuntimeError when these are empty."""
    if dim is None:
        return None
    if not x.ndim:
        raise IndexError(say("errors.index.select_scalar"))
    axis = place(dim, x.ndim)
    if not x.array.size and (x.shape[axis] or x.shape.count(0) > 1):
        raise RuntimeError(say("errors.reduce.empty", op="unique", shape=x.array.shape))
    return axis


def _asked(found: Any, inverse: Any, counts: Any, want_inverse: bool, want_counts: bool) -> Any:
    answers = [np.ascontiguousarray(found)]
    answers += [inverse] if want_inverse else []
    answers += [counts] if want_counts else []
    wrapped = tuple(Tensor._wrap(a) for a in answers)
    return wrapped if len(wrapped) > 1 else wrapped[0]


@of_tensor
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights. input: whole numbers from
    0 on, one dimension."""
    if input.dtype.kind not in "iu":
        raise NotImplementedError(say("errors.reduce.whole", op="bincount", dtype=input.dtype))
    if input.ndim != 1 or (input.array < 0).any():
        raise RuntimeError(say("errors.reduce.bincount", shape=input.array.shape))
    if minlength < 0:
        raise RuntimeError(say("errors.reduce.minlength", n=minlength))
    if weights is None or not input.array.size:
        return Tensor._wrap(np.bincount(input.array, minlength=minlength))
    if weights.shape != input.shape:
        raise RuntimeError(
            say("errors.reduce.weights", weights=weights.array.shape, x=input.array.shape)
        )
    out = np.bincount(input.array, weights.array, minlength)
    return Tensor._wrap(out.astype(np.float32 if weights.dtype == np.float32 else np.float64))


@of_tensor
@takes_out
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many numbers fall into each of `bins` equal parts of min to max (of the numbers' own
    range when the two are equal); those outside are not counted."""
    x, (low, high) = input.array.reshape(-1), _bounds(input, bins, (min, max), "histc")
    x = x[(x >= low) & (x <= high)]
    which = ((x - low) * (bins / (high - low))).astype(np.int64)
    counts = np.bincount(np.minimum(which, bins - 1), minlength=bins)
    return Tensor._wrap(counts.astype(input.dtype))


@of_tensor
@takes_out
def histogram(
    input: Tensor,
    bins: int | Tensor = 100,
    *,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """How many numbers (or what weight) fall between the edges, as (hist, bin_edges). bins: a
    number of equal parts of `range`, or a tensor of edges. density: the area becomes 1."""
    if input.dtype.kind != "f":
        raise NotImplementedError(say("errors.reduce.floats", op="histogram", dtype=input.dtype))
    edges: Any = bins.array if isinstance(bins, Tensor) else bins
    if isinstance(bins, Tensor) and (bins.ndim != 1 or not (edges[1:] >= edges[:-1]).all()):
        raise RuntimeError(say("errors.reduce.edges", shape=bins.array.shape))
    if not isinstance(bins, Tensor):
        low, high = _bounds(input, bins, range or (0, 0), "histogram")
        edges = np.linspace(low, high, bins + 1, dtype=input.dtype)
    weights = None if weight is None else weight.array.reshape(-1)
    found, _ = np.histogram(input.array.reshape(-1), edges, weights=weights, density=density)
    return _Histogram(Tensor._wrap(found.astype(input.dtype)), Tensor._wrap(np.array(edges)))


def _bounds(x: Tensor, bins: Any, bounds: Any, op: str) -> tuple[Any, Any]:
    """Where the bins begin and end, in x's dtype."""
    if x.dtype.kind != "f":
        raise NotImplementedError(say("errors.reduce.floats", op=op, dtype=x.dtype))
    if bins <= 0:
        raise RuntimeError(say("errors.reduce.bins", n=bins))
    low, high = (x.dtype.type(bound) for bound in bounds)
    if low == high and x.array.size:
        low, high = x.array.min(), x.array.max()
    if low == high:
        wider = 1 if op == "histc" else 0.5 if x.array.size else 0
        low, high = low - x.dtype.type(wider), high + x.dtype.type(wider or 1)
    if not low < high or not np.isfinite(high - low):
        raise RuntimeError(say("errors.reduce.bounds", low=low, high=high))
    return low, high


@function
@checked
@takes_out
def searchsorted(
    sorted_sequence: Tensor,
    input: Number | Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each number of `input` would be put into the sorted sequence: before the numbers that
    equal it, or (right) after them. A sequence of several dimensions holds one in each row.

    https://docs.pytorch.org/docs/stable/generated/torch.searchsorted.html
    """
    sequence = as_operand(sorted_sequence)
    if side not in (None, "left", "right") or (side == "left" and right):
        raise RuntimeError(say("errors.reduce.side", side=side))
    if sequence.dtype == bool:
        raise NotImplementedError(say("errors.dtype.not_for", op="searchsorted", dtype="bool"))
    values = input.array if isinstance(input, Tensor) else np.asarray(input)
    rows = sequence.array
    if sorter is not None:
        rows = np.take_along_axis(rows, sorter.array, -1)
    where: Any = "right" if right or side == "right" else "left"
    if rows.ndim == 1:
        found = np.searchsorted(rows, values, where)
    elif rows.shape[:-1] != values.shape[:-1] or not values.ndim:
        raise RuntimeError(say("errors.reduce.rows", rows=rows.shape, values=values.shape))
    else:
        found = np.empty(values.shape, np.int64)
        for at in np.ndindex(values.shape[:-1]):
            found[at] = np.searchsorted(rows[at], values[at], where)
    return Tensor._wrap(np.asarray(found, np.int32 if out_int32 else np.int64))


@function
@checked
@takes_out
def bucketize(
    input: Number | Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """Between which of the sorted boundaries (one dimension) each number of `input` lies."""
    if boundaries.ndim != 1:
        raise RuntimeError(say("errors.index.vector", shape=boundaries.array.shape))
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
