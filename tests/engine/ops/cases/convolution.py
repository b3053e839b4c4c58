"""Convolutions: an uneven stride, padding, dilation and groups at once."""

from __future__ import annotations

from typing import Any

from tests.engine.parity import numbers

SETTINGS = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
WINDOWS = {"kernel": (2, 3), "stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
W, B = numbers(2, (4, 1, 2, 3)), numbers(3, (4,))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "conv": ([numbers(1, (2, 2, 5, 6)), W, B], SETTINGS),
    "conv_transpose": (
        [numbers(1, (2, 4, 3, 2)), W, numbers(3, (2,))],
        SETTINGS | {"output_padding": (1, 0)},
    ),
    "conv_weight": (
        [numbers(1, (2, 2, 5, 6)), numbers(4, (2, 4, 3, 2))],
        SETTINGS | {"kernel": (2, 3)},
    ),
    "im2_col": ([numbers(1, (2, 2, 5, 6))], WINDOWS),
    "col2_im": ([numbers(1, (2, 12, 6))], WINDOWS | {"size": (5, 6)}),
}
NOT_PER_ELEMENT = {
    "im2_col": "windows(x) are slices of the image",
    "col2_im": "windows_over(x) are the windows that cover the place",
    "conv": "window(x) is what stands under the kernel",
    "conv_transpose": "painters(x) are the inputs whose kernels reach the place",
    "conv_weight": "window(x) is what stands under the kernel",
}
