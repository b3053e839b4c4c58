"""Learning rates that a function of the learner's own says.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from gobhir.lang import say
from gobhir.optim.lr_scheduler.scheduler import LRScheduler, each_group, settings
from gobhir.optim.optimizer import Optimizer

Function = Callable[[int], float]


class _ByFunction(LRScheduler):
    """lr_lambda: a function of the number of steps, or one for each group."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1
    ):
        self.lr_lambdas = each_group("lr_lambda", optimizer, lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(say("errors.schedule.function", type=type(function).__name__))
        super().__init__(optimizer, last_epoch)

    def words(self, i: int) -> dict[str, Any]:
        return super().words(i) | {"lr_lambda": self.lr_lambdas[i]}

    def state_dict(self) -> dict[str, Any]:
        """Functions themselves are not saved; of callable objects, their attributes are."""
        saved = [
            None if isinstance(f, types.FunctionType) else vars(f).copy() for f in self.lr_lambdas
        ]
        return super().state_dict() | {"lr_lambdas": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        rest = {k: v for k, v in state_dict.items() if k != "lr_lambdas"}
        super().load_state_dict(rest)
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if saved is not None:
                vars(function).update(saved)


class LambdaLR(_ByFunction):
    """The starting learning rate times lr_lambda(t)."""

    formula = "lr0 * lr_lambda(t)"


class MultiplicativeLR(_ByFunction):
    """At each step, multiply by lr_lambda(t)."""

    formula = "lr * lr_lambda(t)"

    def get_lr(self) -> list[Any]:
        return settings(self.optimizer, "lr") if self._is_initial else super().get_lr()
