"""How large weights, gradients and steps are, and what a training was set to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.lift.diary import Row, Watched

SAMPLE = 1 << 16
"""So many numbers of a parameter, evenly spread, stand for all of it."""


class Measuring:
    """Measures one model's parameters. numbers: what gives a tensor's array, shared."""

    def __init__(self, model: Any, optimizer: Any, numbers: Callable[[Any], Any]):
        self.optimizer, self.numbers = optimizer, numbers
        self.parameters = [p for _, p in model.named_parameters()]
        self.watched = _watched(model, optimizer)
        self._before: list[np.ndarray] = []

    def begin(self) -> None:
        """Remember the weights as they are before a step."""
        self._before = [self._sample(p).copy() for p in self.parameters]

    def end(self, step: int) -> tuple[Row | None, str | None]:
        """What the step changed, if its beginning was seen; and the layer nearest to the loss whose
        gradients were no numbers, if any."""
        if not self._before:
            return None, None
        sizes, sick = [], None
        for watched, p, before in zip(self.watched, self.parameters, self._before, strict=True):
            moved = _norm(self._sample(p) - before)
            watched.wanted |= bool(p.requires_grad)
            watched.moved |= moved > 0
            pull = math.nan
            if p.grad is not None:
                g = self._sample(p.grad)
                pull = _norm(g)
                watched.reached = True
                watched.pulled |= pull > 0
                if not math.isfinite(pull) and not np.isfinite(g).all():
                    sick = watched.layer
            sizes.append((pull, _norm(before), moved))
        self._before = []
        gradient, weight, update = np.array(sizes).reshape(-1, 3).T
        lr = float(self.optimizer.param_groups[0].get("lr", math.nan))
        return Row(step, lr, gradient, weight, update), sick

    def settings(self) -> dict[str, Any]:
        """Of the optimizer's first group: how much of the old direction it keeps, and how much of
        the weights it takes away in a step."""
        group = self.optimizer.param_groups[0]
        betas = group.get("betas") or (0.0,)
        return {
            "momentum": float(group.get("momentum") or betas[0]),
            "decay": float(group.get("weight_decay") or 0.0),
        }

    def alike(self) -> list[str]:
        """Matrices of weights whose rows are all the same: units that nothing tells apart."""
        found = []
        for watched, p in zip(self.watched, self.parameters, strict=True):
            if watched.weighs and len(p) > 1:
                rows = self.numbers(p).reshape(len(p), -1)
                room = 1e-5 * float(np.abs(rows).max(initial=0.0))
                if bool((np.abs(rows - rows[0]) <= room).all()):
                    found.append(watched.name)
        return found

    def _sample(self, tensor: Any) -> np.ndarray:
        a: np.ndarray = self.numbers(tensor)
        if a.size <= SAMPLE:
            return a.reshape(-1)
        stride = a.size // SAMPLE
        while math.gcd(stride, a.shape[-1]) > 1:  # else always the same columns
            stride += 1
        return a.reshape(-1)[::stride]


def _watched(model: Any, optimizer: Any) -> list[Watched]:
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    kinds = {path: type(m).__name__ for path, m in model.named_modules()}
    found = []
    for name, p in model.named_parameters():
        layer = name.rpartition(".")[0]
        own = id(getattr(p, "variable", p)) in given
        found.append(Watched(name, layer, kinds.get(layer, ""), tuple(p.shape), own))
    return found


def _norm(a: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return math.sqrt(float(np.dot(a, a))) if a.dtype.kind == "f" else 0.0
