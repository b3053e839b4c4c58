"""A student with a calculator: one training step of a network, written as a plain NumPy program,
right or with one named mistake in it. It shares nothing with gobhir.explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

FUNCTIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}
OTHER = {"sigmoid": "tanh", "tanh": "sigmoid", "relu": "sigmoid"}
MISTAKES = (
    "no_slope", "slope_of_input", "slope_twice", "value_for_slope", "half_slope", "other_slope",
    "sign", "factor_two", "no_square", "no_mean", "averaged", "no_target", "no_bias", "transposed",
    "no_activation", "input_again", "no_input", "no_weight", "updated_too_early", "exponent_sign",
    "other_activation", "log_of_ten", "not_normalised", "uphill", "no_rate", "only_the_step",
    "not_updated",
)  # fmt: skip


@dataclass
class Student:
    """W, b: lists of arrays; x (n, in), y (n, out) or class numbers. mistake: one of MISTAKES or
    "". After `work()`, `paper` has every number by the name it is written under."""

    W: list[np.ndarray]
    b: list[np.ndarray]
    x: np.ndarray
    y: np.ndarray
    activation: str
    loss: str
    rate: float
    mistake: str = ""
    paper: dict[str, np.ndarray] = field(default_factory=dict)

    def work(self) -> dict[str, np.ndarray]:
        z, a = self.forward()
        delta = self.loss_and_delta(z, a)
        self.backward(z, a, delta)
        return self.paper

    # -- forward --

    def bent(self, last: bool) -> bool:
        """Whether the layer has an activation: all but the last one of raw outputs."""
        return not (last and self.loss in ("mse", "cross_entropy"))

    def squash(self, z: np.ndarray) -> np.ndarray:
        m, f = self.mistake, FUNCTIONS[self.activation]
        if m == "no_activation":
            return z
        if m == "exponent_sign" and self.activation == "sigmoid":
            return 1 / (1 + np.exp(z))
        return FUNCTIONS[OTHER[self.activation]](z) if m == "other_activation" else f(z)

    def forward(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        zs, layers = [], [self.x]
        for k, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            last = k == len(self.W) - 1
            read = layers[-1]
            if self.mistake == "input_again" and k and self.x.shape == read.shape:
                read = self.x
            turned = self.mistake == "transposed" and W.shape[0] == W.shape[1]
            z = read @ (W if turned else W.T) + (0 if self.mistake == "no_bias" else b)
            z = np.round(z, 12)  # 0.3 - 0.1 - 0.2 is 0 on paper
            a = self.squash(z) if self.bent(last) else z
            name = f"z{k + 1}"
            if last and not self.bent(last):
                name = "yhat" if self.loss == "mse" else name
            self.paper[name] = z
            if self.bent(last):
                self.paper["yhat" if last else f"a{k + 1}"] = a
            zs.append(z)
            layers.append(a)
        return zs, layers

    # -- the loss, and the first blame --

    def loss_and_delta(self, z: list[np.ndarray], a: list[np.ndarray]) -> np.ndarray:
        m, out, n = self.mistake, a[-1], len(self.x)
        if self.loss == "cross_entropy":
            e = np.exp(z[-1])
            p = e if m == "not_normalised" else e / e.sum(1, keepdims=True)
            self.paper["p"] = p
            base = np.log(10) if m == "log_of_ten" else 1
            L = -np.log(p[np.arange(n), self.y]).sum() / base
            hot = np.eye(out.shape[1])[self.y]
            delta = p if m == "no_target" else p - hot
            divisor = n
        else:
            off = out if m == "no_target" else out - self.y
            divisor = off.size if self.loss == "mse" else n
            square = off if m == "no_square" else off**2
            L = square.sum() * (1 if self.loss == "mse" else 0.5)
            delta = off * (2 if self.loss == "mse" else 1)
        if m != "no_mean":
            L, delta = L / divisor, delta / divisor
        if m == "factor_two":
            L, delta = 2 * L, 2 * delta
        if m == "sign":
            delta = -delta
        self.paper["L"] = np.asarray(L)
        if self.bent(True):
            delta = delta * self.slope(z[-1], out)
        self.paper[f"delta{len(self.W)}"] = delta
        return delta

    def slope(self, z: np.ndarray, a: np.ndarray) -> Any:
        m, name = self.mistake, self.activation
        if m == "no_slope":
            return 1.0
        if m == "value_for_slope":
            return a
        if m == "slope_of_input":
            a = z
        if m == "slope_twice":
            a = FUNCTIONS[name](a)
        if m == "other_slope":
            name = OTHER[name]
        if m == "half_slope" and name != "relu":
            return 1 - a
        return {"sigmoid": a * (1 - a), "tanh": 1 - a**2, "relu": (z > 0) * 1.0}[name]

    # -- backward and update --

    def backward(self, z: list[np.ndarray], a: list[np.ndarray], delta: np.ndarray) -> None:
        m = self.mistake
        for k in reversed(range(len(self.W))):
            W, came = self.W[k], a[k]
            if k and m == "no_activation":
                came = z[k - 1]
            if k and m == "input_again" and self.x.shape == came.shape:
                came = self.x
            came = np.ones_like(came) if m == "no_input" else came
            dW, db = delta.T @ came, delta.sum(0)
            if m == "averaged":
                dW, db = dW / len(self.x), db / len(self.x)
            if m == "transposed" and dW.shape[0] == dW.shape[1]:
                dW = dW.T
            self.paper[f"dw{k + 1}"], self.paper[f"db{k + 1}"] = dW, db
            new = self.updated(W, dW)
            self.paper[f"w{k + 1}_new"] = new
            self.paper[f"b{k + 1}_new"] = self.updated(self.b[k], db)
            if k:
                used = new if m == "updated_too_early" else W
                used = np.ones_like(W) if m == "no_weight" else used
                turned = m == "transposed" and W.shape[0] == W.shape[1]
                delta = delta @ (used.T if turned else used) * self.slope(z[k - 1], a[k])
                self.paper[f"delta{k}"] = delta

    def updated(self, w: np.ndarray, g: np.ndarray) -> np.ndarray:
        m = self.mistake
        step = g if m == "no_rate" else self.rate * g
        if m == "not_updated":
            return w
        if m == "only_the_step":
            return -step
        return w + step if m == "uphill" else w - step
