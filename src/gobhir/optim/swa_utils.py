"""Weights averaged over the steps of a training, which often do better than the last ones.

Sources: Izmailov et al., Averaging weights leads to wider optima and better generalization
(2018), for SWA; Polyak and Juditsky, Acceleration of stochastic approximation by averaging
(1992). Behaviour: https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.tape import no_grad
from gobhir.lang import say
from gobhir.nn.module import Module
from gobhir.optim.checks import check_range
from gobhir.optim.lr_scheduler.scheduler import FUNCTIONS, LRScheduler, each_group
from gobhir.optim.optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
AverageAll = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """average, now, how many so far -> decay * average + (1 - decay) * now: the exponential
    moving average. ValueError unless decay is in [0, 1]."""
    check_range("decay", decay, most=1.0)

    @no_grad()
    def ema(average: Tensor, now: Tensor, count: Any) -> Tensor:
        return decay * average + (1 - decay) * now

    return ema


def get_swa_avg_fn() -> Average:
    """average, now, how many so far -> the plain mean of all."""

    @no_grad()
    def swa(average: Tensor, now: Tensor, count: Any) -> Tensor:
        return average + (now - average) / (count + 1)

    return swa


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageAll:
    """As get_ema_avg_fn, for lists of tensors, in place."""
    return _all_in_place(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> AverageAll:
    """As get_swa_avg_fn, for lists of tensors, in place."""
    return _all_in_place(get_swa_avg_fn())


def _all_in_place(one: Average) -> AverageAll:
    @no_grad()
    def every(averages: Sequence[Tensor], now: Sequence[Tensor], count: Any) -> None:
        for a, b in zip(averages, now, strict=True):
            a.copy_(one(a, b, count))

    return every


class AveragedModel(Module):
    """A copy of `model`, as `module`, that `update_parameters(model)` makes the average of the
    model's weights so far; `n_averaged` says of how many.

    avg_fn: average, now, n_averaged -> new average (the plain mean); multi_avg_fn: the same for
    lists of tensors, in place. use_buffers: average buffers too, instead of copying them.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: AverageAll | None = None,
        use_buffers: bool = False,
    ):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError(say("errors.optim.two_averages"))
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", Tensor._wrap(np.zeros((), np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's weights, as they are now, into the average."""
        averages, now = (
            [
                t.detach()
                for t in (
                    chain(m.parameters(), m.buffers()) if self.use_buffers else m.parameters()
                )
            ]
            for m in (self.module, model)
        )
        if not self.n_averaged.item():
            for a, b in zip(averages, now, strict=True):
                a.copy_(b)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(averages, now, self.n_averaged)
        else:
            _all_in_place(self.avg_fn or get_swa_avg_fn())(averages, now, self.n_averaged)
        if not self.use_buffers:
            for a, b in zip(self.module.buffers(), model.buffers(), strict=True):
                a.copy_(b)
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Let the model's BatchNorms collect mean and variance anew, over one pass through the
    data: averaged weights give other activations than those that were seen in training.

    loader: batches of inputs, or lists and tuples that begin with one.
    """
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    momenta = [m.momentum for m in norms]
    training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """From the learning rate as it is to swa_lr in anneal_epochs steps, along half a cosine or
    ("linear") a straight line, and no further."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        for group, lr in zip(
            optimizer.param_groups, each_group("swa_lr", optimizer, swa_lr), strict=True
        ):
            group["swa_lr"] = lr
        if anneal_strategy not in _PARTS:
            raise ValueError(say("errors.schedule.anneal", value=anneal_strategy))
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            message = say("errors.optim.negative", name="anneal_epochs", value=anneal_epochs)
            raise ValueError(message)
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    @property
    def formula(self) -> str:  # type: ignore[override]  # it depends on anneal_strategy
        part = _PARTS[self._anneal_strategy]
        return f"lr0 + (swa_lr - lr0) * {part}"

    def words(self, i: int) -> dict[str, Any]:
        """x: how much of the way is done, from 0 to 1."""
        group = self.optimizer.param_groups[i]
        return super().words(i) | {"swa_lr": group["swa_lr"], "x": self._way(self._step_count - 1)}

    def _way(self, step: int) -> float:
        if self.anneal_epochs == 0:
            step = max(1, step)
        return max(0.0, min(1.0, step / max(1, self.anneal_epochs)))

    def get_lr(self) -> list[Any]:
        self._warn_outside()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        part = _PARTS[self._anneal_strategy]
        before, now = (eval(part, FUNCTIONS | {"x": self._way(s)}) for s in (step - 1, step))
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            # Where a straight way to the end, of which `before` is done, would have started.
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates


_PARTS = {"cos": "(1 - cos(pi * x)) / 2", "linear": "x"}
