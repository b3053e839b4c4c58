"""SGD: walk down the slope; with momentum, keep rolling.

Source: Sutskever et al., On the importance of initialization and momentum in deep learning (2013),
with the learning rate outside the velocity, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State


class SGD(Optimizer):
    """w = w - lr * g. momentum: how much of the last step's velocity stays; dampening: how much
    of the gradient does not enter it; weight_decay: pulls weights towards 0; nesterov: look
    ahead; maximize: walk up instead. foreach, fused: how PyTorch would run it, nothing here."""

    elementwise = True
    names = {"v": "momentum_buffer"}
    nonnegative = ("lr", "momentum", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        settings = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, settings)

    def check(self, group: Group) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(say("errors.optim.nesterov"))

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = self.downhill_rule(group)
        step = "g"
        if group["momentum"]:
            entering = "(1 - dampening) * g" if group["dampening"] else "g"
            rolling = "momentum_buffer" in state
            lines.append(Assignment("v", f"momentum * v + {entering}" if rolling else "g"))
            step = "v"
            if group["nesterov"]:
                lines.append(Assignment("g", "g + momentum * v"))
                step = "g"
        return (*lines, Assignment("w", f"w - lr * {step}"))

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        step = g = self.downhill(w, g, group)
        out = self.scratch(w)
        momentum = group["momentum"]
        if momentum:
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = g.copy()
            else:
                v *= momentum
                v += np.multiply(g, 1 - group["dampening"], out=out) if group["dampening"] else g
            step = v
            if group["nesterov"]:
                step = np.multiply(v, momentum, out=out)
                step += g
        w -= np.multiply(step, group["lr"], out=out)
