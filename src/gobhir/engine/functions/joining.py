"""Several tensors made one, and one parted into several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, combinations_with_replacement
from itertools import combinations as chosen
from operator import index
from typing import Any

import numpy as np

from gobhir.engine.arguments import Dims, Sizes, checked
from gobhir.engine.creation import zeros
from gobhir.engine.dtypes import promoted
from gobhir.engine.functions.publish import (
    FUNCTIONS,
    alias,
    function,
    of_tensor,
    takes_out,
)
from gobhir.engine.functions.shapes import atleast_1d, atleast_2d, atleast_3d, place
from gobhir.engine.inplace import into
from gobhir.engine.ops import joining, shapes
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _several(tensors: Any) -> list[Any]:
    """A list of Tensors. TypeError for a single one, or for what is none."""
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(say("errors.tensor.several", type=type(tensors).__name__))
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(say("errors.tensor.several", type=type(t).__name__))
    return list(tensors)


@function
def cat(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Tensor | None = None) -> Any:
    """Tensors end to end along `dim`. RuntimeError where their other sizes differ."""
    parts = _several(tensors)
    dim = dim if axis is None else axis
    if not parts:
        raise ValueError(say("errors.shape.nothing", op="cat"))
    if any(not t.array.ndim for t in parts):
        raise RuntimeError(say("errors.shape.cat_number"))
    # As in PyTorch a row of no numbers goes with everything.
    counted = [t for t in parts if t.array.shape != (0,)] or parts
    at = place(dim, counted[0].ndim) if counted is not parts or parts[0].array.shape != (0,) else 0
    if len(counted) < len(parts):
        counted[0] = counted[0].to(promoted([t.array for t in parts]))
    result = joining.cat(*counted, dim=at)
    return result if out is None else into(out, result)


FUNCTIONS["concat"] = FUNCTIONS["concatenate"] = cat


@function
def stack(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Tensor | None = None) -> Any:
    """Tensors on top of each other along a new dimension. RuntimeError unless all have one
    shape."""
    parts = _several(tensors)
    if not parts:
        raise RuntimeError(say("errors.shape.nothing", op="stack"))
    at = place(dim if axis is None else axis, parts[0].ndim + 1)
    result = joining.stack(*parts, dim=at)
    return result if out is None else into(out, result)


def _joined(parts: Sequence[Any], dim: int, op: str) -> Any:
    if not parts:
        raise RuntimeError(say("errors.shape.nothing", op=op))
    return cat(parts, dim)


@function
@takes_out
def hstack(tensors: Any) -> Any:
    """Side by side: along columns, or end to end for vectors."""
    parts = atleast_1d(_several(tensors))
    return _joined(parts, int(bool(parts) and parts[0].ndim > 1), "hstack")


@function
@takes_out
def vstack(tensors: Any) -> Any:
    """Under one another, a vector as one row."""
    return _joined(atleast_2d(_several(tensors)), 0, "vstack")


@function
@takes_out
def dstack(tensors: Any) -> Any:
    """Behind one another, along the third dimension."""
    return _joined(atleast_3d(_several(tensors)), 2, "dstack")


@function
@takes_out
def column_stack(tensors: Any) -> Any:
    """Side by side, a vector (or a number) as one column."""
    columns = [t if t.ndim > 1 else t.reshape(-1, 1) for t in _several(tensors)]
    return _joined(columns, 1, "column_stack")


FUNCTIONS["row_stack"] = vstack


@function
def block_diag(*tensors: Any) -> Any:
    """The matrices along one diagonal, zeros elsewhere; a number or a vector is one row."""
    parts = _several(tensors) or [zeros(1, 0)]
    if any(t.ndim > 2 for t in parts):
        raise RuntimeError(say("errors.shape.block_diag"))
    kind = promoted([t.array for t in parts])
    parts = atleast_2d([t.to(kind) for t in parts])
    ends = [0, *accumulate(t.array.shape[1] for t in parts)]
    rows = []
    for t, begin, end in zip(parts, ends, ends[1:], strict=False):
        height = t.array.shape[0]
        left, right = (zeros(height, n, dtype=kind) for n in (begin, ends[-1] - end))
        rows.append(joining.cat(left, t, right, dim=1))
    return joining.cat(*rows, dim=0)


@function
@checked
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Any, ...]:
    """Coordinates of a grid: of vectors of sizes (m, n), two m x n matrices, in which the first
    changes from row to row ("ij") or, transposed, from column to column ("xy")."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    parts = _several(tensors)
    if not parts:
        raise RuntimeError(say("errors.shape.nothing", op="meshgrid"))
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(say("errors.shape.indexing", indexing=indexing))
    if any(t.ndim > 1 for t in parts) or len({t.dtype for t in parts}) > 1:
        raise RuntimeError(say("errors.shape.meshgrid"))
    # "xy" is the grid of "ij" for the first two exchanged, with its first two dimensions exchanged.
    order = list(range(len(parts)))
    if indexing == "xy" and len(parts) > 1:
        order[:2] = 1, 0
    full = tuple(parts[k].array.size for k in order)
    grids = []
    for i, t in enumerate(parts):
        shape = tuple(t.array.size if k == i else 1 for k in order)
        grids.append(shapes.expand(shapes.reshape(t, shape=shape), shape=full))
    return tuple(grids)


@function
def cartesian_prod(*tensors: Any) -> Any:
    """Every choice of one number from each vector, one choice a row."""
    parts = _several(tensors)
    if any(t.ndim != 1 for t in parts):
        raise RuntimeError(say("errors.shape.meshgrid"))
    if len(parts) == 1:
        return parts[0]
    return stack([g.reshape(-1) for g in meshgrid(*parts, indexing="ij")], 1)


@of_tensor
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Every choice of r numbers of a vector, one choice a row."""
    if input.ndim != 1 or r < 0:
        raise RuntimeError(say("errors.shape.combinations", x=input.array.shape, r=r))
    if r == 0:
        return zeros(0, dtype=input.dtype)
    choose = combinations_with_replacement if with_replacement else chosen
    rows = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[rows]


# -- parting ----


def _piece(x: Any, dim: int, start: int, end: int) -> Any:
    return x[(slice(None),) * dim + (slice(start, end),)]


def _pieces(x: Any, dim: int, ends: Sequence[int]) -> tuple[Any, ...]:
    return tuple(_piece(x, dim, a, b) for a, b in zip([0, *ends], ends, strict=False))


def _parted(x: Any, dim: int, op: str) -> tuple[int, int]:
    """The dimension counted from the front, and its size."""
    if not x.ndim:
        raise RuntimeError(say("errors.shape.part_number", op=op))
    at = place(dim, x.ndim)
    return at, x.array.shape[at]


@of_tensor
def split(input: Any, split_size: Dims, dim: int = 0) -> tuple[Any, ...]:
    """Parts of split_size along `dim` (the last one may be smaller), or of these sizes."""
    at, size = _parted(input, dim, "split")
    if isinstance(split_size, (tuple, list)):
        return split_with_sizes(input, split_size, dim)
    step = index(split_size)
    if step < 0 or (step == 0 and size):
        raise RuntimeError(say("errors.shape.split", size=size, sizes=step))
    ends = [*range(step, size, step), size] if size else [0]
    return _pieces(input, at, ends)


@of_tensor
def split_with_sizes(input: Any, split_sizes: Sizes, dim: int = 0) -> tuple[Any, ...]:
    """Parts of these sizes along `dim`. RuntimeError unless they add up to the whole."""
    at, size = _parted(input, dim, "split")
    sizes = [index(n) for n in split_sizes]
    if sum(sizes) != size or min(sizes, default=0) < 0:
        raise RuntimeError(say("errors.shape.split", size=size, sizes=sizes))
    return _pieces(input, at, list(accumulate(sizes)))


@of_tensor
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most so many parts of equal size along `dim`; the last one may be smaller."""
    if chunks < 1:
        raise RuntimeError(say("errors.shape.sections", sections=chunks))
    at, size = _parted(input, dim, "chunk")
    if not size:
        return tuple(_piece(input, at, 0, 0) for _ in range(chunks))
    return split(input, -(-size // chunks), dim)


alias("unsafe_split", split)
alias("unsafe_split_with_sizes", split_with_sizes)
alias("unsafe_chunk", chunk)


@of_tensor
def tensor_split(
    input: Any,
    indices_or_sections: Dims | Tensor,
    dim: int = 0,
    *,
    indices: Any = None,
    sections: Any = None,
) -> tuple[Any, ...]:
    """So many parts along `dim`, the first ones larger by one where it does not come out even; or
    parts that end before each of the given indices."""
    at, size = _parted(input, dim, "tensor_split")
    wish = indices_or_sections
    if isinstance(wish, Tensor):
        if wish.dtype != np.int64 or wish.ndim > 1:
            raise RuntimeError(say("errors.index.long", op="tensor_split", dtype=wish.dtype))
        wish = wish.tolist()
    if isinstance(wish, int):
        if wish < 1:
            raise RuntimeError(say("errors.shape.sections", sections=wish))
        each, more = divmod(size, wish)
        return _pieces(input, at, list(accumulate(each + (i < more) for i in range(wish))))
    begins, ends = [0, *wish], [*wish, size]
    return tuple(_piece(input, at, a, b) for a, b in zip(begins, ends, strict=True))


def _split_along(x: Any, wish: Any, dim: int, least: int, op: str) -> tuple[Any, ...]:
    if x.ndim < least:
        raise RuntimeError(say("errors.shape.split_dims", op=op, least=least, x=x.array.shape))
    size = x.array.shape[dim]
    if isinstance(wish, int) and (wish < 1 or size % wish):
        raise RuntimeError(say("errors.shape.split_even", size=size, sections=wish))
    return tensor_split(x, wish, dim)


@of_tensor
def hsplit(input: Any, indices_or_sections: Dims) -> tuple[Any, ...]:
    """Parted along columns (a vector along its only dimension), evenly or before given indices."""
    return _split_along(input, indices_or_sections, int(input.ndim > 1), 1, "hsplit")


@of_tensor
def vsplit(input: Any, indices_or_sections: Dims) -> tuple[Any, ...]:
    """Parted along rows, evenly or before given indices."""
    return _split_along(input, indices_or_sections, 0, 2, "vsplit")


@of_tensor
def dsplit(input: Any, indices_or_sections: Dims) -> tuple[Any, ...]:
    """Parted along the third dimension, evenly or before given indices."""
    return _split_along(input, indices_or_sections, 2, 3, "dsplit")


@of_tensor
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """One tensor for each place along `dim`, which is gone. IndexError without dimensions."""
    if not input.ndim:
        raise IndexError(say("errors.shape.dim_of_number", dim=dim))
    at = place(dim, input.ndim)
    lead = (slice(None),) * at
    return tuple(input[(*lead, i)] for i in range(input.array.shape[at]))


@of_tensor
def narrow(input: Any, dim: int, start: int | Tensor, length: int) -> Any:
    """`length` places along `dim` from `start` on (a view)."""
    if not input.ndim:
        raise RuntimeError(say("errors.shape.part_number", op="narrow"))
    at = place(dim, input.ndim)
    if isinstance(start, Tensor) and (start.ndim or start.dtype.kind not in "iu"):
        raise RuntimeError(say("errors.index.one_number", op="narrow", shape=start.shape))
    size, begin = input.array.shape[at], index(start)
    if not -size <= begin <= size:
        raise IndexError(say("errors.shape.dim", dim=begin, low=-size, high=size))
    begin += size * (begin < 0)
    if length < 0 or begin + length > size:
        raise RuntimeError(say("errors.shape.narrow", start=begin, length=length, size=size))
    return _piece(input, at, begin, begin + length)


@of_tensor
def select(input: Any, dim: int, index: int) -> Any:
    """What is at one place along `dim`, which is gone (a view)."""
    if not input.ndim:
        raise IndexError(say("errors.shape.dim_of_number", dim=dim))
    return input[(slice(None),) * place(dim, input.ndim) + (index,)]
