"""Running results along one dimension: each place holds what came of all numbers up to it.

`reverse` runs from the end: the gradient of a running result is a running result the other way.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.elementary import exp
from gobhir.engine.ops.indexing import add_at, along, getitem, plain, set_item


class Scan(Op, abstract=True):
    family = Family.REDUCTION


class Cumsum(Scan):
    """Running sum along `dim`. x, out: same shape."""

    formula = "cumsum(x)"
    local = "1"
    shape_only = True

    def forward(x, *, dim, reverse=False):
        x = _at(x, dim, slice(None, None, -1)) if reverse else x
        out = _run(np.add, x, dim)
        return _at(out, dim, slice(None, None, -1)) if reverse else out

    def vjp(d, out, x, *, dim, reverse):
        return cumsum(d, dim=dim, reverse=not reverse)


class Cumprod(Scan):
    """Running product along `dim`. x, out: same shape."""

    formula = "cumprod(x)"
    local = "product(others)"

    def forward(x, *, dim):
        return _run(np.multiply, x, dim)

    def vjp(d, out, x, *, dim):
        if x.shape[dim] == 1:
            return d
        if not (x == 0).any():
            return cumsum(d * out, dim=dim, reverse=True) / x
        # x_i stands in all products from i on: d_i + x_(i+1) (d_(i+1) + ...) is what they ask,
        # times the product of all before it. Nothing is divided, so x may be 0.
        after = recurrence(_shifted(x, dim, 0.0, True), d, dim=dim, reverse=True)
        return after * _before(x, dim)


class Recurrence(Scan):
    """s_t = b_t + a_t s_(t-1) along `dim`, starting from 0. a, b, s: same shape."""

    formula = "b + a * s_before"
    local = {"a": "s_before", "b": "1"}
    result = "s"

    def forward(a, b, *, dim, reverse=False):
        s = np.array(b)
        n = s.shape[dim]
        steps = range(n - 2, -1, -1) if reverse else range(1, n)
        last = 1 if reverse else -1
        for t in steps:
            now = _one(s, dim, t)
            now += _one(a, dim, t) * _one(s, dim, t + last)
        return s

    def vjp_b(ds, s, a, b, *, dim, reverse):
        return recurrence(_shifted(a, dim, 0.0, not reverse), ds, dim=dim, reverse=not reverse)

    def vjp_a(ds, s, a, b, *, dim, reverse):
        return Recurrence.vjp_b(ds, s, a, b, dim=dim, reverse=reverse) * _shifted(
            s, dim, 0.0, reverse
        )


class Logcumsumexp(Scan):
    """ln of the running sum of e^x along `dim`, without overflow. x, out: same shape."""

    formula = "log(cumsum(exp(x)))"
    local = "exp(x - out)"
    accepts = "f"

    def forward(x, *, dim):
        return np.logaddexp.accumulate(x, axis=dim)

    def vjp(d, out, x, *, dim):
        # sum over k >= i of d_k e^(x_i - out_k), each factor e^(out_i - out_(i+1)) at most 1.
        step = exp(out - _shifted(out, dim, np.inf, True))
        return recurrence(step, d, dim=dim, reverse=True) * exp(x - out)


class Extremum(Scan, abstract=True):
    """Results: the running extremum along `dim`, and where it stands (the latest on a tie). The
    gradient goes to that place."""

    shape_only = True

    def vjp(d, out, x, *, dim):
        places = along(plain(out[1]), dim % x.ndim, x.shape)
        return add_at(d[0], index=places, shape=x.shape)


class Cummax(Extremum):
    """The largest number so far along `dim`, and its place. x, values, indices: same shape."""

    formula = "cummax(x)"
    local = "1 if here else 0"
    results = ("values", "indices")

    def forward(x, *, dim):
        return _running(np.maximum, x, dim)


class Cummin(Extremum):
    """The smallest number so far along `dim`, and its place. x, values, indices: same shape."""

    formula = "cummin(x)"
    local = "1 if here else 0"
    results = ("values", "indices")

    def forward(x, *, dim):
        return _running(np.minimum, x, dim)


def _running(extremum, x, dim):
    values = _accumulated(extremum, x, dim)
    new = (x == values) | (x != x)  # a NaN stays from where it comes
    places = np.arange(x.shape[dim]).reshape(-1, *[1] * (x.ndim - 1 - dim % x.ndim))
    return values, _accumulated(np.maximum, new * places, dim)


def product_of_others(x, dim):
    """For each number the product of all others along `dim` (of all when None)."""
    if dim is None:
        return product_of_others(x.reshape(-1), 0).reshape(x.shape)
    if not x.ndim:
        return np.ones((), x.dtype)
    mirror = slice(None, None, -1)
    after = _at(_before(_at(x, dim, mirror), dim), dim, mirror)
    return _before(x, dim) * after


def _before(x, dim):
    """For each place along `dim` the product of all numbers before it."""
    return cumprod(_shifted(x, dim, 1.0, False), dim=dim)


def _shifted(x, dim, first, back):
    """x moved one place on along `dim` (or back), with the number `first` where it enters."""
    enter = np.full(x.shape, first, x.dtype)
    low, high = slice(None, -1), slice(1, None)
    source, target = (high, low) if back else (low, high)
    return set_item(enter, _at(x, dim, source), index=_index(x, dim, target))


def _index(x, dim, part):
    return (*[slice(None)] * (dim % x.ndim), part)


def _at(x, dim, part):
    return getitem(x, index=_index(x, dim, part))


def _one(x, dim, t):
    return x[_index(x, dim, slice(t, t + 1))]


def _run(how, x, dim):
    """Running sum or product: whole numbers in int64, float16 in float32 on the way."""
    if x.dtype == np.float16:
        return _accumulated(how, x.astype(np.float32), dim).astype(np.float16)
    return _accumulated(how, x.astype(np.int64) if x.dtype.kind in "iub" else x, dim)


_WIDE = 512
"""Of so many numbers side by side it is faster to take all on from place to place together."""


def _accumulated(how, x, dim):
    """how.accumulate, for a ufunc `how`."""
    if x.size < _WIDE * x.shape[dim]:
        return how.accumulate(x, axis=dim)
    out = np.array(x)
    lanes = np.moveaxis(out, dim, 0)
    for t in range(1, len(lanes)):
        how(lanes[t - 1], lanes[t], out=lanes[t])
    return out


cumsum = function(Cumsum)
cumprod = function(Cumprod)
recurrence = function(Recurrence)
logcumsumexp = function(Logcumsumexp)
cummax = function(Cummax)
cummin = function(Cummin)
