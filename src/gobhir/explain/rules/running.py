"""The rules of results that run along a dimension: each place holds what came of all numbers up to
it; backwards, each number hears from all places from its own on."""

from __future__ import annotations

import numpy as np

from gobhir.derivation.arrays import ProductOver, SumOver
from gobhir.derivation.expression import Expr, Function, Negative, Product, Sum, number
from gobhir.derivation.places import Taken, shaped
from gobhir.explain.rules.spatial import lay
from gobhir.explain.rules.use import Use

OPS = {"cumsum", "cumprod", "logcumsumexp"}
NOWHERE = -1
"""A place outside: there a sum finds 0, a product 1."""


def forward(use: Use) -> Expr:
    """The result of one of these ops."""
    x = use.whole(0)
    match use.record.op.name:
        case "cumsum":
            return _up_to_here(use, x, use.record.settings["reverse"])
        case "cumprod":
            return _up_to_here(use, x, product=True)
    return Function("log", (_up_to_here(use, Function("exp", (x,))),))


def pull(use: Use, i: int, c: Expr) -> Expr:
    """What x receives when dL/d(result) is c."""
    x = use.whole(0)
    match use.record.op.name:
        case "cumsum":
            return _up_to_here(use, c, not use.record.settings["reverse"])
        case "cumprod":
            return _to_each_factor(use, c)
    if not x.shape:
        return c
    result = shaped(use.result, x.shape)
    c, after = (_seen(use, e, reverse=True) for e in (c, result))
    here = shaped(x, (*x.shape, 1))
    slope = Function("exp", (Sum((here, Negative(after))),))
    return SumOver(Product((c, slope)), (len(x.shape),))


def _dim(use: Use) -> int:
    return int(use.record.settings["dim"]) % max(use.arrays[0].ndim, 1)


# -- up to here --


def _places(use: Use, along: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of an array with one dimension more, the last: where each number stands in x. along: (place,
    last)."""
    shape, dim = use.arrays[0].shape, _dim(use)
    rank = len(shape) + 1
    places = [lay(rank, np.arange(n), axis) for axis, n in enumerate(shape)]
    places[dim] = lay(rank, along, dim, rank - 1)
    return tuple(places)


def _seen(use: Use, e: Expr, reverse: bool = False, outside: int = 0) -> Taken:
    """For each place all the numbers of e up to it (or from it on)."""
    count = np.arange(use.arrays[0].shape[_dim(use)])
    there = count >= count[:, None] if reverse else count <= count[:, None]
    along = np.where(there, count, NOWHERE)
    return Taken(e, "up to here", _places(use, along), number(outside).value)


def _up_to_here(use: Use, e: Expr, reverse: bool = False, product: bool = False) -> Expr:
    if not use.arrays[0].ndim:
        return e
    last = (use.arrays[0].ndim,)
    if product:
        return ProductOver(_seen(use, e, reverse, 1), last)
    return SumOver(_seen(use, e, reverse), last)


def _to_each_factor(use: Use, c: Expr) -> Expr:
    """A factor stands in all products from its own place on, in each beside all the others."""
    x = use.whole(0)
    if not x.shape:
        return c
    dim, rank = _dim(use), len(x.shape)
    count = np.arange(x.shape[dim])
    place, product, other = np.ix_(count, count, count)
    along = np.where((other <= product) & (other != place), other, NOWHERE)
    places = [lay(rank + 2, np.arange(n), axis) for axis, n in enumerate(x.shape)]
    places[dim] = lay(rank + 2, along, dim, rank, rank + 1)
    others = ProductOver(Taken(x, "others", tuple(places), number(1).value), (rank + 1,))
    return SumOver(Product((_seen(use, c, reverse=True), others)), (rank,))
