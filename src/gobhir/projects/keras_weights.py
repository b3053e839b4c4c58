"""Weights of a Keras network by PyTorch's names and in PyTorch's order of axes, so that what one
framework has learned the others can read. Its layers are called as the modules are: `conv1` keeps
what PyTorch calls `conv1.weight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def weights(model: Any) -> dict[str, np.ndarray]:
    """A copy of what the model has learned."""
    found = {}
    for name, variable, axes in _variables(model):
        array = np.asarray(variable.numpy())
        found[name] = np.ascontiguousarray(array.transpose(axes))
    return found


def put_weights(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give the model these numbers. KeyError for one that is not among them."""
    for name, variable, axes in _variables(model):
        variable.assign(arrays[name].transpose(np.argsort(axes)))


def _variables(model: Any) -> Iterator[tuple[str, Any, Axes]]:
    for layer in model.layers:
        for variable in layer.weights:
            name, axes = NAMES[type(layer).__name__][variable.name]
            yield f"{layer.name}.{name}", variable, axes
