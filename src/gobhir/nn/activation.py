"""Activation functions as layers. What each computes stands in engine/ops/activations.py and
engine/ops/normalisation.py."""

from __future__ import annotations

from gobhir.engine import Tensor
from gobhir.nn import functional as F
from gobhir.nn.module import Module

__all__ = [
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
]


class Sigmoid(Module):
    """1 / (1 + e^-z), elementwise."""

    def forward(self, z: Tensor) -> Tensor:
        return F.sigmoid(z)


class Tanh(Module):
    """tanh(z), elementwise."""

    def forward(self, z: Tensor) -> Tensor:
        return F.tanh(z)


class ReLU(Module):
    """max(0, z), elementwise. inplace is accepted; the result is always a new tensor."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace

    def forward(self, z: Tensor) -> Tensor:
        return F.relu(z)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """z above 0, negative_slope * z below, elementwise."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, z: Tensor) -> Tensor:
        return F.leaky_relu(z, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class Softmax(Module):
    """e^z / sum e^z along `dim`: positive numbers that add up to 1."""

    def __init__(self, dim: int | None = None):
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return F.softmax(z, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log(softmax) along `dim`, without losing small probabilities."""

    def __init__(self, dim: int | None = None):
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return F.log_softmax(z, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
