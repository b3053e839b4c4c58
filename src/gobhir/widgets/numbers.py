"""One training step of the glass network's state, worked by the engine."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import tensor
from gobhir.examples import half_squared_error
from gobhir.nn import functional as F
from gobhir.widgets.network import place_of

_APPLY = {"sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu, "identity": lambda z: z}


@dataclass(frozen=True)
class Numbers:
    """Lists by layer of arrays: z, a, deltas, weights' and biases' gradients (the shapes of the
    network's own); output (outputs,); loss."""

    z: list[np.ndarray]
    a: list[np.ndarray]
    deltas: list[np.ndarray]
    weight_gradients: list[np.ndarray]
    bias_gradients: list[np.ndarray]
    output: np.ndarray
    loss: float


def one_step(network: dict[str, Any]) -> Numbers:
    """Forward, loss and backward of this state, in float64."""
    weights = [tensor(np.array(w, float), requires_grad=True) for w in network["weights"]]
    biases = [tensor(np.array(b, float), requires_grad=True) for b in network["biases"]]
    sums: list[Tensor] = []
    outs: list[Tensor] = [tensor(np.array(network["x"], float))]
    for weight, bias, activation in zip(weights, biases, network["activations"], strict=True):
        z = F.linear(outs[-1], weight, bias)
        z.retain_grad()
        sums.append(z)
        outs.append(_APPLY[activation](z))
    loss = half_squared_error(outs[-1], tensor(np.array(network["y"], float))).sum()
    loss.backward()
    return Numbers(
        z=[z.detach().numpy() for z in sums],
        a=[a.detach().numpy() for a in outs[1:]],
        deltas=[_gradient(z) for z in sums],
        weight_gradients=[_gradient(w) for w in weights],
        bias_gradients=[_gradient(b) for b in biases],
        output=outs[-1].detach().numpy(),
        loss=loss.item(),
    )


def _gradient(of: Tensor) -> np.ndarray:
    return np.zeros(of.shape) if of.grad is None else of.grad.numpy()


def replay(network: dict[str, Any], moves: list[Any]) -> dict[str, Any]:
    """The state after the moves: settings put in, updates done by gradient descent."""
    state = copy.deepcopy(network)
    for knob, value in moves:
        if knob != "go":
            place, index = place_of(state, knob)
            place[index] = float(value)
            continue
        for _ in range(int(value)):
            numbers = one_step(state)
            for name, gradients in (
                ("weights", numbers.weight_gradients),
                ("biases", numbers.bias_gradients),
            ):
                pairs = zip(state[name], gradients, strict=True)
                state[name] = [(np.array(v) - state["lr"] * g).tolist() for v, g in pairs]
    return state
