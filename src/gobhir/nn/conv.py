"""Convolution layers over 1, 2 and 3 dimensions, and their transposes. What they compute stands
in engine/ops/convolution.py."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from gobhir.engine import Tensor
from gobhir.engine.creation import empty
from gobhir.engine.ops.correlation import back_size
from gobhir.lang import say
from gobhir.nn import functional as F
from gobhir.nn import init
from gobhir.nn.functional.sizes import each
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]


class _Convolution(Module):
    """What the convolutions have in common: settings, weight and bias.

    Weight and bias start evenly spread in [-k, k), k = 1 / sqrt(in / groups * kernel numbers).
    """

    n: ClassVar[int]
    transposed: ClassVar[bool] = False
    bias: Any

    def _prepare(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = each(kernel_size, self.n, "kernel_size")
        self.stride = each(stride, self.n, "stride")
        named = isinstance(padding, str)
        self.padding = padding if named else each(padding, self.n, "padding")
        self.dilation = each(dilation, self.n, "dilation")
        self.output_padding = each(output_padding, self.n, "output_padding")
        self.padding_mode = padding_mode
        self._check()
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (channels[0], channels[1] // groups, *self.kernel_size)
        self.weight = Parameter(empty(*shape, device=device, dtype=dtype))
        made = Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", made)
        self.reset_parameters()

    def _check(self) -> None:
        if self.groups < 1:
            raise ValueError(say("errors.conv.setting", name="groups", value=self.groups, least=1))
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                value = getattr(self, name)
                raise ValueError(
                    say("errors.conv.groups", name=name, value=value, groups=self.groups)
                )
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(say("errors.conv.padding_name", padding=self.padding))
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(say("errors.conv.same_stride", stride=self.stride))
        modes = ("zeros",) if self.transposed else ("zeros", "reflect", "replicate", "circular")
        if self.padding_mode not in modes:
            known = ", ".join(repr(m) for m in modes)
            raise ValueError(say("errors.conv.padding_mode", mode=self.padding_mode, known=known))

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan = math.prod(self.weight.shape[1:])
            if fan:
                init.uniform_(self.bias, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def extra_repr(self) -> str:
        n = self.n
        said = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        usual = {"padding": (0,) * n, "dilation": (1,) * n, "output_padding": (0,) * n, "groups": 1}
        said += [f"{k}={getattr(self, k)}" for k, v in usual.items() if getattr(self, k) != v]
        said += ["bias=False"] if self.bias is None else []
        said += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(said)


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        args = (in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias)
        self._prepare(*args, padding_mode, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._both_ends(), mode=self.padding_mode)
            padding = 0
        conv = getattr(F, f"conv{self.n}d")
        more = (self.stride, padding, self.dilation, self.groups)
        return conv(input, self.weight, self.bias, *more)

    def _both_ends(self) -> list[int]:
        """The padding as F.pad takes it: last dimension first, near end and far end."""
        ends = []
        for i in reversed(range(self.n)):
            total = self.dilation[i] * (self.kernel_size[i] - 1) if self.padding == "same" else 0
            fixed = 0 if isinstance(self.padding, str) else self.padding[i]
            ends += [fixed + total // 2, fixed + total - total // 2]
        return ends


class Conv1d(_Conv):
    """Convolution over signals: (N, in_channels, L) to (N, out_channels, L')."""

    n = 1


class Conv2d(_Conv):
    """Convolution over images: (N, in_channels, H, W) to (N, out_channels, H', W')."""

    n = 2


class Conv3d(_Conv):
    """Convolution over volumes or films: (N, in_channels, D, H, W), each size as in Conv2d."""

    n = 3


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        args = (in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding)
        self._prepare(*args, groups, bias, padding_mode, device, dtype)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        conv = getattr(F, f"conv_transpose{self.n}d")
        more = self.output_padding if output_size is None else self._for_size(input, output_size)
        settings = (self.stride, self.padding, more, self.groups, self.dilation)
        return conv(input, self.weight, self.bias, *settings)

    def _for_size(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output_padding that gives this size. ValueError if none does."""
        wished = tuple(output_size)[-self.n :]
        sizes = input.shape[-self.n :]
        least = back_size(sizes, self.kernel_size, self.stride, self.padding, self.dilation)
        most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
        fits = len(wished) == self.n and len(output_size) in (self.n, self.n + 1, self.n + 2)
        if not fits or any(not a <= w <= b for a, w, b in zip(least, wished, most, strict=True)):
            text = say("errors.conv.output_size", wished=wished, least=least, most=most)
            raise ValueError(text)
        return tuple(w - a for w, a in zip(wished, least, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over signals: the way back from a Conv1d's shape."""

    n = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over images: the way back from a Conv2d's shape."""

    n = 2


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over volumes: the way back from a Conv3d's shape."""

    n = 3
