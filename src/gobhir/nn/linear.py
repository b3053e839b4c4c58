"""The linear layer, and the two layers that compute nothing: Identity and Flatten."""

from __future__ import annotations

import math
from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.creation import empty
from gobhir.engine.ops.linear import linear
from gobhir.nn import init
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "Flatten",
    "Identity",
    "Linear",
]


class Linear(Module):
    """z = x W^T + b. x: (..., in_features); weight: (out_features, in_features); bias:
    (out_features), None with bias=False; z: (..., out_features).

    Weight and bias start evenly spread in [-k, k), k = 1 / sqrt(in_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        self.bias: Any = (
            Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None
        )
        if not bias:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Identity(Module):
    """Gives back what it is given; takes any arguments and forgets them."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


class Flatten(Module):
    """Dimensions start_dim to end_dim joined into one: (N, 1, 8, 8) becomes (N, 64)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
