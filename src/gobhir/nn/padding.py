"""Padding as layers. The three of each kind differ in how many dimensions they pad: the last one,
the last two, the last three. What padding does stands in nn/functional/padding.py."""

from __future__ import annotations

from typing import Any, ClassVar

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.nn.functional.padding import pad
from gobhir.nn.module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    """padding: one number for all sides, or (left, right, top, bottom, front, back)."""

    dims: ClassVar[int]
    mode: ClassVar[str] = "constant"

    def __init__(self, padding: Any):
        super().__init__()
        sides = 2 * self.dims
        self.padding = (padding,) * sides if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """Pads the last dimension with `value`: (..., W) becomes (..., W + left + right)."""

    dims = 1

    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """Pads the last two dimensions with `value`."""

    dims = 2


class ConstantPad3d(ConstantPad1d):
    """Pads the last three dimensions with `value`."""

    dims = 3


class ZeroPad1d(ConstantPad1d):
    """Pads the last dimension with zeros."""

    def __init__(self, padding: Any):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ZeroPad1d):
    """Pads the last two dimensions with zeros."""

    dims = 2


class ZeroPad3d(ZeroPad1d):
    """Pads the last three dimensions with zeros."""

    dims = 3


class ReflectionPad1d(_Pad):
    """Pads the last dimension with its own numbers, mirrored at the border."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pads the last two dimensions with their own numbers, mirrored at the border."""

    dims, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pads the last three dimensions with their own numbers, mirrored at the border."""

    dims, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pads the last dimension with the number at the border."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pads the last two dimensions with the number at the border."""

    dims, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pads the last three dimensions with the number at the border."""

    dims, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Pads the last dimension with what stands at its other end. ValueError for an input that has
    not one or two dimensions more than are padded."""

    dims, mode = 1, "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim - self.dims not in (1, 2):
            raise ValueError(say("errors.pad.layer", dims=self.dims, x=input.shape))
        return super().forward(input)


class CircularPad2d(CircularPad1d):
    """Pads the last two dimensions with what stands at their other end."""

    dims = 2


class CircularPad3d(CircularPad1d):
    """Pads the last three dimensions with what stands at their other end."""

    dims = 3
