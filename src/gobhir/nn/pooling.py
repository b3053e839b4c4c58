"""Pooling layers over 1, 2 and 3 dimensions. What they compute stands in
engine/ops/pooling.py."""

from __future__ import annotations

from typing import Any, ClassVar

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.nn import functional as F
from gobhir.nn.functional.sizes import each
from gobhir.nn.module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _Pool(Module):
    n: ClassVar[int]
    shown: ClassVar[tuple[str, ...]]

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class _MaxPool(_Pool):
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__()
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        windows = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        return getattr(F, f"max_pool{self.n}d")(input, *windows, self.return_indices)


class MaxPool1d(_MaxPool):
    """The largest number of each window of a signal: (N, C, L) to (N, C, L')."""

    n = 1


class MaxPool2d(_MaxPool):
    """The largest number of each window of an image: (N, C, H, W) to (N, C, H', W')."""

    n = 2


class MaxPool3d(_MaxPool):
    """The largest number of each window of a volume: (N, C, D, H, W), each size as above."""

    n = 3


class _AvgPool(_Pool):
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = kernel_size if stride is None else stride
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        windows = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        more = (self.count_include_pad, self.divisor_override)
        return getattr(F, f"avg_pool{self.n}d")(input, *windows, *more)


class AvgPool1d(_AvgPool):
    """The mean of each window of a signal: (N, C, L) to (N, C, L')."""

    n = 1

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        kernel = each(kernel_size, 1, "kernel_size")
        step = kernel if stride is None else each(stride, 1, "stride")
        super().__init__(kernel, step, each(padding, 1, "padding"), ceil_mode, count_include_pad)


class AvgPool2d(_AvgPool):
    """The mean of each window of an image: (N, C, H, W) to (N, C, H', W')."""

    n = 2


class AvgPool3d(_AvgPool):
    """The mean of each window of a volume: (N, C, D, H, W), each size as above."""

    n = 3


class _LPPool(_Pool):
    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ):
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(F, f"lp_pool{self.n}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPool):
    """(sum of x^p) ^ (1/p) of each window of a signal."""

    n = 1


class LPPool2d(_LPPool):
    """(sum of x^p) ^ (1/p) of each window of an image."""

    n = 2


class LPPool3d(_LPPool):
    """(sum of x^p) ^ (1/p) of each window of a volume."""

    n = 3


class _Adaptive(_Pool):
    shown = ("output_size",)
    pool: ClassVar[str]

    def __init__(self, output_size: Any):
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self.pool)(input, self.output_size)


class AdaptiveAvgPool1d(_Adaptive):
    """The means of output_size windows that cover a signal evenly."""

    pool = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_Adaptive):
    """The means of output_size windows that cover an image evenly, whatever its size."""

    pool = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_Adaptive):
    """The means of output_size windows that cover a volume evenly."""

    pool = "adaptive_avg_pool3d"


class _AdaptiveMax(_Adaptive):
    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self.pool)(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest numbers of output_size windows that cover a signal evenly."""

    pool = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest numbers of output_size windows that cover an image evenly."""

    pool = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMax):
    """The largest numbers of output_size windows that cover a volume evenly."""

    pool = "adaptive_max_pool3d"


class _FractionalMaxPool(Module):
    n: ClassVar[int]

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ):
        super().__init__()
        if output_size is None and output_ratio is None:
            raise ValueError(say("errors.pool.fractional", name=type(self).__name__))
        if output_size is not None and output_ratio is not None:
            raise ValueError(say("errors.pool.fractional_both"))
        self.kernel_size = _one_each(kernel_size, self.n)
        self.output_size = None if output_size is None else _one_each(output_size, self.n)
        self.output_ratio = None if output_ratio is None else _one_each(output_ratio, self.n)
        if not all(0 < ratio < 1 for ratio in self.output_ratio or ()):
            raise ValueError(say("errors.pool.fractional_ratio", value=output_ratio))
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"fractional_max_pool{self.n}d")
        sizes = (self.kernel_size, self.output_size, self.output_ratio)
        return pool(input, *sizes, self.return_indices, self._random_samples)


def _one_each(value: Any, n: int) -> Any:
    return value if isinstance(value, (tuple, list)) else (value,) * n


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest numbers of output_size windows of an image, at places that are drawn anew at
    every call. output_ratio: the output's size as a share of the input's."""

    n = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest numbers of output_size windows of a volume, at places that are drawn anew at
    every call. output_ratio: the output's size as a share of the input's."""

    n = 3


class _MaxUnpool(_Pool):
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0):
        super().__init__()
        self.kernel_size = each(kernel_size, self.n, "kernel_size")
        self.stride = self.kernel_size if stride is None else each(stride, self.n, "stride")
        self.padding = each(padding, self.n, "padding")

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        unpool = getattr(F, f"max_unpool{self.n}d")
        settings = (self.kernel_size, self.stride, self.padding, output_size)
        return unpool(input, indices, *settings)


class MaxUnpool1d(_MaxUnpool):
    """The way back from a MaxPool1d with return_indices; zeros elsewhere."""

    n = 1


class MaxUnpool2d(_MaxUnpool):
    """The way back from a MaxPool2d with return_indices; zeros elsewhere."""

    n = 2


class MaxUnpool3d(_MaxUnpool):
    """The way back from a MaxPool3d with return_indices; zeros elsewhere."""

    n = 3
