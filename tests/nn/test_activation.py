"""Activation layers beside PyTorch's: text, settings, values, parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers

LAYERS: dict[str, list[tuple[Any, ...]]] = {
    "CELU": [(), (2.0,), (1.0, True)],
    "ELU": [(), (2.0,), (1.0, True)],
    "GELU": [(), ("tanh",)],
    "GLU": [(), (0,)],
    "Hardshrink": [(), (1.0,)],
    "Hardsigmoid": [(), (True,)],
    "Hardswish": [(), (True,)],
    "Hardtanh": [(), (-2, 3), (-1.0, 1.0, True)],
    "LeakyReLU": [(), (0.2,), (0.2, True)],
    "LogSigmoid": [()],
    "LogSoftmax": [(1,), (-1,)],
    "Mish": [(), (True,)],
    "PReLU": [(), (4,), (4, 0.1)],
    "ReLU": [(), (True,)],
    "ReLU6": [(), (True,)],
    "RReLU": [(), (0.1, 0.2)],
    "SELU": [(), (True,)],
    "Sigmoid": [()],
    "SiLU": [(), (True,)],
    "Softmax": [(1,)],
    "Softmin": [(1,)],
    "Softplus": [(), (2, 10)],
    "Softshrink": [(), (1.0,)],
    "Softsign": [()],
    "Tanh": [()],
    "Tanhshrink": [()],
    "Threshold": [(0.1, 20.0), (0.1, 20.0, True)],
}
CALLS = [(name, settings) for name, all_settings in LAYERS.items() for settings in all_settings]


@pytest.mark.parametrize(("name", "settings"), CALLS)
def test_layer(name: str, settings: tuple[Any, ...]) -> None:
    mine, theirs = (getattr(t.nn, name)(*settings).eval() for t in (gobhir, torch))
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    z = numbers(1, (2, 4, 3) if name == "PReLU" else (2, 4), "float32", -5.0, 5.0)
    # In place only what is no leaf can be changed.
    check(lambda z: mine(z + 0), lambda z: theirs(z + 0), [z], second=name != "Hardsigmoid")


def test_softmax2d() -> None:
    for shape in ((2, 3, 4, 4), (3, 4, 4)):
        check(gobhir.nn.Softmax2d(), torch.nn.Softmax2d(), [numbers(1, shape)])
    for t in (gobhir, torch):
        with pytest.raises(ValueError):
            t.nn.Softmax2d()(t.ones(3, 4))


def test_prelu_learns() -> None:
    grads = []
    for t in (gobhir, torch):
        layer = t.nn.PReLU(3)
        z = t.tensor(numbers(1, (5, 3), "float32"))
        (layer(z) ** 2).sum().backward()
        grads.append(layer.weight.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-5)
    assert gobhir.nn.PReLU(2, dtype=gobhir.float64).weight.dtype == np.float64
    layer.reset_parameters()


def test_rrelu_draws_only_in_training() -> None:
    layer = gobhir.nn.RReLU(0.1, 0.5)
    z = -gobhir.ones(100)
    assert len(set(layer(z).tolist())) > 50
    assert set(layer.eval()(z).tolist()) == {float(np.float32(-0.3))}


def test_hardtanh_by_its_old_names() -> None:
    for t in (gobhir, torch):
        with pytest.warns(Warning):
            layer = t.nn.Hardtanh(min_value=-3.0, max_value=2.0)
        assert layer.min_val == -3.0 and layer.max_val == 2.0
        with pytest.raises((AssertionError, ValueError)):
            t.nn.Hardtanh(2.0, 1.0)


def test_softmax_without_a_dimension_warns() -> None:
    for t in (gobhir, torch):
        with pytest.warns(UserWarning):
            out = t.nn.Softmin()(t.ones(2, 4))
        assert out[0].tolist() == [0.25] * 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rrelu_draws_as_pytorch(dtype: str) -> None:
    told = []
    for t in (gobhir, torch):
        x = t.linspace(-2, 2, 30, dtype=getattr(t, dtype)).flip(0).reshape(5, 6)
        t.manual_seed(1)
        told.append(t.nn.RReLU(0.1, 0.5)(x).numpy())
    np.testing.assert_allclose(*told, rtol=1e-6)


@pytest.mark.parametrize("name, settings", [("ReLU", ()), ("Softmax", (-1,)), ("ELU", (0.5,))])
def test_a_subclass_computes_the_same_under_another_name(name: str, settings: tuple) -> None:
    ours, theirs = (type("Own", (getattr(t.nn, name),), {})(*settings) for t in (gobhir, torch))
    x = np.array([-1.0, 0.5, 2.0], np.float32)
    np.testing.assert_allclose(
        ours(gobhir.from_numpy(x)).numpy(), theirs(torch.from_numpy(x)).numpy(), rtol=1e-6
    )
    assert repr(ours) == repr(theirs)
