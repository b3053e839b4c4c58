"""Many numbers into fewer: sum and mean over all or some dimensions."""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.shapes import expand


def axes(dim, ndim):
    """`dim` as a tuple of non-negative axes; None means all of them."""
    if dim is None:
        return tuple(range(ndim))
    wished = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(d % ndim for d in wished) if ndim else ()


def spread(d, x, dim, keepdim):
    """The gradient of a reduction laid out over what was reduced."""
    if not keepdim:
        gone = axes(dim, x.ndim)
        d = d.reshape(tuple(1 if i in gone else n for i, n in enumerate(x.shape)))
    return expand(d, shape=x.shape)


class Sum(Op):
    """Sum over `dim` (all dimensions when None)."""

    family = Family.REDUCTION
    formula = "sum(x)"
    local = "1"
    shape_only = True

    def forward(x, *, dim=None, keepdim=False):
        if x.dtype.kind in "iub":
            x = x.astype(np.int64)
        return np.sum(x, axis=axes(dim, x.ndim), keepdims=keepdim)

    def vjp(d, out, x, *, dim, keepdim):
        return spread(d, x, dim, keepdim)


class Mean(Op):
    """Mean over `dim` (all dimensions when None)."""

    family = Family.REDUCTION
    formula = "sum(x) / N"
    local = "1 / N"
    shape_only = True

    def forward(x, *, dim=None, keepdim=False):
        count = math.prod(x.shape[i] for i in axes(dim, x.ndim))
        with np.errstate(divide="ignore", invalid="ignore"):  # the mean of nothing is NaN
            return np.sum(x, axis=axes(dim, x.ndim), keepdims=keepdim) / x.dtype.type(count)

    def vjp(d, out, x, *, dim, keepdim):
        count = math.prod(x.shape[i] for i in axes(dim, x.ndim))
        return spread(d, x, dim, keepdim) / count


class SumTo(Op):
    """Undo broadcasting: sum x down to `shape`, the shape it was broadcast from."""

    family = Family.REDUCTION
    formula = "sum(x)"
    local = "1"
    shape_only = True

    def forward(x, *, shape):
        lead = x.ndim - len(shape)
        x = x.sum(axis=tuple(range(lead)))
        stretched = tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1)
        return x.sum(axis=stretched, keepdims=True)

    def vjp(d, out, x, *, shape):
        return expand(d, shape=x.shape)


sum = function(Sum)
mean = function(Mean)
