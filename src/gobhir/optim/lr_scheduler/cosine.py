"""Learning rates that fall along half a cosine, once or again and again.

Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts (2017).
"""

from __future__ import annotations

import math
from typing import Any

from gobhir.lang import say
from gobhir.optim.lr_scheduler.scheduler import LRScheduler, settings
from gobhir.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """Down to eta_min in T_max steps, slowly at both ends; then up again, and so on."""

    formula = "eta_min + (lr0 - eta_min) * (1 + cos(pi * t / T_max)) / 2"

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ):
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._warn_outside()
        now = settings(self.optimizer, "lr")
        if self._is_initial:
            return now
        t, low = self.last_epoch, self.eta_min
        if self._step_count == 1 and t > 0:
            return self._by_formula()
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The step before was at the bottom: no factor leads up from there.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [lr + (lr0 - low) * rise for lr, lr0 in zip(now, self.base_lrs, strict=True)]
        height, before = (1 + math.cos(math.pi * s / self.T_max) for s in (t, t - 1))
        return [height / before * (lr - low) + low for lr in now]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Down to eta_min in T_0 steps, then a jump back to the start, and down again in T_mult
    times as many steps. T_cur counts from the last restart, T_i is the length of this descent."""

    formula = "eta_min + (lr0 - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2"

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ):
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(say("errors.schedule.positive", name="T_0", value=T_0))
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(say("errors.schedule.positive", name="T_mult", value=T_mult))
        if not isinstance(eta_min, (float, int)):
            raise ValueError(say("errors.schedule.eta_min", type=type(eta_min).__name__))
        self.T_0 = T_0
        self.T_i: float = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Set the next learning rates. epoch: jump there; a fraction of an epoch will do, so
        that every batch can have its own: scheduler.step(epoch + i / batches)."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(say("errors.schedule.negative_epoch", epoch=epoch))
        elif epoch < self.T_0:
            self.T_cur, self.T_i = epoch, self.T_0
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            # Restarts so far: the lengths of the descents are a geometric series.
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n
        self.last_epoch = math.floor(epoch)
        self._set(self._by_formula())
