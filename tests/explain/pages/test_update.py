"""The optimizer's step on the page: every line of every rule comes to the engine's number, and the
last one to PyTorch's; learning rates by their schedules, gradients as clipping left them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.explain.explanation import Explanation
from gobhir.nn.utils import clip_grad_norm_, clip_grad_value_
from tests.calculator import problems

torch = pytest.importorskip("torch")

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.1}),
    "momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    "Nesterov": ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "maximize": True}),
    "RMSprop": (
        "RMSprop",
        {"lr": 0.01, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "alpha": 0.9},
    ),
    "Adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
    "Adadelta": ("Adadelta", {"lr": 1.0}),
    "Adam": ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    "AdamW": ("AdamW", {"lr": 0.1}),
    "NAdam": ("NAdam", {"lr": 0.1}),
    "RAdam": ("RAdam", {"lr": 0.1}),
    "Adamax": ("Adamax", {"lr": 0.1}),
    "Rprop": ("Rprop", {"lr": 0.01}),
    "ASGD": ("ASGD", {"lr": 0.1}),
}


def network(library: Any) -> Any:
    layers = library.nn.Linear(2, 2), library.nn.Tanh(), library.nn.Linear(2, 1)
    return library.nn.Sequential(*layers).double()


def examples(library: Any) -> tuple[Any, Any]:
    x = [[0.5, -1.0], [1.5, 0.3], [-0.7, 0.8]]
    y = [[0.4], [-0.9], [1.1]]
    return tuple(library.tensor(v, dtype=library.float64) for v in (x, y))  # type: ignore[return-value]


def steps(library: Any, model: Any, optimizer: Any, count: int, scheduler: Any = None) -> None:
    x, y = examples(library)
    for _ in range(count):
        optimizer.zero_grad()
        library.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()


def explained(model: Any, optimizer: Any, mode: str) -> Explanation:
    x, y = examples(gobhir)
    return gobhir.explain(model, x, y, nn.MSELoss(), optimizer, mode=mode, reference="differences")


@pytest.mark.parametrize("mode", ["hand", "exact"])
@pytest.mark.parametrize("before", [0, 3, 7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_pytorchs(name: str, before: int, mode: str) -> None:
    kind, settings = OPTIMIZERS[name]
    gobhir.manual_seed(0)
    ours, theirs = network(gobhir), network(torch)
    theirs.load_state_dict({k: torch.tensor(v.array) for k, v in ours.state_dict().items()})
    optimizer = getattr(optim, kind)(ours.parameters(), **settings)
    steps(gobhir, ours, optimizer, before)
    steps(torch, theirs, getattr(torch.optim, kind)(theirs.parameters(), **settings), before + 1)
    page = explained(ours, optimizer, mode)
    lines = [line for s in page.steps if s.phase == "update" for line in s.lines]
    assert all(line.error is None or line.error < 0.01 for line in lines)
    arrows = [line for s in page.steps if s.phase == "update" for line in s.lines[-1:]]
    shown = {np.shape(np.squeeze(line.exact)): line.exact for line in arrows}
    for p in theirs.parameters():
        there = p.detach().numpy()
        assert any(
            v.size == there.size and np.allclose(np.ravel(v), there.ravel(), rtol=1e-10, atol=1e-12)
            for v in (np.asarray(line.exact) for line in arrows)
        ), (name, shown)
    assert problems(page.to_markdown("en"), mode) == []
    assert page.to_text("bn")


def test_what_came_before_is_said() -> None:
    gobhir.manual_seed(0)
    model = network(gobhir)
    adam = optim.Adam(model.parameters(), lr=0.1)
    told = " ".join(explained(model, adam, "hand").to_text("en").split())
    assert "Both averages began at 0" in told and "This is step" not in told
    steps(gobhir, model, adam, 4)
    assert "This is step 5:" in " ".join(explained(model, adam, "hand").to_text("en").split())


def test_groups_have_settings_of_their_own() -> None:
    gobhir.manual_seed(0)
    model = network(gobhir)
    groups = [{"params": model[0].parameters(), "lr": 0.01}, {"params": model[2].parameters()}]
    page = explained(model, optim.SGD(groups, lr=0.25), "hand")
    told = " ".join(page.to_text("en").split())
    assert "W⁽²⁾ belongs to a group with settings of its own: η = 0.25" in told
    assert "W⁽¹⁾ belongs" not in told
    assert problems(page.to_markdown("en"), "hand") == []


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda s, o: s.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [1, 3], 0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.5, 2),
    "LinearLR": lambda s, o: s.LinearLR(o),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 5, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 10, 0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=20, cycle_momentum=False),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda t: 0.9**t),
    "SequentialLR": lambda s, o: s.SequentialLR(o, [s.LinearLR(o), s.ExponentialLR(o, 0.9)], [2]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_learning_rate_is_worked_out(name: str, count: int) -> None:
    gobhir.manual_seed(0)
    model, theirs = network(gobhir), network(torch)
    ours = optim.SGD(model.parameters(), lr=0.1)
    schedule = SCHEDULES[name](optim.lr_scheduler, ours)
    steps(gobhir, model, ours, count, schedule)
    there = torch.optim.SGD(theirs.parameters(), lr=0.1)
    steps(torch, theirs, there, count, SCHEDULES[name](torch.optim.lr_scheduler, there))
    for mode in ("hand", "exact"):
        page = explained(model, ours, mode)
        update = next(s for s in page.steps if s.phase == "update")
        assert update.pieces[0].key.startswith("rules.schedule.")  # type: ignore[union-attr]
        line = update.lines[0]
        assert line.exact == pytest.approx(there.param_groups[0]["lr"], rel=1e-9)
        assert float(line.result) == pytest.approx(line.exact, rel=1e-3)
        assert problems(page.to_markdown("en"), mode) == []


def test_a_schedule_that_has_gone_on_is_named_only() -> None:
    model = network(gobhir)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.ExponentialLR(sgd, 0.5)
    sgd.param_groups[0]["lr"] = 0.3  # by hand, past the schedule
    page = explained(model, sgd, "hand")
    update = next(s for s in page.steps if s.phase == "update")
    assert "η₀" not in page.to_text("en") and schedule.last_epoch == 0
    assert update.pieces[0].key == "rules.schedule.ExponentialLR"  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["hand", "exact"])
@pytest.mark.parametrize(
    ("kind", "clip"),
    [
        ("norm", lambda parameters: clip_grad_norm_(parameters, 0.3)),
        ("value", lambda parameters: clip_grad_value_(parameters, 0.2)),
        ("", lambda parameters: clip_grad_norm_(parameters, 1e6)),
    ],
)
def test_clipping(kind: str, clip: Callable[[Any], Any], mode: str) -> None:
    gobhir.manual_seed(0)
    model = network(gobhir)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    sgd.register_step_pre_hook(lambda *_: (clip(model.parameters()), None)[1])
    page = explained(model, sgd, mode)
    told = " ".join(page.to_text("en").split())
    assert ("Clipped." in told) == (kind == "norm")
    assert ("Clipped by value." in told) == (kind == "value")
    assert "not close" not in told
    lines = [line for s in page.steps if s.phase == "update" for line in s.lines]
    assert all(line.error is None or line.error < 1e-3 for line in lines)
    if kind == "norm":
        factor = next(line for line in lines if str(getattr(line.left, "name", "")).count("'s'"))
        grads = [page.reading.pulled_of[p].exact for p in model.parameters()]
        norm = np.sqrt(sum(float((np.asarray(g) ** 2).sum()) for g in grads))
        assert float(factor.result) == pytest.approx(0.3 / norm, rel=1e-3)
    assert problems(page.to_markdown("en"), mode) == []


def test_gradients_that_were_changed_otherwise() -> None:
    gobhir.manual_seed(0)
    model = network(gobhir)
    sgd = optim.SGD(model.parameters(), lr=0.1)

    def turn_one(*_: Any) -> None:
        model[0].weight.grad.array[...] *= -3.0

    sgd.register_step_pre_hook(turn_one)
    page = explained(model, sgd, "hand")
    assert "The optimizer takes g, what it found" in " ".join(page.to_text("en").split())
    lines = [line for s in page.steps if s.phase == "update" for line in s.lines]
    assert all(line.error is None or line.error < 1e-3 for line in lines)


def test_an_optimizer_that_evaluates_several_times_shows_where_it_went() -> None:
    gobhir.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 1)).double()
    x, y = gobhir.randn(4, 2).double(), gobhir.randn(4, 1).double()
    optimizer = gobhir.optim.LBFGS(model.parameters(), lr=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    page = gobhir.explain(model, x, y, nn.functional.mse_loss, optimizer)
    for p, b in zip(model.parameters(), before, strict=True):
        assert (p == b).all() and p.grad is None
    assert not optimizer.state or not any(optimizer.state.values())
    after = {u.parameter: u.after["w"] for u in page.run.tape.updates}

    def closure() -> gobhir.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    optimizer.step(closure)
    for p in model.parameters():
        assert p.detach().numpy() == pytest.approx(after[p], rel=1e-12)
    assert "LBFGS" in page.to_text("bn") and "LBFGS" in page.to_text("en")
