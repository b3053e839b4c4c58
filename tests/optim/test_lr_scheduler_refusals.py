"""What schedulers refuse, as PyTorch does, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import gobhir
from tests.optim.schedules import both, course, optimizer_of

REFUSED: list[tuple[str, tuple, dict[str, Any]]] = [
    ("LRScheduler", (), {}),
    ("ConstantLR", (2.0,), {}),
    ("ConstantLR", (-1.0,), {}),
    ("LinearLR", (0.0,), {}),
    ("LinearLR", (2.0,), {}),
    ("LinearLR", (0.5, 2.0), {}),
    ("LambdaLR", ([abs],), {}),
    ("LambdaLR", (3,), {}),
    ("MultiplicativeLR", (3,), {}),
    ("MultiplicativeLR", ([abs],), {}),
    ("CosineAnnealingWarmRestarts", (0,), {}),
    ("CosineAnnealingWarmRestarts", (2.5,), {}),
    ("CosineAnnealingWarmRestarts", (2, 0), {}),
    ("CosineAnnealingWarmRestarts", (2, 1, "x"), {}),
    ("CyclicLR", (0.1, 0.2), {"mode": "bad"}),
    ("CyclicLR", ([0.1], 0.2), {}),
    ("CyclicLR", (0.1, [0.2]), {}),
    ("OneCycleLR", (0.1,), {}),
    ("OneCycleLR", (0.1,), {"total_steps": 0}),
    ("OneCycleLR", (0.1,), {"total_steps": 2.5}),
    ("OneCycleLR", (0.1,), {"epochs": 3}),
    ("OneCycleLR", (0.1,), {"epochs": 3, "steps_per_epoch": -1}),
    ("OneCycleLR", (0.1, 10), {"pct_start": 2.0}),
    ("OneCycleLR", (0.1, 10), {"pct_start": 1}),
    ("OneCycleLR", (0.1, 10), {"anneal_strategy": "x"}),
    ("OneCycleLR", ([0.1], 10), {}),
    ("ReduceLROnPlateau", ("x",), {}),
    ("ReduceLROnPlateau", (), {"factor": 1.0}),
    ("ReduceLROnPlateau", (), {"threshold_mode": "x"}),
    ("ReduceLROnPlateau", (), {"min_lr": [1]}),
    ("SequentialLR", ([], []), {}),
]


@pytest.mark.parametrize(("name", "given", "named"), REFUSED, ids=str)
def test_refused_as_by_pytorch(name: str, given: tuple, named: dict[str, Any]) -> None:
    kinds = []
    for t in (gobhir, torch):
        with pytest.raises((ValueError, TypeError, NotImplementedError)) as caught:
            getattr(t.optim.lr_scheduler, name)(optimizer_of(t), *given, **named)
        kinds.append(caught.type)
        if t is gobhir:
            message = caught.value.args[0]
            assert message.text("bn") != message.text("en")
    assert kinds[0] is kinds[1]


def no_optimizer(t: Any) -> Any:
    return t.optim.lr_scheduler.StepLR(3, 1)


def milestones(t: Any) -> Any:
    o = optimizer_of(t)
    return t.optim.lr_scheduler.SequentialLR(o, [t.optim.lr_scheduler.StepLR(o, 1)], [2])


def other_optimizer(t: Any) -> Any:
    one, two = (t.optim.lr_scheduler.StepLR(optimizer_of(t), 1) for _ in range(2))
    return t.optim.lr_scheduler.ChainedScheduler([one, two])


def plateau_inside(t: Any) -> Any:
    o = optimizer_of(t)
    return t.optim.lr_scheduler.SequentialLR(o, [t.optim.lr_scheduler.ReduceLROnPlateau(o)], [])


def no_scheduler(t: Any) -> Any:
    return t.optim.lr_scheduler.ChainedScheduler([optimizer_of(t), 3])


def nothing_to_chain(t: Any) -> Any:
    return t.optim.lr_scheduler.ChainedScheduler([])


def no_momentum(t: Any) -> Any:
    optimizer = t.optim.Adagrad([t.nn.Parameter(t.ones(1))])
    return t.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 0.2)


def back_in_time(t: Any) -> Any:
    return t.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer_of(t), 3).step(-1)


def too_long(t: Any) -> Any:
    optimizer = optimizer_of(t)
    return course(optimizer, t.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 3), 5)


def new_group(t: Any, scheduler: Any) -> Any:
    scheduler.optimizer.add_param_group({"params": [t.nn.Parameter(t.ones(1))]})
    scheduler.optimizer.step()
    plateau = type(scheduler).__name__ == "ReduceLROnPlateau"
    for _ in range(2):
        scheduler.step(*([1.0] if plateau else []))
    return scheduler.get_last_lr()


def new_group_steps(t: Any) -> Any:
    return new_group(t, t.optim.lr_scheduler.StepLR(optimizer_of(t), 1))


def new_group_plateau(t: Any) -> Any:
    return new_group(t, t.optim.lr_scheduler.ReduceLROnPlateau(optimizer_of(t), patience=0))


def new_group_floors(t: Any) -> Any:
    schedulers = t.optim.lr_scheduler
    return new_group(t, schedulers.ReduceLROnPlateau(optimizer_of(t), patience=0, min_lr=[0, 0]))


@pytest.mark.parametrize(
    "act",
    [
        no_optimizer,
        milestones,
        other_optimizer,
        plateau_inside,
        no_scheduler,
        nothing_to_chain,
        no_momentum,
        back_in_time,
        too_long,
        new_group_steps,
        new_group_plateau,
        new_group_floors,
    ],
)
def test_also_as_pytorch(act: Callable[[Any], Any]) -> None:
    both(act)
