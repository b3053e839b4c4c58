"""The update rules of Keras's optimizers, where they are other rules than PyTorch's: the velocity
of SGD carries the learning rate, epsilon stands elsewhere, weight decay shrinks the weight first.

Source: https://keras.io/api/optimizers/
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.optim import Optimizer
from gobhir.optim.optimizer import Assignment, Group, State

_FUNCTIONS = {
    "sqrt": np.sqrt, "max": np.maximum, "min": np.minimum, "abs": np.abs, "sign": np.sign,
}  # fmt: skip


class Rule(Optimizer):
    """An optimizer that is nothing but its lines: they are the rule, and they are carried out.

    params: groups that bring all their settings. keeps: what is assigned and lasts as state.
    measured: names of numbers that are found by looking at a whole array.
    """

    elementwise = True
    keeps: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()

    def __init__(self, params: Any):
        self.names = {name: name for name in self.keeps}
        super().__init__(params, {})

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        """What is assigned to what, in order."""
        raise NotImplementedError

    @staticmethod
    def covers(optimizer: Any, variable: Any) -> bool:
        """Whether Keras's optimizer changes this variable by such lines."""
        return True

    def given(self, g: np.ndarray, group: Group) -> State:
        """What the lines read besides: of the gradient as a whole, in the shape of the state."""
        return {}

    def measure(self, target: str, now: dict[str, Any]) -> dict[str, float]:
        """The measured numbers that are known once `target` has been assigned."""
        return {}

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        lines = [Assignment(*line) for line in self.lines(group, state)]
        if group["weight_decay"]:
            lines.insert(0, Assignment("w", "w - lr * weight_decay * w"))
        return tuple(lines)

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        for line in self.rule(group, state):
            if line.target in self.keeps:
                state.setdefault(line.target, np.zeros_like(w))

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        now = self.hyper(group, state) | state | {"w": w, "g": g}
        seen: dict[str, float] = {}
        for target, formula in self.rule(group, state):
            now[target] = eval(formula, {"__builtins__": {}, **_FUNCTIONS}, now)
            if target in state:
                state[target] = now[target]
            seen |= self.measure(target, now)
            now |= seen
        w[...] = now["w"]
        state["seen"] = seen

    def hyper(self, group: Group, state: State) -> dict[str, Any]:
        return {k: v for k, v in group.items() if k != "params"} | state.get("seen", {})

    def _step_one(self, p: Any, g: np.ndarray, group: Group) -> None:
        self.state[p] |= self.given(g, group)
        super()._step_one(p, g, group)


class SGD(Rule):
    keeps = ("v",)

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        if not group["momentum"]:
            return [("w", "w - lr * g")]
        far = "w + momentum * v - lr * g" if group["nesterov"] else "w + v"
        return [("v", "momentum * v - lr * g"), ("w", far)]


_MEANS = [("m", "beta1 * m + (1 - beta1) * g"), ("v", "beta2 * v + (1 - beta2) * g**2")]


class Adam(Rule):
    keeps = ("m", "v", "v_max")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        largest = [("v_max", "max(v_max, v)")] if group.get("amsgrad") else []
        v = "v_max" if group.get("amsgrad") else "v"
        return [
            *_MEANS,
            *largest,
            ("alpha", "lr * sqrt(1 - beta2**t) / (1 - beta1**t)"),
            ("w", f"w - alpha * m / (sqrt({v}) + eps)"),
        ]


class AdamW(Adam):
    pass


class Muon(Adam):
    """Matrices have a rule of their own, which looks at them as a whole."""

    @staticmethod
    def covers(optimizer: Any, variable: Any) -> bool:
        return bool(optimizer._should_use_adamw(variable))


class Lamb(Rule):
    keeps = ("m", "v")
    measured = ("w_norm", "u_norm")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        return [
            *_MEANS,
            ("m_hat", "m / (1 - beta1**t)"),
            ("v_hat", "v / (1 - beta2**t)"),
            ("u", "m_hat / (sqrt(v_hat) + eps)"),
            ("rho", "w_norm / u_norm if w_norm > 0 else 1"),
            ("w", "w - rho * lr * u"),
        ]

    def measure(self, target: str, now: dict[str, Any]) -> dict[str, float]:
        if target != "u":
            return {}
        return {f"{name}_norm": float(np.sqrt((now[name] ** 2).sum())) for name in "wu"}


class Adafactor(Rule):
    """Of a matrix's squared gradients only the means of rows, r, and of columns, c, are kept."""

    keeps = ("r", "c", "v", "p", "q")
    measured = ("r_mean", "w_size", "u_size")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        ahead = [("beta2", "1 - t**decay")]
        if "r" in state:
            ahead += [(x, f"beta2 * {x} + (1 - beta2) * {y}") for x, y in ("rp", "cq")]
            ahead += [("v", "r / r_mean * c")]
        else:
            ahead += [("v", "beta2 * v + (1 - beta2) * (g**2 + eps)")]
        return [
            *ahead,
            ("u", "g / sqrt(v)"),
            ("alpha", "max(eps2, w_size) * min(lr, 1 / sqrt(t))"),
            ("w", "w - alpha * u / max(1, u_size / d)"),
        ]

    @staticmethod
    def covers(optimizer: Any, variable: Any) -> bool:
        return len(variable.shape) <= 2

    def given(self, g: np.ndarray, group: Group) -> State:
        square = g**2 + group["eps"]
        known = {"p": square.mean(-1, keepdims=True), "q": square.mean(0, keepdims=True)}
        return known if g.ndim == 2 else {}

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if w.ndim < 2:  # Keras has placeholders there
            state.pop("r", None)
            state.pop("c", None)
        elif state["r"].ndim == 1:
            state["r"], state["c"] = state["r"][:, None], state["c"][None]
        super().begin(w, group, state)

    def measure(self, target: str, now: dict[str, Any]) -> dict[str, float]:
        if target == "u":
            return {f"{k}_size": float(np.sqrt((now[k] ** 2).mean())) for k in "wu"}
        return {"r_mean": float(now["r"].mean())} if target == "r" else {}


class Nadam(Rule):
    keeps = ("m", "v")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        return [
            ("mu", "beta1 * (1 - 0.5 * 0.96**t)"),
            ("mu_next", "beta1 * (1 - 0.5 * 0.96 ** (t + 1))"),
            ("mu_product", "mu_product * mu"),
            *_MEANS,
            (
                "m_hat",
                "mu_next * m / (1 - mu_product * mu_next) + (1 - mu) * g / (1 - mu_product)",
            ),
            ("v_hat", "v / (1 - beta2**t)"),
            ("w", "w - lr * m_hat / (sqrt(v_hat) + eps)"),
        ]


class Adamax(Rule):
    keeps = ("m", "u")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        return [
            _MEANS[0],
            ("u", "max(beta2 * u, abs(g))"),
            ("w", "w - lr * m / ((1 - beta1**t) * (u + eps))"),
        ]


class RMSprop(Rule):
    keeps = ("v", "a", "b")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
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

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        return [("s", "s + g**2"), ("w", "w - lr * g / sqrt(s + eps)")]


class Adadelta(Rule):
    keeps = ("s", "d")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        return [
            ("s", "rho * s + (1 - rho) * g**2"),
            ("delta", "sqrt(d + eps) / sqrt(s + eps) * g"),
            ("d", "rho * d + (1 - rho) * delta**2"),
            ("w", "w - lr * delta"),
        ]


class Lion(Rule):
    keeps = ("m",)

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        return [
            ("w", "w - lr * sign(beta1 * m + (1 - beta1) * g)"),
            ("m", "beta2 * m + (1 - beta2) * g"),
        ]


class Ftrl(Rule):
    """z: all gradients so far, less what the weight owes to its own past; s: their squares."""

    keeps = ("s", "z")

    def lines(self, group: Group, state: State) -> list[tuple[str, str]]:
        root = "sqrt({})" if group["power"] == -0.5 else "{} ** (-power)"
        taken = "g + 2 * shrinkage * w" if group["shrinkage"] else "g"
        near = "min(max(z, -l1), l1) - z" if group["l1"] else "-z"
        below = root.format("s") + " / lr"
        below += " + 2 * l2" if group["l2"] else ""
        below += " + beta / lr" if group["beta"] else ""
        grown = f"({root.format('(s + g**2)')} - {root.format('s')}) / lr"
        return [
            ("z", f"z + {taken} - {grown} * w"),
            ("s", "s + g**2"),
            ("w", f"({near}) / ({below})"),
        ]


_BETAS = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps"}
RULES: dict[str, tuple[type[Rule], dict[str, str], dict[str, str]]] = {
    "SGD": (SGD, {"momentum": "momentum", "nesterov": "nesterov"}, {"v": "momentums"}),
    "Adam": (
        Adam,
        _BETAS | {"amsgrad": "amsgrad"},
        {"m": "_momentums", "v": "_velocities", "v_max": "_velocity_hats"},
    ),
    "Adamax": (
        Adamax,
        _BETAS,
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
    "Lamb": (
        Lamb,
        _BETAS,
        {"m": "_momentums", "v": "_velocities"},
    ),
    "Adafactor": (
        Adafactor,
        {"beta_2_decay": "decay", "epsilon_1": "eps", "epsilon_2": "eps2", "clip_threshold": "d"},
        {"r": "_r", "c": "_c", "v": "_v"},
    ),
    "Muon": (
        Muon,
        {"adam_beta_1": "beta1", "adam_beta_2": "beta2", "epsilon": "eps"},
        {"m": "momentums", "v": "adam_velocities"},
    ),
    "Nadam": (
        Nadam,
        _BETAS | {"_u_product": "mu_product"},
        {"m": "_momentums", "v": "_velocities"},
    ),
    "Ftrl": (
        Ftrl,
        {
            "learning_rate_power": "power",
            "l1_regularization_strength": "l1",
            "l2_regularization_strength": "l2",
            "l2_shrinkage_regularization_strength": "shrinkage",
            "beta": "beta",
        },
        {"s": "_accumulators", "z": "_linears"},
    ),
    "Lion": (Lion, {"beta_1": "beta1", "beta_2": "beta2"}, {"m": "_momentums"}),
}
"""By Keras's name: the rule, its settings by Keras's attributes, its state by Keras's lists."""
RULES["AdamW"] = (AdamW, *RULES["Adam"][1:])
