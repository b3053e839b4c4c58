"""Comparing and combining truth: element by element into bool tensors, bits by bits, and whole
tensors into one answer. None of it has a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.arguments import Number, checked
from gobhir.engine.drawing import clash
from gobhir.engine.dtypes import promoted
from gobhir.engine.functions.arithmetic import in_place_operator
from gobhir.engine.functions.publish import (
    alias,
    as_operand,
    both,
    function,
    in_place,
    number,
    of_tensor,
    takes_out,
)
from gobhir.engine.inplace import into
from gobhir.engine.ops.indexing import plain
from gobhir.engine.quiet import quietly
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _computed(name: str, how: Callable[..., Any], x: Any, y: Any) -> Tensor:
    """how(x, y) as a Tensor, outside autograd. RuntimeError where the shapes do not broadcast."""
    try:
        return Tensor._wrap(np.asarray(how(x, y)))
    except ValueError:
        shapes = clash(np.shape(x), np.shape(y))
        raise RuntimeError(say("errors.shape.broadcast", op=name, **shapes)) from None


def _alike(x: Any, y: Any) -> tuple[Any, Any]:
    """Both in PyTorch's common dtype, except where NumPy compares so by itself."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        if x.dtype is y.dtype:
            return x, y
        dtype = promoted((x, y))
        return x.astype(dtype, copy=False), y.astype(dtype, copy=False)
    array, other = (x, y) if isinstance(x, np.ndarray) else (y, x)
    if array.dtype.kind in "fb" and not isinstance(other, float):
        return x, y
    if array.dtype.kind == "f":
        return x, y
    if isinstance(other, int) and -(2**63) <= other < 2**63:  # -1 is 255 to a uint8
        return x, np.asarray(y).astype(x.dtype)
    return np.asarray(x, promoted((x, y))), np.asarray(y, promoted((x, y)))


def _publish(f: Callable[..., Any], name: str, doc: str) -> Any:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return in_place(both(f))


def _operator(f: Callable[..., Any], swapped: bool = False) -> Any:
    """f as what `x < y` means: NotImplemented, and no error, for what is no number."""

    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float, np.generic, np.ndarray)):
            return NotImplemented
        return f(other, self) if swapped else f(self, other)

    return operator


# -- which is larger ----


def _comparison(name: str, symbol: str, how: Callable[..., Any]) -> Any:
    def compare(input: Any, other: Any, *, out: Tensor | None = None) -> Any:
        x, y = (
            as_operand(input).array,
            plain(other if isinstance(other, Tensor) else number(other)),
        )
        if type(y) is not int or not 0 <= y <= 127:
            x, y = _alike(x, y)
        result = _computed(name, how, x, y)
        return result if out is None else into(out, result)

    _publish(compare, name, f"Where input {symbol} other.")
    setattr(Tensor, f"__{name}__", _operator(compare))
    return compare


for _name, _symbol, _how, _also in (
    ("eq", "==", np.equal, None),
    ("ne", "!=", np.not_equal, "not_equal"),
    ("lt", "<", np.less, "less"),
    ("le", "<=", np.less_equal, "less_equal"),
    ("gt", ">", np.greater, "greater"),
    ("ge", ">=", np.greater_equal, "greater_equal"),
):
    _compare = _comparison(_name, _symbol, _how)
    if _also:
        alias(_also, _compare)


# -- truth ----


def _logical(name: str, doc: str, how: Callable[..., Any]) -> None:
    def logical(input: Any, other: Any, *, out: Tensor | None = None) -> Any:
        result = _computed(name, how, as_operand(input).array, as_operand(other).array)
        return result if out is None else into(out, result)

    _publish(logical, name, doc)


_logical("logical_and", "Where both are true (not 0).", np.logical_and)
_logical("logical_or", "Where at least one is true (not 0).", np.logical_or)
_logical("logical_xor", "Where exactly one is true (not 0).", np.logical_xor)


@in_place
@of_tensor
@takes_out
def logical_not(input: Any) -> Any:
    """Where input is 0."""
    return Tensor._wrap(np.asarray(np.logical_not(as_operand(input).array)))


# -- bits ----


def _shift_left(x: Any, n: Any) -> Any:
    """x * 2**n; 0 where all bits are shifted out or n is negative, as in PyTorch."""
    return np.where(_too_far(x, n), 0, np.left_shift(x, n))


def _shift_right(x: Any, n: Any) -> Any:
    """x / 2**n rounded down, all the way where n is too large or negative, as in PyTorch."""
    return np.right_shift(x, np.where(_too_far(x, n), x.dtype.itemsize * 8, n).astype(x.dtype))


def _too_far(x: Any, n: Any) -> Any:
    return (n < 0) | (n >= x.dtype.itemsize * 8)


def _bitwise(name: str, symbol: str, doc: str, how: Callable[..., Any], kinds: str) -> None:
    def bitwise(input: Any, other: Any, *, out: Tensor | None = None) -> Any:
        x, y = (plain(v if isinstance(v, Tensor) else number(v)) for v in (input, other))
        if not isinstance(input, Tensor) and not isinstance(other, Tensor):
            as_operand(input)
        dtype = promoted((x, y))
        if dtype.kind not in kinds:
            raise NotImplementedError(say("errors.dtype.not_for", op=name, dtype=dtype))
        result = _computed(name, how, np.asarray(x).astype(dtype), np.asarray(y).astype(dtype))
        return result if out is None else into(out, result)

    _publish(bitwise, name, doc)
    direct = _operator(bitwise)
    setattr(Tensor, f"__{symbol}__", direct)
    setattr(Tensor, f"__r{symbol}__", _operator(bitwise, swapped=True))
    setattr(Tensor, f"__i{symbol}__", in_place_operator(bitwise, f"{name}_"))


_bitwise("bitwise_and", "and", "The bits that both have; for bool: both.", np.bitwise_and, "biu")
_bitwise("bitwise_or", "or", "The bits that one of them has; for bool: or.", np.bitwise_or, "biu")
_bitwise("bitwise_xor", "xor", "The bits in which they differ.", np.bitwise_xor, "biu")
_bitwise("bitwise_left_shift", "lshift", "input * 2 ** other.", _shift_left, "iu")
_bitwise("bitwise_right_shift", "rshift", "input / 2 ** other, rounded down.", _shift_right, "iu")


@in_place
@of_tensor
@takes_out
def bitwise_not(input: Any) -> Any:
    """Every bit turned around; for bool: not."""
    if as_operand(input).dtype.kind not in "biu":
        raise NotImplementedError(say("errors.dtype.not_for", op="bitwise_not", dtype=input.dtype))
    return Tensor._wrap(np.asarray(np.invert(input.array)))


def _invert(self: Tensor) -> Tensor:
    if self.dtype.kind not in "biu":
        raise TypeError(say("errors.arithmetic.invert", dtype=self.dtype))
    return bitwise_not(self)


Tensor.__invert__ = _invert  # type: ignore[operator]


# -- whole tensors ----


@of_tensor
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and the same numbers."""
    x, y = input, other
    return x.shape == y.shape and bool((x.array == y.array).all())


@of_tensor
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Where |input - other| <= atol + rtol |other|; infinities of one sign are close too, NaNs
    with equal_nan. Both of one dtype."""
    x, y = input.array, other.array
    if x.dtype != y.dtype:
        raise RuntimeError(say("errors.arithmetic.one_dtype", x=x.dtype, y=y.dtype))
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(say("errors.arithmetic.tolerance", name=name, value=value))

    def close(x: Any, y: Any) -> Any:
        same = (x == y) | ((x != x) & (y != y)) if equal_nan else x == y
        if x.dtype.kind == "b" or not (rtol or atol):
            return same
        off = np.abs(x - y)
        return same | (np.isfinite(off) & (off <= atol + np.abs(rtol * y)))

    return _computed("isclose", lambda x, y: quietly(close, (x, y), {}), x, y)


# -- whole numbers, and the next ones ----


def _of_alike(name: str, kinds: str, doc: str, how: Callable[..., Any]) -> None:
    def f(input: Any, other: Any, *, out: Tensor | None = None) -> Any:
        x, y = _alike(as_operand(input).array, as_operand(other).array)
        if x.dtype.kind not in kinds:
            raise NotImplementedError(say("errors.dtype.not_for", op=name, dtype=x.dtype))
        result = _computed(name, how, x, y)
        return result if out is None else into(out, result)

    _publish(f, name, doc)


_of_alike("gcd", "iu", "The greatest number that divides both.", np.gcd)
_of_alike("lcm", "iu", "The least number that both divide, 0 where one is 0.", np.lcm)
_of_alike("nextafter", "f", "The next number after input, towards other.", np.nextafter)


@of_tensor
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether |input - other| <= atol + rtol |other| everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


@function
@checked
@takes_out
def isin(
    elements: Number | Tensor,
    test_elements: Number | Tensor,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:
    """Which elements are among test_elements. One of the two may be a number."""
    if not isinstance(elements, Tensor):
        as_operand(test_elements)
    for x in (elements, test_elements):
        if isinstance(x, bool) or (isinstance(x, Tensor) and x.dtype.kind == "b"):
            raise RuntimeError(say("errors.dtype.not_for", op="isin", dtype="bool"))
    found = np.isin(plain(elements), plain(test_elements), assume_unique, invert)
    return Tensor._wrap(np.asarray(found))


# -- what a number is like ----


def _judgement(name: str, doc: str, how: Callable[..., Any]) -> None:
    def judge(input: Any, *, out: Tensor | None = None) -> Any:
        result = Tensor._wrap(np.asarray(how(as_operand(input).array)))
        return result if out is None else into(out, result)

    judge.__name__ = judge.__qualname__ = name
    judge.__doc__ = doc
    both(judge)


_judgement("isnan", 'Where the numbers are NaN, "not a number".', np.isnan)
_judgement("isinf", "Where the numbers are infinite.", np.isinf)
_judgement("isfinite", "Where the numbers are neither NaN nor infinite.", np.isfinite)
_judgement("isposinf", "Where the numbers are positive infinity.", lambda x: x == np.inf)
_judgement("isneginf", "Where the numbers are negative infinity.", lambda x: x == -np.inf)
_judgement("isreal", "True everywhere: the numbers are real.", np.isreal)
_judgement(
    "signbit",
    "Where the sign is a minus, -0.0 included.",
    lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0,
)


@function
def is_tensor(obj: object) -> bool:
    """Whether this is a Tensor."""
    return isinstance(obj, Tensor)
