"""Pooling: of each window of an image one number stays, its largest or its mean.

A window is visited place by place, not number by number: for every place in the kernel there is
one slice of the image, which holds what stands there in all windows at once. Slices keep the
memory order of the image, whatever it is. Over any number of dimensions.
Sizes and padding: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
"""

import itertools
import math
from functools import reduce

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.correlation import meeting
from gobhir.engine.ops.reductions import total
from gobhir.lang import say

_IMAGE = [
    [[[1.0, 2.0, 0.5, -1.0], [0.0, 3.0, 1.0, 2.0], [2.0, -1.0, 1.5, 0.0], [1.0, 0.5, 4.0, 2.5]]]
]
_LARGEST, _BACK = [[[[3.0, 2.0], [2.0, 4.0]]]], [[[[0.5, -1.0], [1.0, 0.25]]]]
_TWO_BY_TWO = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
"""For the ops' cards: an image, the largest of its four windows, a gradient of those, and the
settings that make these windows."""


class MaxPool(Op):
    """The largest number of each window. x: (N, C, *size); out: (N, C, *size').

    kernel, stride, padding, dilation: one whole number a dimension. Padding never wins. The
    gradient goes to where the largest number stood: the first, where there are several.
    """

    family = Family.REDUCTION
    formula = "max(window(x))"
    local = "1 if first_largest else 0"
    example = ([_IMAGE], _TWO_BY_TWO)

    def forward(x, *, kernel, stride, padding, dilation, ceil_mode=False):
        size = pooled_size(x, kernel, stride, padding, dilation, ceil_mode)
        x = _framed(x, size, kernel, stride, padding, dilation)
        first, *others = _slices(size, kernel, stride, dilation)
        if not others:
            return x[first].copy(order="K")
        out = np.maximum(x[first], x[others[0]])
        for place in others[1:]:
            np.maximum(out, x[place], out=out)
        return out

    def vjp(d, out, x, *, kernel, stride, padding, dilation, ceil_mode):
        options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        # Found anew: a ReLU after the pooling may have written over the result.
        return max_pool_back(d, x, max_pool(x, ceil_mode=ceil_mode, **options), **options)


class MaxPoolBack(Op):
    """d, one number a window, laid where the largest number of the window stands in x, and
    zeros elsewhere. d, largest: (N, C, *size'); x, out: (N, C, *size)."""

    family = Family.GATHER
    formula = "sum(d if first_largest else 0)"
    local = {"d": "1 if first_largest else 0"}
    example = ([_BACK, _IMAGE, _LARGEST], _TWO_BY_TWO)

    def forward(d, x, largest, *, kernel, stride, padding, dilation):
        size = largest.shape[2:]
        framed = _framed(x, size, kernel, stride, padding, dilation)
        d = _in_order_of(largest, d)
        apart = all(s > m * (k - 1) for s, k, m in zip(stride, kernel, dilation, strict=True))
        # Windows side by side write every place, and windows apart write none twice.
        tiled = apart and math.prod(size) * math.prod(kernel) == math.prod(framed.shape[2:])
        result = np.empty_like(framed) if tiled else np.zeros_like(framed)
        for place, hit in _firsts(framed, largest, _slices(size, kernel, stride, dilation)):
            here = result[place]
            if apart:
                np.multiply(hit, d, out=here)
            else:
                here += hit * d
        return _unframed(result, x, padding)

    def vjp_d(g, out, d, x, largest, *, kernel, stride, padding, dilation):
        options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        return max_pool_pick(g, x, largest, **options)


class MaxPoolPick(Op):
    """From g, what stands where x has the largest number of each window. g, x: (N, C, *size);
    largest, out: (N, C, *size')."""

    family = Family.GATHER
    formula = "g[first_largest]"
    local = {"g": "1 if first_largest else 0"}
    example = ([_IMAGE, _IMAGE, _LARGEST], _TWO_BY_TWO)

    def forward(g, x, largest, *, kernel, stride, padding, dilation):
        frame = (largest.shape[2:], kernel, stride, padding, dilation)
        x, g = _framed(x, *frame), _framed(g, *frame, fill=0)
        result = np.zeros_like(largest)
        for place, hit in _firsts(x, largest, _slices(largest.shape[2:], kernel, stride, dilation)):
            result += hit * g[place]
        return result

    def vjp_g(h, out, g, x, largest, *, kernel, stride, padding, dilation):
        options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        return max_pool_back(h, x, largest, **options)


class AvgPool(Op):
    """The mean of each window. x: (N, C, *size); out: (N, C, *size').

    The sum is divided by the number of places, with count_include_pad=False by the number of
    those that are not padding, or by `divisor` if one is given.
    """

    family = Family.LINEAR
    formula = "sum(window(x)) / count"
    local = "1 / count"
    shape_only = True
    example = (
        [_IMAGE],
        {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)},
    )

    def forward(
        x, *, kernel, stride, padding, ceil_mode=False, count_include_pad=True, divisor=None
    ):
        whole = x.dtype == np.int64
        if x.dtype.kind != "f" and not whole:
            raise NotImplementedError(say("errors.pool.dtype", dtype=x.dtype))
        size = pooled_size(x, kernel, stride, padding, (1,) * len(kernel), ceil_mode)
        frame = (x.shape[2:], size, kernel, stride, padding)
        share = _share(*frame, count_include_pad, divisor, np.float64 if whole else x.dtype)
        if kernel == x.shape[2:] and not any(padding):
            x = total(x, tuple(range(2, x.ndim)), True)
        else:
            for axis, window in enumerate(zip(size, kernel, stride, padding, strict=True), 2):
                x = _window_sums(x, axis, *window)
        # Whole numbers are divided as whole numbers, towards 0.
        return np.trunc(x / np.rint(1 / share)).astype(x.dtype) if whole else x * share

    def vjp(d, out, x, **settings):
        return avg_pool_back(d, size=x.shape[2:], **settings)


class AvgPoolBack(Op):
    """Each number of d spread evenly over the window it is the mean of: AvgPool, transposed."""

    family = Family.LINEAR
    formula = "sum(windows(d) / count)"
    local = "1 / count"
    shape_only = True
    example = (
        [_BACK],
        {"size": (4, 4), "kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)},
    )

    def forward(
        d, *, size, kernel, stride, padding, ceil_mode=False, count_include_pad=True, divisor=None
    ):
        frame = (size, d.shape[2:], kernel, stride, padding)
        d = d * _share(*frame, count_include_pad, divisor, d.dtype)
        for axis, window in enumerate(zip(size, kernel, stride, padding, strict=True), 2):
            d = _window_spread(d, axis, *window)
        return d

    def vjp(g, out, d, *, size, **settings):
        return avg_pool(g, **settings)


class MaxUnpool(Op):
    """Zeros of `size`, with the numbers of x at the places `at`, counted within one image.
    x, at: (N, C, *size'); the result: (N, C, *size)."""

    family = Family.GATHER
    formula = "unpool(x)"
    local = "1"
    shape_only = True
    example = ([_BACK, [[[[0, 3], [9, 15]]]]], {"size": (4, 4)})

    def forward(x, at, *, size):
        count = math.prod(size)
        if ((at < 0) | (at >= count)).any():
            raise RuntimeError(say("errors.pool.indices", size=size))
        images = math.prod(x.shape[:2])
        out = np.zeros((images, count), x.dtype)
        out[np.arange(images)[:, None], at.reshape((images, -1))] = x.reshape((images, -1))
        return out.reshape((*x.shape[:2], *size))

    def vjp_x(d, out, x, at, *, size):
        return pick(d, at)


def pick(x, at):
    """The numbers of each image of x, (N, C, *size), at the places `at`, (N, C, *size')."""
    images = math.prod(x.shape[:2])
    places = (np.arange(images)[:, None], np.asarray(at).reshape((images, math.prod(at.shape[2:]))))
    return x.reshape((images, math.prod(x.shape[2:])))[places].reshape(at.shape)


def pooled_size(x, kernel, stride, padding, dilation, ceil_mode):
    """How many windows there are. RuntimeError where PyTorch refuses the settings."""
    size = []
    for n, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True):
        for name, value in (("kernel_size", k), ("stride", s), ("dilation", d)):
            if value < 1:
                raise RuntimeError(say("errors.conv.setting", name=name, value=value, least=1))
        if not 0 <= p <= (d * (k - 1) + 1) // 2:
            raise RuntimeError(say("errors.pool.padding", padding=p, kernel=k))
        count = (n + 2 * p - d * (k - 1) - 1 + (s - 1) * ceil_mode) // s + 1
        # A window that lies in the padding behind the image would have nothing to say.
        size.append(count - (ceil_mode and (count - 1) * s >= n + p))
    if min(size) < 1:
        raise RuntimeError(say("errors.pool.empty", x=x.shape, kernel=kernel))
    return tuple(size)


def largest_places(x, out, *, kernel, stride, padding, dilation):
    """Where the largest number of each window stands in its image, counted row by row."""
    size, count = out.shape[2:], len(kernel)
    strides = [math.prod(x.shape[3 + i :]) for i in range(count)]
    framed = _framed(x, size, kernel, stride, padding, dilation)
    at = np.zeros(out.shape, np.int64)
    places = list(itertools.product(*map(range, kernel)))
    slices = _slices(size, kernel, stride, dilation)
    for place, part in zip(reversed(places), reversed(slices), strict=True):
        flat = np.zeros((1,) * count, np.int64)
        for i, k in enumerate(place):
            along = np.arange(size[i]) * stride[i] + k * dilation[i] - padding[i]
            flat = flat + (along * strides[i]).reshape([-1 if j == i else 1 for j in range(count)])
        here = framed[part]
        at = np.where((here == out) | (here != here), flat, at)
    return at


def _slices(size, kernel, stride, dilation):
    """For every place in the kernel, what stands there in all windows: a slice of the image."""
    return [
        (
            slice(None),
            slice(None),
            *(
                slice(k * d, k * d + (n - 1) * s + 1, s)
                for k, n, s, d in zip(place, size, stride, dilation, strict=True)
            ),
        )
        for place in itertools.product(*map(range, kernel))
    ]


def _firsts(x, out, slices):
    """For every place in the kernel, in which windows the largest number stands there, and not
    at a place before. What was found nowhere (a NaN) is taken to be at the last place."""
    *places, last = slices
    free = np.ones_like(out, dtype=bool)
    for place in places:
        hit = x[place] == out
        hit &= free
        free ^= hit
        yield place, hit
    yield last, free


def _framed(x, size, kernel, stride, padding, dilation, fill=None):
    """x with the padding that its windows look at: `fill`, or what is never the largest."""
    reach = [
        (n - 1) * s + d * (k - 1) + 1
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    ]
    full = [max(r, n + p) for r, n, p in zip(reach, x.shape[2:], padding, strict=True)]
    if tuple(full) == x.shape[2:]:
        return x
    if fill is None:
        fill = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    framed = np.full_like(x, fill, shape=(*x.shape[:2], *full))
    framed[_inside(x, padding)] = x
    return framed


def _unframed(framed, x, padding):
    return framed if framed.shape == x.shape else framed[_inside(x, padding)]


def _inside(x, padding):
    inner = (slice(p, p + n) for n, p in zip(x.shape[2:], padding, strict=True))
    return (slice(None), slice(None), *inner)


def _in_order_of(a, b):
    """b in the memory order of a: arithmetic between two orders is slow."""
    if a.strides == b.strides:
        return b
    out = np.empty_like(a)
    out[...] = b
    return out


def _share(size, places, kernel, stride, padding, count_include_pad, divisor, dtype):
    """By what the sum of each window is multiplied: 1 / divisor, a number or one a window."""
    if divisor is not None:
        return np.asarray(1 / divisor, dtype)
    counts = []
    for n, m, k, s, p in zip(size, places, kernel, stride, padding, strict=True):
        start = np.arange(m) * s - p
        end = np.minimum(start + k, n + p)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        counts.append(end - start)
    if all((c == c[0]).all() for c in counts):
        return np.asarray(1 / math.prod(int(c[0]) for c in counts), dtype)
    return (1 / reduce(np.multiply.outer, counts)).astype(dtype)


def _window_sums(x, axis, places, kernel, stride, padding):
    """The sums of all windows along one axis."""
    size = x.shape[axis]
    if places == 1 and padding == 0 and kernel == size:
        return x.sum(axis=axis, keepdims=True)
    out = np.zeros_like(x, shape=(*x.shape[:axis], places, *x.shape[axis + 1 :]))
    lead = (slice(None),) * axis
    for k in range(kernel):
        here, seen = meeting(places, size, k, stride, padding, 1)
        part = out[(*lead, here)]
        part += x[(*lead, seen)]
    return out


def _window_spread(d, axis, size, kernel, stride, padding):
    """The other way round: each number added to all places of its window along one axis."""
    places = d.shape[axis]
    if places == 1 and padding == 0 and kernel == size:
        return np.broadcast_to(d, (*d.shape[:axis], size, *d.shape[axis + 1 :]))
    out = np.zeros_like(d, shape=(*d.shape[:axis], size, *d.shape[axis + 1 :]))
    lead = (slice(None),) * axis
    for k in range(kernel):
        here, seen = meeting(places, size, k, stride, padding, 1)
        part = out[(*lead, seen)]
        part += d[(*lead, here)]
    return out


max_pool = function(MaxPool)
max_pool_back = function(MaxPoolBack)
max_pool_pick = function(MaxPoolPick)
avg_pool = function(AvgPool)
avg_pool_back = function(AvgPoolBack)
max_unpool = function(MaxUnpool)
