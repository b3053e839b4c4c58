"""Schedules in a table, and running one in Gobhir and in PyTorch: for the tests of schedulers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import gobhir

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
