"""Maximum, clamp, where and their kin beside PyTorch's, at ties and bounds too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir.engine.ops import choosing
from tests.engine.ops.broadcasting import broadcastable
from tests.engine.parity import FLOATS, SEEDS, both, check, numbers, same


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
@given(shapes=broadcastable(), dtypes=st.tuples(FLOATS, FLOATS), seed=SEEDS)
@settings(max_examples=8)
def test_larger_and_smaller(name: str, shapes: tuple, dtypes: tuple, seed: int) -> None:
    pairs = zip(shapes, dtypes, strict=True)
    inputs = [numbers(seed + 3 * i, s, d) for i, (s, d) in enumerate(pairs)]
    check(getattr(gobhir, name), getattr(torch, name), inputs, seed=seed)


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
def test_ties_and_nan(name: str) -> None:
    x = np.array([1.0, 1.0, 2.0, np.nan, 1.0, np.nan, np.inf])
    y = np.array([1.0, 2.0, 1.0, 1.0, np.nan, np.nan, np.inf])
    check(getattr(gobhir, name), getattr(torch, name), [x, y])
    check(getattr(gobhir, name), getattr(torch, name), [x[:3].astype(int), y[:3].astype(int)])
    for t in (gobhir, torch):
        with pytest.raises(TypeError):
            getattr(t, name)(t.ones(2), 1)


BOUNDS = [(-1, 1), (0.5, None), (None, 0.5), (1, -1), (-1, 2.5), (None, 2), (0, 0)]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_clamp_to_numbers(bounds: tuple, dtype: str) -> None:
    x = np.array([[-2, -1, 0], [1, 2, 3]], dtype)
    check(lambda x: x.clamp(*bounds), lambda x: x.clamp(*bounds), [x])
    low, high = bounds
    if low is not None:
        check(lambda x: gobhir.clamp_min(x, low), lambda x: torch.clamp_min(x, low), [x])
    if high is not None:
        check(lambda x: x.clamp_max(high), lambda x: x.clamp_max(high), [x])
    check(lambda x: gobhir.clip(x, low, high), lambda x: torch.clip(x, low, high), [x])


@given(
    shapes=broadcastable(3),
    dtype=FLOATS,
    seed=SEEDS,
    given_=st.sampled_from(["both", "min", "max"]),
)
@settings(max_examples=25)
def test_clamp_to_tensors(shapes: tuple, dtype: str, seed: int, given_: str) -> None:
    shapes = (np.broadcast_shapes(*shapes), *shapes[1:])  # PyTorch's gradient wants x in full
    x, low, high = (numbers(seed + 3 * i, s, dtype) for i, s in enumerate(shapes))
    if given_ == "both":
        check(
            lambda *a: a[0].clamp(*a[1:]), lambda *a: a[0].clamp(*a[1:]), [x, low, high], seed=seed
        )
    else:
        check(lambda x, b: x.clamp(**{given_: b}), lambda x, b: x.clamp(**{given_: b}), [x, low])


def test_clamp_wants_a_bound() -> None:
    for t in (gobhir, torch):
        with pytest.raises(RuntimeError):
            t.clamp(t.ones(2))
        x = t.tensor([1, 5])
        assert x.clamp_(2, 3).tolist() == [2, 3]
        with pytest.raises(RuntimeError):
            x.clamp_(0.5)


def test_nan_to_num() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1.5])
    for dtype in ("float64", "float32"):
        check(gobhir.nan_to_num, torch.nan_to_num, [x.astype(dtype)])
    call = lambda x: x.nan_to_num(1.0, posinf=2.0, neginf=-2.0)  # noqa: E731
    check(call, call, [x])


@given(shapes=broadcastable(), dtype=FLOATS, seed=SEEDS)
@settings(max_examples=15)
def test_where(shapes: tuple, dtype: str, seed: int) -> None:
    x, y = (numbers(seed + i, s, dtype) for i, s in enumerate(shapes))
    condition = np.asarray(numbers(seed + 5, shapes[0]) > 0)
    check(gobhir.where, torch.where, [condition, x, y], seed=seed)
    check(lambda c, x: gobhir.where(c, x, 1.5), lambda c, x: torch.where(c, x, 1.5), [condition, x])


def test_where_of_numbers_and_mixed_dtypes() -> None:
    for t in (gobhir, torch):
        yes = t.tensor([True, False])
        assert t.where(yes, 1.5, 2.0).dtype == t.float32
        assert t.where(yes, t.ones(2, dtype=t.float64), 2.0).dtype == t.float64
        assert t.where(yes, t.tensor([1, 2]), t.tensor([0.5, 1.5])).dtype == t.float32
        assert t.where(yes, t.tensor([1, 2]), 3).tolist() == [1, 3]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8", "bool"])
def test_where_of_many_is_where_of_few(dtype: str) -> None:
    """From some size on the choice is made by bits: the same numbers, NaN and -0.0 included."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (100, 101)).astype(dtype)
    y = x[::-1].copy()
    if dtype.startswith("f"):
        x[0], x[1], x[2] = np.nan, -np.inf, -0.0
    condition = rng.uniform(size=x.shape) > 0.5
    got = choosing.where(condition, x, y)
    assert got.dtype == x.dtype and got.tobytes() == np.where(condition, x, y).tobytes()
    row = choosing.where(condition, x[:1], False)
    assert row.dtype == x.dtype
    np.testing.assert_array_equal(row, np.where(condition, x[:1], x.dtype.type(0)))


def test_keep_lets_nothing_through() -> None:
    x = np.array([[np.nan, 1.0, -np.inf], [2.0, np.nan, 3.0]])
    mask = np.array([False, True, False])
    assert choosing.keep(x, mask).tolist()[0] == [0, 1, 0]
    mine, _ = both(x, True)
    out = choosing.keep(mine, gobhir.tensor(mask))
    (grad,) = gobhir.autograd.grad(out.sum(), [mine])
    same(grad, torch.tensor([[0.0, 1, 0]] * 2, dtype=torch.float64))


def test_a_mask_of_bytes() -> None:
    def chosen(t: Any, x: Any, y: Any) -> Any:
        return t.where(t.tensor([1, 0, 2], dtype=t.uint8), x, y)

    inputs = [numbers(1, (2, 3)), numbers(2, (3,))]
    check(lambda x, y: chosen(gobhir, x, y), lambda x, y: chosen(torch, x, y), inputs)
