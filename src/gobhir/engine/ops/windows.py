"""Looks at memory in steps of one's own: windows that slide, and strides given by hand."""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided as strided
from numpy.lib.stride_tricks import sliding_window_view

from gobhir.engine.apply import function
from gobhir.engine.ops.shapes import Rearrangement


class Unfold(Rearrangement):
    """Every window of `size` neighbours along `dimension`, each `step` after the one before. The
    windows are counted along `dimension`, what is in them along a new last dimension."""

    formula = "unfold(x)"
    example = ([[1.0, 2.0, 3.0, 4.0]], {"dimension": 0, "size": 2, "step": 1})

    def forward(x, *, dimension, size, step):
        windows = sliding_window_view(x, size, dimension, writeable=x.flags.writeable)
        return windows[(slice(None),) * dimension + (slice(None, None, step),)]

    def vjp(d, out, x, *, dimension, size, step):
        return overlap(d, shape=x.shape, dimension=dimension, step=step)


class Overlap(Rearrangement):
    """Windows laid over one another where Unfold took them from, sums where they overlap."""

    formula = "overlap(x)"
    example = ([[[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]], {"shape": (4,), "dimension": 0, "step": 1})

    def forward(x, *, shape, dimension, step):
        out = np.zeros(shape, x.dtype)
        lead = (slice(None),) * dimension
        reach = step * (x.shape[dimension] - 1) + 1
        for i in range(x.shape[-1]):
            out[(*lead, slice(i, i + reach, step))] += x[..., i]
        return out

    def vjp(d, out, x, *, shape, dimension, step):
        return unfold(d, dimension=dimension, size=x.shape[-1], step=step)


class AsStrided(Rearrangement):
    """out[i, j, ...] = memory[storage_offset + i stride[0] + j stride[1] + ...], where memory is
    x's numbers in row-major order."""

    formula = "as_strided(x)"
    example = ([np.arange(1.0, 5.0)], {"size": (2, 2), "stride": (2, 1), "storage_offset": 0})

    def forward(x, *, size, stride, storage_offset=0):
        memory = np.ascontiguousarray(x).reshape(-1)[storage_offset:]
        return strided(memory, size, [s * x.itemsize for s in stride])

    def vjp(d, out, x, *, size, stride, storage_offset):
        return strided_sum(d, shape=x.shape, stride=stride, storage_offset=storage_offset)


class StridedSum(Rearrangement):
    """Zeros of `shape` with x added where AsStrided looks."""

    formula = "strided_sum(x)"
    example = ([np.ones((2, 2))], {"shape": (3,), "stride": (1, 1), "storage_offset": 0})

    def forward(x, *, shape, stride, storage_offset=0):
        count = math.prod(shape)
        places = strided(np.arange(count)[storage_offset:], x.shape, [8 * s for s in stride])
        summed = np.bincount(places.reshape(-1), x.reshape(-1), count)
        return summed.astype(x.dtype).reshape(shape)

    def vjp(d, out, x, *, shape, stride, storage_offset):
        return as_strided(d, size=x.shape, stride=stride, storage_offset=storage_offset)


class ReadAs(Rearrangement):
    """The same bytes, read as numbers of another dtype: more or fewer along the last dimension
    where these are smaller or larger. What they mean is another thing, so there is no gradient."""

    formula = "read_as(x)"
    example = ([np.array([1065353216, -1073741824], np.int32)], {"dtype": np.dtype(np.float32)})

    def forward(x, *, dtype):
        try:
            return x.view(dtype)
        except ValueError:  # NumPy laid the numbers out otherwise than in rows
            return np.ascontiguousarray(x).view(dtype)


unfold = function(Unfold)
overlap = function(Overlap)
as_strided = function(AsStrided)
strided_sum = function(StridedSum)
read_as = function(ReadAs)
