"""Adadelta: steps as large as the weight's recent steps, by its recent gradients.

Source: Zeiler, Adadelta: an adaptive learning rate method (2012).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim.checks import check_range
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import mean_square, scalar


class Adadelta(Optimizer):
    """w = w - lr * d, d = g * sqrt(u + eps) / sqrt(v + eps), v and u the running means of g**2
    and d**2, of which rho stays at each step. foreach: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"v": "square_avg", "u": "acc_delta"}
    nonnegative = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        settings = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, settings)

    def check(self, group: Group) -> None:
        super().check(group)
        check_range("rho", group["rho"], most=1.0)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        return (
            *self.downhill_rule(group),
            Assignment("v", "rho * v + (1 - rho) * g**2"),
            Assignment("d", "sqrt(u + eps) / sqrt(v + eps) * g"),
            Assignment("u", "rho * u + (1 - rho) * d**2"),
            Assignment("w", "w - lr * d"),
        )

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"] = scalar(0)
            state["square_avg"], state["acc_delta"] = np.zeros_like(w), np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        rho, eps = group["rho"], group["eps"]
        state["step"] += 1
        g, out, d = self.downhill(w, g, group), self.scratch(w), self.scratch(w, 2)
        v, u = state["square_avg"], state["acc_delta"]
        mean_square(v, rho, g, out)
        np.add(v, eps, out=out)
        np.sqrt(out, out=out)
        np.add(u, eps, out=d)
        np.sqrt(d, out=d)
        d /= out
        d *= g
        mean_square(u, rho, d, out)
        d *= group["lr"]
        w -= d
