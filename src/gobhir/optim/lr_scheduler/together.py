"""Several schedulers on one optimizer: one after the other, or all at once.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from gobhir.lang import say
from gobhir.optim.lr_scheduler.plateau import ReduceLROnPlateau
from gobhir.optim.lr_scheduler.scheduler import LRScheduler, assign, attached, settings
from gobhir.optim.optimizer import Optimizer


class _Several(LRScheduler):
    """What both have in common: schedulers of one optimizer, saved and loaded with their own."""

    _schedulers: list[LRScheduler]

    def _check(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(say("errors.schedule.none_given", scheduler=name))
        optimizer = optimizer or schedulers[0].optimizer
        for i, one in enumerate(schedulers):
            if not hasattr(one, "optimizer"):
                raise TypeError(
                    say("errors.schedule.no_scheduler", index=i, type=type(one).__name__)
                )
            if isinstance(one, ReduceLROnPlateau):
                raise ValueError(say("errors.schedule.no_plateau", scheduler=name, index=i))
            if one.optimizer is not optimizer:
                raise ValueError(say("errors.schedule.other_optimizer", scheduler=name, index=i))
        return optimizer

    def state_dict(self) -> dict[str, Any]:
        own = {k: v for k, v in vars(self).items() if k not in ("optimizer", "_schedulers")}
        return own | {"_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rest = {k: v for k, v in state_dict.items() if k != "_schedulers"}
        super().load_state_dict(rest)
        for scheduler, saved in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(saved)


class SequentialLR(_Several):
    """The first scheduler until the first milestone, then the second until the next, each
    counting from 0: a warm-up, then a decay."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ):
        self.optimizer = attached(self, self._check(schedulers, optimizer))
        if len(milestones) != len(schedulers) - 1:
            message = say(
                "errors.schedule.milestones", schedulers=len(schedulers), milestones=len(milestones)
            )
            raise ValueError(message)
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # Each scheduler took its first step when it was made: start anew, with the first alone.
        for group in optimizer.param_groups:
            assign(group, "lr", group["initial_lr"])
        _undo(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    @property
    def formula(self) -> str:  # type: ignore[override]
        """The formula of the scheduler whose turn it is."""
        return self._schedulers[bisect_right(self._milestones, self.last_epoch)].formula

    def words(self, i: int) -> dict[str, Any]:
        return self._schedulers[bisect_right(self._milestones, self.last_epoch)].words(i)

    def step(self) -> None:  # type: ignore[override]
        """Set the next learning rates."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(scheduler: LRScheduler) -> None:
    """Take one step back, in all of its parts."""
    if isinstance(scheduler, _Several):
        for part in scheduler._schedulers:
            _undo(part)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Several):
    """All schedulers at every step, each going on from what the one before it made."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        self.optimizer = attached(self, self._check(schedulers, optimizer))
        self._schedulers = list(schedulers)
        self._last_lr = settings(self.optimizer, "lr")

    @property
    def formula(self) -> str:  # type: ignore[override]
        """One line for each scheduler, in their order."""
        return "\n".join(s.formula for s in self._schedulers)

    def step(self) -> None:  # type: ignore[override]
        """Set the next learning rates."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = settings(self.optimizer, "lr")
