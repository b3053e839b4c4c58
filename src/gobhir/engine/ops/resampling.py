"""Images in another size: every number of the result is a weighted sum of numbers of the input,
along one dimension after the other. What differs from mode to mode is the weights.

https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
Bicubic: Keys, Cubic convolution interpolation for digital image processing (1981), a = -0.75.
"""

from functools import lru_cache

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op


class Resample(Op):
    """x in another size. x: (N, C, *sizes); out: (N, C, *size).

    mode: nearest, nearest-exact, linear (bilinear and trilinear are linear along each
    dimension), cubic or area. scales: by how much each dimension grows where that is not
    size / sizes, or None. antialias: look at all numbers that fall together when shrinking.
    """

    family = Family.LINEAR
    formula = "sum(weights * x)"
    local = "weights"
    shape_only = True
    example = ([[[[[0.5, -1.0], [1.0, 0.25]]]]], {"size": (4, 4), "mode": "linear"})

    def forward(x, *, size, mode, align_corners=False, scales=None, antialias=False):
        rounded = x.dtype == np.uint8  # after every dimension: then it matters which comes first
        for axis, m in reversed([*enumerate(size, 2)]) if rounded else enumerate(size, 2):
            n, scale = x.shape[axis], None if scales is None else scales[axis - 2]
            if mode.startswith("nearest"):
                x = x.take(nearest(n, m, mode, scale), axis)
                continue
            matrix = weights(n, m, mode, align_corners, scale, antialias)
            x = _bytes_along(x, axis, matrix) if rounded else _along(x, axis, matrix)
        return x

    def vjp(d, out, x, **settings):
        return resample_back(d, before=x.shape[2:], **settings)


class ResampleBack(Op):
    """Resample, transposed: every number of d given back to those of which it is the sum.
    d: (N, C, *size); the result: (N, C, *before)."""

    family = Family.LINEAR
    formula = "sum(weights.T * d)"
    local = "weights.T"
    shape_only = True
    example = (
        [np.array([1, 2, 0.5, -1, 0, 3, 1, 2, 2, -1, 1.5, 0, 1, 0.5, 4, 2.5]).reshape(1, 1, 4, 4)],
        {"size": (4, 4), "before": (2, 2), "mode": "linear"},
    )

    def forward(d, *, before, size, mode, align_corners=False, scales=None, antialias=False):
        for axis, (n, m) in enumerate(zip(before, size, strict=True), 2):
            scale = None if scales is None else scales[axis - 2]
            d = _along(d, axis, weights(n, m, mode, align_corners, scale, antialias).T)
        return d

    def vjp(g, out, d, *, before, **settings):
        return resample(g, **settings)


def _along(x, axis, matrix):
    """matrix @ x along one axis."""
    matrix = matrix.astype(x.dtype)
    if axis == x.ndim - 1:
        return x @ matrix.T
    return np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)


def _bytes_along(x, axis, matrix):
    """_along for numbers 0 to 255, as PyTorch and Pillow do it: the weights as 16-bit whole
    numbers, with as many binary places as the largest leaves room for; the sum rounded."""
    places = 0
    while places < 22 and int(0.5 + matrix.max() * 2 ** (places + 1)) < 2**15:
        places += 1
    whole = np.trunc(matrix * 2**places + np.copysign(0.5, matrix)).astype(np.int32)
    out = _along(x.astype(np.int32), axis, whole)
    return np.clip((out + (1 << places >> 1)) >> places, 0, 255).astype(np.uint8)


@lru_cache(maxsize=256)
def weights(n, m, mode, align_corners=False, scale=None, antialias=False):
    """How much each of n numbers counts in each of m: a matrix (m, n), float64."""
    if mode.startswith("nearest"):
        return np.eye(n)[nearest(n, m, mode, scale)]
    if mode == "area":
        start, end = (a[:, None] for a in area(n, m))
        inside = (np.arange(n) >= start) & (np.arange(n) < end)
        return inside / (end - start)
    step = 1 / scale if scale else n / m
    if align_corners:
        step = (n - 1) / max(m - 1, 1)
    kernel, width = (_triangle, 1) if mode == "linear" else (_cubic, 2)
    if antialias:
        return _antialiased(n, m, step, kernel, width)
    at = np.arange(m) * step if align_corners else (np.arange(m) + 0.5) * step - 0.5
    if mode == "linear":
        at = np.maximum(at, 0)
    first = np.floor(at)
    near = first[:, None] + np.arange(1 - width, width + 1)
    # What lies beyond an end counts for the number at the end.
    meant = np.clip(near, 0, n - 1)[:, :, None] == np.arange(n)
    return (kernel(np.abs(at[:, None] - near))[:, :, None] * meant).sum(1)


def _antialiased(n, m, step, kernel, width):
    """The kernel widened by how much the image shrinks, its weights brought to a sum of 1."""
    wide = max(step, 1.0)
    centre = (np.arange(m)[:, None] + 0.5) * step
    first = np.maximum(np.trunc(centre - width * wide + 0.5), 0)
    last = np.minimum(np.trunc(centre + width * wide + 0.5), n)
    places = np.arange(n)
    if kernel is _cubic:
        out = _cubic(np.abs(places + 0.5 - centre) / wide, -0.5)
    else:
        out = kernel(np.abs(places + 0.5 - centre) / wide)
    out = np.where((places >= first) & (places < last), out, 0)
    return out / out.sum(1, keepdims=True)


def _triangle(distance):
    return np.maximum(1 - distance, 0)


def _cubic(t, a=-0.75):
    return np.where(t <= 1, cubic_near(t, a), np.where(t < 2, cubic_far(t, a), 0))


def cubic_near(t, a=-0.75):
    """How much a number less than 1 away counts."""
    return ((a + 2) * t - (a + 3)) * t * t + 1


def cubic_far(t, a=-0.75):
    """How much one between 1 and 2 away counts."""
    return (((t - 5) * t + 8) * t - 4) * a


def nearest(n, m, mode, scale=None):
    """Which of n numbers is taken for each of m. Computed in float32, as PyTorch does."""
    step = np.float32(1 / scale) if scale else np.float32(n) / np.float32(m)
    at = np.arange(m, dtype=np.float32) + np.float32(0.5 if mode == "nearest-exact" else 0)
    return np.minimum(np.floor(at * step).astype(np.int64), n - 1)


def area(n, m):
    """Where each of m windows that cover n numbers evenly starts and ends. They may overlap."""
    places = np.arange(m)
    return places * n // max(m, 1), -((-(places + 1) * n) // max(m, 1))


resample = function(Resample)
resample_back = function(ResampleBack)
