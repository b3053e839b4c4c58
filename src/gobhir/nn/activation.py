"""Activation functions as layers. What each computes stands in engine/ops/activations.py and
engine/ops/softmax.py."""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.creation import full
from gobhir.lang import say, warn
from gobhir.nn import functional as F
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "RReLU",
    "SELU",
    "Sigmoid",
    "SiLU",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _Activation(Module):
    """A layer that computes one function of F and has nothing to learn. `shown`: the settings in
    its text, which go to the function by name."""

    shown: tuple[str, ...] = ()
    inplace: bool = False
    function: str
    """The name of what it computes: its own, also in subclasses that users give other names."""

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:
            cls.function = cls.__name__.lower()

    def forward(self, input: Tensor) -> Tensor:
        f = getattr(F, self.function)
        settings: Any = {name: getattr(self, name) for name in self.shown}
        settings |= {"inplace": True} if self.inplace else {}
        return f(input, **settings)

    def extra_repr(self) -> str:
        parts = [f"{name}={getattr(self, name)!r}" for name in self.shown]
        return ", ".join(parts + ["inplace=True"] * self.inplace)


class _InPlace(_Activation):
    """One that can write over its input."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace


class Sigmoid(_Activation):
    """1 / (1 + e^-z), elementwise."""


class Tanh(_Activation):
    """tanh(z), elementwise."""


class LogSigmoid(_Activation):
    """log(1 / (1 + e^-z)), elementwise, exact where the sigmoid is near 0 too."""


class Softsign(_Activation):
    """z / (1 + |z|), elementwise."""


class Tanhshrink(_Activation):
    """z - tanh(z), elementwise."""


class ReLU(_InPlace):
    """max(0, z), elementwise; written over the input where inplace."""


class SELU(_InPlace):
    """scale * (z above 0, alpha * (e^z - 1) below), elementwise: keeps mean and variance."""


class SiLU(_InPlace):
    """z * sigmoid(z), elementwise; also called swish."""


class Mish(_InPlace):
    """z * tanh(softplus(z)), elementwise."""


class Hardsigmoid(_InPlace):
    """z / 6 + 1/2 between -3 and 3, 0 below, 1 above, elementwise."""

    def extra_repr(self) -> str:
        return ""  # PyTorch's is silent about inplace, too


class Hardswish(_InPlace):
    """z * hardsigmoid(z), elementwise."""

    def extra_repr(self) -> str:
        return ""


class LeakyReLU(_Activation):
    """z above 0, negative_slope * z below, elementwise."""

    shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(Module):
    """z above 0, weight * z below, elementwise. weight: (num_parameters,), learned, one number
    for all or one for each channel (dimension 1); it starts at init."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ):
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Every number back to init."""
        self.weight.array[...] = self.init

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(_Activation):
    """z above 0, r * z below; in training r is drawn from [lower, upper) for every element, in
    evaluation it is halfway between the two."""

    shown = ("lower", "upper")

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False):
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class ELU(_Activation):
    """z above 0, alpha * (e^z - 1) below, elementwise."""

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        super().__init__()
        self.alpha, self.inplace = alpha, inplace


class CELU(ELU):
    """z above 0, alpha * (e^(z / alpha) - 1) below, elementwise."""


class GELU(_Activation):
    """z * Phi(z), Phi the share of a normal distribution below z, elementwise. approximate:
    "none", or "tanh" for a formula with tanh."""

    shown = ("approximate",)

    def __init__(self, approximate: str = "none"):
        super().__init__()
        self.approximate = approximate


class Softplus(_Activation):
    """log(1 + e^(beta z)) / beta, elementwise; z itself where beta z is above the threshold."""

    shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        super().__init__()
        self.beta, self.threshold = beta, threshold


class Hardtanh(_Activation):
    """z, but at least min_val and at most max_val, elementwise."""

    shown: tuple[str, ...] = ("min_val", "max_val")

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ):
        super().__init__()
        for old, new, value in (
            ("min_value", "min_val", min_value),
            ("max_value", "max_val", max_value),
        ):
            if value is not None:
                warn(say("errors.nn.old_name", old=old, new=new))
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if not self.min_val < self.max_val:
            raise AssertionError(say("errors.nn.hardtanh", low=self.min_val, high=self.max_val))


class ReLU6(Hardtanh):
    """min(max(0, z), 6), elementwise."""

    shown = ()

    def __init__(self, inplace: bool = False):
        super().__init__(0.0, 6.0, inplace)


class Hardshrink(_Activation):
    """z, but 0 between -lambd and lambd, elementwise."""

    shown = ("lambd",)

    def __init__(self, lambd: float = 0.5):
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Hardshrink):
    """z moved by lambd towards 0, and 0 between -lambd and lambd, elementwise."""


class Threshold(_Activation):
    """z above the threshold, value elsewhere."""

    shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace


class GLU(_Activation):
    """a * sigmoid(b), with a and b the halves of the input along `dim`."""

    shown = ("dim",)

    def __init__(self, dim: int = -1):
        super().__init__()
        self.dim = dim


class Softmax(Module):
    """e^z / sum e^z along `dim`: positive numbers that add up to 1."""

    def __init__(self, dim: int | None = None):
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Softmax):
    """softmax of -z: the smallest gets the largest share."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class LogSoftmax(Softmax):
    """log(softmax) along `dim`, without losing small probabilities."""

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmax2d(Module):
    """softmax over the channels of each pixel. z: (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(say("errors.nn.softmax2d", shape=input.shape))
        return F.softmax(input, -3)
