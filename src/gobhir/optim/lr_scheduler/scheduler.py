"""What all schedulers share: counting steps, and writing learning rates into the optimizer.

Behaviour: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from __future__ import annotations

import math
from typing import Any
from weakref import ref

from gobhir.engine import Tensor
from gobhir.lang import say, warn
from gobhir.optim.optimizer import Group, Optimizer

FUNCTIONS = {"cos": math.cos, "pi": math.pi, "floor": math.floor, "min": min, "max": max}
"""What formulas may use besides `words`."""


class LRScheduler:
    """Base of all schedulers. `step()` after each epoch (or batch) sets the next learning rate
    of every parameter group.

    formula: the learning rate in Python's notation, by the words of `words`: t counts the
    scheduler's steps, lr0 is where the group started, lr where it stands; the others are
    settings. It is evaluated to get the learning rate, unless `get_lr` says how to come from one
    to the next, which leaves room for others to change it in between.
    last_epoch: where to go on; -1 is the beginning.
    """

    formula = ""
    last_epoch: int
    base_lrs: list[Any]
    _is_initial = False
    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer = attached(self, checked(optimizer))
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(say("errors.schedule.initial_lr", group=i))
        self.base_lrs = settings(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        if optimizer._opt_called is None:
            optimizer._opt_called = False
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def words(self, i: int) -> dict[str, Any]:
        """What the words of `formula` stand for at this moment, for parameter group i."""
        own = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        place = {"t": self.last_epoch, "lr0": self.base_lrs[i]}
        return own | place | {"lr": self.optimizer.param_groups[i]["lr"]}

    def get_lr(self) -> list[Any]:
        """The learning rate of each group at `last_epoch`."""
        if not self.formula:
            raise NotImplementedError(say("errors.schedule.get_lr", scheduler=type(self).__name__))
        self._warn_outside()
        return self._by_formula()

    def _by_formula(self) -> list[Any]:
        count = len(self.optimizer.param_groups)
        return [eval(self.formula, FUNCTIONS | self.words(i)) for i in range(count)]

    def _warn_outside(self) -> None:
        if not self._get_lr_called_within_step:
            warn(say("errors.schedule.get_last_lr"))

    def get_last_lr(self) -> list[Any]:
        """The learning rate of each group as it was last set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the next learning rates. epoch: jump there (deprecated in PyTorch)."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warn(say("errors.schedule.order"))
        self._step_count += 1
        if epoch is not None:
            warn(say("errors.schedule.epoch"))
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                values = self._by_formula() if self.formula else self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)

    def _set(self, values: list[Any]) -> None:
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            assign(group, "lr", value)
        self._last_lr = settings(self.optimizer, "lr")

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on from here."""
        return {k: v for k, v in vars(self).items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a saved state, Gobhir's or PyTorch's."""
        vars(self).update(state_dict)


def checked(optimizer: Any) -> Optimizer:
    """The optimizer; TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(say("errors.schedule.optimizer", type=type(optimizer).__name__))
    return optimizer


def attached(scheduler: Any, optimizer: Optimizer) -> Optimizer:
    """The optimizer, which from now on knows who sets its learning rates."""
    vars(optimizer).setdefault("schedulers", []).append(ref(scheduler))
    return optimizer


def copied(value: Any) -> Any:
    """The setting itself, of one that is a Tensor a copy: `assign` writes into it."""
    return Tensor._wrap(value.array.copy()) if isinstance(value, Tensor) else value


def settings(optimizer: Optimizer, key: str) -> list[Any]:
    """This setting of each group."""
    return [copied(group[key]) for group in optimizer.param_groups]


def assign(group: Group, key: str, value: Any) -> None:
    """Set a setting; one that is a Tensor stays the same Tensor with another number in it."""
    old = group[key]
    if isinstance(old, Tensor):
        old.array[...] = value.array if isinstance(value, Tensor) else value
    else:
        group[key] = value


def each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value a group: the same for all, or a list of as many as there are groups."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        message = say("errors.schedule.each_group", name=name, got=len(values), want=count)
        raise ValueError(message)
    return [copied(v) for v in values]


def set_momentum(group: Group, value: float) -> None:
    """The momentum of the group: its first beta where it has betas."""
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def check_momentum(optimizer: Optimizer) -> bool:
    """Whether the optimizer's momentum is its first beta; ValueError where it has none."""
    if not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(say("errors.schedule.no_momentum", optimizer=type(optimizer).__name__))
    return "betas" in optimizer.defaults
