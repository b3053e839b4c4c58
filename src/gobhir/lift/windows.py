"""What slides over pictures as Keras and TensorFlow lay them out: kernels (places..., in, out),
channels last as a rule, padding "same" or "valid"; for one dimension of places up to three.

Sources: https://www.tensorflow.org/api_docs/python/tf/nn/convolution and its kin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.nn import functional as F

Pads = list[tuple[int, int]]
Sizes = Sequence[int]


def before(x: Any) -> Any:
    """What `back` has turned, as it was before; None for what is not turned."""
    made = x._record
    if made is None or made.op.name != "permute" or x.dim() < 3:
        return None
    turned = tuple(made.settings["dims"]) == (0, *range(2, x.dim()), 1)
    return made.inputs[0] if turned else None


def first(x: Any, last: bool) -> Any:
    """The channels before the places."""
    if not last or x.dim() < 3:
        return x
    known = before(x)
    return x.permute(0, -1, *range(1, x.dim() - 1)) if known is None else known


def back(y: Any, last: bool) -> Any:
    """The channels where they were."""
    return y.permute(0, *range(2, y.dim()), 1) if last and y.dim() > 2 else y


def pads(shape: Sizes, size: Sizes, stride: Sizes, dilation: Sizes, padding: Any) -> Pads:
    """Before and after, along each dimension of a picture of this shape. padding: "same", "valid",
    "causal", or the pads themselves. Of an odd number, one more comes after."""
    if not isinstance(padding, str):
        return [(int(low), int(high)) for low, high in padding]
    found = []
    for n, k, s, d in zip(shape, size, stride, dilation, strict=True):
        if padding == "causal":
            found.append((d * (k - 1), 0))
            continue
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) if padding == "same" else 0
        found.append((total // 2, total - total // 2))
    return found


def _padded(x: Any, sides: Pads, value: float) -> tuple[Any, tuple[int, ...]]:
    """The picture, padded by itself where the sides differ; else how much each side gets."""
    if all(low == high for low, high in sides):
        return x, tuple(low for low, _ in sides)
    flat = [n for pair in reversed(sides) for n in pair]
    return F.pad(x, tuple(flat), value=value), (0,) * len(sides)


def _sliding(name: str, x: Any) -> Any:
    return getattr(F, f"{name}{x.dim() - 2}d")


def _turned(kernel: Any) -> Any:
    """(places..., a, b) as (b, a, places...)."""
    n = kernel.dim()
    return kernel.permute(n - 1, n - 2, *range(n - 2))


def conv(
    x: Any, kernel: Any, bias: Any, stride: Sizes, padding: Any, dilation: Sizes, groups: int = 0
) -> Any:
    """x: (N, in, places...), kernel: (places..., in / groups, out). groups: 0 where the shapes say
    how many."""
    size = kernel.shape[:-2]
    x, sides = _padded(x, pads(x.shape[2:], size, stride, dilation, padding), 0.0)
    groups = groups or x.shape[1] // kernel.shape[-2]
    args = tuple(stride), sides, tuple(dilation), groups
    return _sliding("conv", x)(x, _turned(kernel), bias, *args)


def depthwise(x: Any, kernel: Any, bias: Any, stride: Sizes, padding: Any, dilation: Sizes) -> Any:
    """Each channel by kernels of its own. x: (N, in, places...), kernel: (places..., in, times)."""
    n, size = kernel.dim(), kernel.shape[:-2]
    x, sides = _padded(x, pads(x.shape[2:], size, stride, dilation, padding), 0.0)
    own = kernel.permute(n - 2, n - 1, *range(n - 2)).reshape(-1, 1, *size)
    args = tuple(stride), sides, tuple(dilation), kernel.shape[-2]
    return _sliding("conv", x)(x, own, bias, *args)


def conv_transpose(
    x: Any, kernel: Any, bias: Any, stride: Sizes, padding: Any, dilation: Sizes, wanted: Sizes
) -> Any:
    """The other way round. x: (N, in, places...), kernel: (places..., out, in), wanted: how many
    places are to come out."""
    size, count = kernel.shape[:-2], len(wanted)
    sides = pads(wanted, size, stride, dilation, padding)
    full = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(x.shape[2:], stride, size, dilation, strict=True)
    ]
    # What PyTorch calls padding is cut off on both sides, and output_padding is left on the one.
    low = tuple(before for before, _ in sides)
    more = tuple(w - (f - 2 * p) for w, f, p in zip(wanted, full, low, strict=True))
    run, turned = _sliding("conv_transpose", x), _turned(kernel)
    if all(0 <= m < max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        return run(x, turned, bias, tuple(stride), low, more, 1, tuple(dilation))
    y = run(x, turned, bias, tuple(stride), dilation=tuple(dilation))
    short = [max(p + w - f, 0) for p, w, f in zip(low, wanted, full, strict=True)]
    if any(short):
        y = F.pad(y, tuple(n for short_here in reversed(short) for n in (0, short_here)))
    cut = tuple(slice(p, p + w) for p, w in zip(low, wanted, strict=True))
    return y[(slice(None),) * (y.dim() - count) + cut]


def max_pool(x: Any, size: Sizes, stride: Sizes, padding: Any) -> Any:
    """x: (N, C, places...)."""
    found = pads(x.shape[2:], size, stride, (1,) * len(size), padding)
    sides, over = _sides(found, stride)
    if sides is None:
        x, sides = _padded(x, found, -math.inf)
    return _sliding("max_pool", x)(x, tuple(size), tuple(stride), sides, ceil_mode=over)


def avg_pool(x: Any, size: Sizes, stride: Sizes, padding: Any) -> Any:
    """The mean of the picture's own places in each window. x: (N, C, places...). ValueError where
    the windows begin too far outside."""
    found = pads(x.shape[2:], size, stride, (1,) * len(size), padding)
    sides, over = _sides(found, stride)
    if sides is None:
        raise ValueError
    args: dict[str, Any] = {"ceil_mode": over, "count_include_pad": False}
    return _sliding("avg_pool", x)(x, tuple(size), tuple(stride), sides, **args)


def _sides(found: Pads, stride: Sizes) -> tuple[tuple[int, ...] | None, bool]:
    """How much each side gets, and whether the last window may stand over the edge: where one more
    place comes after than before, it does. None where that is not enough."""
    over = any(high > low for low, high in found)
    enough = all(
        high == low or (high == low + 1 and s > 1)
        for (low, high), s in zip(found, stride, strict=True)
    )
    even = not over or all(high > low for low, high in found)
    return (tuple(low for low, _ in found) if enough and even else None), over and enough and even


def resized(x: Any, times: Sizes, mode: str) -> Any:
    """x: (N, C, places...), so many times as large in each dimension."""
    wanted = tuple(int(n) * t for n, t in zip(x.shape[2:], times, strict=True))
    mode = {"bilinear": ("linear", "bilinear", "trilinear")[len(wanted) - 1]}.get(mode, mode)
    corners = {} if mode == "nearest" else {"align_corners": False}
    return F.interpolate(x, size=wanted, mode=mode, **corners)


def whole_numbers(x: Any) -> tuple[int, ...]:
    """A setting that says a number for each dimension."""
    return tuple(int(n) for n in np.ravel(x))
