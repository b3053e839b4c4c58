"""Networks to look at: "4-4-1", whose numbers the whole product shares, and any other sizes with
short decimals drawn by seed. Stands on nn and optim; explain, widgets, course and cli use it.
Start reading at `network`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir import nn, optim
from gobhir.engine import Tensor
from gobhir.engine.creation import tensor
from gobhir.lang import say

INPUT = [0.5, 0.1, 0.9, 0.3]
TARGET = [1.0]
WEIGHTS = [
    [[0.2, -0.4, 0.1, 0.5], [0.7, 0.3, -0.6, 0.1], [-0.3, 0.8, 0.4, -0.2], [0.6, -0.1, 0.5, 0.9]],
    [[0.4, -0.7, 0.5, 0.3]],
]
BIASES = [[0.1, -0.2, 0.0, 0.3], [0.1]]
LEARNING_RATE = 0.5
MOST_NEURONS = 512


@dataclass(frozen=True, eq=False)
class Example:
    """A model (float64) with an example to learn from: x (in,) or (batch, in), and its target."""

    sizes: tuple[int, ...]
    model: nn.Sequential
    x: Tensor
    y: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: optim.Optimizer


def half_squared_error(p: Tensor, y: Tensor) -> Tensor:
    """L = 1/2 (p - y)^2; several outputs are summed, several examples averaged."""
    each = 0.5 * (p - y) ** 2
    if each.numel() == 1:
        return each
    return each.sum() / (each.shape[0] if each.ndim > 1 else 1)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "half": half_squared_error,
    "mse": nn.MSELoss(),
    "l1": nn.L1Loss(),
    "huber": nn.HuberLoss(),
    "smooth_l1": nn.SmoothL1Loss(),
    "bce": nn.BCELoss(),
    "bce_logits": nn.BCEWithLogitsLoss(),
    "cross_entropy": nn.CrossEntropyLoss(),
}
OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": optim.SGD,
    "momentum": lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9),
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "nadam": optim.NAdam,
    "radam": optim.RAdam,
    "adamax": optim.Adamax,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
    "adadelta": optim.Adadelta,
    "rprop": optim.Rprop,
}
_BARE_OUTPUT = {"mse", "l1", "huber", "smooth_l1", "bce_logits", "cross_entropy"}


def network(
    sizes: str = "4-4-1",
    activation: str | None = None,
    loss: str | None = None,
    optimizer: str | None = None,
    lr: float | None = None,
    batch: int = 1,
    seed: int = 0,
    x: Sequence[Any] | None = None,
    y: Sequence[Any] | None = None,
) -> Example:
    """An example network of these sizes, as "4-4-1": inputs, hidden layers, outputs.

    "4-4-1" has the house's own weights, input and target; other sizes draw weights and inputs of
    one decimal from `seed`. activation: after every layer (after the hidden ones only, where the
    loss wants raw outputs). x, y: your own numbers instead, `batch` rows where batch > 1.
    ValueError, saying what is possible, for anything that does not fit.
    """
    counts = _counts(sizes)
    activation = _one_of("activation", activation or "sigmoid", ACTIVATIONS)
    loss = _one_of("loss", loss or "half", LOSSES)
    chosen = _one_of("optimizer", optimizer or "sgd", OPTIMIZERS)
    rng = np.random.default_rng(seed)
    house = counts == (4, 4, 1)
    parts: list[nn.Module] = []
    for k, (fan_in, fan_out) in enumerate(zip(counts, counts[1:], strict=False)):
        layer = nn.Linear(fan_in, fan_out).double()
        values = _drawn(rng, (fan_out, fan_in)), _drawn(rng, (fan_out,))
        weight, bias = (WEIGHTS[k], BIASES[k]) if house else values
        layer.load_state_dict({"weight": tensor(np.array(weight)), "bias": tensor(np.array(bias))})
        parts.append(layer)
        last = k == len(counts) - 2
        if last and loss in _BARE_OUTPUT:
            continue
        parts.append(nn.Sigmoid() if last and loss == "bce" else ACTIVATIONS[activation]())
    model = nn.Sequential(*parts)
    own_x = INPUT if house and batch == 1 else _drawn(rng, _rows(batch, counts[0]))
    own_y: Any = _targets(rng, loss, batch, counts[-1])
    if house and batch == 1 and loss != "cross_entropy":
        own_y = TARGET
    lr = (LEARNING_RATE if chosen == "sgd" else 0.1) if lr is None else lr
    return Example(
        counts,
        model,
        _given("x", x, own_x, _rows(batch, counts[0])),
        _given_target(y, own_y, loss, batch, counts[-1]),
        LOSSES[loss],
        OPTIMIZERS[chosen](model.parameters(), lr=lr),
    )


def _counts(sizes: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,4}(-\d{1,4})+", sizes):
        raise ValueError(say("errors.example.sizes", sizes=sizes))
    counts = tuple(int(n) for n in sizes.split("-"))
    if min(counts) < 1 or max(counts) > MOST_NEURONS:
        raise ValueError(say("errors.example.neurons", sizes=sizes, most=MOST_NEURONS))
    return counts


def _one_of(what: str, name: str, known: dict[str, Any]) -> str:
    if name not in known:
        choices = ", ".join(known)
        raise ValueError(say("errors.example.choice", what=what, name=name, known=choices))
    return name


def _rows(batch: int, width: int) -> tuple[int, ...]:
    if batch < 1:
        raise ValueError(say("errors.example.batch", batch=batch))
    return (width,) if batch == 1 else (batch, width)


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Decimals of one digit, never zero: easy to multiply by hand."""
    tenths = rng.integers(1, 10, shape) * rng.choice([-1, 1], shape)
    return tenths / 10


def _targets(rng: np.random.Generator, loss: str, batch: int, outputs: int) -> np.ndarray:
    if loss == "cross_entropy":
        return rng.integers(0, outputs, batch) if batch > 1 else np.array(rng.integers(0, outputs))
    return rng.integers(0, 2, _rows(batch, outputs)).astype(float)


def _given(what: str, own: Any, drawn: Any, shape: tuple[int, ...]) -> Tensor:
    if own is None:
        return tensor(np.asarray(drawn, float))
    try:
        array = np.asarray(own, float)
    except (ValueError, TypeError):
        raise ValueError(say("errors.example.numbers", what=what)) from None
    if not np.isfinite(array).all():
        raise ValueError(say("errors.example.numbers", what=what))
    if array.size != int(np.prod(shape)):
        wanted = int(np.prod(shape))
        raise ValueError(say("errors.example.count", what=what, got=array.size, want=wanted))
    return tensor(array.reshape(shape))


def _given_target(own: Any, drawn: Any, loss: str, batch: int, outputs: int) -> Tensor:
    if loss != "cross_entropy":
        return _given("y", own, drawn, _rows(batch, outputs))
    classes = _given("y", own, drawn, () if batch == 1 else (batch,)).numpy()
    if not np.isin(classes, np.arange(outputs)).all():
        raise ValueError(say("errors.example.classes", most=outputs - 1))
    return tensor(classes.astype(np.int64))
