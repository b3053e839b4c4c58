"""Optimizers saved and loaded: in Gobhir, from PyTorch and into it, from old versions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import optim
from tests.optim.options import TABLE, few

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
NAMES = pytest.mark.parametrize("name", TABLE)

START = [np.array([[1.0, -2.0, 3.0]]), np.array(0.5)]


def step(t: Any, parameters: list[Any], optimizer: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for p in parameters:
        p.grad = t.tensor(rng.normal(size=tuple(p.shape)))
    optimizer.step()


def made(t: Any, name: str, values: list[np.ndarray], **options: Any) -> tuple[list[Any], Any]:
    parameters = [t.nn.Parameter(t.tensor(a)) for a in values]
    groups = [{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.07}]
    return parameters, getattr(t.optim, name)(groups, **options)


def plain(value: Any) -> Any:
    """A state dict as NumPy arrays, numbers, lists and dictionaries alone."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.detach().numpy().copy() if hasattr(value, "detach") else value


def as_torch(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: as_torch(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_torch(v) for v in value]
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


@NAMES
@pytest.mark.parametrize("source", [gobhir, torch], ids=["from_gobhir", "from_torch"])
@pytest.mark.parametrize("target", [gobhir, torch], ids=["to_gobhir", "to_torch"])
def test_saved_in_one_and_continued_in_the_other(name: str, source: Any, target: Any) -> None:
    for options in (few(name)[0], few(name)[-1]):
        parameters, optimizer = made(source, name, START, **options)
        for k in range(4):
            step(source, parameters, optimizer, k)
        saved = plain(optimizer.state_dict())
        now = [p.detach().numpy().copy() for p in parameters]
        others, resumed = made(target, name, now, **few(name)[1])
        resumed.load_state_dict(as_torch(saved) if target is torch else saved)
        for k in range(4, 10):
            step(source, parameters, optimizer, k)
            step(target, others, resumed, k)
        # What is one number is float32 until it is loaded for a float64 parameter, as in PyTorch.
        near = 1e-6 if len(getattr(optim, name).shared) > 1 else 1e-12
        for a, b in zip(parameters, others, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=near)
        assert resumed.param_groups[1]["lr"] == 0.07


@NAMES
def test_a_state_dict_of_pytorch_is_taken_as_it_is(name: str) -> None:
    parameters, optimizer = made(torch, name, START, **few(name)[0])
    step(torch, parameters, optimizer, 0)
    mine, resumed = made(gobhir, name, [p.detach().numpy() for p in parameters])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed.load_state_dict(optimizer.state_dict())
    step(torch, parameters, optimizer, 1)
    step(gobhir, mine, resumed, 1)
    near = 1e-6 if len(resumed.shared) > 1 else 1e-12
    for a, b in zip(mine, parameters, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=near)


def test_loaded_state_is_a_copy_in_the_parameters_dtype() -> None:
    w, v = (gobhir.nn.Parameter(gobhir.ones(2)) for _ in range(2))
    first, second = optim.Adam([w]), optim.Adam([v])
    w.grad = gobhir.ones(2)
    first.step()
    saved = first.state_dict()
    second.load_state_dict(saved)
    before = second.state[v]["exp_avg"].tolist()
    first.step()
    assert second.state[v]["exp_avg"].tolist() == before
    assert second.state[v]["step"].item() == 1
    d = gobhir.nn.Parameter(gobhir.ones(2, dtype=gobhir.float64))
    third = optim.Adam([d])
    third.load_state_dict(saved)
    assert third.state[d]["exp_avg"].dtype == gobhir.float64
    assert third.state[d]["step"].dtype == gobhir.float32


@BOTH
def test_old_state_dicts_and_other_sizes(t: Any) -> None:
    w = t.nn.Parameter(t.ones(2))
    optimizer = t.optim.Adam([w], amsgrad=False)
    moments = {"exp_avg": t.zeros(2), "exp_avg_sq": t.ones(2)}
    group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0, "amsgrad": False}
    old = {"state": {0: {"step": 3} | moments}, "param_groups": [group | {"params": [0]}]}
    optimizer.load_state_dict(old)
    w.grad = t.ones(2)
    optimizer.step()
    assert float(optimizer.state[w]["step"]) == 4
    m_hat, v_hat = 0.1 / (1 - 0.9**4), 1 / (1 - 0.99**4)
    np.testing.assert_allclose(w.detach().numpy(), 1 - 0.1 * m_hat / v_hat**0.5, rtol=1e-6)
    with pytest.raises(ValueError):
        t.optim.Adam([w, t.nn.Parameter(t.ones(1))]).load_state_dict(optimizer.state_dict())


def test_state_survives_a_file(tmp_path: Any) -> None:
    w = gobhir.nn.Parameter(gobhir.tensor([1.0, 2.0]))
    optimizer = optim.Adam([w], amsgrad=True)
    w.grad = gobhir.tensor([0.5, -1.0])
    optimizer.step()
    gobhir.save(optimizer.state_dict(), tmp_path / "state.safetensors")
    other = optim.Adam([w], lr=0.5)
    other.load_state_dict(gobhir.load(tmp_path / "state.safetensors"))
    assert repr(other) == repr(optimizer)
    for key, value in optimizer.state[w].items():
        assert gobhir.equal(other.state[w][key], value)


@BOTH
def test_hooks_around_saving_and_loading(t: Any) -> None:
    w = t.nn.Parameter(t.ones(1))
    optimizer = t.optim.SGD([w], lr=0.25)
    calls: list[str] = []

    def stamped(o: Any, saved: dict[str, Any]) -> dict[str, Any]:
        calls.append("after saving")
        return saved | {"by": "me"}

    def faster(o: Any, saved: dict[str, Any]) -> dict[str, Any]:
        calls.append("before loading")
        groups = [g | {"lr": 1.0} for g in saved["param_groups"]]
        return {"state": {}, "param_groups": groups}

    optimizer.register_state_dict_pre_hook(lambda o: calls.append("before saving"))
    first = optimizer.register_state_dict_pre_hook(lambda o: calls.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(stamped)
    optimizer.register_load_state_dict_pre_hook(faster)
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("after loading"))
    saved = optimizer.state_dict()
    assert saved["by"] == "me"
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 1.0
    first.remove()
    optimizer.state_dict()
    saving = ["before saving", "after saving"]
    assert calls == ["first", *saving, "before loading", "after loading", *saving]


@BOTH
def test_a_momentum_buffer_that_old_versions_saved_as_none(t: Any) -> None:
    w = t.nn.Parameter(t.ones(1))
    optimizer = t.optim.SGD([w], lr=0.25, momentum=0.5)
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved | {"state": {0: {"momentum_buffer": None}}})
    w.grad = t.ones(1)
    optimizer.step()
    assert optimizer.state[w]["momentum_buffer"].item() == 1 and w.item() == 0.75
