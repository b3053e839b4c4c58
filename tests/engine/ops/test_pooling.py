"""Poolings against PyTorch and against loops: windows that overlap, leave a rest, look at
padding; ties; adaptive windows; unpooling."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import check, numbers

F, TF = gobhir.nn.functional, torch.nn.functional


def max_pool_by_loops(x: np.ndarray, k: int, s: int) -> np.ndarray:
    size = [(n - k) // s + 1 for n in x.shape[2:]]
    out = np.empty((*x.shape[:2], *size))
    for i in range(size[0]):
        for j in range(size[1]):
            out[:, :, i, j] = x[:, :, s * i : s * i + k, s * j : s * j + k].max((2, 3))
    return out


@pytest.mark.parametrize(("k", "s"), [(2, 2), (3, 2), (2, 3)])
def test_the_definition(k: int, s: int) -> None:
    x = numbers(1, (2, 3, 7, 8))
    got = F.max_pool2d(gobhir.from_numpy(x), k, s).numpy()
    np.testing.assert_array_equal(got, max_pool_by_loops(x, k, s))


WINDOWS = {
    "halves": ((2, 3, 6, 8), (2,), {}),
    "a rest": ((2, 3, 7, 5), (2,), {}),
    "overlapping": ((2, 2, 7, 6), (3, 2), {}),
    "gaps": ((2, 2, 7, 6), (2, 3), {}),
    "padding": ((2, 2, 7, 6), (3, 2, 1), {}),
    "uneven": ((2, 2, 7, 6), ((3, 2), (1, 2), (1, 0)), {}),
    "rounded up": ((2, 2, 7, 6), (3, 2, 1), {"ceil_mode": True}),
    "rounded up, less": ((2, 2, 5, 6), (2, 2), {"ceil_mode": True}),
    "whole image": ((2, 2, 3, 4), ((3, 4),), {}),
    "nothing to choose": ((2, 2, 3, 4), (1,), {}),
    "signal": ((2, 3, 9), (3, 2), {}),
    "volume": ((1, 2, 4, 5, 6), (2, 2, (0, 1, 0)), {}),
    "no example": ((0, 3, 4, 4), (2,), {}),
    "alone": ((3, 4, 5), (2,), {}),
}


def dimensions(name: str) -> int:
    return {"signal": 1, "volume": 3}.get(name, 2)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("seed", [0, 1, 2])  # on a coarse grid there are ties
def test_max_pool(name: str, seed: int) -> None:
    shape, args, options = WINDOWS[name]
    mine, theirs = (getattr(f, f"max_pool{dimensions(name)}d") for f in (F, TF))
    x = [numbers(seed, shape)]
    check(lambda x: mine(x, *args, **options), lambda x: theirs(x, *args, **options), x)
    options = options | {"return_indices": True}
    check(lambda x: mine(x, *args, **options), lambda x: theirs(x, *args, **options), x)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [2, (1, 3)])
def test_dilated(dilation: Any, stride: int) -> None:
    def call(f: Any) -> Any:
        return lambda x: f.max_pool2d(x, 2, stride, 1, dilation)

    check(call(F), call(TF), [numbers(1, (2, 2, 8, 9))])


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("name", WINDOWS)
def test_avg_pool(name: str, include: bool) -> None:
    shape, args, options = WINDOWS[name]
    options = options | {"count_include_pad": include}
    mine, theirs = (getattr(f, f"avg_pool{dimensions(name)}d") for f in (F, TF))
    x = [numbers(1, shape)]
    check(lambda x: mine(x, *args, **options), lambda x: theirs(x, *args, **options), x)


def test_avg_pool_with_a_divisor() -> None:
    def call(f: Any) -> Any:
        return lambda x: f.avg_pool2d(x, 3, 2, 1, divisor_override=4)

    check(call(F), call(TF), [numbers(1, (2, 2, 6, 7))])


def test_whole_numbers() -> None:
    x = np.random.default_rng(1).integers(-9, 9, (2, 3, 5, 5))
    check(lambda x: F.max_pool2d(x, 3, 2, 1), lambda x: TF.max_pool2d(x, 3, 2, 1), [x])


def test_a_nan_in_the_window_shows() -> None:
    x = numbers(1, (1, 1, 4, 4)).copy()
    x[0, 0, 1, 1] = np.nan
    check(lambda x: F.max_pool2d(x, 2), lambda x: TF.max_pool2d(x, 2), [x], [False])


ADAPTIVE = [
    ((2, 3, 8), 3),
    ((2, 3, 4), 6),
    ((2, 3, 6, 8), (3, 2)),
    ((2, 3, 7, 5), (3, None)),
    ((2, 3, 7, 5), 1),
    ((3, 7, 5), 2),
    ((0, 3, 7, 5), 2),
    ((1, 2, 4, 5, 6), (2, 2, 4)),
]


@pytest.mark.parametrize(("shape", "size"), ADAPTIVE)
def test_adaptive(shape: tuple[int, ...], size: Any) -> None:
    n = 2 if len(shape) in (3, 4) and size not in (3, 6) else {3: 1, 5: 3}[len(shape)]
    x = [numbers(1, shape)]
    for name in (f"adaptive_avg_pool{n}d", f"adaptive_max_pool{n}d"):
        mine, theirs = getattr(F, name), getattr(TF, name)
        check(lambda x, f=mine: f(x, size), lambda x, f=theirs: f(x, size), x)
    check(lambda x: mine(x, size, True), lambda x: theirs(x, size, True), x)


@pytest.mark.parametrize("p", [1.0, 2.0, 3])
def test_lp_pool(p: float) -> None:
    x = [numbers(2, (2, 3, 6, 7), low=0.5)]
    check(lambda x: F.lp_pool2d(x, p, 3, 2), lambda x: TF.lp_pool2d(x, p, 3, 2), x)
    x = [numbers(2, (2, 3, 7), low=0.5)]
    check(lambda x: F.lp_pool1d(x, p, 2), lambda x: TF.lp_pool1d(x, p, 2), x)


@pytest.mark.parametrize(
    ("image", "size"), [((4, 6), None), ((5, 7), (5, 7)), ((5, 6), (2, 3, 5, 6))]
)
def test_unpooling(image: tuple[int, int], size: Any) -> None:
    drawn = np.random.default_rng(1).permutation(6 * image[0] * image[1]) / 10
    x = torch.from_numpy(drawn.reshape(2, 3, *image))
    pooled, at = (t.numpy() for t in TF.max_pool2d(x, 2, return_indices=True))
    check(
        lambda x, at: F.max_unpool2d(x, at, 2, output_size=size),
        lambda x, at: TF.max_unpool2d(x, at, 2, output_size=size),
        [pooled, at],
    )


@pytest.mark.slow
@given(
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    ceil=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=15)
def test_drawn_windows(size: Any, kernel: Any, stride: Any, ceil: bool, seed: int) -> None:
    x = [numbers(seed, (2, 2, *size))]
    padding = tuple(k // 2 for k in kernel)
    options = {"stride": stride, "padding": padding, "ceil_mode": ceil}
    for name in ("max_pool2d", "avg_pool2d"):
        mine, theirs = (partial(getattr(f, name), kernel_size=kernel, **options) for f in (F, TF))
        check(mine, theirs, x, seed=seed)


def test_memory_order_is_passed_on() -> None:
    """Whatever the order, the numbers are the same; gradients come in the order of the input."""
    x = np.random.default_rng(2).permutation(288).reshape(3, 6, 8, 2) / 10
    turned = gobhir.from_numpy(x.transpose(3, 0, 1, 2)).requires_grad_()
    plain = gobhir.from_numpy(x.transpose(3, 0, 1, 2).copy()).requires_grad_()
    grads = []
    for t in (turned, plain):
        out = F.max_pool2d(t, 2)
        out.backward(gobhir.from_numpy(numbers(4, out.shape).copy()))
        grads.append(t.grad.numpy())
    assert F.max_pool2d(turned, 2).array.strides[0] == 8
    np.testing.assert_array_equal(*grads)


WRONG = {
    "dimensions": lambda t, f: f.max_pool2d(t.ones(4, 4), 2),
    "nothing fits": lambda t, f: f.max_pool2d(t.ones(1, 1, 2, 2), 3),
    "padding": lambda t, f: f.max_pool2d(t.ones(1, 1, 4, 4), 2, padding=2),
    "negative padding": lambda t, f: f.avg_pool2d(t.ones(1, 1, 4, 4), 2, padding=-1),
    "stride": lambda t, f: f.max_pool2d(t.ones(1, 1, 4, 4), 2, stride=0),
    "kernel": lambda t, f: f.max_pool2d(t.ones(1, 1, 4, 4), 0),
    "three sizes": lambda t, f: f.max_pool2d(t.ones(1, 1, 4, 4), (2, 2, 2)),
    "divisor": lambda t, f: f.avg_pool2d(t.ones(1, 1, 4, 4), 2, divisor_override=0),
    "mean of whole numbers": lambda t, f: f.avg_pool2d(t.ones(1, 1, 4, 4).int(), 2),
    "half a kernel": lambda t, f: f.max_pool2d(t.ones(1, 1, 4, 4), 2.5),
    "adaptive sizes": lambda t, f: f.adaptive_avg_pool2d(t.ones(1, 1, 4, 4), (1, 2, 3)),
    "unpooled size": lambda t, f: f.max_unpool2d(
        t.ones(1, 1, 2, 2), t.zeros(1, 1, 2, 2).long(), 2, output_size=(9, 9)
    ),
    "index": lambda t, f: f.max_unpool1d(t.ones(1, 1, 2), t.ones(1, 1, 2).long() * 9, 2),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    kinds = []
    for t, f in ((torch, TF), (gobhir, F)):
        with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
            WRONG[name](t, f)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]
