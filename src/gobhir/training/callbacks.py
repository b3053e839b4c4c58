"""Callbacks: what happens beside training, each told by fit when something has happened
(the pattern Observer: https://en.wikipedia.org/wiki/Observer_pattern).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gobhir.lang import say, t, warn
from gobhir.training.history import default_monitor, direction, title

if TYPE_CHECKING:
    from gobhir.training.run import Run


class Callback:
    """Base of callbacks. A subclass says what it does at the moments that it cares about.

    run: the model, the optimizer, where training stands (`run.epoch`, `run.batch`,
    `run.batch_loss`, `run.row`, `run.history`), and `run.stop()`.
    """

    def on_fit_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_fit_end(self, run: Run) -> None:
        """After the last epoch, also when training was stopped or interrupted."""

    def on_fit_exit(self, run: Run, trouble: BaseException | None) -> None:
        """At the very end, whatever it was; `trouble`: the exception that ended training. Only
        those are told who were told of the beginning."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before an epoch's first batch."""

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation; `run.row` is its row of the history."""

    def on_batch_begin(self, run: Run) -> None:
        """Before a training step."""

    def on_batch_end(self, run: Run) -> None:
        """After a training step; `run.batch_loss` is its loss."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to keep so that this callback can go on."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


class Call(Callback):
    """A plain function as a callback: called with `run` after each epoch."""

    def __init__(self, function: Callable[[Run], Any]):
        self.function = function

    def on_epoch_end(self, run: Run) -> None:
        self.function(run)


class KeepBest(Callback):
    """Keeps a copy of the weights of the best epoch, and gives them back at the end.

    monitor: the column that tells (default: val_loss, else loss). mode: "min" or "max"; "auto"
    knows losses and this package's metrics. min_delta: how much better counts as better.
    restore: whether the model ends with the best weights; if not, it does so only after Ctrl-C.
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: str = "auto",
        min_delta: float = 0.0,
        restore: bool = True,
    ):
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.restore = restore
        self.epoch = 0
        self.value = math.nan
        self.weights: dict[str, Any] | None = None
        if monitor is not None:
            direction(monitor, mode)

    def on_fit_begin(self, run: Run) -> None:
        if self.weights is None or not run.resumed:
            # How it was before: what is left when the very first epoch goes wrong.
            self.epoch, self.value, self.weights = 0, math.nan, run.backend.weights()

    def on_epoch_end(self, run: Run) -> None:
        monitor = self.monitor or default_monitor(run.row)
        if monitor not in run.row:
            known = ", ".join(run.row)
            raise KeyError(say("errors.training.column", name=monitor, known=known))
        sign = direction(monitor, self.mode)
        value = run.row[monitor]
        if math.isnan(value):
            return
        if math.isnan(self.value) or sign * (self.value - value) > self.min_delta:
            self.epoch, self.value, self.weights = run.epoch, value, run.backend.weights()

    def on_fit_end(self, run: Run) -> None:
        if self.restore:
            self.give_back(run)

    def give_back(self, run: Run) -> None:
        """Give the model the weights of the best epoch, if one has ended."""
        if self.epoch and self.weights is not None:
            run.backend.put_weights(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "value": self.value, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.value, self.weights = state["epoch"], state["value"], state["weights"]


class EarlyStopping(KeepBest):
    """Stops when `patience` epochs in a row were not better by more than min_delta.

    restore_best: whether the model then has the weights of the best epoch, not of the last.
    """

    def __init__(
        self,
        patience: int = 5,
        min_delta: float = 0.0,
        monitor: str | None = None,
        mode: str = "auto",
        restore_best: bool = True,
    ):
        super().__init__(monitor, mode, min_delta, restore_best)
        if patience < 1:
            raise ValueError(say("errors.training.patience", patience=patience))
        self.patience = patience

    def on_epoch_end(self, run: Run) -> None:
        super().on_epoch_end(run)
        if run.epoch - self.epoch >= self.patience:
            monitor = self.monitor or default_monitor(run.row)
            run.stop("early", t("training.stopped.early", name=title(monitor), epoch=self.epoch))


class Schedule(Callback):
    """Moves a learning-rate scheduler on, after each epoch or each batch (with accumulate, after
    each batch whose step moves the weights).

    every: "epoch", "batch", or None: batch for the schedulers that count batches (one-cycle,
    cyclic), else epoch. A scheduler that waits for a plateau is shown the column `monitor`
    (default: val_loss, else loss).
    """

    def __init__(self, scheduler: Any, every: str | None = None, monitor: str | None = None):
        kind = type(scheduler).__name__
        if not hasattr(scheduler, "step"):
            raise TypeError(say("errors.training.scheduler", type=kind))
        self.scheduler = scheduler
        self.every = every or ("batch" if kind in ("OneCycleLR", "CyclicLR") else "epoch")
        if self.every not in ("epoch", "batch"):
            raise ValueError(say("errors.training.every", every=every))
        self.monitor = monitor
        self.plateau = kind == "ReduceLROnPlateau"

    def on_fit_begin(self, run: Run) -> None:
        if getattr(self.scheduler, "optimizer", run.optimizer) is not run.optimizer:
            raise ValueError(say("errors.training.foreign_scheduler"))

    def on_batch_end(self, run: Run) -> None:
        if self.every == "batch" and run.moved:
            self.scheduler.step()

    def on_epoch_end(self, run: Run) -> None:
        if self.plateau:
            self.scheduler.step(run.row[self.monitor or default_monitor(run.row)])
        elif self.every == "epoch":
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return dict(self.scheduler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state)


class Average(Callback):
    """A moving average of the weights, which the model has at the end: it answers better than the
    last weights, which still tremble (Polyak, Juditsky 1992, https://doi.org/10.1137/0330046;
    PyTorch calls it EMA). Not beside a callback that gives the best epoch's weights back.

    decay: how much of the average stays at each step; less in the first ones, or it would mostly
    remember where training began.
    """

    def __init__(self, decay: float):
        if not 0 < decay < 1:
            raise ValueError(say("errors.training.decay", decay=decay))
        self.decay = decay
        self.steps = 0
        self.mean: dict[str, Any] = {}

    def on_fit_begin(self, run: Run) -> None:
        if not run.resumed or not self.mean:
            self.steps, self.mean = 0, run.backend.weights()

    def on_batch_end(self, run: Run) -> None:
        if not run.moved:
            return
        self.steps += 1
        share = 1 - min(self.decay, self.steps / (self.steps + 10))
        for name, now in run.backend.weights().items():
            mean = self.mean[name]
            counts = "int" in str(now.dtype)  # BatchNorm's number of batches
            self.mean[name] = now if counts else mean + share * (now - mean)

    def on_fit_end(self, run: Run) -> None:
        run.backend.put_weights(self.mean)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps, self.mean = state["steps"], dict(state["mean"])


class StopTogether(Callback):
    """Of several processes, all stop when one does."""

    def on_epoch_end(self, run: Run) -> None:
        if run.backend.group.agree(run.stop_reason is not None):
            run.stop()


def callback(wish: Any) -> Callback:
    """A Callback: `wish` itself, or a function that is called after each epoch."""
    if isinstance(wish, type) and issubclass(wish, Callback):
        wish = wish()
    if isinstance(wish, Callback):
        for name in dir(type(wish)):
            if name.startswith("on_") and not hasattr(Callback, name):
                known = [n for n in vars(Callback) if n.startswith("on_")]
                warn(say("errors.training.moment", name=name, known=", ".join(known)))
        return wish
    if callable(wish):
        return Call(wish)
    raise TypeError(say("errors.training.callback", type=type(wish).__name__))


def observers(callbacks: Any, scheduler: Any, run: Run) -> list[Callback]:
    """All callbacks of a run in the order in which they are told."""
    wishes = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    told = [callback(run.backend.callback(wish)) for wish in wishes]
    schedulers = scheduler if isinstance(scheduler, (list, tuple)) else [scheduler]
    for one in schedulers:
        if callable(one):
            one = one(run.optimizer)
        if one is not None:
            told.append(one if isinstance(one, Schedule) else Schedule(one))
    if not any(isinstance(c, KeepBest) for c in told):
        told.insert(0, KeepBest(restore=False))
    return told


def overrides(callback: Callback, method: str) -> bool:
    """Whether a callback does anything at that moment."""
    return getattr(type(callback), method) is not getattr(Callback, method)
