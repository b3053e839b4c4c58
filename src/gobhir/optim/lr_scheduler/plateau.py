"""A learning rate that falls when the loss no longer does.

Behaviour:
https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
"""

from __future__ import annotations

import math
from typing import Any

from gobhir.lang import say, warn
from gobhir.optim.lr_scheduler.scheduler import (
    LRScheduler,
    assign,
    attached,
    checked,
    each_group,
    settings,
)
from gobhir.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiply by factor, but not below min_lr, when for more than `patience` epochs the metric
    was no better than the best by more than the threshold; then rest for `cooldown` epochs.

    mode: "min", smaller is better, or "max". threshold_mode: "rel", a share of the best, or
    "abs". A change of the learning rate by less than eps is left out.
    """

    formula = "max(lr * factor, min_lr) if num_bad_epochs > patience else lr"

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ):
        if factor >= 1.0:
            raise ValueError(say("errors.schedule.reduce", value=factor))
        self.factor = factor
        self.optimizer = attached(self, checked(optimizer))
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = each_group("min_lr", optimizer, min_lr)
        if mode not in ("min", "max"):
            raise ValueError(say("errors.schedule.plateau_mode", name="mode", value=mode))
        if threshold_mode not in ("rel", "abs"):
            message = say(
                "errors.schedule.plateau_mode", name="threshold_mode", value=threshold_mode
            )
            raise ValueError(message)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = settings(optimizer, "lr")
        self.base_lrs = settings(optimizer, "lr")
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._reset()

    def _reset(self) -> None:
        """Forget what was seen."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def words(self, i: int) -> dict[str, Any]:
        own = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        rates = {"lr": self.optimizer.param_groups[i]["lr"], "min_lr": self.min_lrs[i]}
        return own | rates | {"t": self.last_epoch}

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Look at this epoch's metric, and lower the learning rates if it is time."""
        current = float(metrics)
        if epoch is not None:
            warn(say("errors.schedule.epoch"))
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = settings(self.optimizer, "lr")

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                message = say("errors.schedule.min_lrs", got=len(self.min_lrs), want=len(groups))
                raise RuntimeError(message)
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, lowest)
            if old - new > self.eps:
                assign(group, "lr", new)

    @property
    def in_cooldown(self) -> bool:
        """Whether it is still resting from the last change."""
        return self.cooldown_counter > 0

    def _is_better(self, a: float, best: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * a > sign * best * (1.0 + sign * self.threshold)
        return sign * a > sign * best + self.threshold
