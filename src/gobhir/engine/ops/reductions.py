"""Many numbers into fewer: sums, means, products, spreads, norms, extremes.

Every op here takes `dim` (an int, a tuple of them, or None: all dimensions) and `keepdim`.
Gradient conventions where numbers tie or vanish are PyTorch's, tools/autograd/derivatives.yaml:
the largest of all shares its gradient evenly, a norm has slope 0 at 0.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import keep, where
from gobhir.engine.ops.elementary import abs, exp, sign
from gobhir.engine.ops.indexing import plain
from gobhir.engine.ops.scans import product_of_others
from gobhir.engine.ops.shapes import expand


def axes(dim, ndim):
    """`dim` as a tuple of non-negative axes; None means all of them."""
    if dim is None:
        return tuple(range(ndim))
    wished = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(d % ndim for d in wished) if ndim else ()


def count(x, dim):
    """How many numbers of x are reduced into one."""
    return math.prod(x.shape[i] for i in axes(dim, x.ndim))


def kept(d, x, dim, keepdim):
    """What a reduction of x left, with the reduced dimensions at size 1."""
    if keepdim:
        return d
    gone = axes(dim, x.ndim)
    return d.reshape(tuple(1 if i in gone else n for i, n in enumerate(x.shape)))


def spread(d, x, dim, keepdim):
    """The gradient of a reduction laid out over what was reduced."""
    return expand(kept(d, x, dim, keepdim), shape=x.shape)


def total(x, dim, keepdim):
    """All numbers over `dim` added up: whole numbers in int64, float16 in float32 on the way."""
    at = axes(dim, x.ndim)
    if x.dtype == np.float16:
        return np.add.reduce(x, at, np.float32, keepdims=keepdim).astype(np.float16)
    if x.size >= LARGE and at and x.dtype in (np.float32, np.float64):
        out = _as_product(x, at)
        if out is not None:
            return out if keepdim else np.squeeze(out, at)
    return np.add.reduce(x, at, np.int64 if x.dtype.kind in "iub" else None, keepdims=keepdim)


LARGE = 2**15
LONGEST = 4096
"""Sums of so many numbers at most are taken as products; NumPy's sum by halves rounds better."""


def _as_product(x, at):
    """x summed over the dimensions `at`, kept at size 1: a product with ones, for which BLAS takes
    a third of the time. None where what is summed does not lie together in memory."""
    order = sorted(range(x.ndim), key=lambda d: -x.strides[d])
    packed, places = x.transpose(order), [order.index(d) for d in at]
    start, stop = min(places), max(places) + 1
    number = math.prod(packed.shape[start:stop])
    together = stop - start == len(at) and packed.flags.c_contiguous
    if not together or number > LONGEST:
        return None
    ones, shape = np.ones(number, x.dtype), packed.shape
    stack = packed.reshape((math.prod(shape[:start]), number, math.prod(shape[stop:])))
    sums = np.matmul(stack[..., 0], ones) if stack.shape[2] == 1 else np.matmul(ones, stack)
    kept = sums.reshape([1 if i in places else n for i, n in enumerate(shape)])
    return kept.transpose([order.index(d) for d in range(x.ndim)])


class Reduction(Op, abstract=True):
    family = Family.REDUCTION


class Sum(Reduction):
    """Sum over `dim` (all dimensions when None)."""

    formula = "sum(x)"
    local = "1"
    shape_only = True

    def forward(x, *, dim=None, keepdim=False):
        return total(x, dim, keepdim)

    def vjp(d, out, x, *, dim, keepdim):
        return spread(d, x, dim, keepdim)


class Mean(Reduction):
    """Mean over `dim` (all dimensions when None)."""

    formula = "sum(x) / N"
    local = "1 / N"
    shape_only = True

    def forward(x, *, dim=None, keepdim=False):
        return total(x, dim, keepdim) / x.dtype.type(count(x, dim))

    def vjp(d, out, x, *, dim, keepdim):
        return spread(d / max(count(x, dim), 1), x, dim, keepdim)


class SumTo(Reduction):
    """Undo broadcasting: sum x down to `shape`, the shape it was broadcast from."""

    formula = "sum(x)"
    local = "1"
    shape_only = True
    example = ([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], {"shape": (3,)})

    def forward(x, *, shape):
        lead = x.ndim - len(shape)
        stretched = (i for i, n in enumerate(shape, lead) if n == 1 and x.shape[i] != 1)
        return total(x, (*range(lead), *stretched), True).reshape(shape)

    def vjp(d, out, x, *, shape):
        return expand(d, shape=x.shape)


class Prod(Reduction):
    """Product over `dim`. The slope of each number is the product of all others, zeros or not."""

    formula = "product(x)"
    local = "product(others)"

    def forward(x, *, dim=None, keepdim=False):
        if x.dtype.kind in "iub":
            x = x.astype(np.int64)
        return np.prod(x, axis=axes(dim, x.ndim), keepdims=keepdim)

    def vjp(d, out, x, *, dim, keepdim):
        if not x.ndim or (x == 0).any():
            return spread(d, x, dim, keepdim) * product_of_others(x, dim)
        # The product of the others, by a division: many times faster than multiplying them anew.
        return spread(d * out, x, dim, keepdim) / x


class Var(Reduction):
    """Variance over `dim`: squared distances from the mean, summed, over N - correction."""

    formula = "sum((x - sum(x) / N)**2) / (N - correction)"
    local = "2 * (x - sum(x) / N) / (N - correction)"

    def forward(x, *, dim=None, correction=1, keepdim=False):
        return np.var(x, axis=axes(dim, x.ndim), keepdims=keepdim, ddof=correction)

    def vjp(d, out, x, *, dim, correction, keepdim):
        return spread(d, x, dim, keepdim) * _slope_of_variance(x, dim, correction)


class Std(Reduction):
    """Standard deviation over `dim`, the root of the variance; slope 0 where it is 0."""

    formula = "sqrt(sum((x - sum(x) / N)**2) / (N - correction))"
    local = "(x - sum(x) / N) / ((N - correction) * out)"

    def forward(x, *, dim=None, correction=1, keepdim=False):
        return np.std(x, axis=axes(dim, x.ndim), keepdims=keepdim, ddof=correction)

    def vjp(d, out, x, *, dim, correction, keepdim):
        d = keep(d / (2 * out), out != 0)
        return spread(d, x, dim, keepdim) * _slope_of_variance(x, dim, correction)


def _slope_of_variance(x, dim, correction):
    distance = x - mean(x, dim=dim, keepdim=True)
    freedom = count(x, dim) - correction
    return distance * (2 / freedom if freedom else math.inf)


class LogSumExp(Reduction):
    """ln of the sum of e^x over `dim`. The largest x is taken out first, and nothing overflows."""

    formula = "log(sum(exp(x)))"
    local = "exp(x - out)"
    floats = True

    def forward(x, *, dim=None, keepdim=False):
        at = axes(dim, x.ndim)
        top = x.max(axis=at, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, 0)
        total = np.log(np.exp(x - top).sum(axis=at, keepdims=True)) + top
        return total if keepdim else np.squeeze(total, at)

    def vjp(d, out, x, *, dim, keepdim):
        return spread(d, x, dim, keepdim) * exp(x - kept(out, x, dim, keepdim))


class Norm(Reduction):
    """The p-norm over `dim`: (sum |x|^p)^(1/p); for p = inf the largest |x|, for -inf the
    smallest, for 0 how many numbers are not 0. The slope at 0 is taken as 0."""

    formula = "sum(abs(x)**p) ** (1 / p)"
    local = "sign(x) * (abs(x) / out)**(p - 1)"

    def forward(x, *, p=2.0, dim=None, keepdim=False):
        at = axes(dim, x.ndim)
        if p == 2:
            return np.sqrt(total(x * x, dim, keepdim))
        size = np.abs(x)
        if p in (np.inf, -np.inf):
            return (np.max if p > 0 else np.min)(size, axis=at, keepdims=keepdim)
        if p == 0:
            return np.sum(size != 0, axis=at, keepdims=keepdim, dtype=x.dtype)
        if p == 1:
            return total(size, dim, keepdim)
        return np.sum(size**p, axis=at, keepdims=keepdim) ** (1 / p)

    def vjp(d, out, x, *, p, dim, keepdim):
        d, out = kept(d, x, dim, keepdim), kept(out, x, dim, keepdim)
        if p == 0:
            return expand(d * 0, shape=x.shape)
        if p == 1:
            return d * sign(x)
        if p in (np.inf, -np.inf):
            largest = abs(x) == out
            return d / _how_many(largest, dim, x.dtype) * largest * sign(x)
        flat = out == 0
        if p == 2:
            return keep(d / where(flat, 1.0, out), out != 0) * x
        ratio = abs(where(x == 0, 1.0, x)) / where(flat, 1.0, out)
        share = keep(ratio ** (p - 1), x != 0)
        return keep(d, out != 0) * share * sign(x)


class Chosen(Reduction, abstract=True):
    """One of the numbers themselves. All that equal it share the gradient evenly."""

    def vjp(d, out, x, *, dim, keepdim):
        equal = x == kept(out, x, dim, keepdim)
        return kept(d, x, dim, keepdim) / _how_many(equal, dim, x.dtype) * equal


def _how_many(mask, dim, dtype):
    return np.sum(plain(mask), axis=axes(dim, mask.ndim), keepdims=True, dtype=dtype)


class Amax(Chosen):
    """The largest number over `dim`."""

    formula = "largest(x)"
    local = "1 / ties if x == out else 0"

    def forward(x, *, dim=None, keepdim=False):
        return np.max(x, axis=axes(dim, x.ndim), keepdims=keepdim)


class Amin(Chosen):
    """The smallest number over `dim`."""

    formula = "smallest(x)"
    local = "1 / ties if x == out else 0"

    def forward(x, *, dim=None, keepdim=False):
        return np.min(x, axis=axes(dim, x.ndim), keepdims=keepdim)


class Median(Chosen):
    """The number in the middle when all are sorted; of two middle ones the smaller. NaN if there
    is one, unless `skip`ped."""

    formula = "middle(x)"
    local = "1 / ties if x == out else 0"

    def forward(x, *, skip=False):
        if not x.size:
            return np.full((), np.nan).astype(x.dtype)
        ranked = np.sort(x, axis=None)
        if x.dtype.kind == "f":
            number = np.isnan(x)
            many = x.size - number.sum() if skip else np.where(number.any(), 2 * x.size, x.size)
            return ranked[np.minimum(np.maximum(many - 1, 0) // 2, x.size - 1)]
        return ranked[(x.size - 1) // 2]

    def vjp(d, out, x, *, skip):
        equal = x == out
        return d / _how_many(equal, None, x.dtype) * equal


sum = function(Sum)
sum_to = function(SumTo)
mean = function(Mean)
prod = function(Prod)
var = function(Var)
std = function(Std)
logsumexp = function(LogSumExp, "logsumexp")
norm = function(Norm)
amax = function(Amax)
amin = function(Amin)
median = function(Median)
