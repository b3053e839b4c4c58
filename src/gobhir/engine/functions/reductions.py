"""Many numbers into fewer, with PyTorch's `dim` and `keepdim`; softmax along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.functions.publish import both
from gobhir.engine.functions.shapes import check_dims, place
from gobhir.engine.ops import normalisation, reductions
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@both
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum over `dim`, an int or a tuple of them; over everything when None."""
    check_dims(input, dim)
    out = reductions.sum(input, dim=dim, keepdim=keepdim)
    return out if dtype is None else out.to(dtype)


@both
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Mean over `dim`, an int or a tuple of them; over everything when None."""
    check_dims(input, dim)
    source = input if dtype is None else input.to(dtype)
    if source.dtype.kind != "f":
        raise RuntimeError(say("errors.dtype.mean", dtype=source.dtype))
    return reductions.mean(source, dim=dim, keepdim=keepdim)


@both
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """e^z / sum e^z along `dim`."""
    check_dims(input, dim)
    return normalisation.softmax(input if dtype is None else input.to(dtype), dim=dim)


@both
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """log(softmax) along `dim`."""
    check_dims(input, dim)
    return normalisation.log_softmax(input if dtype is None else input.to(dtype), dim=dim)


@both
def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the largest number stands (the first one on a tie). No gradient."""
    if dim is None or not input.ndim:
        check_dims(input, dim)
        return Tensor._wrap(np.asarray(input.array.argmax()))
    at = place(dim, input.ndim)
    return Tensor._wrap(np.asarray(input.array.argmax(axis=at, keepdims=keepdim)))


@both
def all(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Whether every number is true (not 0), everywhere or along `dim`."""
    return _judged(input, np.all, dim, keepdim)


@both
def any(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Whether some number is true (not 0), everywhere or along `dim`."""
    return _judged(input, np.any, dim, keepdim)


def _judged(x: Tensor, how: Any, dim: int | None, keepdim: bool) -> Tensor:
    at = None if dim is None else place(dim, x.ndim)
    if not x.ndim:
        at = None
    return Tensor._wrap(np.asarray(how(x.array, axis=at, keepdims=keepdim)))
