"""Number types under PyTorch's names, and which type the result of mixed inputs has.

Rules: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.lang import say

float64 = double = np.dtype("float64")
float32 = float = np.dtype("float32")
float16 = half = np.dtype("float16")
int64 = long = np.dtype("int64")
int32 = int = np.dtype("int32")
int16 = short = np.dtype("int16")
int8 = np.dtype("int8")
uint8 = np.dtype("uint8")
bool = np.dtype("bool")
dtype = np.dtype

_default = float32


def set_default_dtype(d: Any) -> None:
    """Floating type of new tensors: float32 at first. d: a floating dtype; TypeError otherwise."""
    global _default
    wished = as_dtype(d)
    if wished.kind != "f":
        raise TypeError(say("errors.dtype.default_not_float", dtype=wished))
    _default = wished


def get_default_dtype() -> np.dtype:
    """The floating type that new tensors have."""
    return _default


default_dtype = get_default_dtype


def as_dtype(wish: Any) -> np.dtype:
    """The number type that is meant. TypeError where it is none."""
    try:
        found = np.dtype(wish)
    except TypeError:
        found = np.dtype(object)
    if wish is None or found.kind not in "biufc":
        raise TypeError(say("errors.dtype.unknown", dtype=wish))
    return found


class finfo:
    """The limits of a floating dtype (the default one when left out): eps, max, min, tiny,
    smallest_normal, resolution, bits. TypeError for other dtypes."""

    def __init__(self, type: Any = None):
        found = as_dtype(_default if type is None else type)
        if found.kind not in "fc":
            raise TypeError(say("errors.dtype.finfo", dtype=found))
        limits = np.finfo(found)
        self.bits, self.dtype = limits.bits, found.name
        self.eps, self.resolution = limits.eps.item(), 10.0**-limits.precision
        self.max, self.min = limits.max.item(), limits.min.item()
        self.tiny = self.smallest_normal = limits.tiny.item()

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        shown = ", ".join(f"{n}={getattr(self, n):g}" for n in names)
        return f"finfo({shown}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: min, max, bits. TypeError for other dtypes."""

    def __init__(self, type: Any):
        found = as_dtype(type)
        if found.kind not in "iu":
            raise TypeError(say("errors.dtype.iinfo", dtype=found))
        limits = np.iinfo(found)
        self.bits, self.dtype = limits.bits, found.name
        self.max, self.min = limits.max, limits.min

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def of_python(value: object) -> np.dtype:
    """The type that a Python number stands for among tensors."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.dtype
    if value is True or value is False:
        return bool
    return int64 if type(value) is builtins.int else _default


_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def promoted(values: Sequence[Any]) -> np.dtype:
    """The one type for mixed values: arrays with dimensions decide; an array without, then a
    Python number, only counts when it is of a higher kind (bool < integer < floating)."""
    found: np.dtype | None = None
    for v in values:
        if isinstance(v, np.ndarray):
            if found is None:
                found = v.dtype
            elif v.dtype is not found:
                break
    else:
        if found is not None and found.kind == "f":
            return found  # the common case: no number outranks floating arrays of one type
    tiers: list[np.dtype | None] = [None, None, None]
    for v in values:
        if v is None:
            continue
        tier = (0 if v.ndim else 1) if isinstance(v, np.ndarray) else 2
        d = of_python(v)
        old = tiers[tier]
        tiers[tier] = d if old is None or old == d else pair(old, d)
    # max keeps the first of equals: the earlier tier.
    return max((d for d in tiers if d is not None), key=lambda d: _RANK[d.kind])


def pair(a: np.dtype, b: np.dtype) -> np.dtype:
    """The one type for two: the higher kind, of the same kind the larger."""
    # NumPy would answer float64 for int64 with float32; PyTorch keeps the floating one.
    if _RANK[a.kind] != _RANK[b.kind]:
        return a if _RANK[a.kind] > _RANK[b.kind] else b
    return np.promote_types(a, b)
