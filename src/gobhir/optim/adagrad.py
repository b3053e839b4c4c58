"""Adagrad: the more a weight has been moved, the smaller its next step.

Source: Duchi, Hazan and Singer, Adaptive subgradient methods (2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import scalar


class Adagrad(Optimizer):
    """w = w - lr * g / (sqrt(s) + eps), s the sum of all squared gradients so far.
    initial_accumulator_value: where s starts; lr_decay: lr shrinks as 1 / (1 + (t - 1) lr_decay).
    foreach, fused: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"s": "sum"}
    nonnegative = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        settings = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, settings)
        for p in self._all():
            start: State = {}
            self.begin(p.array, settings, start)
            self.state[p] = {k: Tensor._wrap(v) for k, v in start.items()}

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = [*self.downhill_rule(group), Assignment("s", "s + g**2")]
        rate = "lr"
        if group["lr_decay"]:
            lines.append(Assignment("rate", "lr / (1 + (t - 1) * lr_decay)"))
            rate = "rate"
        return (*lines, Assignment("w", f"w - {rate} * g / (sqrt(s) + eps)"))

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"] = scalar(0)
            # Not the group's: PyTorch takes the optimizer's for all groups.
            state["sum"] = np.full_like(w, self.defaults["initial_accumulator_value"])

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        rate = group["lr"] / (1 + state["step"].item() * group["lr_decay"])
        state["step"] += 1
        g, out = self.downhill(w, g, group), self.scratch(w)
        s = state["sum"]
        s += np.multiply(g, g, out=out)
        np.sqrt(s, out=out)
        out += group["eps"]
        np.divide(g, out, out=out)
        out *= rate
        w -= out
