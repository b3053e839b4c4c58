"""The update rules of Keras's optimizers, where they are other rules than PyTorch's: the velocity
of SGD carries the learning rate, epsilon stands elsewhere, weight decay shrinks the weight first.

Source: https://keras.io/api/optimizers/
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim import Optimizer
from gobhir.optim.optimizer import Assignment, Group, State

_FUNCTIONS = {"sqrt": np.sqrt, "max": np.maximum, "abs": np.abs, "sign": np.sign}


class Rule(Optimizer):
    """An optimizer that is nothing but its lines: they are the rule, and they are carried out.

    params: groups that bring all their settings. keeps: what is assigned and lasts as state.
    """

    elementwise = True
    keeps: tuple[str, ...] = ()

    def __init__(self, params: Any):
        self.names = {name: name for name in self.keeps}
        super().__init__(params, {})

    def lines(self, group: Group) -> list[tuple[str, str]]:
        """What is assigned to what, in order."""
        raise NotImplementedError

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = [Assignment(*line) for line in self.lines(group)]
        if group["weight_decay"]:
            lines.insert(0, Assignment("w", "w - lr * weight_decay * w"))
        return tuple(lines)

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        for line in self.rule(group, state):
            if line.target in self.keeps:
                state.setdefault(line.target, np.zeros_like(w))

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        now = self.hyper(group, state) | state | {"w": w, "g": g}
        for target, formula in self.rule(group, state):
            now[target] = eval(formula, {"__builtins__": {}, **_FUNCTIONS}, now)
            if target in state:
                state[target] = now[target]
        w[...] = now["w"]

    def hyper(self, group: Group, state: State) -> dict[str, Any]:
        return {k: v for k, v in group.items() if k != "params"}


class SGD(Rule):
    keeps = ("v",)

    def lines(self, group: Group) -> list[tuple[str, str]]:
        if not group["momentum"]:
            return [("w", "w - lr * g")]
        far = "w + momentum * v - lr * g" if group["nesterov"] else "w + v"
        return [("v", "momentum * v - lr * g"), ("w", far)]


_MEANS = [("m", "beta1 * m + (1 - beta1) * g"), ("v", "beta2 * v + (1 - beta2) * g**2")]


class Adam(Rule):
    keeps = ("m", "v", "v_max")

    def lines(self, group: Group) -> list[tuple[str, str]]:
        largest = [("v_max", "max(v_max, v)")] if group["amsgrad"] else []
        v = "v_max" if group["amsgrad"] else "v"
        return [
            *_MEANS,
            *largest,
            ("alpha", "lr * sqrt(1 - beta2**t) / (1 - beta1**t)"),
            ("w", f"w - alpha * m / (sqrt({v}) + eps)"),
        ]


class AdamW(Adam):
    pass


class Adamax(Rule):
    keeps = ("m", "u")

    def lines(self, group: Group) -> list[tuple[str, str]]:
        return [
            _MEANS[0],
            ("u", "max(beta2 * u, abs(g))"),
            ("w", "w - lr * m / ((1 - beta1**t) * (u + eps))"),
        ]


class RMSprop(Rule):
    keeps = ("v", "a", "b")

    def lines(self, group: Group) -> list[tuple[str, str]]:
        lines = [("v", "rho * v + (1 - rho) * g**2")]
        spread = "v"
        if group["centered"]:
            lines.append(("a", "rho * a + (1 - rho) * g"))
            spread = "v - a**2"
        step = f"lr * g / sqrt({spread} + eps)"
        if not group["momentum"]:
            return [*lines, ("w", f"w - {step}")]
        return [*lines, ("b", f"momentum * b + {step}"), ("w", "w - b")]


class Adagrad(Rule):
    keeps = ("s",)

    def lines(self, group: Group) -> list[tuple[str, str]]:
        return [("s", "s + g**2"), ("w", "w - lr * g / sqrt(s + eps)")]


class Adadelta(Rule):
    keeps = ("s", "d")

    def lines(self, group: Group) -> list[tuple[str, str]]:
        return [
            ("s", "rho * s + (1 - rho) * g**2"),
            ("delta", "sqrt(d + eps) / sqrt(s + eps) * g"),
            ("d", "rho * d + (1 - rho) * delta**2"),
            ("w", "w - lr * delta"),
        ]


class Lion(Rule):
    keeps = ("m",)

    def lines(self, group: Group) -> list[tuple[str, str]]:
        return [
            ("w", "w - lr * sign(beta1 * m + (1 - beta1) * g)"),
            ("m", "beta2 * m + (1 - beta2) * g"),
        ]


RULES: dict[str, tuple[type[Rule], dict[str, str], dict[str, str]]] = {
    "SGD": (SGD, {"momentum": "momentum", "nesterov": "nesterov"}, {"v": "momentums"}),
    "Adam": (
        Adam,
        {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps", "amsgrad": "amsgrad"},
        {"m": "_momentums", "v": "_velocities", "v_max": "_velocity_hats"},
    ),
    "Adamax": (
        Adamax,
        {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps"},
        {"m": "_m", "u": "_u"},
    ),
    "RMSprop": (
        RMSprop,
        {"rho": "rho", "epsilon": "eps", "momentum": "momentum", "centered": "centered"},
        {"v": "_velocities", "a": "_average_gradients", "b": "_momentums"},
    ),
    "Adagrad": (Adagrad, {"epsilon": "eps"}, {"s": "_accumulators"}),
    "Adadelta": (
        Adadelta,
        {"rho": "rho", "epsilon": "eps"},
        {"s": "_accumulated_grads", "d": "_accumulated_delta_vars"},
    ),
    "Lion": (Lion, {"beta_1": "beta1", "beta_2": "beta2"}, {"m": "_momentums"}),
}
"""By Keras's name: the rule, its settings by Keras's attributes, its state by Keras's lists."""
RULES["AdamW"] = (AdamW, *RULES["Adam"][1:])
