"""Optimizers beside PyTorch, and beside their own stated rules: the formulas, evaluated by
Python on the recorded values, give the step that was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir import optim
from gobhir.engine import Tape
from tests.engine.parity import SEEDS, numbers

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])

SGD = st.fixed_dictionaries(
    {"lr": st.sampled_from([0.0, 0.1, 0.5])},
    optional={
        "momentum": st.sampled_from([0.0, 0.5, 0.9]),
        "dampening": st.sampled_from([0.0, 0.3]),
        "weight_decay": st.sampled_from([0.0, 0.1]),
        "nesterov": st.booleans(),
        "maximize": st.booleans(),
    },
).map(
    # Nesterov only where it is allowed.
    lambda o: o | {"nesterov": False} if not o.get("momentum") or o.get("dampening") else o
)
ADAM = st.fixed_dictionaries(
    {"lr": st.sampled_from([0.0, 0.01, 0.5])},
    optional={
        "betas": st.sampled_from([(0.9, 0.999), (0.5, 0.5), (0.0, 0.9)]),
        "eps": st.sampled_from([1e-8, 1e-2]),
        "weight_decay": st.sampled_from([0.0, 0.1]),
        "amsgrad": st.booleans(),
        "maximize": st.booleans(),
    },
)
CHOICES = st.one_of(
    st.tuples(st.just("SGD"), SGD),
    st.tuples(st.just("Adam"), ADAM),
    st.tuples(st.just("AdamW"), ADAM),
)


@given(choice=CHOICES, seed=SEEDS, dtype=st.sampled_from(["float32", "float64"]))
@settings(max_examples=150)
def test_steps_as_pytorch(choice: tuple, seed: int, dtype: str) -> None:
    name, options = choice
    start = numbers(seed, (3, 2), dtype)
    mine = gobhir.nn.Parameter(gobhir.tensor(start))
    theirs = torch.nn.Parameter(torch.tensor(start))
    both = [(mine, getattr(optim, name)([mine], **options))]
    both.append((theirs, getattr(torch.optim, name)([theirs], **options)))
    near = 1e-5 if dtype == "float32" else 1e-12
    for k in range(5):
        for t, (p, optimizer) in zip((gobhir, torch), both, strict=True):
            p.grad = t.tensor(numbers(seed + k + 1, (3, 2), dtype))
            if k == 3:
                p.grad = None  # a step without a gradient changes nothing
            optimizer.step()
        np.testing.assert_allclose(
            mine.detach().numpy(), theirs.detach().numpy(), rtol=near, atol=near
        )


@given(choice=CHOICES, seed=SEEDS)
@settings(max_examples=120)
def test_the_rule_is_the_step(choice: tuple, seed: int) -> None:
    name, options = choice
    p = gobhir.nn.Parameter(gobhir.tensor(numbers(seed, (3,))))
    optimizer = getattr(optim, name)([p], **options)
    for k in range(4):
        p.grad = gobhir.tensor(numbers(seed + k + 1, (3,)))
        with Tape() as tape:
            optimizer.step()
        (update,) = tape.updates
        names = update.hyper | update.before | {"g": update.grad}
        names |= {"sqrt": np.sqrt, "max": np.maximum}
        for target, formula in update.rule:
            names[target] = eval(formula, {"__builtins__": {}}, names)
        for key, value in update.after.items():
            np.testing.assert_allclose(names[key], value, rtol=1e-12, atol=1e-14)
        assert update.rule[-1].target == "w"
        mentioned = " ".join(formula for _, formula in update.rule)
        assert all(key in mentioned for key in update.hyper)
        assert update.parameter is p and update.optimizer is optimizer
        np.testing.assert_array_equal(update.after["w"], p.detach().numpy())


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


@BOTH
def test_groups(t: Any) -> None:
    a, b, c = (t.nn.Parameter(t.ones(1)) for _ in range(3))
    optimizer = t.optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.5)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 1.0, 0.5]
    (a + b + c).backward()
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0.0, 0.0]
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert a.grad is None


@BOTH
def test_named_parameters_and_generators(t: Any) -> None:
    model = t.nn.Linear(2, 1)
    assert len(t.optim.SGD(model.parameters()).param_groups[0]["params"]) == 2
    assert len(t.optim.Adam(model.named_parameters()).param_groups[0]["params"]) == 2


@BOTH
def test_a_closure_computes_the_loss_anew(t: Any) -> None:
    w = t.nn.Parameter(t.ones(1))
    optimizer = t.optim.SGD([w], lr=0.25)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    with t.no_grad():
        assert optimizer.step(closure).item() == 0.25
    assert w.item() == 0.25


REFUSED = {
    "no parameters": lambda t, w: t.optim.SGD([], lr=0.1),
    "one tensor": lambda t, w: t.optim.SGD(w, lr=0.1),
    "no tensor": lambda t, w: t.optim.SGD([3], lr=0.1),
    "computed": lambda t, w: t.optim.SGD([w * 2], lr=0.1),
    "twice in two groups": lambda t, w: t.optim.SGD([{"params": [w]}, {"params": [w]}], lr=0.1),
    "sgd lr": lambda t, w: t.optim.SGD([w], lr=-0.1),
    "sgd momentum": lambda t, w: t.optim.SGD([w], lr=0.1, momentum=-0.1),
    "sgd weight decay": lambda t, w: t.optim.SGD([w], lr=0.1, weight_decay=-0.1),
    "nesterov": lambda t, w: t.optim.SGD([w], lr=0.1, nesterov=True),
    "adam lr": lambda t, w: t.optim.Adam([w], lr=-0.1),
    "adam eps": lambda t, w: t.optim.Adam([w], eps=-0.1),
    "adam beta": lambda t, w: t.optim.Adam([w], betas=(0.9, 1.0)),
    "adam weight decay": lambda t, w: t.optim.AdamW([w], weight_decay=-1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    with pytest.raises((ValueError, TypeError)) as theirs:
        REFUSED[name](torch, torch.nn.Parameter(torch.ones(1)))
    with pytest.raises(theirs.type) as mine:
        REFUSED[name](gobhir, gobhir.nn.Parameter(gobhir.ones(1)))
    message = mine.value.args[0]
    assert message.text("bn") != message.text("en")


def test_nan_is_no_learning_rate() -> None:
    with pytest.raises(ValueError, match="nan"):
        optim.SGD([gobhir.nn.Parameter(gobhir.ones(1))], lr=float("nan"))


@BOTH
def test_twice_in_one_group_is_noticed(t: Any) -> None:
    w = t.nn.Parameter(t.ones(1))
    with pytest.warns(UserWarning):
        optimizer = t.optim.SGD([w, w], lr=0.25)
    w.grad = t.ones(1)
    optimizer.step()
    assert w.item() == 0.5


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_saved_and_loaded(name: str) -> None:
    options = {"lr": 0.1, **({"momentum": 0.9} if name == "SGD" else {"amsgrad": True})}

    def make() -> tuple[Any, Any]:
        w = gobhir.nn.Parameter(gobhir.tensor([1.0, -2.0]))
        return w, getattr(optim, name)([w], **options)

    def step(w: Any, optimizer: Any) -> None:
        w.grad = gobhir.tensor([0.3, 0.7])
        optimizer.step()

    w, optimizer = make()
    step(w, optimizer)
    other, resumed = make()
    with gobhir.no_grad():
        other.copy_(w)
    resumed.load_state_dict(optimizer.state_dict())
    step(w, optimizer)
    step(other, resumed)
    assert gobhir.equal(w, other)
    assert resumed.param_groups[0]["lr"] == 0.1
    with pytest.raises(ValueError):
        optim.SGD([w, gobhir.nn.Parameter(gobhir.ones(1))]).load_state_dict(optimizer.state_dict())


def test_state_comes_from_pytorch() -> None:
    theirs = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    mine = gobhir.nn.Parameter(gobhir.tensor([1.0, -2.0]))
    old, new = torch.optim.Adam([theirs], lr=0.1), optim.Adam([mine], lr=0.3)
    theirs.grad = torch.tensor([0.3, 0.7])
    old.step()
    new.load_state_dict(old.state_dict())
    with gobhir.no_grad():
        mine.copy_(gobhir.tensor(theirs.detach().numpy()))
    theirs.grad, mine.grad = torch.tensor([1.0, -0.7]), gobhir.tensor([1.0, -0.7])
    old.step()
    new.step()
    np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-6)


def test_an_optimizer_of_ones_own_must_say_what_it_does() -> None:
    w = gobhir.nn.Parameter(gobhir.ones(1))
    w.grad = gobhir.ones(1)
    with pytest.raises(NotImplementedError, match="Optimizer"):
        optim.Optimizer([w], {"lr": 0.1}).step()


def test_stepping_after_forward_is_noticed() -> None:
    """Weights changed between forward and backward give a wrong gradient: refused."""
    w = gobhir.nn.Parameter(gobhir.tensor([2.0]))
    w.grad = gobhir.ones(1)
    loss = (w * w).sum()
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError):
        loss.backward()


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_printed(name: str) -> None:
    for t in (gobhir, torch):
        text = repr(getattr(t.optim, name)([t.nn.Parameter(t.ones(1))], lr=0.1))
        assert text.startswith(f"{name} (\nParameter Group 0\n    ") and "\n    lr: 0.1\n" in text
        assert text.endswith("weight_decay: 0\n)")
