"""Convolution and transposed convolution over any number of dimensions.

Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016). As in
all of deep learning the kernel is not turned round: what is computed is a cross-correlation.

Three ops, each the gradient of the others: Conv (x and W give z), ConvTranspose (z and W give x)
and ConvWeight (x and z give W). How each is computed as matrix products stands in correlation.py.
There, arrays are laid out as (channels, *size, examples). The results are handed on as (examples,
channels, *size) views of such memory, and ops that keep memory order pass it on.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.drawing import marked
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.correlation import (
    add_columns,
    back_size,
    by_channel,
    by_example,
    columns,
    correlated,
    out_size,
    padded,
    painted,
    weight_of,
)
from gobhir.engine.ops.linear import matmul
from gobhir.engine.ops.shapes import permute
from gobhir.lang import say


class Conv(Op):
    """z[n, o, p] = sum over c, k of W[o, c, k] x[n, c, stride p + dilation k - padding] + b[o].

    x: (N, in, *size); W: (out, in / groups, *kernel); b: (out) or None;
    z: (N, out, *((size + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down)).
    stride, padding, dilation: one whole number a dimension. Output channels of a group see the
    input channels of the same group only.
    """

    family = Family.LINEAR
    formula = "sum(W * window(x)) + b"
    local = {"x": "W", "W": "window(x)", "b": "1"}
    result = "z"
    example = (
        [
            [[[[1.0, 2.0, 0.5], [0.0, 3.0, 1.0], [2.0, -1.0, 1.5]]]],
            [[[[0.5, -1.0], [1.0, 0.25]]]],
            [0.1],
        ],
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)},
    )

    def forward(x, W, b=None, *, stride, padding, dilation, groups=1):
        _check(x, W, b, stride, padding, dilation, groups)
        size = out_size(x.shape[2:], W.shape[2:], stride, padding, dilation)
        if min(size) < 1:
            full = tuple(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True))
            raise RuntimeError(say("errors.conv.kernel", kernel=W.shape[2:], size=full))
        z = correlated(padded(by_channel(x), padding), W, size, stride, dilation, groups)
        if b is not None:
            z += b.reshape((-1,) + (1,) * (z.ndim - 1))
        return by_example(z)

    def vjp_x(dz, z, x, W, b=None, *, stride, padding, dilation, groups):
        # What the stride's rounding down left unseen at the end comes back as output_padding.
        seen = back_size(dz.shape[2:], W.shape[2:], stride, padding, dilation)
        rest = tuple(n - m for n, m in zip(x.shape[2:], seen, strict=True))
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return conv_transpose(dz, W, output_padding=rest, **options)

    def vjp_W(dz, z, x, W, b=None, *, stride, padding, dilation, groups):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return conv_weight(x, dz, kernel=W.shape[2:], **options)

    def vjp_b(dz, z, x, W, b=None, **_):
        return sums_by_channel(dz)


class ConvTranspose(Op):
    """The gradient of Conv to its input, as an op of its own: each number of x paints W, times
    itself, onto the result. W[c, o, k] x[n, c, p] goes to z[n, o, stride p + dilation k - padding].

    x: (N, in, *size); W: (in, out / groups, *kernel); b: (out) or None;
    z: (N, out, *(stride (size - 1) - 2 padding + dilation (kernel - 1) + 1 + output_padding)).
    """

    family = Family.LINEAR
    formula = "sum(W * painters(x)) + b"
    local = {"x": "W", "W": "painters(x)", "b": "1"}
    result = "z"
    example = (
        [[[[[0.5, -1.0], [1.0, 0.25]]]], [[[[0.5, -1.0], [1.0, 0.25]]]], [0.1]],
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "output_padding": (0, 0)},
    )

    def forward(x, W, b=None, *, stride, padding, dilation, groups=1, output_padding):
        _check(x, W, b, stride, padding, dilation, groups, transposed=True)
        size = back_size(x.shape[2:], W.shape[2:], stride, padding, dilation)
        size = tuple(n + more for n, more in zip(size, output_padding, strict=True))
        if min(size) < 1:
            raise RuntimeError(say("errors.conv.nothing_left", size=size))
        z = painted(by_channel(x), W, size, stride, padding, dilation, groups)
        if b is not None:
            z += b.reshape((-1,) + (1,) * (z.ndim - 1))
        return by_example(z)

    def vjp_x(dz, z, x, W, b=None, *, stride, padding, dilation, groups, output_padding):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return _first(conv(dz, W, **options), x.shape[2:])

    def vjp_W(dz, z, x, W, b=None, *, stride, padding, dilation, groups, output_padding):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return conv_weight(dz, x, kernel=W.shape[2:], **options)

    def vjp_b(dz, z, x, W, b=None, **_):
        return sums_by_channel(dz)


class ConvWeight(Op):
    """The gradient of Conv to its weight: how much of z's gradient d each place of the kernel
    has to answer for. x: (N, in, *size); d: (N, out, *size'); W: (out, in / groups, *kernel).
    """

    family = Family.LINEAR
    formula = "sum(d * window(x))"
    local = {"x": "d", "d": "window(x)"}
    result = "W"
    example = (
        [[[[[1.0, 2.0, 0.5], [0.0, 3.0, 1.0], [2.0, -1.0, 1.5]]]], [[[[0.5, -1.0], [1.0, 0.25]]]]],
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "kernel": (2, 2)},
    )

    def forward(x, d, *, kernel, stride, padding, dilation, groups=1):
        image = padded(by_channel(x), padding)
        return weight_of(image, by_channel(d), kernel, stride, dilation, groups)

    def vjp_x(dW, W, x, d, *, kernel, stride, padding, dilation, groups):
        return Conv.vjp_x(
            d, None, x, dW, stride=stride, padding=padding, dilation=dilation, groups=groups
        )

    def vjp_d(dW, W, x, d, *, kernel, stride, padding, dilation, groups):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return _first(conv(x, dW, **options), d.shape[2:])


class Im2Col(Op):
    """The windows of an image as columns. x: (N, C, *size); out: (N, C * kernel, windows)."""

    family = Family.GATHER
    formula = "windows(x)"
    local = "1"
    shape_only = True
    example = (
        [[[[[1.0, 2.0, 0.5], [0.0, 3.0, 1.0], [2.0, -1.0, 1.5]]]]],
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "kernel": (2, 2)},
    )

    def forward(x, *, kernel, stride, padding, dilation):
        size = out_size(x.shape[2:], kernel, stride, padding, dilation)
        if min(size) < 1:
            raise RuntimeError(say("errors.conv.kernel", kernel=kernel, size=x.shape[2:]))
        cols = columns(padded(by_channel(x), padding), kernel, size, stride, dilation)
        return by_example(cols.reshape((cols.shape[0], math.prod(size), x.shape[0])))

    def vjp(d, out, x, **settings):
        return col2_im(d, size=x.shape[2:], **settings)


class Col2Im(Op):
    """The other way round: every number of the columns added to where it came from.
    x: (N, C * kernel, windows); out: (N, C, *size)."""

    family = Family.GATHER
    formula = "sum(windows_over(x))"
    local = "1"
    shape_only = True
    example = (
        [[[[1.0, 2.0], [0.5, 1.0], [1.0, 0.0], [2.0, 1.0]]]],
        {"size": (2, 3), "kernel": (2, 2), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)},
    )

    def forward(x, *, size, kernel, stride, padding, dilation):
        places = out_size(size, kernel, stride, padding, dilation)
        fit = x.ndim == 3 and x.shape[1] % math.prod(kernel) == 0
        if not fit or x.shape[2] != math.prod(places):
            want = (math.prod(kernel), math.prod(places))
            raise RuntimeError(say("errors.conv.fold", x=x.shape, kernel=want[0], windows=want[1]))
        channels = x.shape[1] // math.prod(kernel)
        cols = by_channel(x).reshape((channels, *kernel, *places, x.shape[0]))
        out = np.zeros((channels, *size, x.shape[0]), x.dtype)
        add_columns(out, cols, stride, padding, dilation)
        return by_example(out)

    def vjp(d, out, x, *, size, **settings):
        return im2_col(d, **settings)


def sums_by_channel(d):
    """All numbers of each channel added up: (N, C, *size) becomes (C). As a product with ones it
    is faster than as a sum."""
    order = (*range(1, d.ndim), 0)
    d = permute(d, dims=order).reshape((d.shape[1], d.shape[0] * math.prod(d.shape[2:])))
    return matmul(d, np.ones(d.shape[1], d.dtype))


def _first(z, size):
    """The first places of z: an output_padding as large as the stride makes room for more."""
    return z if z.shape[2:] == size else z[(slice(None), slice(None), *map(slice, size))]


def _check(x, W, b, stride, padding, dilation, groups, transposed=False):
    """RuntimeError for all that PyTorch refuses."""
    if W.dtype != x.dtype or (b is not None and b.dtype != x.dtype):
        raise RuntimeError(say("errors.dtype.linear", x=x.dtype, weight=W.dtype))
    for name, setting, least in (
        ("kernel_size", W.shape[2:] or (1,), 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
        ("dilation", dilation, 1),
        ("groups", (groups,), 1),
    ):
        if min(setting) < least:
            raise RuntimeError(say("errors.conv.setting", name=name, value=setting, least=least))
    if x.ndim != W.ndim:
        raise RuntimeError(say("errors.conv.weight", n=x.ndim, weight=W.shape))
    outputs = W.shape[1] * groups if transposed else W.shape[0]
    inputs = W.shape[0] if transposed else W.shape[1] * groups
    if x.shape[1] != inputs or W.shape[0] % groups:
        at = 0 if transposed else 1
        drawn = {"x": marked(x.shape, 1), "weight": marked(W.shape, at), "groups": groups}
        raise RuntimeError(say("errors.conv.channels", got=x.shape[1], want=inputs, **drawn))
    if b is not None and b.shape != (outputs,):
        raise RuntimeError(say("errors.conv.bias", got=b.shape, want=outputs))


conv = function(Conv)
conv_transpose = function(ConvTranspose)
conv_weight = function(ConvWeight)
im2_col = function(Im2Col)
col2_im = function(Col2Im)
