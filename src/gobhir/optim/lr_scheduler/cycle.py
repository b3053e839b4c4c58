"""Learning rates that go up and down between two values.

Source: Smith, Cyclical learning rates for training neural networks (2017).
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from gobhir.lang import say
from gobhir.optim.lr_scheduler.scheduler import (
    LRScheduler,
    assign,
    check_momentum,
    checked,
    each_group,
    set_momentum,
)
from gobhir.optim.optimizer import Optimizer


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in step_size_up steps and down again in step_size_down (as
    many); the momentum goes the other way, from max_momentum to base_momentum.

    mode: "triangular", every cycle as high; "triangular2", half as high as the one before;
    "exp_range", gamma**t times as high. scale_fn: a function of the learner's own instead, of the
    number of the cycle (scale_mode "cycle", from 1) or of t ("iterations").
    """

    formula = "lr0 + (max_lr - lr0) * height * scale"

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ):
        self.optimizer = checked(optimizer)
        base_lrs = each_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                assign(group, "lr", lr)
        self.max_lrs = each_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(say("errors.schedule.cycle_mode", mode=mode))
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = check_momentum(optimizer)
            self.base_momentums = each_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = each_group("max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                pairs = zip(self.base_momentums, self.max_momentums, strict=True)
                for group, (low, high) in zip(optimizer.param_groups, pairs, strict=True):
                    set_momentum(group, high)
                    group["max_momentum"], group["base_momentum"] = high, low
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """By how much this cycle (or step) is lower than the first."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x

    def words(self, i: int) -> dict[str, Any]:
        """height: where the cycle stands, from 0 to 1; scale: how high this cycle goes."""
        t = self.last_epoch
        cycle = math.floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle
        up = self.step_ratio
        return super().words(i) | {
            "max_lr": self.max_lrs[i],
            "height": x / up if x <= up else (x - 1) / (up - 1),
            "scale": self.scale_fn(cycle if self.scale_mode == "cycle" else t),
        }

    def get_lr(self) -> list[Any]:
        if self.cycle_momentum:
            pairs = zip(self.base_momentums, self.max_momentums, strict=True)
            for i, (low, high) in enumerate(pairs):
                word = self.words(i)
                height = (high - low) * word["height"] * word["scale"]
                set_momentum(self.optimizer.param_groups[i], high - height)
        return super().get_lr()

    def state_dict(self) -> dict[str, Any]:
        """A scale_fn that is a function is not saved; of a callable object, its attributes are."""
        custom = self._scale_fn_custom
        plain = custom is None or isinstance(custom, types.FunctionType)
        return super().state_dict() | {"_scale_fn_custom": None if plain else vars(custom).copy()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rest = {k: v for k, v in state_dict.items() if k != "_scale_fn_custom"}
        super().load_state_dict(rest)
        if state_dict["_scale_fn_custom"] is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])
