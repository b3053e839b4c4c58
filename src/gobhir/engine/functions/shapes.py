"""The same numbers under another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.engine.arguments import Dim, Dims, Sizes, as_int, checked
from gobhir.engine.drawing import clash
from gobhir.engine.functions.publish import (
    as_operand,
    check_operands,
    function,
    method,
    of_sizes,
    of_tensor,
)
from gobhir.engine.ops import shapes
from gobhir.engine.size import Size
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def place(dim: int, count: int) -> int:
    """The dimension counted from the front. A tensor without dimensions is treated as having
    one, as in PyTorch. IndexError when there is no such dimension."""
    n = count or 1
    if dim.__class__ is not int:
        dim = as_int(dim)
    if not -n <= dim < n:
        raise IndexError(say("errors.shape.dim", dim=dim, low=-n, high=n - 1))
    return dim % n


def places(dims: Sequence[int], count: int) -> tuple[int, ...]:
    """Several dimensions counted from the front. RuntimeError when one is named twice."""
    found = tuple(place(d, count) for d in dims)
    if len(set(found)) < len(found):
        raise RuntimeError(say("errors.shape.dim_twice", dims=tuple(dims)))
    return found


def sizes_of(sizes: Any) -> tuple[int, ...]:
    """(2, 3) from the arguments `2, 3` as from `(2, 3)`."""
    if not sizes:
        raise TypeError(say("errors.shape.sizes_missing"))
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    return tuple([n if n.__class__ is int else as_int(n) for n in sizes])


def filled(shape: tuple[int, ...], count: int, of: Any) -> tuple[int, ...]:
    """The shape with its one -1 worked out. RuntimeError where `count` numbers do not fit it."""
    free, known = shape.count(-1), math.prod(n for n in shape if n != -1)
    if free == 1 and not known and not count:
        raise RuntimeError(say("errors.shape.reshape_empty", shape=shape))
    fits = known == count if not free else free == 1 and known and count % known == 0
    if not fits or min(shape, default=0) < -1:
        raise RuntimeError(say("errors.shape.reshape", x=of, shape=shape))
    return tuple(count // known if n == -1 else n for n in shape) if free else shape


@of_tensor
def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy, through which the gradient passes."""
    return shapes.clone(input)


@of_sizes
def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """The same numbers, row by row, under another shape; one -1 is worked out. RuntimeError when
    there are more or fewer numbers than the shape holds."""
    wished = sizes_of(sizes if shape is None else (shape,))
    return shapes.reshape(input, shape=filled(wished, input.array.size, input.array.shape))


@method
@checked
def reshape_as(self: Any, other: Tensor) -> Any:
    """The same numbers under other's shape."""
    return reshape(self, other.array.shape)


@of_tensor
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions start_dim to end_dim joined into one. RuntimeError when end comes before start."""
    shape = input.array.shape
    first, last = place(start_dim, len(shape)), place(end_dim, len(shape))
    if first > last:
        raise RuntimeError(say("errors.shape.flatten", start=start_dim, end=end_dim))
    if first == last and shape:
        return input
    joined = math.prod(shape[first : last + 1])
    return shapes.reshape(input, shape=(*shape[:first], joined, *shape[last + 1 :]))


@of_tensor
def ravel(input: Any) -> Any:
    """All numbers in one row."""
    return reshape(input, -1) if input.array.size else reshape(input, 0)


@of_tensor
def unflatten(input: Any, dim: int, sizes: Sizes) -> Any:
    """One dimension parted into several: `sizes`, in which one -1 is worked out."""
    shape = input.array.shape
    at = place(dim, len(shape))
    wished = sizes_of((sizes,))
    if not wished or not shape:
        raise RuntimeError(say("errors.shape.unflatten"))
    parts = filled(wished, shape[at], (shape[at],))
    return shapes.reshape(input, shape=(*shape[:at], *parts, *shape[at + 1 :]))


@of_tensor
def squeeze(input: Any, dim: Dims = None) -> Any:
    """Without dimensions of size 1, or without those of `dim` (an int or several) that have it."""
    shape = input.array.shape
    if dim is None:
        gone: Any = range(len(shape))
    else:
        gone = places(dim if isinstance(dim, (tuple, list)) else (dim,), len(shape))
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in gone)
    return shapes.reshape(input, shape=kept)


@of_tensor
def unsqueeze(input: Any, dim: int) -> Any:
    """With a new dimension of size 1 at `dim`."""
    shape = input.array.shape
    at = place(dim, len(shape) + 1)
    return shapes.reshape(input, shape=(*shape[:at], 1, *shape[at:]))


@method
def expand(self: Any, *sizes: Any, size: Any = None, implicit: bool = False) -> Any:
    """Repeated, without copying, along dimensions of size 1; -1 keeps a size. RuntimeError where
    another size would have to be stretched."""
    wished = sizes_of(sizes if size is None else (size,))
    shape = self.array.shape
    lead = len(wished) - len(shape)
    if lead < 0 or any(n < -1 or (n == -1 and i < lead) for i, n in enumerate(wished)):
        raise RuntimeError(say("errors.shape.expand", x=shape, shape=wished))
    full = tuple(shape[i - lead] if n == -1 else n for i, n in enumerate(wished))
    return shapes.expand(self, shape=full)


@method
@checked
def expand_as(self: Any, other: Tensor) -> Any:
    """Expanded to other's shape."""
    return expand(self, other.array.shape)


@of_sizes
def broadcast_to(input: Any, *sizes: Any, size: Any = None) -> Any:
    """Expanded to `size`; -1 keeps a size."""
    return expand(input, *sizes, size=size)


@function
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together. RuntimeError when they have none."""
    sizes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    if any(n < 0 for s in sizes for n in s):
        raise RuntimeError(say("errors.shape.negative", shape=sizes))
    out: tuple[int, ...] = ()
    for shape in sizes:
        try:
            out = np.broadcast_shapes(out, shape)
        except ValueError:
            drawn = clash(out, shape)
            raise RuntimeError(say("errors.shape.broadcast", op="broadcast", **drawn)) from None
    return Size(out)


@function
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors expanded to the shape they have together."""
    check_operands(*tensors)
    shape = broadcast_shapes(*(t.array.shape for t in tensors))
    return tuple(expand(t, shape) for t in tensors)


@method
def repeat(self: Any, *sizes: Any, repeats: Any = None) -> Any:
    """The tensor laid side by side, repeats[i] times along dimension i; more repeats than
    dimensions are new dimensions in front. RuntimeError when there are fewer."""
    if not sizes and repeats is None:
        raise TypeError(say("errors.shape.repeat", x=self.array.shape, repeats=()))
    times = sizes_of(sizes if repeats is None else (repeats,))
    lead = len(times) - self.ndim
    if lead < 0 or min(times, default=0) < 0:
        raise RuntimeError(say("errors.shape.repeat", x=self.array.shape, repeats=times))
    shape = (1,) * lead + self.array.shape
    apart = shapes.reshape(self, shape=tuple(n for size in shape for n in (1, size)))
    full = tuple(n for pair in zip(times, shape, strict=True) for n in pair)
    joined = tuple(r * n for r, n in zip(times, shape, strict=True))
    out = shapes.reshape(shapes.expand(apart, shape=full), shape=joined)
    return shapes.clone(out) if out.array.base is not None else out


@of_sizes
def tile(input: Any, *sizes: Any, dims: Any = None) -> Any:
    """`repeat`, where missing repeats in front are 1."""
    times = sizes_of(sizes if dims is None else (dims,))
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@of_tensor
def repeat_interleave(
    input: Any,
    repeats: Dim | Tensor = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Any:
    """Every element along `dim` (of the flattened tensor when None) `repeats` times in a row, a
    number or one number an element. Of repeats alone: the indices that do this."""
    if repeats is None:
        if input.dtype.kind not in "iu" or input.ndim != 1:
            raise RuntimeError(say("errors.shape.repeats", x=input.array.shape))
        return Tensor._wrap(np.repeat(np.arange(len(input)), _counts(input.array)))
    x = ravel(input) if dim is None else input
    if not x.ndim:
        raise IndexError(say("errors.shape.dim_of_number", dim=dim))
    at = place(0 if dim is None else dim, x.ndim)
    size = x.array.shape[at]
    counts = _counts(np.asarray(repeats.array if isinstance(repeats, Tensor) else repeats))
    if counts.ndim > 1 or counts.size not in (1, size):
        raise RuntimeError(say("errors.shape.repeats", x=x.array.shape))
    order = np.repeat(np.arange(size), counts.reshape(-1))
    if output_size is not None and output_size != len(order):
        raise RuntimeError(say("errors.shape.output_size", got=output_size, want=len(order)))
    return x[(slice(None),) * at + (order,)]


def _counts(counts: np.ndarray) -> np.ndarray:
    if counts.dtype.kind not in "iu" or (counts < 0).any():
        raise RuntimeError(say("errors.shape.repeats_negative"))
    return counts


def _at_least(input: Any, tensors: Any, ndim: int) -> Any:
    if tensors or isinstance(input, (tuple, list)):
        several = (input, *tensors) if tensors else input
        check_operands(*several)
        return tuple(_at_least(t, (), ndim) for t in several)
    shape = as_operand(input).array.shape
    missing = ndim - len(shape)
    if missing <= 0:
        return input
    # In three dimensions a matrix is a picture of one channel, the last dimension.
    last = (1,) if ndim == 3 and shape else ()
    first = (1,) * (missing - len(last))
    return shapes.reshape(input, shape=(*first, *shape, *last))


@function
def atleast_1d(input: Any, *tensors: Any) -> Any:
    """With one dimension at least: a number becomes (1,). Of several tensors, a tuple."""
    return _at_least(input, tensors, 1)


@function
def atleast_2d(input: Any, *tensors: Any) -> Any:
    """With two dimensions at least: (n,) becomes (1, n). Of several tensors, a tuple."""
    return _at_least(input, tensors, 2)


@function
def atleast_3d(input: Any, *tensors: Any) -> Any:
    """With three dimensions at least: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1). Of
    several tensors, a tuple."""
    return _at_least(input, tensors, 3)


@of_tensor
def numel(input: Tensor) -> int:
    """How many numbers there are."""
    return int(input.array.size)


Tensor.nelement = numel  # type: ignore[attr-defined]
