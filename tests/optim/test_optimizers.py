"""Optimizers beside PyTorch, and beside their own stated rules: the formulas, evaluated by
Python on the recorded values, give the step that was taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import optim
from gobhir.engine import Tape
from gobhir.lang import catalogue
from tests.optim.options import TABLE, combinations, few

NAMES = pytest.mark.parametrize("name", TABLE)
SHAPES = [(3, 2), (), (0, 3), (4,)]
NEAR = {"float32": 2e-5, "float64": 1e-12}


def gradients(rng: np.random.Generator, dtype: str) -> list[np.ndarray]:
    """One a shape; now and then all zeros, as behind a dead ReLU."""
    return [np.asarray(rng.normal(size=s) * (rng.random() < 0.9)).astype(dtype) for s in SHAPES]


def same_state(mine: Any, theirs: Any, near: float) -> None:
    """The same keys, dtypes, shapes and numbers for every parameter."""
    a, b = mine.state_dict()["state"], theirs.state_dict()["state"]
    assert a.keys() == b.keys()
    for i in a:
        assert set(a[i]) == set(b[i])
        for key, value in b[i].items():
            got, want = a[i][key].numpy(), value.numpy()
            assert (got.shape, got.dtype) == (want.shape, want.dtype)
            np.testing.assert_allclose(got, want, rtol=near, atol=near)


def beside_pytorch(name: str, options: dict[str, Any], dtype: str, steps: int = 21) -> None:
    rng = np.random.default_rng(0)
    start = gradients(rng, dtype)
    mine = [gobhir.nn.Parameter(gobhir.tensor(a)) for a in start]
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start]
    ours, pytorchs = (
        getattr(optim, name)(mine, **options),
        getattr(torch.optim, name)(theirs, **options),
    )
    assert repr(ours) == repr(pytorchs)
    for k in range(steps):
        for i, g in enumerate(gradients(rng, dtype)):
            # A step without a gradient changes nothing, and is not counted.
            left_out = i == 3 and k % 4 == 1
            mine[i].grad = None if left_out else gobhir.tensor(g)
            theirs[i].grad = None if left_out else torch.tensor(g)
        ours.step()
        pytorchs.step()
    for a, b in zip(mine, theirs, strict=True):
        got, want = a.detach().numpy(), b.detach().numpy()
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want, rtol=NEAR[dtype], atol=NEAR[dtype])
    same_state(ours, pytorchs, 10 * NEAR[dtype])


@NAMES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_as_pytorch(name: str, dtype: str) -> None:
    for options in few(name):
        beside_pytorch(name, options, dtype)


@pytest.mark.slow
@NAMES
def test_steps_as_pytorch_under_all_combinations(name: str) -> None:
    for k, options in enumerate(combinations(name)):
        beside_pytorch(name, options, ("float32", "float64")[k % 2])


@NAMES
def test_what_pytorch_runs_in_another_way_gives_the_same(name: str) -> None:
    ways: list[dict[str, Any]] = [{"foreach": True}, {"foreach": False}]
    if name in ("SGD", "Adagrad", "Adam", "AdamW"):
        ways += [{"fused": True}, {"fused": False}]
    for way in ways:
        beside_pytorch(name, few(name)[-1] | way, "float32", steps=5)


FUNCTIONS = {
    "sqrt": math.sqrt,
    "max": max,
    "min": min,
    "abs": abs,
    "sign": lambda x: float(np.sign(x)),
}


@NAMES
def test_the_rule_is_the_step(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that NAdam's mu_product, one number in the default dtype, has as many digits as the rest.
    monkeypatch.setattr("gobhir.engine.dtypes._default", gobhir.float64)
    for options in few(name):
        rng = np.random.default_rng(1)
        p = gobhir.nn.Parameter(gobhir.tensor(rng.normal(size=3)))
        optimizer = getattr(optim, name)([p], **options)
        for _ in range(8):
            p.grad = gobhir.tensor(rng.normal(size=3))
            with Tape() as tape:
                optimizer.step()
            (update,) = tape.updates
            assert update.parameter is p and update.optimizer is optimizer
            np.testing.assert_array_equal(update.after["w"], p.detach().numpy())
            mentioned = " ".join(formula for _, formula in update.rule)
            assert all(key in mentioned for key in update.hyper)
            for i in range(3):
                before = {key: float(value[i]) for key, value in update.before.items()}
                names = FUNCTIONS | update.hyper | before | {"g": float(update.grad[i])}
                for target, formula in update.rule:
                    names[target] = eval(formula, {"__builtins__": {}}, names)
                for key, value in update.after.items():
                    np.testing.assert_allclose(names[key], value[i], rtol=1e-11, atol=1e-14)


@NAMES
def test_a_rule_that_says_something_else_would_be_noticed(name: str) -> None:
    """The test above can fail: no assignment of a rule is idle."""
    p = gobhir.nn.Parameter(gobhir.ones(1))
    optimizer = getattr(optim, name)([p], **few(name)[-1])
    for _ in range(3):
        p.grad = gobhir.ones(1)
        with Tape() as tape:
            optimizer.step()
    rule = tape.updates[-1].rule
    for k, (target, _) in enumerate(rule):
        later = " ".join(formula for _, formula in rule[k + 1 :])
        assert target in later or target in tape.updates[-1].after


def rule_of(optimizer: Any, state: dict) -> list[str]:
    group = optimizer.param_groups[0]
    return [f"{target} = {formula}" for target, formula in optimizer.rule(group, state)]


def test_the_rules_as_a_teacher_writes_them() -> None:
    w = [gobhir.nn.Parameter(gobhir.ones(1))]
    rolling = {"momentum_buffer": np.zeros(1)}
    assert rule_of(optim.SGD(w, lr=0.1), {}) == ["w = w - lr * g"]
    momentum = optim.SGD(w, lr=0.1, momentum=0.9)
    assert rule_of(momentum, {}) == ["v = g", "w = w - lr * v"]
    assert rule_of(momentum, rolling) == ["v = momentum * v + g", "w = w - lr * v"]
    assert rule_of(optim.SGD(w, lr=0.1, weight_decay=0.1), {})[0] == "g = g + weight_decay * w"
    nesterov = optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True)
    assert rule_of(nesterov, rolling)[1:] == ["g = g + momentum * v", "w = w - lr * g"]
    assert rule_of(optim.Adam(w), {}) == [
        "m = beta1 * m + (1 - beta1) * g",
        "v = beta2 * v + (1 - beta2) * g**2",
        "m_hat = m / (1 - beta1**t)",
        "v_hat = v / (1 - beta2**t)",
        "w = w - lr * m_hat / (sqrt(v_hat) + eps)",
    ]
    assert rule_of(optim.AdamW(w), {})[0] == "w = w - lr * weight_decay * w"
    assert rule_of(optim.Adagrad(w), {}) == ["s = s + g**2", "w = w - lr * g / (sqrt(s) + eps)"]
    assert rule_of(optim.RMSprop(w), {}) == [
        "v = alpha * v + (1 - alpha) * g**2",
        "w = w - lr * g / (sqrt(v) + eps)",
    ]
    radam = optim.RAdam(w)
    assert rule_of(radam, {"step": np.array(3.0)})[-1] == "w = w - lr * m_hat"
    assert "r = sqrt(" in " ".join(rule_of(radam, {"step": np.array(9.0)}))


@NAMES
def test_many_parameters_end_to_end_in_one_array(name: str) -> None:
    """What Optimizer promises to whoever calls `update` on arrays of their own."""
    rng = np.random.default_rng(2)
    for options in few(name):
        parts = [gobhir.nn.Parameter(gobhir.tensor(rng.normal(size=n))) for n in (2, 1, 4)]
        optimizer = getattr(optim, name)(parts, **options)
        assert optimizer.elementwise
        flat = np.concatenate([p.detach().numpy() for p in parts])
        group, state = optimizer.settings(optimizer.param_groups[0]), {}
        for _ in range(7):
            g = rng.normal(size=7)
            for p, piece in zip(parts, np.split(g, [2, 3]), strict=True):
                p.grad = gobhir.tensor(piece)
            optimizer.step()
            optimizer.begin(flat, group, state)
            optimizer.update(flat, g, group, state)
            assert {k: v.shape for k, v in state.items()} == {
                k: () if k in optimizer.shared else (7,) for k in state
            }
        np.testing.assert_array_equal(flat, np.concatenate([p.detach().numpy() for p in parts]))
        for key, value in state.items():
            pieces = [optimizer.state[p][key].numpy() for p in parts]
            assert all(p.ndim == 0 for p in pieces) == (key in optimizer.shared)
            want = pieces[0] if key in optimizer.shared else np.concatenate(pieces)
            np.testing.assert_array_equal(value, want)


@NAMES
def test_state_arrays_stay_the_same_memory(name: str) -> None:
    p = gobhir.nn.Parameter(gobhir.ones(2, 2))
    optimizer = getattr(optim, name)([p], **few(name)[-1])
    p.grad = gobhir.ones(2, 2)
    optimizer.step()
    before = {key: (value, value.array) for key, value in optimizer.state[p].items()}
    weight = p.array
    optimizer.step()
    assert p.array is weight
    for key, (tensor, array) in before.items():
        assert optimizer.state[p][key] is tensor and tensor.array is array
        assert isinstance(tensor, gobhir.Tensor) and not tensor.requires_grad


@NAMES
def test_explained(name: str) -> None:
    """Every optimizer's step can be written on the board, in both languages."""
    example = gobhir.examples.network("2-2-1")
    optimizer = getattr(optim, name)(example.model.parameters(), **few(name)[-1])
    for _ in range(6):
        example.loss(example.model(example.x), example.y).backward()
        optimizer.step()
        optimizer.zero_grad()
    page = gobhir.explain(
        example.model, example.x, example.y, example.loss, optimizer, reference="differences"
    )
    for lang in ("en", "bn"):
        assert name in page.to_text(lang)
        assert catalogue(lang)[f"rules.update.{name}"] != catalogue(lang)["rules.update.other"]
