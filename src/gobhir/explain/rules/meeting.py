"""The rules where several numbers meet in one place, and become their product, mean, largest or
smallest: `prod`, along a dimension, and `scatter_reduce`, wherever an index sends them.

Both are one table: for each place the numbers that meet there. In a product, each number's slope
is the product of all the others.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gobhir.derivation.arrays import Extreme, ProductOver, SumOver
from gobhir.derivation.expression import Expr, Fraction, Num, Product, number
from gobhir.derivation.places import Joined, Taken, shaped
from gobhir.derivation.rounding import decimals
from gobhir.engine.ops.indexing import flat_places
from gobhir.explain.rules.use import Use

OPS = {"prod", "scatter_reduce"}
_NOTHING = {"prod": "1", "mean": "0", "amax": "-Infinity", "amin": "Infinity"}
"""What a place holds where no number is, so that it changes nothing."""


class Meeting:
    """members: for each place of the result the flat positions of those that meet in it, among the
    numbers of all operands end to end; -1 where there are fewer."""

    def __init__(self, use: Use):
        self.use = use
        settings = use.record.settings
        self.kind = settings.get("reduce", "prod")
        self.sizes = [np.size(a) for a in use.arrays]
        flat = [shaped(use.whole(i), (n,)) for i, n in enumerate(self.sizes)]
        self.numbers = flat[0] if len(flat) == 1 else Joined(tuple(flat))
        self.values = np.concatenate([np.ravel(a) for a in use.arrays])
        self.place = _lines(use) if len(flat) == 1 else _sent(use)
        """For each number the place that it goes to, or -1."""

    @cached_property
    def members(self) -> np.ndarray:
        there = np.flatnonzero(self.place >= 0)
        order = there[np.argsort(self.place[there], kind="stable")]
        places = self.place[order]
        rank = np.arange(len(order)) - np.searchsorted(places, places)
        out = np.full((self.use.record.value.size, int(rank.max(initial=-1)) + 1), -1)
        out[places, rank] = order
        return out

    @property
    def counts(self) -> np.ndarray:
        """How many meet in each place, at least 1."""
        return np.maximum((self.members >= 0).sum(1), 1)

    def _met(self, table: np.ndarray, label: str) -> Taken:
        return Taken(self.numbers, label, (table,), number(_NOTHING[self.kind]).value)

    def result(self) -> Expr:
        """What becomes of each place."""
        # Along a dimension nothing was sent anywhere.
        met = self._met(self.members, "meet" if len(self.sizes) > 1 else "")
        if self.kind == "prod":
            return ProductOver(met, (1,))
        if self.kind == "mean":
            return Fraction(SumOver(met, (1,)), _each(self.counts))
        return Extreme(met, (1,), which=self.kind[1:])

    def slopes(self) -> Expr:
        """For each number how much its place changes with it."""
        if self.kind == "prod":
            beside = self.members[self.place]
            own = beside == np.arange(len(beside))[:, None]
            return ProductOver(self._met(np.where(own, -1, beside), "others"), (1,))
        if self.kind == "mean":
            return Fraction(number(1), _each(self.counts[self.place]))
        won = self.values == np.ravel(self.use.record.value)[self.place]
        ties = np.bincount(self.place[won & (self.place >= 0)], minlength=len(self.members))
        return Num(decimals(won / np.maximum(ties, 1)[self.place]))


def _each(counts: np.ndarray) -> Num:
    same = counts.size and (counts == counts[0]).all()
    return number(int(counts[0])) if same else Num(decimals(counts))


def _lines(use: Use) -> np.ndarray:
    """`prod`: which line along the dimension each number is in."""
    x, dim = use.arrays[0], use.record.settings["dim"]
    if dim is None or not x.ndim:
        return np.zeros(x.size, int)
    shape = tuple(1 if axis == dim % x.ndim else n for axis, n in enumerate(x.shape))
    lines = np.arange(use.record.value.size).reshape(shape)
    return np.broadcast_to(lines, x.shape).ravel()


def _sent(use: Use) -> np.ndarray:
    """`scatter_reduce`: the operand's own places, and those that the others are sent to."""
    x, settings = use.arrays[0], use.record.settings
    sent = np.ravel(flat_places(settings["index"], x.shape))
    own = np.arange(x.size)
    if not settings["include_self"]:  # then a place keeps its own number only where none is sent
        own = np.where(np.isin(own, sent), -1, own)
    return np.concatenate([own, sent])


def forward(use: Use) -> Expr:
    """The result of one of these ops."""
    return shaped(Meeting(use).result(), use.record.value.shape)


def pull(use: Use, i: int, c: Expr) -> Expr:
    """What the numbers of operand i receive when dL/d(result) is c."""
    m = Meeting(use)
    asked = Taken(shaped(c, (use.record.value.size,)), "", (m.place,))
    start = sum(m.sizes[:i])
    where = np.arange(start, start + m.sizes[i])
    label = "part" if len(m.sizes) > 1 else ""
    return shaped(Taken(Product((asked, m.slopes())), label, (where,)), use.arrays[i].shape)
