"""Adafactor: the squares of a matrix's gradients remembered by their rows' and columns' means.

Source: Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost (2018).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.optim.checks import check_range
from gobhir.optim.optimizer import Assignment, Group, Optimizer, State
from gobhir.optim.running import scalar


class Adafactor(Optimizer):
    """w = w - rate * u / max(1, rms(u) / d), with u = g / sqrt(v), v the running mean of g**2 and
    rate = max(eps[1], rms(w)) * min(lr, 1 / sqrt(t)). beta = 1 - t**beta2_decay of v stays.

    A matrix of n rows and m columns keeps n + m numbers for v, not n * m: v = row * col /
    mean(row), row and col the running means of g**2 along each (with more dimensions, along the
    last two). eps[0]: sqrt(v) is at least that, and no row mean is smaller; None, the smallest
    difference from 1 in w's dtype. weight_decay shrinks w itself. foreach: nothing here.
    """

    nonnegative = ("lr", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ):
        settings = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, settings)

    def check(self, group: Group) -> None:
        super().check(group)
        check_range("beta2_decay", group["beta2_decay"], -math.inf, most=0.0)
        check_range("eps[0]", group["eps"][0] or 0.0)
        check_range("eps[1]", group["eps"][1])
        check_range("d", group["d"], 1.0, most=math.inf)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        return ()  # none for one number: a step is worked out of the matrix as a whole

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        if "step" in state:
            return
        state["step"] = scalar(0)
        if w.ndim > 1:
            state["row_var"] = np.zeros((*w.shape[:-1], 1), w.dtype)
            state["col_var"] = np.zeros((*w.shape[:-2], 1, w.shape[-1]), w.dtype)
        else:
            state["variance"] = np.zeros_like(w)

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        state["step"] += 1
        t = state["step"].item()
        new = t ** group["beta2_decay"]
        least, smallest_rms = group["eps"]
        least = float(np.finfo(w.dtype).eps) if least is None else least
        rate = max(smallest_rms, _rms(w)) * min(group["lr"], 1 / math.sqrt(t))
        w *= 1 - group["lr"] * group["weight_decay"]
        if w.ndim > 1:
            row, col = state["row_var"], state["col_var"]
            square = g * g
            row += new * (square.mean(-1, keepdims=True) - row)
            col += new * (square.mean(-2, keepdims=True) - col)
            v = row @ col / np.maximum(row.mean(-2, keepdims=True), least)
        else:
            v = state["variance"]
            v += new * (g * g - v)
        u = g / np.sqrt(np.maximum(v, least * least))
        rate /= max(1.0, _rms(u) / group["d"])
        u *= rate if group["maximize"] else -rate
        w += u


def _rms(x: np.ndarray) -> float:
    """The root of the mean square."""
    flat = x.reshape(-1)
    return math.sqrt(float(flat @ flat) / x.size) if x.size else math.nan
