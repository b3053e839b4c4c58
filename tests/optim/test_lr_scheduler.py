"""Schedulers beside PyTorch, step by step, and beside their own formulas."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.optim import lr_scheduler

TABLE: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("StepLR", {"step_size": 10}),
    ("MultiStepLR", {"milestones": [5, 10, 10, 40]}),
    ("MultiStepLR", {"milestones": [0, 3], "gamma": 0.3}),
    ("MultiStepLR", {"milestones": []}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 10}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.9, "total_iters": 20}),
    ("LinearLR", {"start_factor": 1, "end_factor": 0.0, "total_iters": 50}),
    ("ExponentialLR", {"gamma": 0.95}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4, "T_mult": 2, "eta_min": 0.001}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5}),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.2,
            "step_size_up": 5,
            "step_size_down": 8,
            "mode": "triangular2",
        },
    ),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.2,
            "step_size_up": 5,
            "mode": "exp_range",
            "gamma": 0.97,
            "base_momentum": 0.7,
            "max_momentum": 0.99,
        },
    ),
    (
        "CyclicLR",
        {
            "base_lr": [0.01, 0.02],
            "max_lr": [0.2, 0.3],
            "step_size_up": 5,
            "scale_fn": lambda x: 0.5 ** (x - 1),
            "cycle_momentum": False,
        },
    ),
    (
        "CyclicLR",
        {
            "base_lr": 0.01,
            "max_lr": 0.2,
            "step_size_up": 5,
            "scale_fn": lambda x: 0.99**x,
            "scale_mode": "iterations",
        },
    ),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 70}),
    (
        "OneCycleLR",
        {"max_lr": [0.3, 0.1], "epochs": 8, "steps_per_epoch": 10, "anneal_strategy": "linear"},
    ),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 65, "three_phase": True, "pct_start": 0.4}),
    (
        "OneCycleLR",
        {
            "max_lr": 0.3,
            "total_steps": 65,
            "cycle_momentum": False,
            "div_factor": 10,
            "final_div_factor": 100,
        },
    ),
    ("LambdaLR", {"lr_lambda": lambda t: 0.95**t}),
    ("LambdaLR", {"lr_lambda": [lambda t: 1 / (t + 1), lambda t: 0.5]}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.95}),
    ("MultiplicativeLR", {"lr_lambda": [lambda t: 1 / (t + 1), lambda t: 0.99]}),
]
EACH = pytest.mark.parametrize(("name", "options"), TABLE, ids=lambda x: str(x)[:40])
ONE_OF_EACH = pytest.mark.parametrize(
    ("name", "options"),
    list({name: (name, o) for name, o in TABLE}.values()),
    ids=lambda x: str(x)[:40],
)


def optimizer_of(t: Any, kind: str = "SGD", lr: Any = 0.1) -> Any:
    a, b = (t.nn.Parameter(t.ones(1)) for _ in range(2))
    options = {"momentum": 0.9} if kind == "SGD" else {}
    groups = [{"params": [a]}, {"params": [b], "lr": 0.05}]
    return getattr(t.optim, kind)(groups, lr=lr, **options)


def make(t: Any, optimizer: Any, name: str, options: dict[str, Any], **more: Any) -> Any:
    return getattr(t.optim.lr_scheduler, name)(optimizer, **options, **more)


def settings(optimizer: Any, scheduler: Any) -> list[float]:
    momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in optimizer.param_groups]
    rates = [float(g["lr"]) for g in optimizer.param_groups]
    return rates + momenta + [float(lr) for lr in scheduler.get_last_lr()]


def course(optimizer: Any, scheduler: Any, steps: int = 60, metrics: Any = None) -> np.ndarray:
    """The settings after every step."""
    rows = []
    for k in range(steps):
        optimizer.step()
        rows.append(settings(optimizer, scheduler))
        scheduler.step(*([] if metrics is None else [metrics[k]]))
    return np.array([*rows, settings(optimizer, scheduler)])


def noticing(act: Callable[[Any], Any], t: Any) -> tuple[Any, list[type]]:
    """What it gives, or the type of its exception; and the kinds of its warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            out = act(t)
        except Exception as error:
            out = type(error)
    return out, [w.category for w in seen if "scalar" not in str(w.message)]


def both(act: Callable[[Any], Any]) -> None:
    """The same numbers, exceptions and warnings as in PyTorch."""
    (mine, warned), (theirs, warned_there) = noticing(act, gobhir), noticing(act, torch)
    assert warned == warned_there
    if isinstance(theirs, type):
        assert mine is theirs
    else:
        assert not isinstance(mine, type), mine
        np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=1e-16)


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
