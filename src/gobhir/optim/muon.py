"""Muon: the momentum of a matrix, brought near the nearest orthogonal matrix before each step.

Source: Jordan, Muon: an optimizer for hidden layers in neural networks (2024). Behaviour:
https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State

_RATES = (None, "original", "match_rms_adamw")


class Muon(Optimizer):
    """w = w - lr * weight_decay * w - rate * orthogonal(g + momentum * (m - g)), with m the running
    mean of the gradients; without nesterov rate * orthogonal(m). For matrices only: give biases and
    the rest to another optimizer.

    orthogonal(u): u with singular values near 1, by ns_steps rounds of u = a u + b (u u^T) u +
    c (u u^T)^2 u, starting from u / (its Frobenius norm, at least eps); (a, b, c) are
    ns_coefficients. adjust_lr_fn: None or "original", rate = lr * sqrt(max(1, rows / columns));
    "match_rms_adamw", rate = 0.2 * lr * sqrt(max(rows, columns)).
    """

    nonnegative = ("lr", "momentum", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        settings = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, settings)
        for p in self._all():
            if p.ndim != 2:
                raise ValueError(say("errors.optim.matrices", shape=p.shape))

    def check(self, group: Group) -> None:
        super().check(group)
        if group["adjust_lr_fn"] not in _RATES:
            raise ValueError(say("errors.optim.adjust_lr_fn", name=group["adjust_lr_fn"]))

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        return ()  # none for one number: a step is worked out of the matrix as a whole

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        if group["ns_steps"] >= 100:
            raise ValueError(say("errors.optim.ns_steps", steps=group["ns_steps"]))
        if len(group["ns_coefficients"]) != 3:
            raise ValueError(say("errors.optim.ns_coefficients", got=group["ns_coefficients"]))
        m = state["momentum_buffer"]
        m += (1 - group["momentum"]) * (g - m)
        u = g + group["momentum"] * (m - g) if group["nesterov"] else m
        u = orthogonal(u, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = w.shape
        rate = group["lr"] * math.sqrt(max(1, rows / columns))
        if group["adjust_lr_fn"] == "match_rms_adamw":
            rate = 0.2 * group["lr"] * math.sqrt(max(rows, columns))
        w *= 1 - group["lr"] * group["weight_decay"]
        w -= rate * u.astype(w.dtype)


def orthogonal(
    u: np.ndarray, coefficients: tuple[float, float, float], steps: int, eps: float
) -> np.ndarray:
    """u with its singular values near 1 (between about 0.7 and 1.2), float32: computed, as PyTorch
    does, with numbers of bfloat16's 8 binary digits."""
    a, b, c = coefficients
    tall = u.shape[0] > u.shape[1]
    u = _short(u.T if tall else u)
    u = _short(u / np.maximum(_short(np.linalg.norm(u)), _short(np.array(eps))))
    for _ in range(steps):
        gram = _short(u @ u.T)
        u = _short(a * u + _short(b * gram + c * (gram @ gram)) @ u)
    return u.T if tall else u


def _short(x: Any) -> np.ndarray:
    """x as float32 with the last 16 of its bits rounded away: what bfloat16 can hold."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).reshape(np.shape(x))
