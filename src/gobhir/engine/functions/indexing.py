"""x[index], x[index] = values, with all that may stand in the brackets; writing one number
everywhere; choosing between two tensors."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from gobhir.engine.arguments import Dims, Number, checked, on_tensor
from gobhir.engine.arrays import one_value
from gobhir.engine.creation import as_tensor
from gobhir.engine.functions.publish import (
    FUNCTIONS,
    function,
    method,
    number,
    of_tensor,
    takes_out,
)
from gobhir.engine.inplace import assign, into
from gobhir.engine.ops import choosing, indexing
from gobhir.engine.tape import state
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _getitem(self: Tensor, index: Any) -> Any:
    """x[index]."""
    for step in _steps(index, self):
        self = indexing.getitem(self, index=step)
    return self


def _setitem(self: Tensor, index: Any, values: Any) -> None:
    """x[index] = values; they broadcast to x[index] and take x's dtype."""
    steps = _steps(index, self)
    for step in steps[:-1]:
        self = indexing.getitem(self, index=step)
    if not isinstance(values, (Tensor, int, float, complex, np.generic)):
        raise TypeError(say("errors.index.assigned", type=type(values).__name__))
    if isinstance(values, Tensor):
        if _is_there(values, self, steps[-1]):
            return  # x[index] += v has written it already, through the view x[index]
        if values.ndim and values.dtype != self.dtype and _holds_integers(steps[-1]):
            raise RuntimeError(say("errors.index.dtypes", got=values.dtype, want=self.dtype))
        values = values.to(self.dtype)
        lead = next((i for i, n in enumerate(values.shape) if n != 1), values.ndim)
        values = values.reshape(values.shape[lead:]) if lead else values
    assign(self, values, "set_item", steps[-1])


Tensor.__getitem__ = _getitem
Tensor.__setitem__ = _setitem  # type: ignore[index]


def _is_there(values: Tensor, x: Tensor, step: Any) -> bool:
    """Whether values is a view of just these places of x."""
    if values._view is None or values._changes is not x._changes or _holds_integers(step):
        return False
    target = indexing.getitem(x.array, index=step)
    return bool(target.__array_interface__ == values.array.__array_interface__)


def _holds_integers(step: Any) -> bool:
    return any(map(indexing.may_repeat, step if isinstance(step, tuple) else (step,)))


# -- what may stand in brackets ----


def _steps(index: Any, x: Tensor) -> list[Any]:
    """The index in NumPy's words, as one step or two: PyTorch takes numbers and slices first and
    arrays then, where NumPy would count a number beside an array as an array."""
    kind = type(index)
    if kind is int:
        return [index]
    if kind is slice:
        return [forward(index, x)]
    if kind is not tuple:
        index = tuple(index) if _stands_for_tuple(index) else (index,)
    parts: list[Any] = []
    numbers = arrays = scalars = False
    for part in index:
        if type(part) is slice:
            part = forward(part, x)
        elif part is Ellipsis:
            if any(p is Ellipsis for p in parts):
                continue  # only the first one stretches
        elif part is not None:
            part = number_or_array(part)
            if isinstance(part, int):
                numbers = True
            else:
                arrays = True
                scalars = scalars or not part.ndim
        parts.append(part)
    if not arrays:
        return [tuple(parts)]
    if x.requires_grad and state.grad_enabled:  # backward() needs the index as it is now
        parts = [part.copy() if isinstance(part, np.ndarray) else part for part in parts]
    parts = _without_ellipsis(parts, x.ndim)
    return [_first_step(parts), _second_step(parts)] if numbers or scalars else [tuple(parts)]


def _without_ellipsis(parts: list[Any], ndim: int) -> list[Any]:
    """... spelt out: between two arrays it parts them only if it stands for some dimension."""
    covered = sum(indexing.dims_of(part) for part in parts)
    for i, part in enumerate(parts):
        if part is Ellipsis:
            return parts[:i] + [slice(None)] * (ndim - covered) + parts[i + 1 :]
    return parts


def _first_step(parts: list[Any]) -> tuple[Any, ...]:
    basic: list[Any] = []
    for part in parts:
        if not isinstance(part, np.ndarray):
            basic.append(part)
        elif not part.ndim:
            basic.append(None)  # x[True] and x[False] have a dimension more, of size 1 or 0
        else:
            basic += [slice(None)] * (part.ndim if part.dtype == bool else 1)
    return tuple(basic)


def _second_step(parts: list[Any]) -> tuple[Any, ...]:
    rest: list[Any] = []
    for part in parts:
        if isinstance(part, np.ndarray):
            rest.append(part if part.ndim else np.zeros(int(part), np.int64))
        elif not isinstance(part, int):
            rest.append(slice(None))
    return tuple(rest)


def forward(part: slice, x: Tensor) -> slice:
    if not x.ndim:
        raise IndexError(say("errors.index.slice_scalar"))
    if part.step is not None and operator.index(part.step) <= 0:
        raise ValueError(say("errors.index.step", step=part.step))
    return part


def _stands_for_tuple(index: Any) -> bool:
    """x[[0, slice(1)]] is x[0, :1], and x[[[0, 1], [1, 2]]] is x[[0, 1], [1, 2]], as NumPy had it
    once; x[[0, 1]] is two rows."""
    listed = isinstance(index, (list, range)) and len(index) < 32
    kinds = (Tensor, np.ndarray, list, tuple, range, slice, type(Ellipsis), type(None))
    return listed and any(isinstance(part, kinds) for part in index)


def number_or_array(part: Any) -> Any:
    """An int, or an array of whole numbers or bools."""
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        return int(part)
    array = part.array if isinstance(part, Tensor) else part
    if isinstance(array, (list, tuple, range)):
        array = as_tensor(array).array if len(array) else np.zeros(0, np.int64)
    elif isinstance(array, str):
        raise TypeError(say("errors.index.kind", type=type(part).__name__))
    elif not isinstance(array, (np.ndarray, np.bool_, bool)):
        raise IndexError(say("errors.index.kind", type=type(part).__name__))
    array = np.asarray(array)
    if array.dtype == np.uint8:
        array = array.astype(bool)  # PyTorch's masks before there was bool
    if array.dtype.kind == "i" and not array.ndim:
        return int(array)
    if array.dtype not in (np.int64, np.int32, np.bool_):
        raise IndexError(say("errors.index.dtype", dtype=array.dtype))
    return array


# -- whole tensors ----


def one_number(value: Any, x: Tensor, op: str) -> Any:
    """One number in x's dtype: a Python number, or a tensor without dimensions."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(say("errors.index.one_number", op=op, shape=value.shape))
        return value.to(x.dtype)
    return one_value(value, x.dtype)


@method
@checked
def copy_(self: Tensor, src: Number | Tensor, non_blocking: bool = False) -> Tensor:
    """Write the numbers of `src` into this tensor; they broadcast and take its dtype."""
    src = src if isinstance(src, Tensor) else as_tensor(src)
    return assign(self, src.to(self.dtype), "copy_")


@method
@checked
def fill_(self: Tensor, value: Number | Tensor) -> Tensor:
    """Write one number everywhere."""
    return assign(self, one_number(value, self, "fill_"), "fill_")


@method
def zero_(self: Tensor) -> Tensor:
    """Write 0 everywhere."""
    return assign(self, 0, "zero_")


@function
@on_tensor
def fill(input: Tensor, value: Number | Tensor) -> Tensor:
    """A tensor like input, with one number everywhere."""
    return fill_(input.clone(), value)


FUNCTIONS["fill_"], FUNCTIONS["zero_"] = fill_, zero_


@method
@checked
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Write one number on the diagonal; wrap: again and again in a matrix taller than wide."""
    if self.ndim < 2:
        raise RuntimeError(say("errors.index.diagonal", shape=self.shape))
    if self.ndim > 2 and len(set(self.shape)) > 1:
        raise RuntimeError(say("errors.index.diagonal", shape=self.shape))
    rows = np.arange(self.shape[0] if self.ndim == 2 and wrap else min(self.shape))
    if self.ndim > 2 or not wrap:
        at: tuple[Any, ...] = (rows,) * self.ndim
    else:
        n = self.shape[1] + 1
        rows = rows[rows % n < self.shape[1]]
        at = (rows, rows % n)
    return assign(self, fill_value, "fill_diagonal_", at)


@of_tensor
@takes_out
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The places that hold something else than 0: one row a place, or (as_tuple) one tensor a
    dimension, fit to index with."""
    array = input.array
    if as_tuple:
        return tuple(Tensor._wrap(at) for at in np.nonzero(np.atleast_1d(array)))
    return Tensor._wrap(np.argwhere(array))


@of_tensor
@takes_out
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """nonzero cut to `size` rows, or filled up to so many: its shape does not depend on the
    numbers."""
    if size < 0:
        raise RuntimeError(say("errors.shape.negative", shape=(size,)))
    found = np.full((size, input.ndim), fill_value, np.int64)
    places = np.argwhere(input.array)[:size]
    found[: len(places)] = places
    return Tensor._wrap(found)


@of_tensor
def argwhere(input: Tensor) -> Tensor:
    """nonzero: one row a place."""
    return nonzero(input)


@function
@on_tensor
def unravel_index(indices: Tensor, shape: Dims) -> tuple[Tensor, ...]:
    """The places that these numbers of the flattened tensor have in one of this shape: one tensor
    a dimension."""
    wished = (shape,) if isinstance(shape, int) else tuple(shape)
    if indices.dtype.kind not in "iu":
        raise TypeError(say("errors.index.long", op="unravel_index", dtype=indices.dtype))
    try:
        return tuple(Tensor._wrap(np.asarray(at)) for at in np.unravel_index(indices.array, wished))
    except ValueError:
        raise ValueError(say("errors.index.unravel", shape=wished)) from None


@function
def where(
    condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None
) -> Any:
    """input where the condition holds, other elsewhere; with the condition alone, the indices
    at which it holds, one tensor a dimension."""
    if not isinstance(condition, Tensor):
        raise TypeError(say("errors.tensor.wanted", type=type(condition).__name__))
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError(say("errors.index.where_one"))
    if condition.dtype not in (np.bool_, np.uint8):
        raise RuntimeError(say("errors.index.mask_dtype", op="where", dtype=condition.dtype))
    if condition.dtype == np.uint8:
        condition = condition.to(np.bool_)
    input = input if isinstance(input, Tensor) else _beside(other, number(input))
    other = other if isinstance(other, Tensor) else _beside(input, number(other))
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = as_tensor(input)
    result = choosing.where(condition, input, other)
    return result if out is None else into(out, result)


def _beside(x: Any, value: Any) -> Any:
    """The number as it stands beside a tensor: -1 is 255 to a uint8."""
    if type(value) is int and isinstance(x, Tensor) and x.dtype.kind in "iu":
        return np.asarray(value).astype(x.dtype)
    return value


def _where(self: Tensor, condition: Tensor, other: Any) -> Any:
    """self where the condition holds, other elsewhere."""
    return where(condition, self, other)


Tensor.where = _where  # type: ignore[attr-defined]
