"""Nodes that take numbers from other places: laid out anew, picked, put back, joined. As in
arrays.py nothing is laid out before an element is asked for.

The windows over which a convolution slides are such a node (`Taken`): for every dimension of the
image a small array says where each place of each window lies, and these arrays broadcast, as
NumPy's open meshes do. So convolution is a product and a sum of nodes that matrices use too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from gobhir.derivation.arrays import ravelled, summed, unravelled
from gobhir.derivation.expression import Expr, Index, Leaf, Nary, Unary, number, within


@dataclass(frozen=True, eq=False)
class Spread(Unary):
    """The same tree laid out over a larger shape; invisible on the page."""

    to: tuple[int, ...] = ()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Spread(children[0], self.to)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return self.to

    def at(self, index: Index) -> Expr:
        return self.body.at(within(index, self.body.shape))


@dataclass(frozen=True, eq=False)
class Reshaped(Unary):
    """The same numbers in the same order in another shape; invisible on the page."""

    to: tuple[int, ...] = ()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Reshaped(children[0], self.to)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return self.to

    def at(self, index: Index) -> Expr:
        return self.body.at(unravelled(ravelled(index, self.to), self.body.shape))

    def floats(self, index: tuple[Any, ...]) -> Any:
        return self.body.floats(unravelled(ravelled(index, self.to), self.body.shape))


def shaped(e: Expr, shape: tuple[int, ...]) -> Expr:
    """e in this shape, of as many numbers."""
    return e if e.shape == shape else Reshaped(e, shape)


@dataclass(frozen=True, eq=False)
class Rearranged(Expr):
    """The elements of `body` in other places: `where` holds, for each element of the result, its
    flat position in body (-1 for what stands `outside`). `label` names the op."""

    body: Expr
    label: str
    where: np.ndarray = field(repr=False)
    outside: Decimal = Decimal(0)

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.body,)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Rearranged(children[0], self.label, self.where, self.outside)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return self.where.shape

    def at(self, index: Index) -> Expr:
        flat = int(self.where[index])
        return number(self.outside) if flat < 0 else self.body.at(unravelled(flat, self.body.shape))

    def floats(self, index: tuple[Any, ...]) -> Any:
        flat = self.where[index]
        values = self.body.floats(unravelled(np.maximum(flat, 0), self.body.shape))
        return np.where(flat < 0, float(self.outside), values)


@dataclass(frozen=True, eq=False)
class Scattered(Expr):
    """The other way round: each element of `body` is added to where it was taken from. `where`
    holds, for each element of body, its flat position in the result (-1 for nowhere); a function
    is asked for it when it is first needed."""

    body: Expr
    label: str
    source: np.ndarray | Callable[[], np.ndarray] = field(repr=False)
    to: tuple[int, ...] = ()

    @cached_property
    def where(self) -> np.ndarray:
        found = self.source() if callable(self.source) else self.source
        return np.ravel(found)

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.body,)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Scattered(children[0], self.label, self.source, self.to)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return self.to

    def at(self, index: Index) -> Expr:
        found = np.flatnonzero(self.where == ravelled(index, self.to))
        shape = self.body.shape
        return summed(
            len(found),
            lambda k: self.body.at(unravelled(int(found[k]), shape)),
            lambda: self.body.floats(unravelled(found, shape)),
        )

    @cached_property
    def _all(self) -> np.ndarray:
        out = np.zeros(math.prod(self.to))
        there = np.flatnonzero(self.where >= 0)
        values = self.body.floats(unravelled(there, self.body.shape))
        np.add.at(out, self.where[there], values)
        return out

    def floats(self, index: tuple[Any, ...]) -> Any:
        return self._all[ravelled(index, self.to)]


@dataclass(frozen=True, eq=False)
class Taken(Expr):
    """Elements of `body` by their place in each dimension: `places` has one small array for each,
    and these broadcast to the result's shape. A place outside holds `outside`."""

    body: Expr
    label: str
    places: tuple[np.ndarray, ...] = field(repr=False)
    outside: Decimal = Decimal(0)

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.body,)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Taken(children[0], self.label, self.places, self.outside)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(p.shape for p in self.places))

    def at(self, index: Index) -> Expr:
        place = tuple(int(p[within(index, p.shape)]) for p in self.places)
        inside = all(0 <= i < n for i, n in zip(place, self.body.shape, strict=True))
        return self.body.at(place) if inside else number(self.outside)

    def floats(self, index: tuple[Any, ...]) -> Any:
        place = tuple(p[within(index, p.shape)] for p in self.places)
        inside: Any = True
        for i, n in zip(place, self.body.shape, strict=True):
            inside = inside & (i >= 0) & (i < n)
        held = tuple(np.clip(i, 0, n - 1) for i, n in zip(place, self.body.shape, strict=True))
        return np.where(inside, self.body.floats(held), float(self.outside))


@dataclass(frozen=True, eq=False)
class Joined(Nary):
    """Arrays end to end along an axis."""

    axis: int = 0
    label: str = "cat"

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Joined(children, self.axis, self.label)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        first = self.terms[0].shape
        length = sum(t.shape[self.axis] for t in self.terms)
        return (*first[: self.axis], length, *first[self.axis + 1 :])

    def _starts(self) -> list[int]:
        return [0, *accumulate(t.shape[self.axis] for t in self.terms)]

    def at(self, index: Index) -> Expr:
        starts = self._starts()
        k = int(np.searchsorted(starts, index[self.axis], "right")) - 1
        inner = index[self.axis] - starts[k]
        return self.terms[k].at((*index[: self.axis], inner, *index[self.axis + 1 :]))

    def floats(self, index: tuple[Any, ...]) -> Any:
        place = np.asarray(index[self.axis])
        out: Any = 0.0
        for t, start in zip(self.terms, self._starts(), strict=False):
            inner, size = place - start, t.shape[self.axis]
            held = (*index[: self.axis], np.clip(inner, 0, size - 1), *index[self.axis + 1 :])
            out = np.where((inner >= 0) & (inner < size), t.floats(held), out)
        return out


@dataclass(frozen=True, eq=False)
class Each(Leaf):
    """Numbers that each have a tree of their own, made when it is asked for: to be worked out, one
    by one, and never written as a whole."""

    size: Index
    tree: Callable[[Index], Expr]

    @cached_property
    def shape(self) -> Index:
        return self.size

    def at(self, index: Index) -> Expr:
        return self.tree(index)
