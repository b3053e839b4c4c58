"""Ops of TensorFlow's that slide a window over a picture: convolution and pooling, by the engine's
functions; tensorflow_ops.py says how an entry is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.lift import windows
from gobhir.lift.tensorflow_ops import TABLE, entry, refuse, text
from gobhir.lift.windows import back, first


def _along(setting: Any, data_format: Any) -> tuple[int, ...]:
    """A setting of all dimensions, as far as it speaks of places."""
    values = windows.whole_numbers(setting)
    return values[1:-1] if _is_last(data_format) else values[2:]


def _is_last(data_format: Any) -> bool:
    """Whether the channels come last: NHWC, NDHWC."""
    return text(data_format).endswith("C")


def _padding(padding: Any, explicit: Any, data_format: Any) -> Any:
    name = text(padding).lower()
    if name != "explicit":
        return name
    sides = np.reshape(explicit, (-1, 2))
    return sides[1:-1] if _is_last(data_format) else sides[2:]


def _settings(
    strides: Any, padding: Any, data_format: Any, dilations: Any = None, explicit_paddings: Any = ()
) -> tuple[Any, ...]:
    """Strides, padding and dilations of the places."""
    given = _along(strides, data_format)
    apart = _along(dilations, data_format) if dilations else (1,) * len(given)
    return given, _padding(padding, explicit_paddings, data_format), apart


_CONV = ("strides", "padding", "data_format", "dilations", "explicit_paddings")


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k in _CONV}


@entry("Conv2D", "Conv3D")
def _conv(x: Any, w: Any, data_format: Any = "NHWC", **options: Any) -> Any:
    last, settings = _is_last(data_format), _settings(data_format=data_format, **_chosen(options))
    return back(windows.conv(first(x, last), w, None, *settings), last)


@entry("DepthwiseConv2dNative")
def _depthwise(x: Any, w: Any, data_format: Any = "NHWC", **options: Any) -> Any:
    last, settings = _is_last(data_format), _settings(data_format=data_format, **_chosen(options))
    return back(windows.depthwise(first(x, last), w, None, *settings), last)


@entry("Conv2DBackpropInput", "Conv3DBackpropInputV2", settings=(0,))
def _conv_transposed(shape: Any, w: Any, x: Any, data_format: Any = "NHWC", **options: Any) -> Any:
    last = _is_last(data_format)
    strides, padding, apart = _settings(data_format=data_format, **_chosen(options))
    refuse(len(shape) != x.dim())
    wanted = _along(shape, data_format)
    y = windows.conv_transpose(first(x, last), w, None, strides, padding, apart, wanted)
    return back(y, last)


def _pooling(pool: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = "NHWC",
        explicit_paddings: Any = (), **_: Any,
    ) -> Any:  # fmt: skip
        last, size = _is_last(data_format), _along(ksize, data_format)
        sides = _padding(padding, explicit_paddings, data_format)
        return back(pool(first(x, last), size, _along(strides, data_format), sides), last)

    return run


TABLE |= dict.fromkeys(("MaxPool", "MaxPool3D"), (_pooling(windows.max_pool), ()))
TABLE |= dict.fromkeys(("AvgPool", "AvgPool3D"), (_pooling(windows.avg_pool), ()))
