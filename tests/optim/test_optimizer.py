"""What all optimizers share: groups, closures, hooks, saved state, and what is refused."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import optim
from tests.optim.options import TABLE

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
NAMES = pytest.mark.parametrize("name", TABLE)


@BOTH
def test_groups(t: Any) -> None:
    a, b, c = (t.nn.Parameter(t.ones(1)) for _ in range(3))
    optimizer = t.optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.5)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 1.0, 0.5]
    (a + b + c).backward()
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0.0, 0.0]
    kept = a.grad
    optimizer.zero_grad(set_to_none=False)
    assert a.grad is kept and kept.tolist() == [0.0]
    optimizer.zero_grad()
    assert a.grad is None


@BOTH
def test_named_parameters_and_generators(t: Any) -> None:
    model = t.nn.Linear(2, 1)
    plain = t.optim.SGD(model.parameters())
    assert len(plain.param_groups[0]["params"]) == 2
    assert "param_names" not in plain.param_groups[0]
    named = t.optim.Adam(model.named_parameters())
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]
    assert named.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    named.load_state_dict(t.optim.Adam(model.parameters(), lr=0.5).state_dict())
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]
    assert named.param_groups[0]["lr"] == 0.5


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


@BOTH
def test_an_optimizer_of_ones_own(t: Any) -> None:
    """As in PyTorch's tutorials: a step over param_groups, with state of its own."""

    class Signs(t.optim.Optimizer):
        def __init__(self, params: Any, lr: float):
            super().__init__(params, {"lr": lr})

        @t.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["count"] = state.get("count", 0) + 1
                    p.add_(t.sign(p.grad), alpha=-group["lr"])

    w = t.nn.Parameter(t.tensor([1.0, -1.0]))
    optimizer = Signs([w], lr=0.5)
    seen: list[Any] = []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(args))
    (w**2).sum().backward()
    optimizer.step()
    assert w.tolist() == [0.5, -0.5] and optimizer.state_dict()["state"] == {0: {"count": 1}}
    assert seen == [(optimizer,)]
    other = Signs([w], lr=1.0)
    other.load_state_dict(optimizer.state_dict())
    assert other.state[w]["count"] == 1 and other.param_groups[0]["lr"] == 0.5
    Own = type("Own", (t.optim.Optimizer,), {"step": lambda self, closure=None: None})
    assert Own([w], {"betas": (0.9, 1.0)}).defaults["betas"][1] == 1.0  # they may mean anything


@BOTH
def test_a_setting_that_every_group_must_bring(t: Any) -> None:
    required = import_module(f"{t.__name__}.optim.optimizer").required
    assert repr(required) == "<required parameter>"
    w = t.nn.Parameter(t.ones(1))
    with pytest.raises(ValueError):
        t.optim.Optimizer([w], {"lr": required})
    assert t.optim.Optimizer([{"params": w, "lr": 1}], {"lr": required}).param_groups[0]["lr"] == 1


def stretched(t: Any, compiled: bool = False) -> list[float]:
    """Eight losses under an optimizer that goes back half the way at every second step, written
    as a wrapper of another one that never calls __init__."""

    class Lookahead(t.optim.Optimizer):
        def __init__(self, optimizer: Any):
            self.optimizer, self.steps = optimizer, 0
            self.param_groups, self.state = optimizer.param_groups, {}
            self.slow = [p.detach().clone() for p in self.param_groups[0]["params"]]

        def step(self, closure: Any = None) -> None:
            self.optimizer.step(closure)
            self.steps += 1
            if self.steps % 2 == 0:
                for slow, fast in zip(self.slow, self.param_groups[0]["params"], strict=True):
                    slow += 0.5 * (fast.data - slow)
                    fast.data.copy_(slow)

        def zero_grad(self) -> None:
            self.optimizer.zero_grad()

    t.manual_seed(0)
    w = t.nn.Parameter(t.randn(4))
    optimizer = Lookahead(t.optim.SGD([w], lr=0.1, momentum=0.9))

    def step() -> Any:
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        optimizer.step()
        return loss

    run = gobhir.compile(step) if compiled else step
    return [run().item() for _ in range(8)]


def test_a_wrapper_of_an_optimizer() -> None:
    assert stretched(gobhir) == pytest.approx(stretched(torch), rel=1e-5)
    assert stretched(gobhir, compiled=True) == pytest.approx(stretched(gobhir), rel=1e-6)


@BOTH
def test_hooks_around_a_step(t: Any) -> None:
    w = t.nn.Parameter(t.ones(1))
    w.grad = t.ones(1)
    optimizer = t.optim.SGD([w], lr=0.25)
    calls: list[Any] = []

    def before(o: Any, args: Any, kwargs: Any) -> Any:
        calls.append(("before", o is optimizer, len(args), kwargs))
        return (args[0], lambda: 5.0), {}

    handle = optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(("after", w.item())))
    assert optimizer.step() == 5.0
    assert calls == [("before", True, 1, {}), ("after", 0.75)]
    handle.remove()
    assert optimizer.step() is None
    assert calls[2:] == [("after", 0.5)]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError):
        optimizer.step()


@BOTH
def test_a_learning_rate_that_is_a_tensor(t: Any) -> None:
    w = t.nn.Parameter(t.ones(1))
    lr = t.tensor(0.25)
    optimizer = t.optim.SGD([w], lr=lr)
    w.grad = t.ones(1)
    optimizer.step()
    lr.fill_(0.5)
    optimizer.step()
    assert w.item() == 0.25
    other = t.optim.SGD([w], lr=1.0)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr"].item() == 0.5
    w.grad = t.ones(1)
    other.step()
    assert w.item() == -0.25


def two_betas(t: Any, w: Any) -> Any:
    return t.optim.Adam([w], betas=(0, 0.9))


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "no parameters": lambda t, w: t.optim.SGD([], lr=0.1),
    "one tensor": lambda t, w: t.optim.SGD(w, lr=0.1),
    "no tensor": lambda t, w: t.optim.SGD([3], lr=0.1),
    "computed": lambda t, w: t.optim.SGD([w * 2], lr=0.1),
    "a set": lambda t, w: t.optim.SGD([{"params": {w}}], lr=0.1),
    "group no dictionary": lambda t, w: t.optim.SGD([w], lr=0.1).add_param_group([w]),
    "twice in two groups": lambda t, w: t.optim.SGD([{"params": [w]}, {"params": [w]}], lr=0.1),
    "some names": lambda t, w: t.optim.SGD([("w", w), t.nn.Parameter(t.ones(1))], lr=0.1),
    "names in one group": lambda t, w: t.optim.SGD([("w", w)]).add_param_group(
        {"params": [t.nn.Parameter(t.ones(1))]}
    ),
    "no such argument": lambda t, w: t.optim.SGD([w], speed=1),
    "lr of two": lambda t, w: t.optim.SGD([w], lr=t.ones(2)),
    "lr, though the group has its own": lambda t, w: t.optim.SGD(
        [{"params": [w], "lr": 0.1}], lr=-1
    ),
    "sgd momentum": lambda t, w: t.optim.SGD([w], lr=0.1, momentum=-0.1),
    "sgd weight decay": lambda t, w: t.optim.SGD([w], lr=0.1, weight_decay=-0.1),
    "nesterov": lambda t, w: t.optim.SGD([w], lr=0.1, nesterov=True),
    "nesterov with dampening": lambda t, w: t.optim.SGD(
        [w], lr=0.1, momentum=0.9, dampening=0.1, nesterov=True
    ),
    "fused and foreach": lambda t, w: t.optim.SGD([w], lr=0.1, fused=True, foreach=True),
    "adam eps": lambda t, w: t.optim.Adam([w], eps=-0.1),
    "adam beta1": lambda t, w: t.optim.Adam([w], betas=(-0.1, 0.9)),
    "adam beta2": lambda t, w: t.optim.Adam([w], betas=(0.9, 1.0)),
    "adam whole beta": two_betas,
    "adam weight decay": lambda t, w: t.optim.AdamW([w], weight_decay=-1),
    "adagrad decay": lambda t, w: t.optim.Adagrad([w], lr_decay=-1),
    "adagrad start": lambda t, w: t.optim.Adagrad([w], initial_accumulator_value=-1),
    "adagrad eps": lambda t, w: t.optim.Adagrad([w], eps=-1),
    "adadelta rho": lambda t, w: t.optim.Adadelta([w], rho=1.1),
    "adadelta eps": lambda t, w: t.optim.Adadelta([w], eps=-1),
    "rmsprop alpha": lambda t, w: t.optim.RMSprop([w], alpha=-1),
    "rmsprop momentum": lambda t, w: t.optim.RMSprop([w], momentum=-1),
    "nadam decay": lambda t, w: t.optim.NAdam([w], momentum_decay=-1),
    "nadam betas": lambda t, w: t.optim.NAdam([w], betas=(1.0, 0.9)),
    "radam betas": lambda t, w: t.optim.RAdam([w], betas=(0.9, -1)),
    "adamax betas": lambda t, w: t.optim.Adamax([w], betas=(0.9, 1)),
    "rprop etas": lambda t, w: t.optim.Rprop([w], etas=(0.5, 0.9)),
    "asgd weight decay": lambda t, w: t.optim.ASGD([w], weight_decay=-1),
    "lbfgs groups": lambda t, w: t.optim.LBFGS([{"params": [w]}, {"params": [w * 1]}]),
    "hook": lambda t, w: t.optim.SGD([w]).load_state_dict({"state": {}, "param_groups": []}),
} | {f"{name} lr": lambda t, w, name=name: getattr(t.optim, name)([w], lr=-0.1) for name in TABLE}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError)) as theirs:
        REFUSED[name](torch, torch.nn.Parameter(torch.ones(1)))
    with pytest.raises(theirs.type) as mine:
        REFUSED[name](gobhir, gobhir.nn.Parameter(gobhir.ones(1)))
    if name != "no such argument":
        message = mine.value.args[0]
        assert message.text("bn") != message.text("en")


@NAMES
def test_what_cannot_be_honoured_is_refused(name: str) -> None:
    w = gobhir.nn.Parameter(gobhir.ones(1))
    optimizer = getattr(optim, name)([w], differentiable=True)
    w.grad = gobhir.ones_like(w)
    with pytest.raises(RuntimeError, match="differentiable"):
        optimizer.step()
    if "capturable" in optimizer.defaults:
        with pytest.raises(AssertionError, match="capturable"):
            getattr(optim, name)([w], capturable=True).step()


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


@BOTH
def test_copied_with_its_model(t: Any) -> None:
    model = t.nn.Linear(2, 1)
    optimizer = t.optim.Adam(model.parameters(), lr=0.1)
    pair = copy.deepcopy((model, optimizer))
    other, twin = pair
    other(t.ones(1, 2)).sum().backward()
    before = model.weight.detach().numpy().copy()
    twin.step()
    assert np.array_equal(model.weight.detach().numpy(), before)
    assert not np.array_equal(other.weight.detach().numpy(), before)


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


def test_no_warning_from_numpy_where_pytorch_is_silent() -> None:
    for t in (torch, gobhir):
        w = t.nn.Parameter(t.zeros(2))
        w.grad = t.zeros(2)
        optimizer = t.optim.Adam([w], eps=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            optimizer.step()
        assert np.isnan(w.detach().numpy()).all()


@NAMES
def test_printed(name: str) -> None:
    texts = []
    for t in (gobhir, torch):
        a, b = (t.nn.Parameter(t.ones(1)) for _ in range(2))
        optimizer = getattr(t.optim, name)([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
        t.optim.lr_scheduler.StepLR(optimizer, 2)
        texts.append(repr(optimizer))
    assert texts[0] == texts[1]


def test_gradients_thrown_away_before_the_step_are_noticed_once_and_others_are_not() -> None:
    layer = gobhir.nn.Linear(2, 1)
    optimizer = gobhir.optim.SGD(layer.parameters(), lr=0.1)

    def backward() -> None:
        layer(gobhir.ones(1, 2)).sum().backward()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            backward()  # as where another network's loss went through this one
            optimizer.zero_grad()
            backward()
            optimizer.step()
            optimizer.zero_grad()
        optimizer.step()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            backward()
            optimizer.zero_grad()
            optimizer.step()
    assert len(caught) == 1 and "zero_grad()" in str(caught[0].message)
