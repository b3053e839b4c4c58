"""Convolutions over 1, 2 and 3 dimensions. What they compute stands in
engine/ops/convolution.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import Dims, on_tensor
from gobhir.engine.ops import convolution as ops
from gobhir.lang import say
from gobhir.nn.functional.kinds import only_floating
from gobhir.nn.functional.sizes import batched, each

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]

_OVER = {1: "signals, (N, in, L)", 2: "images, (N, in, H, W)", 3: "volumes, (N, in, D, H, W)"}


def _conv(n: int) -> Callable[..., Tensor]:
    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Dims = 1,
        padding: Dims | str = 0,
        dilation: Dims = 1,
        groups: int = 1,
    ) -> Tensor:
        stride, dilation = each(stride, n, "stride"), each(dilation, n, "dilation")
        x, alone = batched(input, n, conv.__name__)
        only_floating(x, conv.__name__, "iu")
        if 0 in x.shape[2:]:
            raise RuntimeError(say("errors.pool.no_numbers", name=conv.__name__, x=x.shape))
        if not isinstance(padding, str):
            both, more = each(padding, n, "padding"), (0,) * n
        else:
            kernel = tuple(weight.shape[2:])
            # A weight of other dimensions is ops.conv's to refuse.
            kernel = kernel if len(kernel) == n else (1,) * n
            both, more = _by_name(padding, kernel, stride, dilation)
        z = ops.conv(x, weight, bias, stride=stride, padding=both, dilation=dilation, groups=groups)
        if any(more):
            z = z[(slice(None), slice(None), *(slice(m, None) for m in more))]
        return z[0] if alone else z

    text = (
        "Convolution over {over}, or without N. weight: (out, in / groups, *kernel); bias: (out).\n"
    )
    text += '    padding: numbers of zeros at each end, "same" or "valid".'
    return _named(conv, "conv", n, text)


def _transposed(n: int) -> Callable[..., Tensor]:
    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Dims = 1,
        padding: Dims = 0,
        output_padding: Dims = 0,
        groups: int = 1,
        dilation: Dims = 1,
    ) -> Tensor:
        options = {
            "stride": each(stride, n, "stride"),
            "padding": each(padding, n, "padding"),
            "dilation": each(dilation, n, "dilation"),
            "output_padding": each(output_padding, n, "output_padding"),
        }
        x, alone = batched(input, n, conv_transpose.__name__)
        if x.dtype != np.int64:
            only_floating(x, conv_transpose.__name__)
        for more, s, d in zip(
            options["output_padding"], options["stride"], options["dilation"], strict=True
        ):
            if not 0 <= more < max(s, d):
                raise RuntimeError(
                    say("errors.conv.output_padding", value=more, stride=s, dilation=d)
                )
        z = ops.conv_transpose(x, weight, bias, groups=groups, **options)
        return z[0] if alone else z

    text = "Transposed convolution over {over}, or without N. weight: (in, out / groups, *kernel)."
    return _named(conv_transpose, "conv_transpose", n, text)


def _named(f: Callable[..., Tensor], name: str, n: int, text: str) -> Callable[..., Tensor]:
    f.__name__ = f.__qualname__ = f"{name}{n}d"
    f.__doc__ = text.format(over=_OVER[n])
    return on_tensor(f)


def _by_name(
    padding: str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many zeros at both ends, and how many results are then too many in front: an uneven
    "same" has one zero more at the far end than at the near one."""
    if padding not in ("same", "valid"):
        raise RuntimeError(say("errors.conv.padding_name", padding=padding))
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if any(s != 1 for s in stride):
        raise RuntimeError(say("errors.conv.same_stride", stride=stride))
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple((t + 1) // 2 for t in total), tuple(t % 2 for t in total)


conv1d = _conv(1)
conv2d = _conv(2)
conv3d = _conv(3)
conv_transpose1d = _transposed(1)
conv_transpose2d = _transposed(2)
conv_transpose3d = _transposed(3)
