"""Adam: every weight its own step size, from running means of its gradient and of its square.

Sources: Kingma and Ba, Adam (2015); Reddi et al., On the convergence of Adam and beyond (2018),
for amsgrad; Loshchilov and Hutter, Decoupled weight decay regularization (2019), for AdamW.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.optim.checks import check_tensors
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import mean, mean_square, scalar


class Adam(Optimizer):
    """w = w - lr * m_hat / (sqrt(v_hat) + eps). betas: how much of the running means m and v
    stays at each step; weight_decay is added to the gradient, or with decoupled_weight_decay
    shrinks w itself; amsgrad: v never shrinks. foreach, fused: how PyTorch would run it, nothing
    here."""

    elementwise = True
    names = {"m": "exp_avg", "v": "exp_avg_sq", "v_max": "max_exp_avg_sq"}
    nonnegative = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        check_tensors(lr, betas, foreach=bool(foreach) and not capturable)
        settings = {
            "lr": lr,
            "betas": tuple(map(float, betas)),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, settings)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = self.downhill_rule(group)
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
            state["step"] = scalar(0)
            state["exp_avg"], state["exp_avg_sq"] = np.zeros_like(w), np.zeros_like(w)
        if group["amsgrad"] and "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        beta1, beta2 = group["betas"]
        state["step"] += 1
        t = state["step"].item()
        g, out = self.downhill(w, g, group), self.scratch(w)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        mean(m, beta1, g, out)
        mean_square(v, beta2, g, out)
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        # m_hat / (sqrt(v_hat) + eps), multiplied out so that no pass goes to the corrections.
        correction = math.sqrt(1 - beta2**t)
        np.sqrt(v, out=out)
        out += group["eps"] * correction
        np.divide(m, out, out=out)
        out *= group["lr"] * correction / (1 - beta1**t)
        w -= out


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves, whatever their gradient."""

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
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
