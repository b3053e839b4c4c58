"""One rise and one long fall of the learning rate over the whole training.

Source: Smith and Topin, Super-convergence: very fast training of neural networks using large
learning rates (2018).
"""

from __future__ import annotations

from typing import Any

from gobhir.lang import say
from gobhir.optim.lr_scheduler.scheduler import (
    FUNCTIONS,
    LRScheduler,
    check_momentum,
    checked,
    each_group,
    set_momentum,
)
from gobhir.optim.optimizer import Optimizer

_FORMULAS = {
    "cos": "end + (start - end) / 2 * (1 + cos(pi * part))",
    "linear": "start + (end - start) * part",
}


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr in the first pct_start of all steps, then down to the
    start divided by final_div_factor; step() after every batch. The momentum goes the other way.

    total_steps, or epochs and steps_per_epoch: how long the training is. anneal_strategy: "cos"
    or "linear". three_phase: first down to the start as fast as up, then further to the end.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        self.optimizer = checked(optimizer)
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(say("errors.schedule.pct_start", value=pct_start))
        if anneal_strategy not in _FORMULAS:
            raise ValueError(say("errors.schedule.anneal", value=anneal_strategy))
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        max_lrs = each_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, max_lrs, strict=True):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = check_momentum(optimizer)
            lows = each_group("base_momentum", optimizer, base_momentum)
            highs = each_group("max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                    set_momentum(group, high)
                    group["max_momentum"], group["base_momentum"] = high, low
        super().__init__(optimizer, last_epoch)

    @property
    def formula(self) -> str:  # type: ignore[override]  # it depends on anneal_strategy
        return _FORMULAS[self._anneal_func_type]

    def words(self, i: int) -> dict[str, Any]:
        """start, end: the learning rates between which this phase leads; part: how much of it is
        done, from 0 to 1."""
        phase, part = self._place()
        group = self.optimizer.param_groups[i]
        ends = {"start": group[phase["start_lr"]], "end": group[phase["end_lr"]]}
        return super().words(i) | ends | {"part": part}

    def _place(self) -> tuple[dict[str, Any], float]:
        t, start = self.last_epoch, 0.0
        phases = self._schedule_phases
        for phase in phases:
            end = phase["end_step"]
            if t <= end or phase is phases[-1]:
                break
            start = end
        return phase, (t - start) / (end - start)

    def get_lr(self) -> list[Any]:
        if self.last_epoch > self.total_steps:
            message = say("errors.schedule.too_long", step=self.last_epoch, total=self.total_steps)
            raise ValueError(message)
        if self.cycle_momentum:
            phase, part = self._place()
            for group in self.optimizer.param_groups:
                ends = {
                    "start": group[phase["start_momentum"]],
                    "end": group[phase["end_momentum"]],
                }
                set_momentum(group, eval(self.formula, FUNCTIONS | ends | {"part": part}))
        return super().get_lr()


def _length(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    given = {"total_steps": total_steps}
    if total_steps is None:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    length = 1
    for name, value in given.items():
        if value is None:
            raise ValueError(say("errors.schedule.length"))
        if not isinstance(value, int) or value <= 0:
            raise ValueError(say("errors.schedule.positive", name=name, value=value))
        length *= value
    return length


def _phases(total: int, part: float, three: bool) -> list[dict[str, Any]]:
    """Where each phase ends, and between which settings of a group it leads."""
    names = ["initial_lr", "max_lr", "min_lr"]
    momenta = ["max_momentum", "base_momentum", "max_momentum"]
    ends = [float(part * total) - 1, total - 1]
    if three:
        names.insert(2, "initial_lr")
        momenta.append("max_momentum")
        ends.insert(1, float(2 * part * total) - 2)
    return [
        {
            "end_step": end,
            "start_lr": names[i],
            "end_lr": names[i + 1],
            "start_momentum": momenta[i],
            "end_momentum": momenta[i + 1],
        }
        for i, end in enumerate(ends)
    ]
