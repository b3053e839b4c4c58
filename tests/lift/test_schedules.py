"""Learning rates that a scheduler of PyTorch's sets: the page of a watched step names it, with its
formula and numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as S

import gobhir
from gobhir.derivation.step import Line, Say
from gobhir.explain.pages.schedule import learning_rate


class Own(S.LRScheduler):
    """One that nobody knows."""

    def get_lr(self) -> list[Any]:
        return [0.9 * group["lr"] for group in self.optimizer.param_groups]


def warm_up(o: Any) -> Any:
    return S.SequentialLR(o, [S.LinearLR(o, 0.1, 1, 2), S.CosineAnnealingLR(o, 8)], [2])


WITH_FORMULA = {
    "StepLR": lambda o: S.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: S.MultiStepLR(o, [1, 3], 0.3),
    "ConstantLR": lambda o: S.ConstantLR(o, 0.3, 5),
    "LinearLR": lambda o: S.LinearLR(o, 0.1, 1, 5),
    "ExponentialLR": lambda o: S.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: S.PolynomialLR(o, 5, 2.0),
    "CosineAnnealingLR": lambda o: S.CosineAnnealingLR(o, 10),
    "CosineAnnealingWarmRestarts": lambda o: S.CosineAnnealingWarmRestarts(o, 4),
    "OneCycleLR": lambda o: S.OneCycleLR(o, 0.5, total_steps=10),
    "CyclicLR": lambda o: S.CyclicLR(o, 0.01, 0.1, 3),
    "LambdaLR": lambda o: S.LambdaLR(o, lambda t: 1 / (1 + t)),
    "SequentialLR": warm_up,
}
BY_NAME = {
    "MultiplicativeLR": lambda o: S.MultiplicativeLR(o, lambda t: 0.95),
    "ChainedScheduler": lambda o: S.ChainedScheduler([S.ExponentialLR(o, 0.9)]),
    "Own": Own,
}


def watched(make: Any, groups: bool, steps: int) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    first, _, second = model
    given = [{"params": first.parameters(), "lr": 0.2}, {"params": second.parameters()}]
    optimizer = torch.optim.SGD(given if groups else model.parameters(), lr=0.1, momentum=0.5)
    scheduler = make(optimizer)
    x = torch.rand(1, 2)
    for _ in range(steps):
        with gobhir.watch() as w:
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.step()
        scheduler.step()
    return w, rates


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("name", WITH_FORMULA)
def test_the_formula_gives_the_rate(name: str, steps: int, groups: bool) -> None:
    w, rates = watched(WITH_FORMULA[name], groups, steps)
    (run,) = w.steps
    for u in run.tape.updates:
        said, counted, line = learning_rate(u, "exact")
        assert isinstance(said, Say) and said.key == f"rules.schedule.{name}"
        assert isinstance(line, Line) and line.exact in rates
        assert line.error is not None and line.error <= 1e-9 * line.exact
    assert {line.exact for u in run.tape.updates for line in learning_rate(u, "exact")[2:]} == {
        *rates
    }
    assert name in w.explain(folded=False).to_text(("bn", "en")[groups]) or "Restarts" in name


@pytest.mark.parametrize("name", BY_NAME)
def test_others_are_named(name: str) -> None:
    w, _ = watched(BY_NAME[name], False, 3)
    page = w.explain(folded=False)
    assert name in page.to_text("bn") and name in page.to_text("en")


def test_without_a_scheduler_nothing_is_said() -> None:
    w, _ = watched(lambda o: torch.optim.lr_scheduler.StepLR(o, 1), False, 1)
    assert w.trace.events[-1].schedule.kind == "StepLR"
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    with gobhir.watch() as w:
        parameter.sum().backward()
        optimizer.step()
    assert w.trace.events[-1].schedule is None
    assert learning_rate(w.steps[0].tape.updates[0], "hand") == []


@pytest.mark.parametrize("best", ["min", "max"])
def test_a_rate_that_waits_for_a_plateau(best: str) -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    scheduler = S.ReduceLROnPlateau(
        optimizer, best, 0.5, patience=1, threshold_mode="abs", cooldown=1, min_lr=0.04
    )
    seen = []
    for metric in (2.0, 2.0, 2.0, 2.0, 2.0, 2.0):
        with gobhir.watch() as w:
            optimizer.zero_grad()
            parameter.sum().backward()
            optimizer.step()
        said, *about, line = learning_rate(w.steps[0].tape.updates[0], "exact")
        assert isinstance(said, Say) and said.key == "rules.schedule.ReduceLROnPlateau"
        assert isinstance(line, Line) and line.error == 0
        assert line.exact == optimizer.param_groups[0]["lr"]
        seen.append((line.exact, *(say.key.rpartition("_")[2] for say in about)))
        scheduler.step(metric)
    waits = ("most" if best == "max" else "best", "bad")
    assert seen == [
        (0.1, "first"), (0.1, *waits), (0.1, *waits), (0.05, *waits, "rest"), (0.05, *waits),
        (0.05, *waits),
    ]  # fmt: skip
    for lang in ("bn", "en"):
        page = w.explain(folded=False).to_text(lang)
        assert "ReduceLROnPlateau" in page and "`bad`" in w.explain().to_markdown(lang)
