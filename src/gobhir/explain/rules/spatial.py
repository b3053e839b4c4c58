"""The rules of what slides over an image: convolution, pooling, resampling; over any number of
dimensions, with stride, padding, dilation and groups.

Everything here is a product and a sum over `Taken`, the windows of an image. Two small tables say
all: at which place of the image each place of the kernel lies (`_seen`), and, read the other way
round, which window lays a place of its kernel on a given place of the image (`_met`). With them
the three kinds of sum of a convolution are one another's gradients, as in the engine: the kernel
slides (`_slid`), paints (`_painted`), and collects (`_collected`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.arrays import Extreme, SumOver
from gobhir.derivation.expression import Expr, Fraction, Num, Product, Sum, number
from gobhir.derivation.formula import tidy
from gobhir.derivation.places import Scattered, Taken
from gobhir.derivation.rounding import decimals
from gobhir.engine import OPS, Record
from gobhir.engine.ops.pooling import largest_places
from gobhir.engine.ops.resampling import weights
from gobhir.explain.rules.use import Use

Sizes = tuple[int, ...]
NAMES = {"conv", "conv_transpose", "avg_pool", "max_pool", "resample"}
NAMES |= {"conv_weight", "avg_pool_back", "resample_back"}
"""The ops whose rules stand here."""


def forward(use: Use) -> Expr | None:
    """The result of an op of this kind."""
    match use.record.op.name:
        case "conv":
            return _plus_bias(_slid(use, use.whole(0), use.whole(1), _places(use)), use)
        case "conv_transpose":
            return _plus_bias(_painted(use, use.whole(0), use.whole(1), _places(use)), use)
        case "avg_pool":
            x = use.whole(0)
            sizes, count = use.record.settings["kernel"], _counts(use)
            windows = Taken(x, "window", _window_places(use, x.shape, _places(use)))
            return tidy(Fraction(SumOver(windows, _last(sizes, x)), count))
        case "max_pool":
            x = use.whole(0)
            where = _window_places(use, x.shape, _places(use))
            windows = Taken(x, "window", where, Decimal("-Infinity"))
            return Extreme(windows, _last(use.record.settings["kernel"], x))
        case "resample":
            return _weighed(use.whole(0), use, turned=False)
        case "conv_weight":
            return _collected(_of_weight(use), use.whole(0), use.whole(1))
        case "avg_pool_back" | "resample_back":
            return pull(_turned(use), 0, use.whole(0))
    return None


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What input i of an op of this kind receives when dL/d(result) is c, which has all the
    result's dimensions."""
    image = use.arrays[0].shape[2:]
    match use.record.op.name, i:
        case "conv", 0:
            return _painted(use, c, use.whole(1), image)
        case "conv", 1:
            return _collected(use, use.whole(0), c)
        case "conv_transpose", 0:
            return _slid(use, c, use.whole(1), image)
        case "conv_transpose", 1:
            return _collected(use, c, use.whole(0))
        case (("conv" | "conv_transpose"), 2):
            return SumOver(c, (0, *range(2, len(c.shape))))
        case "avg_pool", _:
            return _spread_back(use, tidy(Fraction(c, _counts(use))), image)
        case "max_pool", _:
            return Scattered(c, "unpool", lambda: _winners(use), use.arrays[0].shape)
        case "resample", _:
            return _weighed(c, use, turned=True)
        case "conv_weight", 0:
            return _painted(_of_weight(use), use.whole(1), c, image)
        case "conv_weight", 1:
            return _slid(_of_weight(use), use.whole(0), c, use.arrays[1].shape[2:])
        case (("avg_pool_back" | "resample_back"), _):
            return forward(replace(_turned(use), operands=[c]))
    return None


def _turned(use: Use) -> Use:
    """What was carried backwards, the right way round: second derivatives meet it."""
    record = use.record
    op = OPS[record.op.name.removesuffix("_back")]
    image, result = record.value, use.arrays[0]
    settings = {k: v for k, v in record.settings.items() if k in op.settings}
    seen = Record(op, record.inputs, settings, result, (), ())
    return Use(seen, [Num(image)], [image], use.result)


def _of_weight(use: Use) -> Use:
    """The convolution whose kernel was asked for, which is the result here."""
    d, kernel = use.arrays[1], use.record.value
    settings = {k: v for k, v in use.record.settings.items() if k != "kernel"}
    seen = Record(OPS["conv"], (), settings, d, (), ())
    return Use(seen, [], [use.arrays[0], kernel], use.result)


# -- where places lie ----


def lay(rank: int, values: Any, *axes: int) -> np.ndarray:
    """`values` along these axes (ascending) of an array of `rank` dimensions, the others of size
    1: one side of an open mesh."""
    values = np.asarray(values)
    shape = [1] * rank
    for axis, n in zip(axes, values.shape, strict=True):
        shape[axis] = n
    return values.reshape(shape)


def _places(use: Use) -> Sizes:
    return tuple(use.record.value.shape[2:])


def _last(sizes: Sizes, x: Expr) -> Sizes:
    """The axes of the places in a window, which come last."""
    return tuple(range(len(x.shape), len(x.shape) + len(sizes)))


def _kernel(use: Use) -> Sizes:
    settings = use.record.settings
    return tuple(settings["kernel"] if "kernel" in settings else use.arrays[1].shape[2:])


def _along(use: Use, axis: int) -> tuple[int, int, int, int]:
    """Kernel size, stride, padding and dilation along one dimension of the image."""
    settings, kernel = use.record.settings, _kernel(use)
    dilation = settings.get("dilation", (1,) * len(kernel))
    return kernel[axis], settings["stride"][axis], settings["padding"][axis], dilation[axis]


def _seen(use: Use, axis: int, places: int) -> np.ndarray:
    """(windows, places of the kernel): where in the image each lies; outside is the padding."""
    kernel, stride, padding, dilation = _along(use, axis)
    return stride * np.arange(places)[:, None] + dilation * np.arange(kernel) - padding


def _met(use: Use, axis: int, size: int, places: int) -> np.ndarray:
    """(places of the image, of the kernel): the window that lays the one on the other, or -1."""
    kernel, stride, padding, dilation = _along(use, axis)
    start = np.arange(size)[:, None] + padding - dilation * np.arange(kernel)
    window = start // stride
    return np.where((start % stride == 0) & (window < places), window, -1)


def _window_places(use: Use, shape: Sizes, places: Sizes) -> tuple[np.ndarray, ...]:
    """The places of (examples, channels, *windows, *kernel) in an image of this shape."""
    count = len(places)
    rank = 2 + 2 * count
    found = [lay(rank, np.arange(shape[0]), 0), lay(rank, np.arange(shape[1]), 1)]
    found += [lay(rank, _seen(use, k, n), 2 + k, 2 + count + k) for k, n in enumerate(places)]
    return tuple(found)


# -- the three sums of a convolution ----


def _slid(use: Use, x: Expr, W: Expr, places: Sizes) -> Expr:
    """The kernel slides: z[n, o, p] = sum over c, k of W[o, c, k] x[n, c, where k lies at p]."""
    groups, count = use.record.settings["groups"], len(places)
    outputs, inputs = W.shape[:2]
    rank = 3 + 2 * count
    group = np.arange(outputs)[:, None] // (outputs // groups)
    channel = lay(rank, group * inputs + np.arange(inputs), 1, 2 + count)
    rows = [lay(rank, _seen(use, k, n), 2 + k, 3 + count + k) for k, n in enumerate(places)]
    windows = Taken(x, "window", (lay(rank, np.arange(x.shape[0]), 0), channel, *rows))
    kernel = [lay(rank, np.arange(n), 3 + count + k) for k, n in enumerate(W.shape[2:])]
    own = lay(rank, np.arange(outputs), 1), lay(rank, np.arange(inputs), 2 + count)
    weights_there = Taken(W, "kernel", (*own, *kernel))
    return SumOver(Product((weights_there, windows)), tuple(range(2 + count, rank)))


def _painted(use: Use, c: Expr, W: Expr, size: Sizes) -> Expr:
    """The kernel paints: each number of c lays the kernel, times itself, onto an image of this
    size; one pixel is the sum of all that is laid on it."""
    groups, count = use.record.settings["groups"], len(size)
    inputs, outputs = W.shape[:2]  # of this direction: W belongs to the convolution
    rank = 3 + 2 * count
    channels = np.arange(outputs * groups)
    own = (channels // outputs)[:, None] * (inputs // groups) + np.arange(inputs // groups)
    painter = lay(rank, own, 1, 2 + count)
    met = [
        lay(rank, _met(use, k, n, c.shape[2 + k]), 2 + k, 3 + count + k) for k, n in enumerate(size)
    ]
    painters = Taken(c, "window", (lay(rank, np.arange(c.shape[0]), 0), painter, *met))
    kernel = [lay(rank, np.arange(n), 3 + count + k) for k, n in enumerate(W.shape[2:])]
    weights_there = Taken(W, "kernel", (painter, lay(rank, channels % outputs, 1), *kernel))
    return SumOver(Product((weights_there, painters)), tuple(range(2 + count, rank)))


def _collected(use: Use, image: Expr, d: Expr) -> Expr:
    """The kernel collects: a cell of it was used once in each window, and its gradient is the sum
    of d there times what it met there."""
    shape, groups = use.arrays[1].shape, use.record.settings["groups"]
    places, count = d.shape[2:], len(shape) - 2
    rank = 3 + 2 * count
    outputs, inputs = shape[:2]
    group = np.arange(outputs)[:, None] // (outputs // groups)
    channel = lay(rank, group * inputs + np.arange(inputs), 0, 1)
    example = lay(rank, np.arange(d.shape[0]), 2 + count)
    blame = [lay(rank, np.arange(n), 3 + count + k) for k, n in enumerate(places)]
    rows = [lay(rank, _seen(use, k, n).T, 2 + k, 3 + count + k) for k, n in enumerate(places)]
    blamed = Taken(d, "window", (example, lay(rank, np.arange(outputs), 0), *blame))
    seen = Taken(image, "window", (example, channel, *rows))
    return SumOver(Product((blamed, seen)), tuple(range(2 + count, rank)))


def _plus_bias(z: Expr, use: Use) -> Expr:
    if len(use.operands) < 3 or use.operands[2] is None:
        return z
    b = use.whole(2)
    rank = len(z.shape)
    return Sum((z, Taken(b, "bias", (lay(rank, np.arange(b.shape[0]), 1),))))


# -- pooling ----


def _counts(use: Use) -> Num:
    """By what the sum of a window is divided: one number, or one for each window."""
    settings, image = use.record.settings, use.arrays[0].shape[2:]
    if settings["divisor"] is not None:
        return number(settings["divisor"])
    whole: Any = 1
    for k, (n, m) in enumerate(zip(image, _places(use), strict=True)):
        kernel, stride, padding, _ = _along(use, k)
        start = np.arange(m) * stride - padding
        end = np.minimum(start + kernel, n + padding)
        if not settings["count_include_pad"]:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        whole = np.multiply.outer(whole, end - start)
    if (whole == whole.flat[0]).all():
        return number(int(whole.flat[0]))
    return Num(decimals(whole))


def _spread_back(use: Use, c: Expr, size: Sizes) -> Expr:
    """Each number of c given to all places of its window."""
    count = len(size)
    rank = 2 + 2 * count
    places = [lay(rank, np.arange(n), axis) for axis, n in enumerate(c.shape[:2])]
    places += [
        lay(rank, _met(use, k, n, c.shape[2 + k]), 2 + k, 2 + count + k) for k, n in enumerate(size)
    ]
    return SumOver(Taken(c, "window", tuple(places)), tuple(range(2 + count, rank)))


def _winners(use: Use) -> np.ndarray:
    """The flat position of the largest number of each window: the one that the gradient goes to."""
    settings = {k: v for k, v in use.record.settings.items() if k != "ceil_mode"}
    x = use.arrays[0]
    at = largest_places(x, use.record.value, **settings)
    image = np.arange(math.prod(x.shape[:2])).reshape((*x.shape[:2], *[1] * (x.ndim - 2)))
    return np.asarray(image * math.prod(x.shape[2:]) + at)


# -- resampling ----


def _weighed(x: Expr, use: Use, turned: bool) -> Expr:
    """Each number of the result is a weighted sum of numbers near its place."""
    s = use.record.settings
    count = len(s["size"])
    rank = 2 + 2 * count
    places = [lay(rank, np.arange(n), axis) for axis, n in enumerate(x.shape[:2])]
    factors: list[Expr] = []
    sizes = use.arrays[0].shape[2:]
    for k, (n, m) in enumerate(zip(sizes, s["size"], strict=True)):
        scale = None if s["scales"] is None else s["scales"][k]
        table = weights(n, m, s["mode"], s["align_corners"], scale, s["antialias"])
        where, share = _sparse(table.T if turned else table)
        places.append(lay(rank, where, 2 + k, 2 + count + k))
        if (share[where >= 0] != 1).any():
            factors.append(Num(decimals(lay(rank, share, 2 + k, 2 + count + k))))
    taken = Taken(x, "window", tuple(places))
    body = Product((*factors, taken)) if factors else taken
    return SumOver(body, tuple(range(2 + count, rank)))


def _sparse(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row: the columns that count (-1 for none), and how much each does."""
    most = max(int((table != 0).sum(1).max()), 1)
    where = np.full((len(table), most), -1)
    share = np.zeros((len(table), most))
    for i, row in enumerate(table):
        found = np.flatnonzero(row)
        where[i, : len(found)], share[i, : len(found)] = found, row[found]
    return where, share
