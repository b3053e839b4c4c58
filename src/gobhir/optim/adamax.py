"""Adamax: Adam that divides by the largest recent gradient instead of the mean square.

Source: Kingma and Ba, Adam (2015), section 7.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import mean, scalar


class Adamax(Optimizer):
    """w = w - lr / (1 - beta1**t) * m / u, u the largest gradient, fading by beta2 at each step.
    foreach: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"m": "exp_avg", "u": "exp_inf"}
    nonnegative = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        settings = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, settings)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        return (
            *self.downhill_rule(group),
            Assignment("m", "beta1 * m + (1 - beta1) * g"),
            Assignment("u", "max(beta2 * u, abs(g) + eps)"),
            Assignment("m_hat", "m / (1 - beta1**t)"),
            Assignment("w", "w - lr * m_hat / u"),
        )

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"] = scalar(0)
            state["exp_avg"], state["exp_inf"] = np.zeros_like(w), np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        beta1, beta2 = group["betas"]
        state["step"] += 1
        g, out = self.downhill(w, g, group), self.scratch(w)
        m, u = state["exp_avg"], state["exp_inf"]
        mean(m, beta1, g, out)
        np.absolute(g, out=out)
        out += group["eps"]
        u *= beta2
        np.maximum(u, out, out=u)
        np.divide(m, u, out=out)
        out *= group["lr"] / (1 - beta1 ** state["step"].item())
        w -= out
