"""Convolution and transposed convolution over any number of dimensions.

Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016). As in
all of deep learning the kernel is not turned round: what is computed is a cross-correlation.

Three ops, each the gradient of the others: Conv (x and W give z), ConvTranspose (z and W give x)
and ConvWeight (x and z give W). All of them go through one matrix product. `columns` writes under
one another, for every place of the kernel, the numbers that stand there; then W, one row for each
output channel, times the columns is the result, and the transposes of that are the gradients.
Inside, arrays are laid out as (channels, *size, examples): the copies are then of long runs of
memory. The results are handed on as (examples, channels, *size) views of such memory, and ops
that keep memory order pass it on.
"""

import itertools
import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.drawing import marked
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.linear import matmul
from gobhir.engine.ops.shapes import permute
from gobhir.lang import say

THIN = 1_000_000
LONG = 256
"""Matrix products of fewer than THIN multiplications have a fast path of their own in OpenBLAS:
a longer product is cut into such pieces, if they still have LONG columns or more."""
BAND = 4 * 2**20
"""Columns of more bytes than this are made and used band by band, so many bytes or one line of the
image at a time: they need no memory to speak of, and stay in the processor's cache."""


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
        image = padded(by_channel(x), padding)
        z = np.empty((W.shape[0], size[0], math.prod(size[1:]) * x.shape[0]), x.dtype)
        for band in _bands(image, W.shape[2:], size):
            cols = columns(image, W.shape[2:], size, stride, dilation, band)
            right, out = _stacks(W, groups, band, cols, _matrix(z[:, band]))
            np.matmul(W.reshape((groups, 1, -1, right.shape[2])), right, out=out)
        if b is not None:
            z += b.reshape((-1, 1, 1))
        return by_example(z.reshape((W.shape[0], *size, x.shape[0])))

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
        kernel, places, channels = W.shape[2:], (*x.shape[2:], x.shape[0]), W.shape[1] * groups
        size = back_size(x.shape[2:], kernel, stride, padding, dilation)
        size = tuple(n + more for n, more in zip(size, output_padding, strict=True))
        if min(size) < 1:
            raise RuntimeError(say("errors.conv.nothing_left", size=size))
        source = by_channel(x).reshape((x.shape[1], places[0], math.prod(places[1:])))
        z = np.zeros((channels, *size, x.shape[0]), x.dtype)
        for band in _bands(z, kernel, x.shape[2:]):
            lines = band.stop - band.start
            cols = np.empty((channels * math.prod(kernel), lines * source.shape[2]), x.dtype)
            right, out = _stacks(W, groups, band, _matrix(source[:, band]), cols)
            np.matmul(W.reshape((groups, 1, right.shape[2], -1)).swapaxes(2, 3), right, out=out)
            cols = cols.reshape((channels, *kernel, lines, *places[1:]))
            add_columns(
                z, cols, stride, (padding[0] - band.start * stride[0], *padding[1:]), dilation
            )
        if b is not None:
            z += b.reshape((-1,) + (1,) * len(places))
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
        size, image = d.shape[2:], padded(by_channel(x), padding)
        d = by_channel(d).reshape((d.shape[1], size[0], math.prod(size[1:]) * d.shape[0]))
        W = np.zeros((d.shape[0], x.shape[1] // groups, *kernel), x.dtype)
        total = W.reshape((groups, d.shape[0] // groups, math.prod(W.shape[1:])))
        for band in _bands(image, kernel, size):
            cols = columns(image, kernel, size, stride, dilation, band)
            left, right = _stacks(W, groups, band, _matrix(d[:, band]), cols)
            total += np.matmul(left, right.swapaxes(2, 3)).sum(1)
        return W

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


def by_channel(x):
    """(N, C, *size) as one piece of memory in the order (C, *size, N)."""
    return np.ascontiguousarray(x.transpose((*range(1, x.ndim), 0)))


def by_example(z):
    """(C, *size, N) seen as (N, C, *size)."""
    return z.transpose((z.ndim - 1, *range(z.ndim - 1)))


def out_size(size, kernel, stride, padding, dilation):
    """At how many places a kernel fits."""
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def back_size(size, kernel, stride, padding, dilation):
    """How much the kernel sees from so many places."""
    return tuple(
        s * (n - 1) - 2 * p + d * (k - 1) + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def _first(z, size):
    """The first places of z: an output_padding as large as the stride makes room for more."""
    return z if z.shape[2:] == size else z[(slice(None), slice(None), *map(slice, size))]


def padded(x, padding):
    """x, (C, *size, N), with so many zeros at both ends of each dimension."""
    if not any(padding):
        return x
    inside = tuple(slice(p, p + n) for n, p in zip(x.shape[1:], padding, strict=False))
    full = tuple(n + 2 * p for n, p in zip(x.shape[1:], padding, strict=False))
    out = np.zeros((x.shape[0], *full, x.shape[-1]), x.dtype)
    out[(slice(None), *inside)] = x
    return out


def columns(x, kernel, size, stride, dilation, band=None):
    """For every place of the kernel, what stands there: x, (C, *full, N), becomes the matrix
    (C * kernel, size * N); for a band, only the part that belongs to these lines of `size`."""
    if band is not None:
        reach = (band.stop - 1) * stride[0] + dilation[0] * (kernel[0] - 1) + 1
        x, size = x[:, band.start * stride[0] : reach], (band.stop - band.start, *size[1:])
    flat = (x.shape[0] * math.prod(kernel), math.prod(size) * x.shape[-1])
    if math.prod(kernel) == 1 and x.shape[1:-1] == size:
        return x.reshape(flat)
    cols = np.empty((x.shape[0], *kernel, *size, x.shape[-1]), x.dtype)
    for place in itertools.product(*map(range, kernel)):
        seen = tuple(
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, n, s in zip(place, dilation, size, stride, strict=True)
        )
        cols[(slice(None), *place)] = x[(slice(None), *seen)]
    return cols.reshape(flat)


def add_columns(out, cols, stride, padding, dilation):
    """The other way round: every number of cols, (C, *kernel, *places, N), added to the place of
    out, (C, *size, N), that it stood at."""
    size = out.shape[1:-1]
    kernel, places = cols.shape[1 : 1 + len(size)], cols.shape[1 + len(size) : -1]
    for place in itertools.product(*map(range, kernel)):
        along = zip(places, size, place, stride, padding, dilation, strict=True)
        meets = [meeting(*dimension) for dimension in along]
        here = out[(slice(None), *(m[1] for m in meets))]
        here += cols[(slice(None), *place, *(m[0] for m in meets))]


def meeting(places, size, k, stride, padding, dilation):
    """Along one dimension: which of the kernel's places have the kernel's k-th number inside
    the input, and which numbers of the input those are. Two slices of the same length."""
    shift = k * dilation - padding
    first = max(0, -(shift // stride))
    count = max(0, min(places, (size - 1 - shift) // stride + 1) - first)
    start = first * stride + shift
    if not count:
        return slice(0, 0), slice(0, 0)
    return slice(first, first + count), slice(start, start + (count - 1) * stride + 1, stride)


def _bands(x, kernel, size):
    """The lines of an image of `size`, in slices: all at once if the columns of x, (C, ..., N),
    are small or x itself."""
    lines = size[0]
    total = x.shape[0] * math.prod(kernel) * math.prod(size) * x.shape[-1] * x.dtype.itemsize
    if total <= BAND or math.prod(kernel) == 1:
        return [slice(0, lines)]
    count = max(1, lines * BAND // total)
    return [slice(i, min(i + count, lines)) for i in range(0, lines, count)]


def _matrix(a):
    """(C, lines, line) as (C, lines * line), the same memory."""
    return a.reshape((a.shape[0], a.shape[1] * a.shape[2]))


def _stacks(W, groups, band, *matrices):
    """Matrices of so many channels each, cut into stacks (groups, pieces, rows, columns) on the
    same memory: one piece, or one for each line of the image if the product is long and thin."""
    columns, lines = matrices[0].shape[1], band.stop - band.start
    line = columns // max(lines, 1)
    pieces = lines if line >= LONG and line * W.size <= THIN * groups else 1
    return [
        m.reshape((groups, m.shape[0] // groups, pieces, columns // pieces)).swapaxes(1, 2)
        for m in matrices
    ]


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
