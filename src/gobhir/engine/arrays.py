"""From what a user hands over (numbers, nested lists, arrays, tensors) to a NumPy array."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.dtypes import default_dtype
from gobhir.lang import say


def as_array(data: Any, dtype: np.dtype | None = None) -> np.ndarray:
    """A fresh array of these numbers; Python floats become the default dtype. ValueError for
    rows of different lengths, TypeError for what is no number."""
    data = _without_tensors(data)
    if isinstance(data, (np.ndarray, np.generic)):
        if data.dtype.kind not in "biufc":
            raise TypeError(say("errors.tensor.not_numbers", type=data.dtype.name))
        with np.errstate(invalid="ignore", over="ignore"):
            return np.array(data, dtype=dtype)
    try:
        array = np.array(data)
    except ValueError:
        raise ValueError(say("errors.tensor.ragged")) from None
    if array.dtype.kind not in "biufc":
        raise TypeError(say("errors.tensor.not_numbers", type=type(data).__name__))
    if dtype is None and array.dtype.kind == "f" and not _holds_numpy(data):
        dtype = default_dtype()
    with np.errstate(invalid="ignore", over="ignore"):
        return array if dtype is None else array.astype(dtype)


def first_array(data: tuple[Any, ...], dtype: np.dtype) -> np.ndarray:
    """What `Tensor(...)` makes of its arguments: sizes, or numbers to be held."""
    if len(data) == 1 and not isinstance(data[0], int):
        first = data[0]
        if isinstance(first, tuple) and type(first) is not tuple:  # a Size
            return np.zeros(first, dtype)
        return as_array(first, dtype)
    if not data:
        return np.zeros(0, dtype)
    if any(isinstance(n, (list, tuple, float)) for n in data):
        raise TypeError(say("errors.tensor.sizes", got=data))
    if min(data) < 0:
        raise RuntimeError(say("errors.shape.negative", shape=data))
    return np.zeros(data, dtype)


def _without_tensors(data: Any) -> Any:
    """The same with arrays for tensors, however deep in lists they are."""
    if hasattr(data, "requires_grad"):
        return data.array
    if isinstance(data, (list, tuple)) and _first_leaf_is_tensor(data):
        return [_without_tensors(x) for x in data]
    return data


def _first_leaf_is_tensor(data: Any) -> bool:
    if any(hasattr(x, "requires_grad") for x in data):
        return True
    first = next(iter(data), None)
    return isinstance(first, (list, tuple)) and _first_leaf_is_tensor(first)


def _holds_numpy(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))
