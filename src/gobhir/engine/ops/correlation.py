"""What convolutions are made of, on arrays laid out as (channels, *size, examples): copies are then
of long runs of memory, and the rest is matrix products.

A kernel that slides over an image (`correlated`): `windows` writes under one another, for every
column of the kernel, the line as it stands there, which is what one line of the kernel sees. The
rows of neighbouring lines, where they lie in memory, are what the whole kernel sees. W, one row for
each output channel, times these is a line of the result; the transposed products are its gradient
to W (`weight_of`). The gradient to the image (`painted`) is such a sliding again, of the kernel
turned round, or where that would be more work one product whose numbers are added to their places.
"""

import itertools
import math

import numpy as np

SHORT = 1024
"""A weight of more than so many times the numbers in a line is not brought into the processor's
cache for each line: all of the image then counts as one."""
BAND = 4 * 2**20
"""Rows of more bytes than this are made and used band by band, so many bytes or one line of the
image at a time: they need no memory to speak of, and stay in the processor's cache."""
COPY, ADD = 16, 20
"""To copy a number, or to add one to its place, takes as long as so many multiplications of a
matrix product, measured."""


def correlated(image, W, size, stride, dilation, groups):
    """What W, (out, in / groups, *kernel), makes of an image, (in, *full, N): (out, *size, N)."""
    z = np.empty((W.shape[0], *size, image.shape[-1]), image.dtype)
    if _is_short(z, W.size, groups):
        more = (1, *size), (1, *stride), (1, *dilation)
        return correlated(image[:, None], W[:, :, None], *more, groups).reshape(z.shape)
    rows = W.reshape((groups, W.shape[0] // groups, *W.shape[1:])).swapaxes(2, 3)
    rows = rows.reshape((groups, 1, rows.shape[1], math.prod(W.shape[1:])))
    lines = _by_line(z, groups)
    for band, seen in windows(image, W.shape, size, stride, dilation, groups):
        np.matmul(rows, seen, out=lines[:, band])
    return z


def weight_of(image, d, kernel, stride, dilation, groups):
    """The weight's gradient, (out, in / groups, *kernel), from that of the result, d: (out, *size,
    N), and the image, (in, *full, N)."""
    shape = (d.shape[0], image.shape[0] // groups, *kernel)
    if _is_short(d, math.prod(shape), groups):
        more = (1, *kernel), (1, *stride), (1, *dilation)
        return weight_of(image[:, None], d[:, None], *more, groups).reshape(shape)
    total = np.zeros((groups, d.shape[0] // groups, math.prod(shape[1:])), d.dtype)
    lines = _by_line(d, groups)
    for band, seen in windows(image, shape, d.shape[1:-1], stride, dilation, groups):
        left = lines[:, band]
        products = np.empty((*left.shape[:3], total.shape[2]), d.dtype)
        np.matmul(left, seen.swapaxes(2, 3), out=products)
        total += products.sum(1)
    total = total.reshape((*total.shape[:2], kernel[0], shape[1], *kernel[1:]))
    return total.swapaxes(2, 3).reshape(shape)


def painted(x, W, size, stride, padding, dilation, groups):
    """The other way round: each number of x, (in, *places, N), paints W, (in, out / groups,
    *kernel), times itself onto an image, (out, *size, N)."""
    kernel, places = W.shape[2:], math.prod(x.shape[1:-1])
    copies = COPY * stride[0] / (kernel[0] * max(W.shape[1], 1))
    adds = ADD * groups / max(W.shape[0], 1)
    slide = math.prod(size) / math.prod(stride) * (1 + copies) < places * (1 + adds)
    paint = _slid if slide else _added
    return paint(x, W, size, stride, padding, dilation, groups)


def _added(x, W, size, stride, padding, dilation, groups):
    """One product, each number of which is added to its place."""
    z = np.zeros((W.shape[1] * groups, *size, x.shape[-1]), x.dtype)
    inputs, columns = W.shape[0] // groups, math.prod(W.shape[1:])
    turned = W.reshape((groups, inputs, columns)).swapaxes(1, 2)
    line = columns * groups * math.prod(x.shape[2:]) * x.itemsize
    count = max(1, BAND // max(line, 1))
    for start in range(0, x.shape[1], count):
        part = x[:, start : start + count]
        cols = np.matmul(turned, part.reshape((groups, inputs, math.prod(part.shape[1:]))))
        cols = cols.reshape((z.shape[0], *W.shape[2:], *part.shape[1:]))
        add_columns(z, cols, stride, (padding[0] - start * stride[0], *padding[1:]), dilation)
    return z


def _slid(x, W, size, stride, padding, dilation, groups):
    """The kernel, turned round, slides over x: of all places of the image, those that lie `stride`
    apart in each dimension meet the same numbers of it."""
    z = np.zeros((W.shape[1] * groups, *size, x.shape[-1]), x.dtype) if max(stride) > 1 else None
    W = W.reshape((groups, W.shape[0] // groups, *W.shape[1:])).swapaxes(1, 2)
    along = zip(size, W.shape[3:], stride, padding, dilation, strict=True)
    for phase in itertools.product(*itertools.starmap(_phases, along)):
        here, turned, first, count, step = zip(*phase, strict=True)
        part = np.ascontiguousarray(W[(..., *turned)])  # BLAS reads forwards only
        part = part.reshape((groups * part.shape[1], *part.shape[2:]))
        reach = (n + d * (k - 1) for n, d, k in zip(count, step, part.shape[2:], strict=True))
        seen = cut(x, first, tuple(reach))
        found = correlated(seen, part, count, (1,) * len(count), step, groups)
        if z is None:
            return found
        z[(slice(None), *here)] = found
    return z


def _is_short(z, weight, groups):
    """Whether the lines of z, (out, *size, N), are too short for a product of their own. A signal
    is one line anyway."""
    line = math.prod(z.shape[2:])
    return z.shape[1] > 1 and (z.ndim == 3 or line * SHORT < weight // groups)


def _by_line(z, groups):
    """z, (C, *size, N), as a stack of matrices (groups, lines, C / groups, line)."""
    shape = (groups, z.shape[0] // groups, z.shape[1], math.prod(z.shape[2:]))
    return z.reshape(shape).swapaxes(1, 2)


def windows(image, shape, size, stride, dilation, groups):
    """In bands: a slice of the result's lines, and what the kernel sees along each of them, as
    matrices (groups, lines, kernel[0] * in / groups * kernel[1:], line).
    image: (in, *full, N); shape: the weight's."""
    kernel, inputs, N = shape[2:], shape[1], image.shape[-1]
    if math.prod(kernel) == 1 and image.shape[1:-1] == tuple(size):
        yield slice(None), _by_line(image, groups)
        return
    line, columns = math.prod(size[1:]) * N, inputs * math.prod(kernel[1:])
    gaps = dilation[0] > 1 or stride[0] > kernel[0]
    step = kernel[0] if gaps else stride[0]
    numbers = max(step * columns * line * groups, math.prod(shape))
    count = max(1, BAND // max(numbers * image.itemsize, 1))
    for start in range(0, size[0], count):
        stop = min(start + count, size[0])
        if gaps:  # the lines that the kernel sees are put side by side
            places = (
                np.arange(start, stop)[:, None] * stride[0] + np.arange(kernel[0]) * dilation[0]
            )
            part = image[:, places.reshape(-1)]
        else:
            part = image[:, start * step : (stop - 1) * step + kernel[0]]
        part = part.reshape((groups, inputs, *part.shape[1:])).swapaxes(1, 2)
        rows = np.empty((*part.shape[:3], *kernel[1:], *size[1:], N), image.dtype)
        for place in itertools.product(*map(range, kernel[1:])):
            along = zip(place, dilation[1:], size[1:], stride[1:], strict=True)
            seen = (slice(k * d, k * d + (n - 1) * s + 1, s) for k, d, n, s in along)
            rows[(..., *place, *(slice(None),) * len(size))] = part[(..., *seen, slice(None))]
        matrices = (groups, stop - start, kernel[0] * columns, line)
        steps = (rows.strides[0], step * rows.strides[1], line * rows.itemsize, rows.itemsize)
        # Rows of one line of the result are rows of others, too: matrices that overlap in memory.
        memory = rows if rows.base is None else rows.base
        yield slice(start, stop), np.ndarray(matrices, rows.dtype, memory, 0, steps)


def _phases(size, kernel, stride, padding, dilation):
    """A transposed convolution along one dimension, as convolutions with stride 1: of `stride`
    places in a row, each is painted by numbers of the kernel that the others never meet. For each:
    its places, its numbers turned round, the first painter, how many places, the dilation."""
    for first in range(min(stride, size)):
        met = [k for k in range(kernel) if (first + padding - dilation * k) % stride == 0]
        if met:
            step = met[1] - met[0] if len(met) > 1 else stride
            turned = slice(met[-1], met[0] - 1 if met[0] else None, -step)
            painter = (first + padding - dilation * met[-1]) // stride
            count = len(range(first, size, stride))
            yield slice(first, size, stride), turned, painter, count, dilation * step // stride


def padded(x, padding):
    """x, (C, *size, N), with so many zeros at both ends of each dimension."""
    full = tuple(n + 2 * p for n, p in zip(x.shape[1:], padding, strict=False))
    return cut(x, tuple(-p for p in padding), full)


def cut(x, first, size):
    """Of x, (C, *full, N), so many numbers from `first` on; zeros beyond the ends."""
    if not any(first) and size == x.shape[1:-1]:
        return x
    target, source = [slice(None)], [slice(None)]
    for a, n, full in zip(first, size, x.shape[1:], strict=False):
        start = min(max(a, 0), full)
        stop = max(min(a + n, full), start)
        source.append(slice(start, stop))
        target.append(slice(start - a, stop - a) if start < stop else slice(0, 0))
    out = np.zeros((x.shape[0], *size, x.shape[-1]), x.dtype)
    out[tuple(target)] = x[tuple(source)]
    return out


def columns(x, kernel, size, stride, dilation):
    """For every place of the kernel, what stands there: x, (C, *full, N), becomes the matrix
    (C * kernel, size * N)."""
    cols = np.empty((x.shape[0], *kernel, *size, x.shape[-1]), x.dtype)
    for place in itertools.product(*map(range, kernel)):
        seen = tuple(
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, n, s in zip(place, dilation, size, stride, strict=True)
        )
        cols[(slice(None), *place)] = x[(slice(None), *seen)]
    return cols.reshape((x.shape[0] * math.prod(kernel), math.prod(size) * x.shape[-1]))


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


def by_channel(x):
    """(N, C, *size) as one piece of memory in the order (C, *size, N)."""
    return np.ascontiguousarray(x.transpose((*range(1, x.ndim), 0)))


def by_example(z):
    """(C, *size, N) seen as (N, C, *size)."""
    return z.transpose((z.ndim - 1, *range(z.ndim - 1)))
