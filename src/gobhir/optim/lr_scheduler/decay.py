"""Learning rates that fall (or rise, to warm up) by a simple rule.

Behaviour: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from gobhir.lang import say
from gobhir.optim.lr_scheduler.scheduler import LRScheduler, settings
from gobhir.optim.optimizer import Optimizer


class _ByFactor(LRScheduler):
    """A scheduler that multiplies: `_factor` leads from the last learning rate to this one."""

    def get_lr(self) -> list[Any]:
        self._warn_outside()
        factor = self._factor()
        return [lr if factor is None else lr * factor for lr in settings(self.optimizer, "lr")]

    def _factor(self) -> float | None:
        """None: the learning rate stays."""
        raise NotImplementedError


class StepLR(_ByFactor):
    """Every step_size steps, multiply by gamma."""

    formula = "lr0 * gamma ** (t // step_size)"

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ):
        if step_size == 0:
            raise ZeroDivisionError(say("errors.schedule.positive", name="step_size", value=0))
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float | None:
        turn = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self.gamma if turn else None


class MultiStepLR(_ByFactor):
    """At each of the milestones, multiply by gamma."""

    formula = "lr0 * gamma ** sum(m <= t for m in milestones)"

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ):
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def words(self, i: int) -> dict[str, Any]:
        return super().words(i) | {"milestones": sorted(self.milestones.elements())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a saved state, Gobhir's or PyTorch's."""
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)  # from a file comes a plain dictionary

    def _factor(self) -> float | None:
        times = self.milestones[self.last_epoch]
        return self.gamma**times if times else None


class ConstantLR(_ByFactor):
    """`factor` times the learning rate for the first total_iters steps, then the whole."""

    formula = "lr0 * (factor + (t >= total_iters) * (1 - factor))"

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if factor > 1.0 or factor < 0:
            raise ValueError(say("errors.schedule.factor", name="factor", value=factor))
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float | None:
        if self.last_epoch == 0:
            return self.factor
        return 1.0 / self.factor if self.last_epoch == self.total_iters else None


class LinearLR(_ByFactor):
    """From start_factor to end_factor times the learning rate, in total_iters equal steps."""

    formula = (
        "lr0 * (start_factor + (end_factor - start_factor) * min(total_iters, t) / total_iters)"
    )

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError(say("errors.schedule.start_factor", value=start_factor))
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError(say("errors.schedule.factor", name="end_factor", value=end_factor))
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float | None:
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return None
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return 1.0 + rise / before


class ExponentialLR(_ByFactor):
    """At each step, multiply by gamma."""

    formula = "lr0 * gamma ** t"

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float | None:
        return None if self._is_initial else self.gamma


class PolynomialLR(_ByFactor):
    """Down to 0 in total_iters steps, along a power of the steps that are left."""

    formula = "lr0 * (1 - min(total_iters, t) / total_iters) ** power"

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ):
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float | None:
        if self._is_initial or self.last_epoch > self.total_iters:
            return None
        left, left_before = (
            1.0 - t / self.total_iters for t in (self.last_epoch, self.last_epoch - 1)
        )
        return (left / left_before) ** self.power
