"""Making tensors: from numbers, filled, and counted. Names and defaults are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.dtypes import default_dtype
from gobhir.engine.tensor import Tensor, _as_array
from gobhir.lang import say


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of these numbers: Python floats become float32 (the default dtype),
    integers int64, arrays keep their dtype. TypeError for what is no number."""
    return _finish(
        _as_array(data, None if dtype is None else np.dtype(dtype)), requires_grad, device
    )


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Like `tensor`, but a Tensor or an array is not copied unless its dtype must change."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype.kind in "biufc":
        return _finish(np.asarray(data, dtype=dtype), False, device)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(say("errors.tensor.not_numbers", type=type(array).__name__))
    return Tensor._wrap(array)


def _finish(array: np.ndarray, requires_grad: bool, device: Any) -> Tensor:
    if device is not None and str(device) != "cpu":
        raise RuntimeError(say("errors.tensor.device", device=device))
    out = Tensor._wrap(array)
    return out.requires_grad_() if requires_grad else out


def _size(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`size` filled with one value."""
    if dtype is None and isinstance(fill_value, float):
        dtype = default_dtype()
    return _finish(np.full(size, fill_value, dtype), requires_grad, device)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All zeros; the default dtype unless another is asked for."""
    return _finish(np.zeros(_size(size), dtype or default_dtype()), requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All ones; the default dtype unless another is asked for."""
    return _finish(np.ones(_size(size), dtype or default_dtype()), requires_grad, device)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Room for numbers that somebody will write; here it starts as zeros, so that runs repeat."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


def zeros_like(t: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of t's shape and dtype."""
    return _finish(np.zeros_like(t.array, dtype=dtype), requires_grad, None)


def ones_like(t: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of t's shape and dtype."""
    return _finish(np.ones_like(t.array, dtype=dtype), requires_grad, None)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere; n rows, m columns (m = n when left out)."""
    return _finish(np.eye(n, m, dtype=dtype or default_dtype()), requires_grad, None)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but without end; `arange(n)` counts from 0."""
    if end is None:
        start, end = 0, start
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
        dtype = np.int64 if whole else default_dtype()
    return _finish(np.arange(start, end, step).astype(dtype), requires_grad, None)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers from start to end, both included, evenly spaced."""
    values = np.linspace(start, end, steps).astype(dtype or default_dtype())
    return _finish(values, requires_grad, None)
