"""Pooling layers against PyTorch's: what they print and what they give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import numbers

LAYERS: dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = {
    "MaxPool1d": ((3,), {"stride": 2, "padding": 1}, (2, 3, 8)),
    "MaxPool2d": ((2,), {}, (2, 3, 8, 7)),
    "MaxPool2d, uneven": (((3, 2),), {"stride": (2, 1), "ceil_mode": True}, (2, 3, 8, 7)),
    "MaxPool3d": ((2,), {"dilation": (1, 2, 1)}, (1, 2, 4, 5, 6)),
    "AvgPool1d": ((3,), {"stride": 2, "padding": 1}, (2, 3, 8)),
    "AvgPool2d": ((3,), {"padding": 1, "count_include_pad": False}, (2, 3, 8, 7)),
    "AvgPool3d": ((2,), {"divisor_override": 3}, (1, 2, 4, 5, 6)),
    "LPPool1d": ((2, 3), {}, (2, 3, 8)),
    "LPPool2d": ((2, 3), {"stride": 2}, (2, 3, 8, 7)),
    "LPPool3d": ((2, 2), {}, (1, 2, 4, 5, 6)),
    "AdaptiveAvgPool1d": ((3,), {}, (2, 3, 8)),
    "AdaptiveAvgPool2d": (((None, 2),), {}, (2, 3, 8, 7)),
    "AdaptiveAvgPool3d": ((1,), {}, (1, 2, 4, 5, 6)),
    "AdaptiveMaxPool1d": ((3,), {}, (2, 3, 8)),
    "AdaptiveMaxPool2d": (((3, 2),), {}, (3, 8, 7)),
    "AdaptiveMaxPool3d": ((2,), {}, (1, 2, 4, 5, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    args, options, shape = LAYERS[name]
    x = np.abs(numbers(3, shape, "float32")) + 0.1
    mine, theirs = (getattr(t.nn, name.split(",")[0])(*args, **options) for t in (gobhir, torch))
    assert repr(mine) == repr(theirs)
    got, want = mine(gobhir.from_numpy(x)), theirs(torch.from_numpy(x))
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_there_and_back(n: int) -> None:
    x = np.random.default_rng(1).permutation(2 * 6**n).reshape(1, 2, *[6] * n) / 7
    results = []
    for t in (gobhir, torch):
        pool = getattr(t.nn, f"MaxPool{n}d")(2, return_indices=True)
        back = getattr(t.nn, f"MaxUnpool{n}d")(2)
        results += [repr(back), back(*pool(t.from_numpy(x))).numpy()]
    assert results[0] == results[2]
    np.testing.assert_array_equal(results[1], results[3])


@pytest.mark.parametrize("before", ["Conv2d", "BatchNorm2d", "MaxPool2d", "AvgPool2d"])
def test_a_relu_may_write_over_the_result(before: str) -> None:
    args = {"Conv2d": (2, 2, 3), "BatchNorm2d": (2,)}.get(before, (2,))
    grads = []
    for t in (gobhir, torch):
        t.manual_seed(1)
        layer = t.nn.Sequential(getattr(t.nn, before)(*args), t.nn.ReLU(inplace=True))
        x = t.from_numpy(np.random.default_rng(2).normal(size=(3, 2, 6, 6)).astype(np.float32))
        x.requires_grad_()
        (layer(x) ** 2).sum().backward()
        grads.append(x.grad.numpy())
    np.testing.assert_allclose(*grads, atol=1e-5)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("sizes", [{"output_size": 3}, {"output_ratio": 0.6}])
def test_fractional_pooling_draws_as_pytorch(n: int, sizes: dict[str, Any]) -> None:
    x = numbers(4, (2, 3, *[7] * n))
    results = []
    for t in (gobhir, torch):
        t.manual_seed(3)
        pool = getattr(t.nn, f"FractionalMaxPool{n}d")(2, return_indices=True, **sizes)
        results.append(pool(t.from_numpy(x)))
    for got, want in zip(*results, strict=True):
        np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize(
    "options", [{}, {"output_size": 2, "output_ratio": 0.5}, {"output_ratio": 1.5}]
)
def test_fractional_pooling_refuses(options: dict[str, Any]) -> None:
    for t in (gobhir, torch):
        with pytest.raises(ValueError):
            t.nn.FractionalMaxPool2d(2, **options)
        with pytest.raises(RuntimeError):
            t.nn.FractionalMaxPool2d(3, output_size=4)(t.ones(1, 1, 5, 5))


@pytest.mark.parametrize("divisor", [None, 3, -2])
def test_means_of_whole_numbers_are_whole(divisor: int | None) -> None:
    x = np.random.default_rng(5).integers(-20, 20, (2, 3, 6, 7))
    got, want = (
        t.nn.functional.avg_pool2d(t.from_numpy(x), 3, 2, 1, divisor_override=divisor)
        for t in (gobhir, torch)
    )
    np.testing.assert_array_equal(got.numpy(), want.numpy())
    for t in (gobhir, torch):
        with pytest.raises(NotImplementedError):
            t.nn.functional.avg_pool2d(t.from_numpy(x.astype(np.int32)), 2)


@pytest.mark.parametrize("name", ["max_pool2d", "adaptive_max_pool1d", "fractional_max_pool2d"])
def test_with_indices(name: str) -> None:
    x = numbers(6, (2, 3, 6, 6) if name.endswith("2d") else (2, 3, 6))
    results = []
    for t in (gobhir, torch):
        t.manual_seed(1)
        args = (2, 3) if name.startswith("frac") else (2,)
        results.append(getattr(t.nn.functional, name + "_with_indices")(t.from_numpy(x), *args))
    for got, want in zip(*results, strict=True):
        np.testing.assert_array_equal(got.numpy(), want.numpy())


EMPTY: list[tuple[str, tuple[int, ...], tuple[Any, ...]]] = [
    ("max_pool2d", (2, 0, 4, 4), (2,)),
    ("max_pool1d", (0, 3, 4), (2,)),
    ("avg_pool2d", (1, 0, 4, 4), (2,)),
    ("adaptive_max_pool2d", (2, 0, 4, 4), (2,)),
    ("adaptive_max_pool2d", (2, 3, 4, 4), ((0, 2),)),
    ("adaptive_max_pool1d", (0, 4), (2,)),
    ("adaptive_avg_pool3d", (1, 0, 2, 2, 2), (2,)),
    ("interpolate", (2, 0, 4), (3,)),
    ("interpolate", (0, 2, 4), (3,)),
]


@pytest.mark.parametrize(("name", "shape", "args"), EMPTY)
def test_nothing_to_pool(name: str, shape: tuple[int, ...], args: tuple[Any, ...]) -> None:
    answers: list[Any] = []
    for t in (gobhir, torch):
        try:
            answers.append(tuple(getattr(t.nn.functional, name)(t.zeros(*shape), *args).shape))
        except RuntimeError:
            answers.append("refused")
    assert answers[0] == answers[1]
