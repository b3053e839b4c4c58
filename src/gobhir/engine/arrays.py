"""From what a user hands over (numbers, nested lists, arrays, tensors) to a NumPy array."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from gobhir.engine.dtypes import default_dtype, of_python, pair
from gobhir.lang import say


def as_array(data: Any, dtype: np.dtype | None = None) -> np.ndarray:
    """A fresh array of these numbers; Python floats become the default dtype. ValueError for
    rows of different lengths, TypeError for text, RuntimeError for what else is no number, and
    for whole numbers that the dtype cannot hold."""
    if hasattr(data, "requires_grad"):  # a Tensor, ours or PyTorch's
        data = data.array if hasattr(data, "array") else np.asarray(data.detach())
    if isinstance(data, (np.ndarray, np.generic)):
        if data.dtype.kind not in "biufc":
            raise TypeError(say("errors.tensor.not_numbers", type=data.dtype.name))
        with np.errstate(invalid="ignore", over="ignore"):
            return np.array(data, dtype=dtype)
    try:
        leaves, mixed = _leaves(data)
        array = np.array(_bare(data) if mixed else data)
    except ValueError:
        raise ValueError(say("errors.tensor.ragged")) from None
    if array.dtype.kind not in "biufc":
        kind = TypeError if array.dtype.kind in "US" else RuntimeError
        raise kind(say("errors.tensor.not_numbers", type=_stranger(data)))
    if dtype is None:
        dtype = reduce(pair, leaves) if leaves else None
        if dtype is None and array.dtype.kind == "f":
            dtype = default_dtype()
    elif {array.dtype.kind, dtype.kind} <= {"i", "u"} and array.size:
        most = array.max()
        if most > np.iinfo(dtype).max:
            raise RuntimeError(say("errors.tensor.overflow", number=most, dtype=dtype))
    with np.errstate(invalid="ignore", over="ignore"):
        return array if dtype is None else array.astype(dtype)


def one_value(value: Any, dtype: np.dtype) -> np.ndarray:
    """One number as the dtype holds it: -1 is 255 as uint8, as PyTorch has it. RuntimeError for a
    number that is too large."""
    value = np.asarray(getattr(value, "array", value))
    if value.dtype.kind == "c" != dtype.kind:
        raise RuntimeError(say("errors.tensor.overflow", number=value, dtype=dtype))
    if dtype.kind in "iu":
        most = int(np.iinfo(dtype).max)
        fits = int(np.iinfo(dtype).min) or -most  # of unsigned ones too
        if not fits <= value <= most:
            raise RuntimeError(say("errors.tensor.overflow", number=value, dtype=dtype))
    with np.errstate(over="ignore"):
        out = value.astype(dtype)
    if out.dtype.kind == "f" and np.isinf(out) and not np.isinf(value):
        raise RuntimeError(say("errors.tensor.overflow", number=value, dtype=dtype))
    return out


def _stranger(data: Any) -> str:
    """The type of the first thing in nested lists that is no number; "" for a number."""
    if isinstance(data, (list, tuple)):
        return next(filter(None, map(_stranger, data)), "")
    return "" if isinstance(data, (int, float)) else type(data).__name__


def _leaves(data: Any) -> tuple[list[np.dtype], bool]:
    """The dtypes of all that is in nested lists, where some of it has one; whether Tensors are."""
    if not isinstance(data, (list, tuple)):
        return [], False
    found: list[np.dtype] = []
    tensors = False
    if any(isinstance(x, (list, tuple)) for x in data):
        for x in data:
            inner, more = _leaves(x)
            found, tensors = found + inner, tensors or more
            if not (inner or more):
                break  # plain numbers, as a rule all through
        return found, tensors
    if any(hasattr(x, "dtype") for x in data):
        found = [of_python(getattr(x, "array", x)) for x in data]
        tensors = any(hasattr(x, "requires_grad") for x in data)
    return found, tensors


def _bare(data: Any) -> Any:
    """The same with arrays for Tensors."""
    if isinstance(data, (list, tuple)):
        return [_bare(x) for x in data]
    return getattr(data, "array", data)


def first_array(data: tuple[Any, ...], dtype: np.dtype) -> np.ndarray:
    """What `Tensor(...)` makes of its arguments: sizes, or numbers to be held."""
    if len(data) == 1 and not isinstance(data[0], int):
        first = data[0]
        if isinstance(first, tuple) and type(first) is not tuple:  # a Size
            return np.zeros(first, dtype)
        if isinstance(first, float):
            raise TypeError(say("errors.tensor.sizes", got=data))
        return first.array if hasattr(first, "requires_grad") else as_array(first, dtype)
    if not data:
        return np.zeros(0, dtype)
    if any(isinstance(n, (list, tuple, float)) for n in data):
        raise TypeError(say("errors.tensor.sizes", got=data))
    if min(data) < 0:
        raise RuntimeError(say("errors.shape.negative", shape=data))
    return np.zeros(data, dtype)
