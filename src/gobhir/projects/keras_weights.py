"""Weights of a Keras network by PyTorch's names and in PyTorch's order of axes, so that what one
framework has learned the others can read. Its layers are called as the modules are: `conv1` keeps
what PyTorch calls `conv1.weight`; recurrent layers have their number behind, and `rnn_l1` keeps
what PyTorch calls `rnn.weight_ih_l1`, ...
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Axes = tuple[int, ...]
LINEAR: dict[str, tuple[str, Axes]] = {"kernel": ("weight", (1, 0)), "bias": ("bias", (0,))}
CONVOLUTION: dict[str, tuple[str, Axes]] = {
    "kernel": ("weight", (3, 2, 0, 1)),
    "bias": ("bias", (0,)),
}
NORM: dict[str, tuple[str, Axes]] = {
    "gamma": ("weight", (0,)),
    "beta": ("bias", (0,)),
    "moving_mean": ("running_mean", (0,)),
    "moving_variance": ("running_var", (0,)),
}
NAMES: dict[str, dict[str, tuple[str, Axes]]] = {
    "Dense": LINEAR,
    "Conv2D": CONVOLUTION,
    "BatchNormalization": NORM,
}
"""Of each kind of layer: Keras's name of a variable, PyTorch's, and which of Keras's axes stands
where in PyTorch."""
GATES: dict[str, list[int]] = {"SimpleRNN": [0], "LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2]}
"""Of each kind of recurrent layer: which of Keras's gates stands where in PyTorch, and the other
way round. (Only in a GRU it is another order: Keras puts z before r.)"""


def weights(model: Any) -> dict[str, np.ndarray]:
    """A copy of what the model has learned."""
    found: dict[str, np.ndarray] = {}
    for layer in model.layers:
        if type(layer).__name__ in GATES:
            found |= _recurrent(layer)
            continue
        for variable in layer.weights:
            name, axes = _known(layer, variable)
            found[name] = np.ascontiguousarray(_array(variable).transpose(axes))
        if type(layer).__name__ == "BatchNormalization":
            # PyTorch counts the batches for those who want a mean of all of them; Keras does not.
            found[f"{layer.name}.num_batches_tracked"] = np.array(0)
    return found


def put_weights(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give the model these numbers. KeyError for one that is not among them."""
    for layer in model.layers:
        if type(layer).__name__ in GATES:
            _put_recurrent(layer, arrays)
            continue
        for variable in layer.weights:
            name, axes = _known(layer, variable)
            variable.assign(arrays[name].transpose(np.argsort(axes)))


def _known(layer: Any, variable: Any) -> tuple[str, Axes]:
    name, axes = NAMES[type(layer).__name__][variable.name]
    return f"{layer.name}.{name}", axes


def _recurrent(layer: Any) -> dict[str, np.ndarray]:
    """PyTorch adds two biases where the layers of Keras, but for the GRU, have one: it is the
    first, the second is 0."""
    kernel, recurrent, bias = (_turned(layer, _array(v)) for v in layer.weights)
    first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    parts = (kernel.T, recurrent.T, first, second)
    return dict(zip(_names(layer), map(np.ascontiguousarray, parts), strict=True))


def _put_recurrent(layer: Any, arrays: Mapping[str, np.ndarray]) -> None:
    kernel, recurrent, first, second = (arrays[name] for name in _names(layer))
    two = len(layer.weights[2].shape) == 2
    bias = np.stack([first, second]) if two else first + second
    for variable, array in zip(layer.weights, (kernel.T, recurrent.T, bias), strict=True):
        variable.assign(_turned(layer, array))


def _names(layer: Any) -> list[str]:
    module, _, number = layer.name.rpartition("_")
    return [
        f"{module}.{part}_{number}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


def _turned(layer: Any, array: np.ndarray) -> np.ndarray:
    """The gates, which stand side by side in the last axis, in the other order."""
    order = GATES[type(layer).__name__]
    gates = np.split(array, len(order), axis=-1)
    return np.concatenate([gates[k] for k in order], axis=-1)


def _array(variable: Any) -> np.ndarray:
    return np.array(variable.numpy())
