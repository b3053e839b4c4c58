"""Starting values of weights. Each function fills a tensor in place and returns it.

Sources: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
networks (2010), for xavier; He et al., Delving deep into rectifiers (2015), for kaiming.
"""

from __future__ import annotations

import math

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.random import Generator, default_generator
from gobhir.engine.tape import no_grad
from gobhir.lang import say


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers drawn evenly from [a, b)."""
    values = (generator or default_generator).uniform(tensor.numel(), tensor.dtype, a, b)
    return _fill(tensor, values.reshape(tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers drawn from the normal distribution of this mean and standard deviation."""
    if std < 0:
        raise RuntimeError(say("errors.nn.std", std=std))
    kind = tensor.dtype
    values = (generator or default_generator).normal(tensor.numel(), kind)
    return _fill(tensor, values.reshape(tensor.shape) * kind.type(std) + kind.type(mean))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return _fill(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix, 0 elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(say("errors.nn.matrix_wanted", shape=tensor.shape))
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Even in [-a, a), a = gain sqrt(6 / (fan_in + fan_out))."""
    std = gain * math.sqrt(2.0 / sum(_fans(tensor)))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, with standard deviation gain sqrt(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Even in [-b, b), b = gain sqrt(3 / fan); `a` is the slope of leaky_relu below 0."""
    if tensor.numel() == 0:
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, with standard deviation gain / sqrt(fan)."""
    if tensor.numel() == 0:
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights must be larger to make up for what the activation takes away.

    param: the slope of leaky_relu below 0 (0.01 when None). ValueError for an unknown name.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity not in gains:
        raise ValueError(say("errors.nn.nonlinearity", name=nonlinearity, known=", ".join(gains)))
    return gains[nonlinearity]


def _fill(tensor: Tensor, values: np.ndarray | float) -> Tensor:
    with no_grad():
        return tensor.copy_(values)


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many numbers come into one output, and how many outputs one input goes to."""
    if tensor.ndim < 2:
        raise ValueError(say("errors.nn.fan", shape=tensor.shape))
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fan(tensor: Tensor, mode: str) -> int:
    fan_in, fan_out = _fans(tensor)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(say("errors.nn.fan_mode", mode=mode))
    return fan_in if mode == "fan_in" else fan_out
