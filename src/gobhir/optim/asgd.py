"""ASGD: plain descent, and beside it the mean of the weights that it went through.

Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import scalar


class ASGD(Optimizer):
    """w = (1 - lambd * rate) * w - rate * g, where rate falls from lr as 1 / t**alpha. The mean of
    w from step t0 on is kept in `state[p]["ax"]`. foreach: how PyTorch would run it, nothing
    here."""

    elementwise = True
    names = {"a": "ax", "rate": "eta", "mu": "mu"}
    shared = ("step", "eta", "mu")
    nonnegative = ("lr", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        settings = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
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
            Assignment("w", "(1 - lambd * rate) * w - rate * g"),
            Assignment("a", "a + mu * (w - a)"),
            Assignment("rate", "lr / (1 + lambd * lr * t) ** alpha"),
            Assignment("mu", "1 / max(1, t - t0)"),
        )

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"], state["eta"], state["mu"] = scalar(0), scalar(group["lr"]), scalar(1)
            state["ax"] = np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        rate, mu, lr, lambd = state["eta"].item(), state["mu"].item(), group["lr"], group["lambd"]
        state["step"] += 1
        t = state["step"].item()
        g, out = self.downhill(w, g, group), self.scratch(w)
        w *= 1 - lambd * rate
        w -= np.multiply(g, rate, out=out)
        a = state["ax"]
        if mu == 1:
            a[...] = w
        else:
            np.subtract(w, a, out=out)
            out *= mu
            a += out
        state["eta"][...] = scalar(lr / (1 + lambd * lr * t) ** group["alpha"])
        state["mu"][...] = scalar(1 / max(1, t - group["t0"]))
