"""RAdam: Adam that does not trust the size of its steps before it has seen enough gradients.

Source: Liu et al., On the variance of the adaptive learning rate and beyond (2020).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import mean, mean_square, scalar


class RAdam(Optimizer):
    """w = w - lr * m_hat * r / sqrt(v_hat), r from 0 to 1 by how many gradients stand behind v;
    w = w - lr * m_hat while they are too few (rho up to 5). decoupled_weight_decay: as in AdamW.
    foreach: how PyTorch would run it, nothing here."""

    elementwise = True
    steady = False  # it changes when rho passes 5
    names = {"m": "exp_avg", "v": "exp_avg_sq"}
    nonnegative = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ):
        settings = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, settings)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = [
            *self.downhill_rule(group),
            Assignment("m", "beta1 * m + (1 - beta1) * g"),
            Assignment("v", "beta2 * v + (1 - beta2) * g**2"),
            Assignment("m_hat", "m / (1 - beta1**t)"),
        ]
        if self._rho(group, state.get("step", 0) + 1) <= 5:
            return (*lines, Assignment("w", "w - lr * m_hat"))
        return (
            *lines,
            Assignment("rho_inf", "2 / (1 - beta2) - 1"),
            Assignment("rho", "rho_inf - 2 * t * beta2**t / (1 - beta2**t)"),
            Assignment(
                "r",
                "sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))",
            ),
            Assignment("w", "w - lr * m_hat * r * sqrt(1 - beta2**t) / (sqrt(v) + eps)"),
        )

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"] = scalar(0)
            state["exp_avg"], state["exp_avg_sq"] = np.zeros_like(w), np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        beta1, beta2 = group["betas"]
        state["step"] += 1
        t = state["step"].item()
        g, out = self.downhill(w, g, group), self.scratch(w)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        mean(m, beta1, g, out)
        mean_square(v, beta2, g, out)
        size = group["lr"] / (1 - beta1**t)
        rho = self._rho(group, t)
        if rho > 5:
            rho_inf = 2 / (1 - beta2) - 1
            shrink = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
            size *= math.sqrt(shrink) * math.sqrt(1 - beta2**t)
            np.sqrt(v, out=out)
            out += group["eps"]
            m = np.divide(m, out, out=out)
        w -= np.multiply(m, size, out=out)

    def _rho(self, group: Group, t: float) -> float:
        """How many gradients stand behind v, as if it were a plain mean."""
        beta2 = group["betas"][1]
        return 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)
