"""Comparisons, logic and bits beside PyTorch's: values, dtypes, refusals, in place."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gobhir
from tests.engine.ops.broadcasting import broadcastable
from tests.engine.parity import SEEDS, both, check, numbers, same

COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"]
LOGIC = ["logical_and", "logical_or", "logical_xor"]
OPERANDS = {
    "float32": np.array([0.1, 1.0, np.nan, np.inf], "float32"),
    "float64": np.array([0.1, 1.0, np.nan, -np.inf]),
    "int64": np.array([2**24 + 1, 1, 0, -5]),
    "uint8": np.array([0, 1, 2, 255], "uint8"),
    "bool": np.array([True, False, True, False]),
    "one float64": np.array(0.1),
    "one int64": np.array(1),
    "0.1": 0.1,
    "2.0 ** 24": 2.0**24,
    "2": 2,
    "True": True,
}


def outcome(compute: Any, t: Any, x: Any, y: Any) -> Any:
    x, y = (t.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v for v in (x, y))
    try:
        return compute(x, y).numpy()
    except (RuntimeError, TypeError) as refusal:
        return RuntimeError if isinstance(refusal, RuntimeError) else TypeError


@pytest.mark.parametrize("name", [*COMPARE, *LOGIC, *BITS])
@pytest.mark.parametrize("left", OPERANDS)
def test_promotion(name: str, left: str) -> None:
    """Value and dtype for every pair of kinds of operand, or the refusal."""
    for right in OPERANDS:
        x, y = OPERANDS[left], OPERANDS[right]
        if not isinstance(x, np.ndarray):
            continue
        mine, theirs = (outcome(getattr(t, name), t, x, y) for t in (gobhir, torch))
        if isinstance(theirs, type):
            assert mine is theirs, (left, name, right)
        else:
            assert mine.dtype == theirs.dtype, (left, name, right)
            np.testing.assert_array_equal(mine, theirs, err_msg=f"{left} {name} {right}")


SYMBOLS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_operators(symbol: str) -> None:
    f = SYMBOLS[symbol]
    x, y = np.array([5, -3, 0, 12]), np.array([1, 2, 3, 0])
    check(f, f, [x, y])
    check(lambda x: f(x, 2), lambda x: f(x, 2), [x])
    check(lambda y: f(6, y), lambda y: f(6, y), [y])
    if symbol in "&|^":
        truth = [x > 0, y > 1]
        check(f, f, truth)
    if symbol in ("==", "!="):
        assert f(gobhir.tensor(x), None) is f(torch.tensor(x), None)
        assert f(gobhir.tensor(x), "a") is f(torch.tensor(x), "a")
    else:
        for t in (gobhir, torch):
            with pytest.raises(TypeError):
                f(t.tensor(x), None)


@pytest.mark.parametrize("name", COMPARE)
@given(shapes=broadcastable(), seed=SEEDS)
@settings(max_examples=6)
def test_broadcasting(name: str, shapes: tuple, seed: int) -> None:
    inputs = [numbers(seed + 3 * i, s) for i, s in enumerate(shapes)]
    check(getattr(gobhir, name), getattr(torch, name), inputs, [False, False])


@pytest.mark.parametrize("name", [*COMPARE, *LOGIC, "bitwise_and", "logical_not", "bitwise_not"])
def test_in_place(name: str) -> None:
    whole = name.startswith("bitwise")
    pairs = [both(np.array([1, 0, 2]) if whole else np.array([1.0, 0.0, 2.0])) for _ in range(2)]
    others = [] if name.endswith("not") else [pairs[1][0], pairs[1][1]]
    mine = getattr(pairs[0][0], name + "_")(*others[:1])
    theirs = getattr(pairs[0][1], name + "_")(*others[1:])
    assert mine is pairs[0][0]
    same(mine, theirs)


def test_bits_in_place() -> None:
    def program(t: Any) -> Any:
        x = t.tensor([5, 6, 7])
        same_x = x
        x &= 6
        x |= t.tensor([8, 0, 0])
        x ^= 1
        x <<= 2
        x >>= 1
        assert same_x is x
        return x.tolist(), (~x).tolist(), (~(x > 15)).tolist()

    assert program(gobhir) == program(torch)


def test_names() -> None:
    for t in (gobhir, torch):
        x, y = t.tensor([1.0, 2.0]), t.tensor([2.0, 2.0])
        assert t.greater(x, y).tolist() == x.gt(y).tolist() == [False, False]
        assert t.less(x, y).tolist() == x.less_(y).bool().tolist() == [True, False]
        assert t.not_equal(y, 2).tolist() == [False, False]
        assert t.greater_equal(y, 2).tolist() == t.less_equal(y, 2).tolist() == [True, True]


def test_refusals() -> None:
    for t in (gobhir, torch):
        x = t.ones(3)
        for program in (
            lambda t=t, x=x: t.eq(x, None),
            lambda t=t, x=x: x.lt("a"),
            lambda t=t, x=x: t.logical_and(x, 1),
            lambda t=t, x=x: ~x,
            lambda t=t, x=x: t.equal(x, 1),
        ):
            with pytest.raises(TypeError):
                program()
        for program in (
            lambda t=t, x=x: x < t.ones(2),
            lambda t=t, x=x: x & 1,
            lambda t=t, x=x: t.bitwise_not(x),
            lambda t=t, x=x: t.isclose(x, t.ones(3, dtype=t.float64)),
            lambda t=t, x=x: t.isclose(x, x, rtol=-1.0),
            lambda t=t, x=x: t.isin(x, x > 0),
        ):
            with pytest.raises(RuntimeError):
                program()


def test_close() -> None:
    x = np.array([1.0, 1.0, np.nan, np.inf, np.inf, 0.0, 1e-9])
    y = np.array([1.0, 1.00001, np.nan, np.inf, -np.inf, 1e-9, 2e-8])
    for settings_ in ({}, {"equal_nan": True}, {"rtol": 0.0, "atol": 0.0}, {"atol": 1e-7}):
        for t in (gobhir.allclose, torch.allclose):
            assert isinstance(t(*(gobhir if t is gobhir.allclose else torch).ones(2, 3)), bool)
        check(
            lambda x, y, s=settings_: gobhir.isclose(x, y, **s),
            lambda x, y, s=settings_: torch.isclose(x, y, **s),
            [x, y],
            [False, False],
        )
    for dtype in ("int64", "bool"):
        whole = np.array([0, 1, 2, 1]).astype(dtype), np.array([0, 1, 1, 0]).astype(dtype)
        check(gobhir.isclose, torch.isclose, list(whole))


def test_isin() -> None:
    x, among = np.array([[1, 2], [3, 2]]), np.array([2, 5])
    check(gobhir.isin, torch.isin, [x, among])
    check(lambda x: gobhir.isin(x, 2), lambda x: torch.isin(x, 2), [x])
    check(lambda x: gobhir.isin(2, x), lambda x: torch.isin(2, x), [x])
    call = lambda t: lambda x, y: t.isin(x, y, invert=True)  # noqa: E731
    check(call(gobhir), call(torch), [x, among])


@pytest.mark.parametrize(
    "name", ["isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "signbit"]
)
def test_what_a_number_is_like(name: str) -> None:
    x = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan])
    for array in (x, x.astype("float32"), np.array([1, 0, -1]), np.array([True, False])):
        check(getattr(gobhir, name), getattr(torch, name), [array], [False])
