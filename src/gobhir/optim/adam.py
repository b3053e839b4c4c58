"""Adam: every weight its own step size, from running means of its gradient and of its square.

Sources: Kingma and Ba, Adam (2015); Reddi et al., On the convergence of Adam and beyond (2018),
for amsgrad; Loshchilov and Hutter, Decoupled weight decay regularization (2019), for AdamW.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.optim.optimizer import Assignment, Group, Optimizer, State, check_range


class Adam(Optimizer):
    """w = w - lr * m_hat / (sqrt(v_hat) + eps). betas: how much of the running means m and v
    stays at each step; weight_decay is added to the gradient; amsgrad: v never shrinks."""

    names = {"m": "exp_avg", "v": "exp_avg_sq", "v_max": "max_exp_avg_sq"}
    decoupled = False
    """Weight decay changes w itself instead of the gradient."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        settings = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, settings)

    def check(self, group: Group) -> None:
        check_range("lr", group["lr"])
        check_range("eps", group["eps"])
        for beta in group["betas"]:
            check_range("beta", beta, below=1.0)
        check_range("weight_decay", group["weight_decay"])

    def hyper(self, group: Group, state: State) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return super().hyper(group, state) | {"beta1": beta1, "beta2": beta2}

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = []
        if group["maximize"]:
            lines.append(Assignment("g", "-g"))
        if group["weight_decay"] and self.decoupled:
            lines.append(Assignment("w", "w - lr * weight_decay * w"))
        elif group["weight_decay"]:
            lines.append(Assignment("g", "g + weight_decay * w"))
        lines.append(Assignment("m", "beta1 * m + (1 - beta1) * g"))
        lines.append(Assignment("v", "beta2 * v + (1 - beta2) * g**2"))
        largest = "v"
        if group["amsgrad"]:
            lines.append(Assignment("v_max", "max(v_max, v)"))
            largest = "v_max"
        lines.append(Assignment("m_hat", "m / (1 - beta1**t)"))
        lines.append(Assignment("v_hat", f"{largest} / (1 - beta2**t)"))
        return (*lines, Assignment("w", "w - lr * m_hat / (sqrt(v_hat) + eps)"))

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = np.zeros_like(w), np.zeros_like(w)
        if group["amsgrad"] and "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        beta1, beta2 = group["betas"]
        t = state["step"] = state["step"] + 1
        if group["maximize"]:
            g = -g
        if group["weight_decay"] and self.decoupled:
            w *= 1 - group["lr"] * group["weight_decay"]
        elif group["weight_decay"]:
            g = g + group["weight_decay"] * w
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        root = np.sqrt(v) / math.sqrt(1 - beta2**t)
        w -= (group["lr"] / (1 - beta1**t)) * (m / (root + group["eps"]))


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves, whatever their gradient."""

    decoupled = True

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
