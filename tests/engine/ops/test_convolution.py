"""Convolution against PyTorch and against loops, over a table of settings and drawn ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir.engine.ops import correlation as ops
from tests.engine.parity import check, numbers

F, TF = gobhir.nn.functional, torch.nn.functional


def conv_by_loops(x: Any, W: Any, b: Any, stride: int, padding: int, dilation: int) -> np.ndarray:
    """The definition, one number after another (two dimensions, one group)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    size = [(x.shape[2 + i] - dilation * (W.shape[2 + i] - 1) - 1) // stride + 1 for i in (0, 1)]
    z = np.zeros((x.shape[0], W.shape[0], *size))
    for n, o, p, q in itertools.product(*map(range, z.shape)):
        z[n, o, p, q] = b[o]
        for c, k, m in itertools.product(*map(range, W.shape[1:])):
            at = stride * p + dilation * k, stride * q + dilation * m
            z[n, o, p, q] += W[o, c, k, m] * x[n, c, at[0], at[1]]
    return z


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2)])
def test_the_definition(stride: int, padding: int, dilation: int) -> None:
    x, W, b = numbers(1, (2, 3, 6, 5)), numbers(2, (4, 3, 3, 2)), numbers(3, (4,))
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    got = F.conv2d(*map(gobhir.from_numpy, (x, W, b)), **options)
    np.testing.assert_allclose(got.numpy(), conv_by_loops(x, W, b, **options), rtol=1e-12)


# (N, in, size), (out, kernel), settings
CASES = {
    "signal": ((2, 3, 9), (4, 3), {}),
    "even kernel": ((2, 3, 9), (4, 2), {"stride": 2}),
    "image": ((2, 3, 7, 6), (4, 3, 3), {"padding": 1}),
    "stride that leaves a rest": ((2, 1, 8, 9), (2, 3, 2), {"stride": (3, 2), "padding": (0, 1)}),
    "dilation": ((1, 2, 9, 8), (3, 3, 2), {"dilation": (2, 3), "stride": 2}),
    "groups": ((2, 4, 5, 5), (6, 3, 3), {"groups": 2, "padding": 1}),
    "a channel alone": ((2, 3, 5, 5), (6, 3, 3), {"groups": 3, "stride": 2}),
    "one by one": ((2, 3, 4, 5), (2, 1, 1), {}),
    "one by one with stride": ((2, 3, 4, 5), (2, 1, 1), {"stride": 2}),
    "kernel as large as the image": ((2, 3, 4, 5), (2, 4, 5), {}),
    "padding beyond the kernel": ((1, 1, 3, 3), (1, 2, 2), {"padding": 3}),
    "volume": ((2, 2, 4, 5, 3), (3, 2, 3, 2), {"padding": (1, 0, 1), "stride": (1, 2, 1)}),
    "no example": ((0, 3, 5, 5), (2, 3, 3), {"padding": 1}),
    "alone": ((3, 5, 5), (2, 3, 3), {"stride": 2}),
    "same": ((2, 3, 6, 5), (2, 3, 3), {"padding": "same"}),
    "same, even kernel": ((2, 3, 6, 5), (2, 4, 2), {"padding": "same", "dilation": (1, 3)}),
    "valid": ((2, 3, 6, 5), (2, 3, 3), {"padding": "valid"}),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_conv(name: str, bias: bool) -> None:
    shape, (out, *kernel), options = CASES[name]
    n, groups = len(kernel), options.get("groups", 1)
    inputs = [numbers(1, shape), numbers(2, (out, shape[-n - 1] // groups, *kernel))]
    inputs += [numbers(3, (out,))] if bias else []
    mine, theirs = getattr(F, f"conv{n}d"), getattr(TF, f"conv{n}d")
    check(lambda *a: mine(*a, **options), lambda *a: theirs(*a, **options), inputs)


TRANSPOSED = {
    "signal": ((2, 4, 5), (3, 3), {}),
    "image": ((2, 4, 3, 4), (3, 3, 2), {"stride": 2}),
    "output padding": ((2, 4, 3, 4), (3, 3, 2), {"stride": (3, 2), "output_padding": (2, 1)}),
    "padding": ((2, 4, 3, 4), (3, 3, 3), {"stride": 2, "padding": (2, 1), "output_padding": 1}),
    "room for a place more": (
        (1, 2, 3),
        (2, 2),
        {"dilation": 3, "output_padding": 2, "padding": 1},
    ),
    "groups": ((2, 4, 3, 3), (3, 2, 2), {"groups": 2, "dilation": 2, "stride": 2}),
    "volume": ((1, 2, 2, 3, 2), (2, 2, 1, 3), {"stride": 2, "padding": (0, 0, 1)}),
    "no example": ((0, 4, 3, 4), (3, 3, 3), {"stride": 2}),
    "alone": ((4, 3, 4), (3, 3, 3), {"stride": 2}),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", TRANSPOSED)
def test_conv_transpose(name: str, bias: bool) -> None:
    shape, (out, *kernel), options = TRANSPOSED[name]
    n, groups = len(kernel), options.get("groups", 1)
    inputs = [numbers(1, shape), numbers(2, (shape[-n - 1], out, *kernel))]
    inputs += [numbers(3, (out * groups,))] if bias else []
    mine, theirs = getattr(F, f"conv_transpose{n}d"), getattr(TF, f"conv_transpose{n}d")
    check(lambda *a: mine(*a, **options), lambda *a: theirs(*a, **options), inputs)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    n, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(n))

    kernel, stride, padding, dilation = sizes(1, 3), sizes(1, 3), sizes(0, 2), sizes(1, 2)
    least = [
        max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation, strict=True)
    ]
    size = tuple(draw(st.integers(m, m + 3)) for m in least)
    c, o = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return (draw(st.integers(0, 3)), c * groups, *size), (o * groups, c, *kernel), options


@pytest.mark.slow
@given(case=drawn(), dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 99))
@settings(max_examples=15)
def test_drawn_settings(case: Any, dtype: str, seed: int) -> None:
    x, W, options = case
    inputs = [numbers(seed, x, dtype), numbers(seed + 1, W, dtype), numbers(seed, W[:1], dtype)]
    mine, theirs = (getattr(f, f"conv{len(W) - 2}d") for f in (F, TF))
    check(lambda *a: mine(*a, **options), lambda *a: theirs(*a, **options), inputs, seed=seed)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("short", [0, 10**9])
def test_line_by_line_and_as_one(name: str, short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "SHORT", short)
    test_conv(name, bias=False)


@pytest.mark.parametrize("name", TRANSPOSED)
@pytest.mark.parametrize("dear", ["COPY", "ADD"])
def test_both_ways_of_painting(name: str, dear: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simple one adds every number to its place; the other is the faster one mostly."""
    monkeypatch.setattr(ops, dear, 10**9)
    test_conv_transpose(name, bias=False)


@pytest.mark.parametrize("name", ["image", "stride that leaves a rest", "groups", "volume"])
def test_band_by_band(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large columns are made in bands; with everything taken for large, nothing changes."""
    for band in (1, 5000):
        monkeypatch.setattr(ops, "BAND", band)
        test_conv(name, bias=True)
    for case in ("image", "padding", "room for a place more", "volume"):
        test_conv_transpose(case, bias=True)


def test_whole_numbers() -> None:
    x, W = np.arange(50).reshape(1, 2, 5, 5), np.arange(36).reshape(2, 2, 3, 3)
    check(F.conv2d, TF.conv2d, [x, W])


def test_memory_order_is_passed_on() -> None:
    """Results lie in memory as (channels, size, examples), and layers after one another keep it."""
    z = F.conv2d(gobhir.randn(5, 3, 8, 8), gobhir.randn(4, 3, 3, 3)).relu()
    assert z.shape == (5, 4, 6, 6)
    assert ops.by_channel(z.array).base is not None


WRONG = {
    "channels": lambda t, f: f.conv2d(t.ones(1, 2, 5, 5), t.ones(1, 3, 3, 3)),
    "dimensions": lambda t, f: f.conv2d(t.ones(5, 5), t.ones(1, 1, 3, 3)),
    "weight's dimensions": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3)),
    "too large a kernel": lambda t, f: f.conv2d(t.ones(1, 1, 2, 5), t.ones(1, 1, 3, 3)),
    "stride 0": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), stride=0),
    "dilation 0": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), dilation=0),
    "padding -1": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), padding=-1),
    "groups": lambda t, f: f.conv2d(t.ones(1, 4, 5, 5), t.ones(3, 2, 3, 3), groups=2),
    "bias": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(2, 1, 3, 3), t.ones(3)),
    "dtype": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5).double(), t.ones(1, 1, 3, 3)),
    "three strides": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), None, (1, 2, 3)),
    "half a stride": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), stride=1.5),
    "padding's name": lambda t, f: f.conv2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), padding="no"),
    "same with stride": lambda t, f: f.conv1d(
        t.ones(1, 1, 5), t.ones(1, 1, 3), stride=2, padding="same"
    ),
    "transposed channels": lambda t, f: f.conv_transpose1d(t.ones(1, 2, 5), t.ones(3, 1, 3)),
    "output padding": lambda t, f: f.conv_transpose1d(
        t.ones(1, 2, 5), t.ones(2, 1, 3), stride=2, output_padding=2
    ),
    "nothing left": lambda t, f: f.conv_transpose1d(t.ones(1, 1, 1), t.ones(1, 1, 3), padding=2),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    kinds = []
    for t, f in ((torch, TF), (gobhir, F)):
        with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
            WRONG[name](t, f)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_the_message_draws_the_channels() -> None:
    with pytest.raises(RuntimeError, match=r"\(1, \[2\], 5, 5\)[^$]*\(1, \[3\], 3, 3\)"):
        F.conv2d(gobhir.ones(1, 2, 5, 5), gobhir.ones(1, 3, 3, 3))
