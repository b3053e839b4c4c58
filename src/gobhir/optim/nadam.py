"""NAdam: Adam that looks one step ahead along its momentum.

Source: Dozat, Incorporating Nesterov momentum into Adam (2016), with PyTorch's schedule for mu.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import mean, mean_square, scalar


class NAdam(Optimizer):
    """w = w - lr * m_hat / (sqrt(v_hat) + eps), where m_hat is the mean as it will be after the
    next step. momentum_decay: how fast the weight mu of the momentum grows towards beta1;
    decoupled_weight_decay: as in AdamW. foreach: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"m": "exp_avg", "v": "exp_avg_sq", "mu_product": "mu_product"}
    shared = ("step", "mu_product")
    nonnegative = ("lr", "eps", "weight_decay", "momentum_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, settings)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        return (
            *self.downhill_rule(group),
            Assignment("mu", "beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))"),
            Assignment("mu_next", "beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))"),
            Assignment("mu_product", "mu_product * mu"),
            Assignment("m", "beta1 * m + (1 - beta1) * g"),
            Assignment("v", "beta2 * v + (1 - beta2) * g**2"),
            Assignment(
                "m_hat",
                "mu_next * m / (1 - mu_product * mu_next) + (1 - mu) * g / (1 - mu_product)",
            ),
            Assignment("v_hat", "v / (1 - beta2**t)"),
            Assignment("w", "w - lr * m_hat / (sqrt(v_hat) + eps)"),
        )

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"], state["mu_product"] = scalar(0), scalar(1)
            state["exp_avg"], state["exp_avg_sq"] = np.zeros_like(w), np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        state["step"] += 1
        t = state["step"].item()
        mu, mu_next = (
            beta1 * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"])) for step in (t, t + 1)
        )
        state["mu_product"] *= mu
        product = state["mu_product"].item()
        g, out = self.downhill(w, g, group), self.scratch(w)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        mean(m, beta1, g, out)
        mean_square(v, beta2, g, out)
        ahead = np.multiply(m, lr * mu_next / (1 - product * mu_next), out=self.scratch(w, 2))
        ahead += np.multiply(g, lr * (1 - mu) / (1 - product), out=out)
        np.divide(v, 1 - beta2**t, out=out)
        np.sqrt(out, out=out)
        out += group["eps"]
        ahead /= out
        w -= ahead
