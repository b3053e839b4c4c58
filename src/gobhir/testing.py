"""Are two results the same but for rounding? As torch.testing asks it.

https://docs.pytorch.org/docs/stable/testing.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.lang import Message, say

__all__ = ["assert_close"]

_TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""rtol and atol where none are given; other dtypes have to be equal."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere, and shapes
    and (with check_dtype) dtypes agree. Tensors, arrays, numbers, and sequences and dictionaries
    of them. allow_subclasses, check_device and check_layout change nothing: there is one kind of
    each here. ValueError where only one of rtol and atol is given."""
    if (rtol is None) != (atol is None):
        raise ValueError(say("errors.testing.tolerances"))
    trouble = _compare(actual, expected, (rtol, atol), equal_nan, check_dtype, check_stride)
    if trouble is None:
        return
    raise AssertionError(trouble if msg is None else msg(str(trouble)) if callable(msg) else msg)


def _compare(
    actual: Any, expected: Any, wish: tuple[Any, Any], equal_nan: bool, dtype: bool, stride: bool
) -> Message | None:
    """What differs, or None."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return say("errors.testing.keys", actual=[*actual], expected=[*expected])
        pairs = [(f"[{key!r}]", actual[key], expected[key]) for key in actual]
    elif all(isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)):
        if len(actual) != len(expected):
            return say("errors.testing.lengths", actual=len(actual), expected=len(expected))
        both = zip(actual, expected, strict=True)
        pairs = [(f"[{i}]", a, e) for i, (a, e) in enumerate(both)]
    else:
        a, e = _array(actual), _array(expected)
        return _numbers(a, e, wish, equal_nan, dtype and not _plain(actual, expected), stride)
    for place, a, e in pairs:
        trouble = _compare(a, e, wish, equal_nan, dtype, stride)
        if trouble is not None:
            return say("errors.testing.at", place=place, trouble=trouble)
    return None


def _array(x: Any) -> np.ndarray:
    if isinstance(x, (Tensor, np.ndarray, np.generic, int, float)):
        return x.array if isinstance(x, Tensor) else np.asarray(x)
    raise TypeError(say("errors.tensor.wanted", type=type(x).__name__))


def _plain(*values: Any) -> bool:
    return all(isinstance(v, (int, float)) for v in values)


def _numbers(
    a: np.ndarray, e: np.ndarray, wish: tuple[Any, Any], equal_nan: bool, dtype: bool, stride: bool
) -> Message | None:
    for what, mine, theirs in (
        ("shape", a.shape, e.shape),
        ("dtype", a.dtype if dtype else None, e.dtype if dtype else None),
        ("stride", a.strides if stride else None, e.strides if stride else None),
    ):
        if mine != theirs:
            return say("errors.testing.what", what=what, actual=mine, expected=theirs)
    rtol, atol = (max(_usual(a.dtype)[i], _usual(e.dtype)[i]) for i in (0, 1))
    rtol, atol = (rtol, atol) if wish[0] is None else wish
    close = np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if close.all():
        return None
    with np.errstate(all="ignore"):
        apart = np.where(close, 0, np.abs(a.astype(float) - e.astype(float)))
    worst = np.unravel_index(int(np.nan_to_num(apart, nan=np.inf).argmax()), a.shape)
    return say(
        "errors.testing.close",
        count=int((~close).sum()),
        total=a.size,
        place=tuple(int(i) for i in worst),
        actual=a[worst],
        expected=e[worst],
        rtol=rtol,
        atol=atol,
    )


def _usual(dtype: np.dtype) -> tuple[float, float]:
    return _TOLERANCES.get(dtype.name, (0.0, 0.0))
