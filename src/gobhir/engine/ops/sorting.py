"""Numbers chosen along one dimension by their rank: the largest, the middle one, all in order.

Every op here has two results, the values and where they stood, both with `dim` kept. The gradient
of a value goes to the place that it came from. Ties: the first place, unless said otherwise.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.indexing import add_at, along, plain

_LONG = 16
"""From this length on it is faster to part a row than to sort it whole."""


class Ranked(Op, abstract=True):
    family = Family.GATHER
    local = "1 if here else 0"
    results = ("values", "indices")
    shape_only = True

    def vjp(d, out, x, *, dim, **settings):
        places = along(plain(out[1]), dim % x.ndim, x.shape)
        return add_at(d[0], index=places, shape=x.shape)


class Max(Ranked):
    """The largest number along `dim`, and where it stands."""

    formula = "max(x)"

    def forward(x, *, dim):
        return _at(x, np.argmax(x, axis=dim, keepdims=True), dim)


class Min(Ranked):
    """The smallest number along `dim`, and where it stands."""

    formula = "min(x)"

    def forward(x, *, dim):
        return _at(x, np.argmin(x, axis=dim, keepdims=True), dim)


class Sort(Ranked):
    """All numbers along `dim` in order, and where they stood. Equal ones keep their order; NaN
    counts as larger than everything."""

    formula = "sort(x)"

    def forward(x, *, dim, descending=False):
        return _at(x, order(x, dim, descending), dim)


class Topk(Ranked):
    """The k largest numbers along `dim` (or smallest), the most extreme first."""

    formula = "topk(x)"
    example = ([[0.5, -1.2, 2.0, 1.0]], {"k": 2, "dim": 0})

    def forward(x, *, k, dim, largest=True):
        n = x.shape[dim]
        if n < _LONG or not 0 < k < n:
            return _at(x, _part(order(x, dim, largest), dim, slice(k)), dim)
        # Of a long row only those that count are put in order.
        places = _parted(x, n - k if largest else k - 1, dim)
        places = np.sort(_part(places, dim, slice(n - k, n) if largest else slice(k)), axis=dim)
        ranks = order(np.take_along_axis(x, places, dim), dim, largest)
        return _at(x, np.take_along_axis(places, ranks, dim), dim)


class Kthvalue(Ranked):
    """The k-th smallest number along `dim`, counted from 1."""

    formula = "kthvalue(x)"
    example = ([[0.5, -1.2, 2.0, 1.0]], {"k": 2, "dim": 0})

    def forward(x, *, k, dim):
        return _at(x, _part(_parted(x, k - 1, dim), dim, slice(k - 1, k)), dim)


class MedianAlong(Ranked):
    """The number in the middle along `dim`; of two middle ones the smaller. NaN if there is one,
    unless `skip`ped."""

    formula = "median_along(x)"

    def forward(x, *, dim, skip=False):
        n = x.shape[dim]
        if n and not (x != x).any():
            return Kthvalue.forward(x, k=(n + 1) // 2, dim=dim)
        ranks = order(x, dim)
        number = (x == x).sum(axis=dim, keepdims=True)
        middle = np.maximum(number - 1, 0) // 2
        if not skip:  # the first NaN stands right behind the numbers
            middle = np.where(number < n, number, middle)
        return _at(x, np.take_along_axis(ranks, middle, dim), dim)


class Mode(Ranked):
    """The number that occurs most often along `dim`, the smallest of such; its last place."""

    formula = "mode(x)"
    example = ([[2.0, 1.0, 3.0, 2.0]], {"dim": 0})

    def forward(x, *, dim):
        ranks = order(x, dim)
        ranked, _ = _at(x, ranks, dim)
        # How often the number has occurred up to each rank: places since the last change.
        rank = np.arange(x.shape[dim]).reshape(-1, *[1] * (x.ndim - 1 - dim % x.ndim))
        changed = np.ones(x.shape, bool)
        behind, ahead = _part(ranked, dim, slice(None, -1)), _part(ranked, dim, slice(1, None))
        _part(changed, dim, slice(1, None))[...] = behind != ahead
        since = rank - np.maximum.accumulate(np.where(changed, rank, 0), axis=dim)
        best = np.argmax(since, axis=dim, keepdims=True)
        return _at(x, np.take_along_axis(ranks, best, dim), dim)


def order(x, dim, descending=False):
    """The places of the numbers along `dim` in order of size; equal ones as they come."""
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    # Sorted ascending from the mirror image, and read from the end: equal ones as they come.
    mirror = slice(None, None, -1)
    places = np.argsort(_part(x, dim, mirror), axis=dim, kind="stable")
    return x.shape[dim] - 1 - _part(places, dim, mirror)


def _parted(x, k, dim):
    """The places of the numbers along `dim`, those of the k smallest before that of the next."""
    return np.argpartition(x, k, axis=dim) if x.shape[dim] >= _LONG else order(x, dim)


def _at(x, places, dim):
    return np.take_along_axis(x, places, dim), places


def _part(x, dim, part):
    return x[(*[slice(None)] * (dim % x.ndim), part)]


max = function(Max)
min = function(Min)
sort = function(Sort)
topk = function(Topk)
kthvalue = function(Kthvalue)
median_along = function(MedianAlong)
mode = function(Mode)
