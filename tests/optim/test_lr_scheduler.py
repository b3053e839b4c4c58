"""Schedulers beside PyTorch, step by step, and beside their own formulas."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.optim import lr_scheduler
from tests.optim.schedules import TABLE, both, course, make, optimizer_of


def short(value: Any) -> str:
    """What a test is called: functions without where they lie, which is elsewhere each time."""
    return re.sub(r"<function .*? at 0x\w+>", "f", str(value))[:40]


EACH = pytest.mark.parametrize(("name", "options"), TABLE, ids=short)
ONE_OF_EACH = pytest.mark.parametrize(
    ("name", "options"),
    list({name: (name, o) for name, o in TABLE}.values()),
    ids=short,
)


@EACH
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_as_pytorch(name: str, options: dict[str, Any], kind: str) -> None:
    def act(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t, kind)
        return course(optimizer, make(t, optimizer, name, options), 63)

    both(act)


@EACH
def test_the_formula_is_the_learning_rate(name: str, options: dict[str, Any]) -> None:
    optimizer = optimizer_of(gobhir)
    scheduler = make(gobhir, optimizer, name, options)
    names = lr_scheduler.scheduler.FUNCTIONS
    for _ in range(60):
        optimizer.step()
        words = [scheduler.words(i) for i in range(2)]
        scheduler.step()
        now = [scheduler.words(i) for i in range(2)]
        if "lr *" in scheduler.formula:  # by the one before
            now = [w | {"lr": old["lr"]} for w, old in zip(now, words, strict=True)]
        want = [eval(scheduler.formula, names | w) for w in now]
        np.testing.assert_allclose(scheduler.get_last_lr(), want, rtol=1e-10, atol=1e-15)


@ONE_OF_EACH
def test_orders_warnings_and_jumps_as_in_pytorch(name: str, options: dict[str, Any]) -> None:
    """Steps in the wrong order, get_lr from outside, step(epoch), a fresh start in the middle."""

    def early(t: Any) -> Any:
        scheduler = make(t, optimizer_of(t), name, options)
        scheduler.step()
        scheduler.step()
        return scheduler.get_last_lr()

    def late(t: Any) -> Any:
        optimizer = optimizer_of(t)
        optimizer.step()  # before there was a scheduler: does not count
        scheduler = make(t, optimizer, name, options)
        scheduler.step()
        return scheduler.get_last_lr()

    def asked(t: Any) -> Any:
        optimizer = optimizer_of(t)
        scheduler = make(t, optimizer, name, options)
        optimizer.step()
        scheduler.step()
        return scheduler.get_lr()

    def jumping(t: Any) -> Any:
        optimizer = optimizer_of(t)
        scheduler = make(t, optimizer, name, options)
        optimizer.step()
        rows = []
        for epoch in (3, 7, 2, 30, None):
            scheduler.step(epoch)
            rows.append(scheduler.get_last_lr())
        return rows

    def resumed(t: Any) -> Any:
        optimizer = optimizer_of(t)
        first = make(t, optimizer, name, options)
        course(optimizer, first, 6)
        again = make(t, optimizer, name, options, last_epoch=first.last_epoch)
        return course(optimizer, again, 20)

    def fresh(t: Any) -> Any:
        return make(t, optimizer_of(t), name, options, last_epoch=3)

    def from_a_tensor(t: Any) -> Any:
        lr = t.tensor(0.1, dtype=t.float64)
        optimizer = t.optim.SGD([t.nn.Parameter(t.ones(1))], lr=lr, momentum=0.9)
        one = {
            k: v[:1] if isinstance(v, list) and k != "milestones" else v for k, v in options.items()
        }
        rows = course(optimizer, make(t, optimizer, name, one), 15)
        assert optimizer.param_groups[0]["lr"] is lr
        return rows

    for act in (early, late, asked, jumping, resumed, fresh, from_a_tensor):
        both(act)


@ONE_OF_EACH
@pytest.mark.parametrize("source", [gobhir, torch], ids=["from_gobhir", "from_torch"])
@pytest.mark.parametrize("target", [gobhir, torch], ids=["to_gobhir", "to_torch"])
def test_saved_in_one_and_continued_in_the_other(
    name: str, options: dict[str, Any], source: Any, target: Any
) -> None:
    optimizer, other = optimizer_of(source), optimizer_of(target)
    scheduler, resumed = (
        make(*pair, name, options) for pair in ((source, optimizer), (target, other))
    )
    course(optimizer, scheduler, 7)
    groups = optimizer.state_dict()["param_groups"]
    other.load_state_dict({"state": {}, "param_groups": copy.deepcopy(groups)})
    resumed.load_state_dict(copy.deepcopy(scheduler.state_dict()))
    np.testing.assert_allclose(
        course(other, resumed, 30), course(optimizer, scheduler, 30), rtol=1e-13, atol=1e-16
    )


@ONE_OF_EACH
def test_state_survives_a_file(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    optimizer, other = optimizer_of(gobhir), optimizer_of(gobhir)
    scheduler = make(gobhir, optimizer, name, options)
    course(optimizer, scheduler, 7)
    both_states = {"scheduler": scheduler.state_dict(), "optimizer": optimizer.state_dict()}
    gobhir.save(both_states, tmp_path / "state.safetensors")
    saved = gobhir.load(tmp_path / "state.safetensors")
    resumed = make(gobhir, other, name, options)
    other.load_state_dict(saved["optimizer"])
    resumed.load_state_dict(saved["scheduler"])
    np.testing.assert_array_equal(course(other, resumed, 30), course(optimizer, scheduler, 30))


class Halving:
    """A callable with state: its attributes are saved, itself is not."""

    def __init__(self, by: float):
        self.by = by

    def __call__(self, t: float) -> float:
        return self.by**t


def test_callables_keep_their_attributes() -> None:
    first = lr_scheduler.LambdaLR(optimizer_of(gobhir), Halving(0.5))
    second = lr_scheduler.LambdaLR(optimizer_of(gobhir), Halving(0.9))
    second.load_state_dict(first.state_dict())
    assert second.lr_lambdas[0].by == 0.5
    cycle: dict[str, Any] = {"base_lr": 0.1, "max_lr": 0.2}
    third = lr_scheduler.CyclicLR(optimizer_of(gobhir), **cycle, scale_fn=Halving(0.5))
    fourth = lr_scheduler.CyclicLR(optimizer_of(gobhir), **cycle, scale_fn=Halving(0.9))
    fourth.load_state_dict(third.state_dict())
    assert fourth.scale_fn(1) == 0.5


METRICS = np.concatenate(
    [np.linspace(3, 1, 20), 1 + np.random.default_rng(0).normal(size=60) * 0.01]
)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patience": 2},
        {"mode": "max", "patience": 2, "cooldown": 3},
        {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": 0.001},
        {"min_lr": [0.01, 0.001], "factor": 0.5, "patience": 0},
        {"patience": 1, "eps": 0.01},
        {"mode": "max", "threshold_mode": "abs", "patience": 3},
    ],
    ids=str,
)
def test_on_a_plateau(options: dict[str, Any]) -> None:
    def act(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t)
        scheduler = make(t, optimizer, "ReduceLROnPlateau", options)
        first = course(optimizer, scheduler, 30, METRICS)
        resumed = make(t, optimizer, "ReduceLROnPlateau", {})
        resumed.load_state_dict(scheduler.state_dict())
        return np.concatenate([first, course(optimizer, resumed, 50, METRICS[30:])])

    both(act)


def test_a_plateau_takes_a_tensor() -> None:
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer_of(gobhir), patience=0)
    for _ in range(2):
        scheduler.step(gobhir.tensor(1.0))
    np.testing.assert_allclose(scheduler.get_last_lr(), [0.01, 0.005])
    assert scheduler.num_bad_epochs == 0 and scheduler.best == 1.0
    words = scheduler.words(0) | {"num_bad_epochs": 1}
    assert eval(scheduler.formula, words) == pytest.approx(0.001)


def warm_up(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    parts = [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20), s.ExponentialLR(o, 0.9)]
    return s.SequentialLR(o, parts, [5, 30])


def many_kinds(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    parts = [
        s.ConstantLR(o, 0.1, total_iters=4),
        s.StepLR(o, 3, 0.5),
        s.LambdaLR(o, lambda e: 0.8**e),
        s.CosineAnnealingWarmRestarts(o, 7),
    ]
    return s.SequentialLR(o, parts, [4, 12, 20])


def from_the_second(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    return s.SequentialLR(o, [s.ExponentialLR(o, 0.9), s.StepLR(o, 3, 0.5)], [0])


def nested(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    inner = s.SequentialLR(o, [s.ConstantLR(o, 0.1, total_iters=4), s.StepLR(o, 3, 0.5)], [4])
    return s.SequentialLR(o, [inner, s.ExponentialLR(o, 0.9)], [20])


def chained(t: Any, o: Any) -> Any:
    s = t.optim.lr_scheduler
    parts = [
        s.ConstantLR(o, 0.1, total_iters=4),
        s.ExponentialLR(o, 0.9),
        s.LinearLR(o),
        s.CosineAnnealingLR(o, 9, 0.01),
        s.PolynomialLR(o, 50, 2),
    ]
    return s.ChainedScheduler(parts, o)


@pytest.mark.parametrize("make", [warm_up, many_kinds, from_the_second, nested, chained])
def test_several(make: Callable[[Any, Any], Any]) -> None:
    def act(t: Any) -> np.ndarray:
        optimizer = optimizer_of(t)
        first = make(t, optimizer)
        rows = course(optimizer, first, 25)
        other = optimizer_of(t)
        second = make(t, other)
        other.load_state_dict(optimizer.state_dict())
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        return np.concatenate([rows, course(other, second, 40)])

    both(act)


def test_several_say_whose_turn_it_is() -> None:
    optimizer = optimizer_of(gobhir)
    scheduler = warm_up(gobhir, optimizer)
    formulas = []
    for _ in range(40):
        formulas.append(scheduler.formula)
        want = [
            eval(scheduler.formula, lr_scheduler.scheduler.FUNCTIONS | scheduler.words(i))
            for i in (0, 1)
        ]
        np.testing.assert_allclose(scheduler.get_last_lr(), want, rtol=1e-10, atol=1e-15)
        optimizer.step()
        scheduler.step()
    turns = {
        lr_scheduler.LinearLR: 5,
        lr_scheduler.CosineAnnealingLR: 25,
        lr_scheduler.ExponentialLR: 10,
    }
    assert formulas == [kind.formula for kind, times in turns.items() for _ in range(times)]
    assert chained(gobhir, optimizer).formula.count("\n") == 4


def test_a_scheduler_of_ones_own() -> None:
    def act(t: Any) -> np.ndarray:
        class Mine(t.optim.lr_scheduler.LRScheduler):
            def get_lr(self) -> list[float]:
                return [lr / (1 + self.last_epoch) for lr in self.base_lrs]

        optimizer = optimizer_of(t)
        return course(optimizer, Mine(optimizer), 10)

    both(act)
