"""RMSprop: steps divided by the recent size of the gradient.

Sources: Hinton, Neural networks for machine learning, lecture 6e (2012); Graves, Generating
sequences with recurrent neural networks (2013), for centered.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import mean, mean_square, scalar


class RMSprop(Optimizer):
    """w = w - lr * g / (sqrt(v) + eps), v the running mean of g**2, of which alpha stays at each
    step. centered: divide by the standard deviation sqrt(v - m**2) instead; momentum: how much
    of the last step stays. foreach: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"v": "square_avg", "m": "grad_avg", "b": "momentum_buffer"}
    nonnegative = ("lr", "eps", "momentum", "weight_decay", "alpha")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        settings = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, settings)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = self.downhill_rule(group)
        lines.append(Assignment("v", "alpha * v + (1 - alpha) * g**2"))
        square = "v"
        if group["centered"]:
            lines.append(Assignment("m", "alpha * m + (1 - alpha) * g"))
            square = "v - m**2"
        if not group["momentum"]:
            return (*lines, Assignment("w", f"w - lr * g / (sqrt({square}) + eps)"))
        lines.append(Assignment("b", f"momentum * b + g / (sqrt({square}) + eps)"))
        return (*lines, Assignment("w", "w - lr * b"))

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"], state["square_avg"] = scalar(0), np.zeros_like(w)
        if group["momentum"] and "momentum_buffer" not in state:
            state["momentum_buffer"] = np.zeros_like(w)
        if group["centered"] and "grad_avg" not in state:
            state["grad_avg"] = np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        state["step"] += 1
        g, out = self.downhill(w, g, group), self.scratch(w)
        v, alpha = state["square_avg"], group["alpha"]
        mean_square(v, alpha, g, out)
        if group["centered"]:
            m = state["grad_avg"]
            mean(m, alpha, g, out)
            np.multiply(m, m, out=out)
            v = np.subtract(v, out, out=out)
        np.sqrt(v, out=out)
        out += group["eps"]
        np.divide(g, out, out=out)
        if group["momentum"]:
            b = state["momentum_buffer"]
            b *= group["momentum"]
            b += out
            np.multiply(b, group["lr"], out=out)
        else:
            out *= group["lr"]
        w -= out
