"""Activation functions beside PyTorch's: drawn shapes, kinks, extremes, dtypes, in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gobhir
from tests.engine.parity import FLOATS, SEEDS, SHAPES, check, numbers

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "celu": ("celu", {"alpha": 1.5}),
    "elu": ("elu", {"alpha": 1.5}),
    "elu, alpha below 0": ("elu", {"alpha": -0.5}),
    "gelu": ("gelu", {}),
    "gelu, tanh": ("gelu", {"approximate": "tanh"}),
    "hardshrink": ("hardshrink", {"lambd": 1.0}),
    "hardsigmoid": ("hardsigmoid", {}),
    "hardswish": ("hardswish", {}),
    "hardtanh": ("hardtanh", {"min_val": -1.0, "max_val": 0.5}),
    "leaky_relu": ("leaky_relu", {}),
    "leaky_relu, steep": ("leaky_relu", {"negative_slope": 1.5}),
    "leaky_relu, falling": ("leaky_relu", {"negative_slope": -0.5}),
    "logsigmoid": ("logsigmoid", {}),
    "mish": ("mish", {}),
    "relu": ("relu", {}),
    "relu6": ("relu6", {}),
    "rrelu": ("rrelu", {}),
    "selu": ("selu", {}),
    "sigmoid": ("sigmoid", {}),
    "silu": ("silu", {}),
    "softplus": ("softplus", {}),
    "softplus, sharp": ("softplus", {"beta": 2.0, "threshold": 3.3}),
    "softshrink": ("softshrink", {"lambd": 1.0}),
    "softsign": ("softsign", {}),
    "tanh": ("tanh", {}),
    "tanhshrink": ("tanhshrink", {}),
    "threshold": ("threshold", {"threshold": 0.5, "value": -3.0}),
}
IN_PLACE = [
    *("celu", "elu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu"),
    *("relu6", "selu", "silu"),
]


def pair(name: str, **more: Any) -> tuple[Any, Any]:
    function, settings = ACTIVATIONS[name]
    mine, theirs = (getattr(t.nn.functional, function) for t in (gobhir, torch))
    return lambda z: mine(z, **settings, **more), lambda z: theirs(z, **settings, **more)


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS)
@settings(max_examples=8)
def test_values_and_slopes(name: str, shape: tuple, dtype: str, seed: int) -> None:
    z = numbers(seed, shape, dtype, -6.0, 6.0)
    if name == "hardsigmoid":  # PyTorch has one sixth in float32 only, and no second derivative
        z = z.astype("float32")
    check(*pair(name), [z], seed=seed, second=name != "hardsigmoid")


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "hardsigmoid"])
def test_kinks(name: str) -> None:
    """Exactly where the slope jumps."""
    kinks = np.array([-6.0, -3.0, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0])
    check(*pair(name), [kinks])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes(name: str, dtype: str) -> None:
    z = np.array([-1e30, -800.0, -100.0, -30.0, -15.0, 15.0, 30.0, 100.0, 800.0, 1e30], dtype)
    check(*pair(name), [z], second=False)
    z = np.array([-np.inf, np.inf, np.nan] if "gelu" not in name else [np.nan], dtype)
    check(*pair(name), [z], [False])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["int64", "bool", "float16"])
def test_other_dtypes(name: str, dtype: str) -> None:
    z = np.array([-2.5, 0, 1, 3]).astype(dtype)
    mine, theirs = pair(name)
    try:
        want = theirs(torch.from_numpy(z)).numpy()
    except RuntimeError:
        with pytest.raises(RuntimeError):
            mine(gobhir.from_numpy(z))
        return
    got = mine(gobhir.from_numpy(z)).numpy()
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=2e-3 if dtype == "float16" else 1e-6, atol=1e-7)


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    """Written over the input, with the gradient of what was there."""
    mine, theirs = pair(name, inplace=True)
    near_kinks = numbers(1, (3, 4), "float32", -5.0, 5.0)
    bent = name != "hardsigmoid"
    check(lambda z: mine(z * 2), lambda z: theirs(z * 2), [near_kinks], second=bent)
    z = gobhir.tensor([-1.5, 2.0])
    assert mine(z) is z and z[0].item() != -1.5
    with pytest.raises(RuntimeError):
        mine(gobhir.ones(2, requires_grad=True))


def test_functions_that_write_over_their_input() -> None:
    for t in (gobhir, torch):
        z = t.tensor([-1.0, 2.0])
        assert t.nn.functional.leaky_relu_(z, 0.5) is z and z.tolist() == [-0.5, 2.0]
        assert t.nn.functional.hardtanh_(z, 0.0, 1.0).tolist() == [0.0, 1.0]
        assert t.relu_(z - 0.5).tolist() == [0.0, 0.5]
        assert t.selu_(z) is z and t.celu_(z) is z and t.threshold_(z, 9, 7).tolist() == [7, 7]


@pytest.mark.parametrize(
    ("shape", "weights"),
    [((2, 3, 4), 3), ((2, 3), 3), ((2, 3), 1), ((4,), 1), ((), 1), ((0, 3), 3), ((2, 1, 5), 1)],
)
def test_prelu(shape: tuple, weights: int) -> None:
    inputs = [numbers(1, shape), numbers(2, (weights,))]
    check(gobhir.prelu, torch.prelu, inputs)
    check(gobhir.nn.functional.prelu, torch.nn.functional.prelu, inputs)


@pytest.mark.parametrize("dim", [0, 1, -1, 2])
def test_glu(dim: int) -> None:
    z = numbers(1, (2, 4, 6))
    f = lambda t: lambda z: t.nn.functional.glu(z, dim)  # noqa: E731
    check(f(gobhir), f(torch), [z])


@pytest.mark.parametrize("dim", [0, -1])
def test_softmin(dim: int) -> None:
    f = lambda t: lambda z: t.nn.functional.softmin(z, dim)  # noqa: E731
    check(f(gobhir), f(torch), [numbers(1, (2, 4))])


def test_refusals() -> None:
    for t in (gobhir, torch):
        F = t.nn.functional
        for program in (
            lambda F=F, t=t: F.glu(t.ones(3)),
            lambda F=F, t=t: F.glu(t.tensor(1.0)),
            lambda F=F, t=t: F.softshrink(t.ones(3), -1.0),
            lambda F=F, t=t: F.celu(t.ones(3), 0.0),
            lambda F=F, t=t: F.gelu(t.ones(3), approximate="cube"),
            lambda F=F, t=t: F.prelu(t.ones(2, 3), t.ones(2)),
            lambda F=F, t=t: F.prelu(t.ones(2, 3), t.ones(3, dtype=t.float64)),
            lambda F=F, t=t: F.elu(t.tensor([1, 2])),
        ):
            with pytest.raises(RuntimeError):
                program()
        with pytest.raises(TypeError):
            F.silu([1.0])
        with pytest.raises((RuntimeError, ValueError)):
            F.hardtanh(t.ones(2), 2.0, 1.0)
        with pytest.raises(IndexError):
            F.glu(t.ones(2, 4), 2)
        small = t.tensor([0, 9], dtype=t.uint8)
        assert F.relu6(small).tolist() == [0, 6]
        with pytest.raises(RuntimeError):
            F.hardtanh(small)


def test_rrelu_draws_its_slopes() -> None:
    gobhir.manual_seed(0)
    z = -gobhir.ones(2000, requires_grad=True)
    a = gobhir.nn.functional.rrelu(z, 0.2, 0.4, training=True)
    slopes = -a.detach().numpy()
    assert 0.2 <= slopes.min() < 0.21 and 0.39 < slopes.max() <= 0.4
    (grad,) = gobhir.autograd.grad(a.sum(), [z])
    np.testing.assert_array_equal(grad.numpy(), slopes)
    above = gobhir.nn.functional.rrelu(gobhir.ones(3), training=True)
    assert above.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError):
        gobhir.rrelu(z, 0.4, 0.2)


def test_gumbel_softmax() -> None:
    """The choices fall as the softmax of the logits says; hard ones pass the soft gradient on."""
    gobhir.manual_seed(0)
    logits = gobhir.tensor([[0.0, 1.0, 2.0]]).expand(4000, 3)
    hard = gobhir.nn.functional.gumbel_softmax(logits, tau=0.5, hard=True)
    assert set(hard.sum(-1).tolist()) == {1.0} and set(hard.flatten().tolist()) <= {0.0, 1.0}
    shares = hard.mean(0).numpy()
    np.testing.assert_allclose(shares, logits[0].softmax(0).numpy(), atol=0.03)
    z = gobhir.tensor([0.1, 0.7, -0.3], requires_grad=True)
    grads = []
    for choice in (True, False):
        gobhir.manual_seed(1)
        out = gobhir.nn.functional.gumbel_softmax(z, tau=2.0, hard=choice, dim=0)
        grads.append(gobhir.autograd.grad((out * gobhir.tensor([1.0, 2, 3])).sum(), [z])[0])
    np.testing.assert_array_equal(grads[0].numpy(), grads[1].numpy())
