"""Activation functions and softmax. What each computes stands in engine/ops/activations.py and
engine/ops/normalisation.py."""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.inplace import become
from gobhir.engine.ops import activations
from gobhir.lang import say
from gobhir.nn.functional.warning import warn

__all__ = ["leaky_relu", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]

sigmoid = activations.sigmoid
tanh = activations.tanh


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, z), elementwise; written over the input where inplace."""
    return become(input, "relu_", activations.relu) if inplace else activations.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """z above 0, negative_slope * z below, elementwise; written over the input where inplace."""

    def leaky(z: Tensor) -> Tensor:
        return activations.leaky_relu(z, negative_slope=negative_slope)

    return become(input, "leaky_relu_", leaky) if inplace else leaky(input)


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """e^z / sum e^z along `dim`."""
    return input.softmax(_class_dim(input) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """log(softmax) along `dim`."""
    return input.log_softmax(_class_dim(input) if dim is None else dim, dtype)


def _class_dim(z: Tensor) -> int:
    warn(say("errors.nn.implicit_dim"))
    return 0 if z.ndim in (0, 1, 3) else 1
