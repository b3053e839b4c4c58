"""Keras's learning-rate schedules: the formula that gives the rate of a step.

https://keras.io/api/optimizers/learning_rate_schedules/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gobhir.lift.trace import Schedule

Settings = dict[str, Any]


def _exponential(s: Settings) -> str:
    return f"lr0 * decay_rate ** (t {'//' if s['staircase'] else '/'} decay_steps)"


def _inverse_time(s: Settings) -> str:
    return f"lr0 / (1 + decay_rate * (t {'//' if s['staircase'] else '/'} decay_steps))"


def _polynomial(s: Settings) -> str:
    if s["cycle"]:
        return ""
    left = "(1 - min(t, decay_steps) / decay_steps) ** power"
    return f"(lr0 - end_learning_rate) * {left} + end_learning_rate"


def _cosine(s: Settings) -> str:
    if s["warmup_target"] is None:
        top, t = "lr0", "t"
    elif s["t"] < s["warmup_steps"]:
        return "lr0 + (warmup_target - lr0) * t / warmup_steps"
    else:
        top, t = "warmup_target", "t - warmup_steps"
    wave = f"(1 + cos(pi * min({t}, decay_steps) / decay_steps)) / 2"
    return f"{top} * ((1 - alpha) * {wave} + alpha)"


_FORMULAS: dict[str, Callable[[Settings], str]] = {
    "ExponentialDecay": _exponential,
    "InverseTimeDecay": _inverse_time,
    "PolynomialDecay": _polynomial,
    "CosineDecay": _cosine,
}
"""By Keras's name of the schedule; of the others the page has the name and the rate."""


def schedule(optimizer: Any, groups: int) -> Schedule | None:
    """The optimizer's schedule at its next step; None where the rate is a plain number."""
    from keras.optimizers.schedules import LearningRateSchedule

    made = optimizer._learning_rate
    if not isinstance(made, LearningRateSchedule):
        return None
    kind, t = type(made).__name__, int(optimizer.iterations)
    own = type(made).__module__.startswith("keras.")
    settings = made.get_config() if own else {}
    formula = _FORMULAS[kind](settings | {"t": t}) if own and kind in _FORMULAS else ""
    state = {k: v for k, v in settings.items() if isinstance(v, (int, float))}
    start = [settings.get("initial_learning_rate", 0.0)] * groups
    return Schedule(kind, state | {"last_epoch": t, "base_lrs": start}, formula=formula)
