"""Rprop: only the sign of the gradient counts; steps grow while it stays and shrink when it turns.

Source: Riedmiller and Braun, A direct adaptive method for faster backpropagation learning (1993).
For full batches: with small ones the sign turns by chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import scalar


class Rprop(Optimizer):
    """w = w - sign(g) * s. The step s starts at lr, is multiplied by etas[1] when g has the sign
    of the step before and by etas[0] when it has the other (w then rests for one step), and stays
    within step_sizes. foreach: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"s": "step_size", "g_prev": "prev"}
    nonnegative = ("lr",)

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        settings = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, settings)

    def check(self, group: Group) -> None:
        super().check(group)
        if not 0 < group["etas"][0] < 1 < group["etas"][1]:
            raise ValueError(say("errors.optim.etas", etas=group["etas"]))

    def hyper(self, group: Group, state: State) -> dict[str, Any]:
        names = ("eta_minus", "eta_plus", "s_min", "s_max")
        values = (*group["etas"], *group["step_sizes"])
        return super().hyper(group, state) | dict(zip(names, values, strict=True))

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        factor = "eta_plus if turn > 0 else eta_minus if turn < 0 else 1"
        lines = [Assignment("g", "-g")] if group["maximize"] else []
        return (
            *lines,
            Assignment("turn", "sign(g * g_prev)"),
            Assignment("factor", factor),
            Assignment("s", "min(max(s * factor, s_min), s_max)"),
            Assignment("g", "0 if turn < 0 else g"),
            Assignment("g_prev", "g"),
            Assignment("w", "w - sign(g) * s"),
        )

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" not in state:
            state["step"], state["prev"] = scalar(0), np.zeros_like(w)
            state["step_size"] = np.full_like(w, group["lr"])

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        eta_minus, eta_plus = group["etas"]
        prev, s = state["prev"], state["step_size"]
        state["step"] += 1
        out = self.scratch(w)
        if group["maximize"]:
            g = np.negative(g, out=self.scratch(w, 1))
        np.multiply(g, prev, out=out)
        turned = out < 0
        np.multiply(s, eta_plus, out=s, where=out > 0)
        np.multiply(s, eta_minus, out=s, where=turned)
        np.clip(s, *group["step_sizes"], out=s)
        prev[...] = g
        prev[turned] = 0
        np.sign(prev, out=out)
        out *= s
        w -= out
