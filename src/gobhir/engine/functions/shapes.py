"""The same numbers under another shape or in another order."""

from __future__ import annotations

import math
from typing import Any

from gobhir.engine.functions.publish import both, function, method
from gobhir.engine.ops import shapes
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def place(dim: int, count: int) -> int:
    """The dimension counted from the front. A tensor without dimensions is treated as having
    one, as in PyTorch. IndexError when there is no such dimension."""
    n = max(count, 1)
    if not -n <= dim < n:
        raise IndexError(say("errors.shape.dim", dim=dim, low=-n, high=n - 1))
    return dim % n


def check_dims(x: Tensor, dim: Any) -> None:
    """IndexError when x has not all of these dimensions."""
    for d in (dim,) if isinstance(dim, int) else (dim or ()):
        place(d, x.ndim)


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from the arguments `2, 3` as from `(2, 3)`."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(int(n) for n in sizes)


@both
def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy, through which the gradient passes."""
    return shapes.clone(input)


@both
def reshape(input: Any, *shape: Any) -> Any:
    """The same numbers under another shape; one -1 is worked out."""
    return shapes.reshape(input, shape=sizes_of(shape))


@both
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions start_dim to end_dim joined into one."""
    first, last = place(start_dim, input.ndim), place(end_dim, input.ndim)
    joined = math.prod(input.shape[first : last + 1])
    return input.reshape(*input.shape[:first], joined, *input.shape[last + 1 :])


@both
def squeeze(input: Any, dim: int | None = None) -> Any:
    """Without dimensions of size 1 (or without `dim`, if its size is 1)."""
    gone = range(input.ndim) if dim is None else [place(dim, input.ndim)]
    return input.reshape(*(n for i, n in enumerate(input.shape) if n != 1 or i not in gone))


@both
def unsqueeze(input: Any, dim: int) -> Any:
    """With a new dimension of size 1 at `dim`."""
    at = place(dim, input.ndim + 1)
    return input.reshape(*input.shape[:at], 1, *input.shape[at:])


@method
def expand(self: Any, *shape: Any) -> Any:
    """Repeated (without copying) along dimensions of size 1; -1 keeps a size."""
    wished = sizes_of(shape)
    lead = len(wished) - self.ndim
    full = tuple(self.shape[i - lead] if n == -1 else n for i, n in enumerate(wished))
    return shapes.expand(self, shape=full)


@both
def permute(input: Any, *dims: Any) -> Any:
    """Dimensions in another order."""
    order = sizes_of(dims)
    if sorted(place(d, input.ndim) for d in order) != list(range(input.ndim)):
        raise RuntimeError(say("errors.shape.permute", x=input.shape, dims=order))
    return shapes.permute(input, dims=order)


@both
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged."""
    if not input.ndim:
        return input
    dim0, dim1 = place(dim0, input.ndim), place(dim1, input.ndim)
    order = list(range(input.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return shapes.permute(input, dims=tuple(order))


@both
def t(input: Any) -> Any:
    """Rows and columns exchanged; at most two dimensions."""
    if input.ndim > 2:
        raise RuntimeError(say("errors.shape.t", x=input.shape))
    return input if input.ndim < 2 else input.transpose(0, 1)


@function
def numel(input: Tensor) -> int:
    """How many numbers there are."""
    return input.numel()


Tensor.view = reshape  # type: ignore[attr-defined]
Tensor.T = property(lambda self: self.permute(*reversed(range(self.ndim))))  # type: ignore[attr-defined]
Tensor.mT = property(lambda self: self.transpose(-2, -1))  # type: ignore[attr-defined]
