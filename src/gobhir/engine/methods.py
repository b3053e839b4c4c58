"""The ops as operators and methods of Tensor, and PyTorch's argument habits around them.

Here stands only how an op is called; what it computes stands in engine/ops.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine.drawing import clash
from gobhir.engine.ops import (
    activations,
    arithmetic,
    elementary,
    linear,
    normalisation,
    reductions,
    shapes,
)
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _operand(value: Any) -> bool:
    return isinstance(value, (Tensor, int, float, bool, np.generic, np.ndarray))


def _binary(function: Any, swapped: bool = False) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if not _operand(other):
            return NotImplemented
        if isinstance(other, (np.ndarray, np.generic)):
            other = Tensor._wrap(np.asarray(other))
        pair = (other, self) if swapped else (self, other)
        try:
            return function(*pair)
        except ValueError:
            left, right = (tuple(getattr(x, "shape", ())) for x in pair)
            raise RuntimeError(
                say("errors.shape.broadcast", op=function.__name__, **clash(left, right))
            ) from None

    operator.__name__ = function.__name__
    operator.__doc__ = function.__doc__
    return operator


def _unary(function: Any) -> Any:
    def method(self: Tensor) -> Any:
        return function(self)

    method.__name__ = function.__name__
    method.__doc__ = function.__doc__
    return method


for _symbol, _op in {
    "add": arithmetic.add,
    "sub": arithmetic.sub,
    "mul": arithmetic.mul,
    "truediv": arithmetic.div,
    "pow": arithmetic.pow,
    "matmul": linear.matmul,
}.items():
    setattr(Tensor, f"__{_symbol}__", _binary(_op))
    setattr(Tensor, f"__r{_symbol}__", _binary(_op, swapped=True))

for _name, _op in {
    "mul": arithmetic.mul,
    "div": arithmetic.div,
    "pow": arithmetic.pow,
    "matmul": linear.matmul,
    "mm": linear.matmul,
    "dot": linear.matmul,
    "maximum": elementary.maximum,
    "minimum": elementary.minimum,
}.items():
    setattr(Tensor, _name, _binary(_op))

for _name, _op in {
    "neg": arithmetic.neg,
    "exp": elementary.exp,
    "log": elementary.log,
    "sqrt": elementary.sqrt,
    "abs": elementary.abs,
    "sign": elementary.sign,
    "sigmoid": activations.sigmoid,
    "tanh": activations.tanh,
    "relu": activations.relu,
    "clone": shapes.clone,
}.items():
    setattr(Tensor, _name, _unary(_op))

for _dunder, _name in {"neg": "neg", "abs": "abs"}.items():
    setattr(Tensor, f"__{_dunder}__", getattr(Tensor, _name))


def _attach(function: Any) -> Any:
    setattr(Tensor, function.__name__, function)
    return function


@_attach
def add(self: Any, other: Any, *, alpha: float = 1) -> Any:
    """self + alpha * other."""
    return self + (other if alpha == 1 else alpha * other)


@_attach
def sub(self: Any, other: Any, *, alpha: float = 1) -> Any:
    """self - alpha * other."""
    return self - (other if alpha == 1 else alpha * other)


@_attach
def sum(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum over `dim`, an int or a tuple of them; over everything when None."""
    _check_dims(self, dim)
    out = reductions.sum(self, dim=dim, keepdim=keepdim)
    return out if dtype is None else out.to(dtype)


@_attach
def mean(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Mean over `dim`, an int or a tuple of them; over everything when None."""
    _check_dims(self, dim)
    source = self if dtype is None else self.to(dtype)
    if source.dtype.kind != "f":
        raise RuntimeError(say("errors.dtype.mean", dtype=source.dtype))
    return reductions.mean(source, dim=dim, keepdim=keepdim)


@_attach
def softmax(self: Any, dim: int, dtype: Any = None) -> Any:
    """e^z / sum e^z along `dim`."""
    _check_dims(self, dim)
    return normalisation.softmax(self if dtype is None else self.to(dtype), dim=dim)


@_attach
def log_softmax(self: Any, dim: int, dtype: Any = None) -> Any:
    """log(softmax) along `dim`."""
    _check_dims(self, dim)
    return normalisation.log_softmax(self if dtype is None else self.to(dtype), dim=dim)


def _check_dims(x: Tensor, dim: Any) -> None:
    for d in (dim,) if isinstance(dim, int) else (dim or ()):
        _place(d, x.ndim)


def _place(dim: int, count: int) -> int:
    """The dimension counted from the front. A tensor without dimensions is treated as having
    one, as in PyTorch. IndexError when there is no such dimension."""
    n = max(count, 1)
    if not -n <= dim < n:
        raise IndexError(say("errors.shape.dim", dim=dim, low=-n, high=n - 1))
    return dim % n


def _sizes(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(int(n) for n in sizes)


@_attach
def reshape(self: Any, *shape: Any) -> Any:
    """The same numbers under another shape; one -1 is worked out."""
    return shapes.reshape(self, shape=_sizes(shape))


@_attach
def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions start_dim to end_dim joined into one."""
    first, last = _place(start_dim, self.ndim), _place(end_dim, self.ndim)
    joined = math.prod(self.shape[first : last + 1])
    return self.reshape(*self.shape[:first], joined, *self.shape[last + 1 :])


@_attach
def squeeze(self: Any, dim: int | None = None) -> Any:
    """Without dimensions of size 1 (or without `dim`, if its size is 1)."""
    gone = range(self.ndim) if dim is None else [_place(dim, self.ndim)]
    return self.reshape(*(n for i, n in enumerate(self.shape) if n != 1 or i not in gone))


@_attach
def unsqueeze(self: Any, dim: int) -> Any:
    """With a new dimension of size 1 at `dim`."""
    at = _place(dim, self.ndim + 1)
    return self.reshape(*self.shape[:at], 1, *self.shape[at:])


@_attach
def expand(self: Any, *shape: Any) -> Any:
    """Repeated (without copying) along dimensions of size 1; -1 keeps a size."""
    wished = _sizes(shape)
    lead = len(wished) - self.ndim
    full = tuple(self.shape[i - lead] if n == -1 else n for i, n in enumerate(wished))
    return shapes.expand(self, shape=full)


@_attach
def permute(self: Any, *dims: Any) -> Any:
    """Dimensions in another order."""
    order = _sizes(dims)
    if sorted(_place(d, self.ndim) for d in order) != list(range(self.ndim)):
        raise RuntimeError(say("errors.shape.permute", x=self.shape, dims=order))
    return shapes.permute(self, dims=order)


@_attach
def transpose(self: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged."""
    if not self.ndim:
        return self
    dim0, dim1 = _place(dim0, self.ndim), _place(dim1, self.ndim)
    order = list(range(self.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return shapes.permute(self, dims=tuple(order))


@_attach
def t(self: Any) -> Any:
    """Rows and columns exchanged; at most two dimensions."""
    if self.ndim > 2:
        raise RuntimeError(say("errors.shape.t", x=self.shape))
    return self if self.ndim < 2 else self.transpose(0, 1)


@_attach
def item_of(self: Any, index: Any) -> Any:
    """x[index]."""
    return shapes.getitem(self, index=shapes.plain_index(index))


@_attach
def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the largest number stands (the first one on a tie). No gradient."""
    if dim is None or not self.ndim:
        _check_dims(self, dim)
        return Tensor._wrap(np.asarray(self.array.argmax()))
    at = _place(dim, self.ndim)
    return Tensor._wrap(np.asarray(self.array.argmax(axis=at, keepdims=keepdim)))


@_attach
def all(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Whether every number is true (not 0), everywhere or along `dim`."""
    return _judged(self, np.all, dim, keepdim)


@_attach
def any(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Whether some number is true (not 0), everywhere or along `dim`."""
    return _judged(self, np.any, dim, keepdim)


def _judged(x: Tensor, how: Any, dim: int | None, keepdim: bool) -> Tensor:
    at = None if dim is None else _place(dim, x.ndim)
    if not x.ndim:
        at = None
    return Tensor._wrap(np.asarray(how(x.array, axis=at, keepdims=keepdim)))


Tensor.__getitem__ = item_of
Tensor.view = reshape  # type: ignore[attr-defined]
Tensor.T = property(lambda self: self.permute(*reversed(range(self.ndim))))  # type: ignore[attr-defined]
Tensor.mT = property(lambda self: self.transpose(-2, -1))  # type: ignore[attr-defined]
del Tensor.item_of  # type: ignore[attr-defined]
