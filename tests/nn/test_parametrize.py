"""Weights computed from other weights, beside PyTorch."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
NORMS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "weight_norm": lambda t: t.nn.utils.parametrizations.weight_norm,
    "spectral_norm": lambda t: t.nn.utils.parametrizations.spectral_norm,
    "weight_norm hook": lambda t: t.nn.utils.weight_norm,
    "spectral_norm hook": lambda t: t.nn.utils.spectral_norm,
}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in NORMS),
    *((name, {"dim": 1}) for name in NORMS),
    ("weight_norm", {"dim": None}),
    ("weight_norm hook", {"dim": None}),
    ("spectral_norm", {"n_power_iterations": 3}),
    ("spectral_norm hook", {"n_power_iterations": 3}),
    ("weight_norm", {"name": "bias"}),
    ("spectral_norm", {"name": "bias"}),
]


def make(t: Any, name: str, options: dict[str, Any]) -> Any:
    t.manual_seed(0)
    layer = t.nn.Linear(5, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return NORMS[name](t)(layer, **options)


def numbers(state: dict[str, Any]) -> dict[str, np.ndarray]:
    return {k: v.detach().numpy().copy() for k, v in state.items()}


def trained(t: Any, layer: Any) -> list[dict[str, np.ndarray]]:
    """What the layer holds at the start and after each of some steps; eval at the end."""
    optimizer = t.optim.SGD(layer.parameters(), lr=0.1)
    t.manual_seed(1)
    x, y = t.randn(6, 5), t.randn(6, 4)
    seen = [numbers(layer.state_dict())]
    for _ in range(4):
        optimizer.zero_grad()
        ((layer(x) - y) ** 2).mean().backward()
        optimizer.step()
        seen.append(numbers(layer.state_dict()))
    seen.append({"out": layer.eval()(x).detach().numpy()})
    return seen


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_as_pytorch(name: str, options: dict[str, Any]) -> None:
    mine, theirs = make(gobhir, name, options), make(torch, name, options)
    assert repr(mine) == repr(theirs)
    for a, b in zip(trained(gobhir, mine), trained(torch, theirs), strict=True):
        assert list(a) == list(b)
        for key in a:
            np.testing.assert_allclose(a[key], b[key], rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", NORMS)
def test_state_from_pytorch(name: str) -> None:
    mine, theirs = make(gobhir, name, {}), make(torch, name, {})
    trained(torch, theirs)
    mine.load_state_dict(theirs.state_dict())
    x = np.ones((2, 5), np.float32)
    got, want = mine.eval()(gobhir.tensor(x)), theirs.eval()(torch.tensor(x))
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-5)


def test_what_the_norms_are_for() -> None:
    """Length g in every row; nothing stretched by more than 1."""
    layer = make(gobhir, "weight_norm", {})
    g = layer.parametrizations.weight.original0
    with gobhir.no_grad():
        g.fill_(3.0)
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().numpy(), axis=1), 3, rtol=1e-6)
    layer = make(gobhir, "spectral_norm", {"n_power_iterations": 20})
    layer(gobhir.ones(1, 5))
    largest = np.linalg.svd(layer.weight.detach().numpy())[1][0]
    assert largest == pytest.approx(1, rel=1e-4)


@BOTH
@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_hooks_taken_away(t: Any, kind: str) -> None:
    layer = make(t, f"{kind} hook", {}).eval()
    x = t.ones(1, 5)
    before = layer(x).detach().numpy()
    getattr(t.nn.utils, f"remove_{kind}")(layer)
    assert sorted(dict(layer.named_parameters())) == ["bias", "weight"]
    assert not dict(layer.named_buffers())
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-6)
    with pytest.raises(ValueError):
        getattr(t.nn.utils, f"remove_{kind}")(layer)
    layer = make(t, f"{kind} hook", {})
    with pytest.raises(RuntimeError), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        getattr(t.nn.utils, kind)(layer)


def symmetric(t: Any) -> Any:
    class Symmetric(t.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).t()

        def right_inverse(self, a: Any) -> Any:
            return a.triu()

    return Symmetric()


def doubled(t: Any) -> Any:
    class Doubled(t.nn.Module):
        def forward(self, x: Any) -> Any:
            return 2 * x

    return Doubled()


@BOTH
def test_a_parametrization_of_ones_own(t: Any) -> None:
    p = t.nn.utils.parametrize
    layer = t.nn.Linear(3, 3)
    start = layer.weight
    p.register_parametrization(layer, "weight", symmetric(t))
    assert p.is_parametrized(layer) and p.is_parametrized(layer, "weight")
    assert not p.is_parametrized(layer, "bias") and isinstance(layer, t.nn.Linear)
    assert p.type_before_parametrizations(layer) is t.nn.Linear
    assert type(layer).__name__ == "ParametrizedLinear"
    assert layer.parametrizations.weight.original is start
    assert [n for n, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    weight = layer.weight
    assert t.equal(weight, weight.t())
    layer(t.ones(1, 3)).sum().backward()
    assert start.grad is not None and start.grad[2, 0].item() == 0
    with t.no_grad():
        layer.weight = t.ones(3, 3)
    assert layer.weight.tolist() == [[1] * 3] * 3 and start.tolist()[2] == [0, 0, 1]
    with p.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    twin = copy.deepcopy(layer)
    assert (
        t.equal(twin.weight, layer.weight) and twin.parametrizations is not layer.parametrizations
    )
    p.register_parametrization(layer, "weight", doubled(t))
    assert layer.weight.tolist() == [[2] * 3] * 3
    with pytest.raises(RuntimeError):  # no way back through doubling
        layer.weight = t.ones(3, 3)
    p.remove_parametrizations(layer, "weight")
    assert type(layer) is t.nn.Linear and layer.weight is start
    assert start.tolist() == [[2] * 3] * 3 and not p.is_parametrized(layer)


@BOTH
def test_back_to_the_original(t: Any) -> None:
    p = t.nn.utils.parametrize
    layer = t.nn.Linear(2, 2)
    want = layer.weight.tolist()
    p.register_parametrization(layer, "weight", doubled(t))
    p.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight.tolist() == want
    two = t.nn.utils.parametrizations.weight_norm(t.nn.Linear(2, 2))
    with pytest.raises(ValueError):
        p.remove_parametrizations(two, "weight", leave_parametrized=False)
    weight = two.weight.tolist()
    p.remove_parametrizations(two, "weight")
    np.testing.assert_allclose(two.weight.tolist(), weight)
    assert two.weight.requires_grad and list(two.state_dict()) == ["bias", "weight"]


class Refused:
    """What PyTorch refuses, each with its reason."""

    @staticmethod
    def no_such_tensor(t: Any, layer: Any) -> None:
        t.nn.utils.parametrize.register_parametrization(layer, "wait", doubled(t))

    @staticmethod
    def no_parametrization(t: Any, layer: Any) -> None:
        t.nn.utils.parametrize.remove_parametrizations(layer, "weight")

    @staticmethod
    def another_shape(t: Any, layer: Any) -> None:
        t.nn.utils.parametrize.register_parametrization(layer, "weight", t.nn.Flatten(0))

    @staticmethod
    def another_shape_later(t: Any, layer: Any) -> None:
        t.nn.utils.parametrize.register_parametrization(layer, "weight", doubled(t))
        t.nn.utils.parametrize.register_parametrization(layer, "weight", t.nn.Flatten(0))

    @staticmethod
    def no_such_weight(t: Any, layer: Any) -> None:
        t.nn.utils.parametrizations.spectral_norm(layer, "wait")

    @staticmethod
    def no_iteration(t: Any, layer: Any) -> None:
        t.nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=0)

    @staticmethod
    def no_dimension(t: Any, layer: Any) -> None:
        t.nn.utils.parametrizations.spectral_norm(layer, dim=2)

    @staticmethod
    def no_iteration_hook(t: Any, layer: Any) -> None:
        t.nn.utils.spectral_norm(layer, n_power_iterations=0)


@pytest.mark.parametrize("name", [n for n in vars(Refused) if n[0] != "_"])
def test_refused_as_by_pytorch(name: str) -> None:
    kinds = []
    for t in (torch, gobhir):
        with pytest.raises((ValueError, IndexError)) as caught:
            getattr(Refused, name)(t, t.nn.Linear(3, 3))
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]
