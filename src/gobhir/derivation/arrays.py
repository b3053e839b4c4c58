"""Nodes over whole arrays: products of matrices, sums and extremes along axes. None of them
lays anything out: `at(index)` works out one element's tree when it is asked
for, `floats` many elements' values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.derivation.expression import (
    Expr,
    Function,
    Index,
    Num,
    Pair,
    Product,
    Sum,
    Unary,
    indices,
    number,
    total,
    within,
)

LONG = 64
"""Terms from which on a sum does not make them all at once."""


class LongSum(Sum):
    """A sum of very many terms: it knows their values, and makes a term's tree on demand."""

    def __init__(self, count: int, term: Callable[[int], Expr], values: Callable[[], Any]):
        made = {"count": count, "term": term, "_values": values}
        for key, value in made.items():
            object.__setattr__(self, key, value)

    count: int
    term: Callable[[int], Expr]
    _values: Callable[[], Any]

    @cached_property
    def terms(self) -> tuple[Expr, ...]:
        return tuple(t for k in range(self.count) if not _vanishes(t := self.term(k)))

    @cached_property
    def values(self) -> np.ndarray:
        """Each term's value, in float64."""
        return np.asarray(self._values(), float).reshape(-1)

    def largest(self, count: int) -> list[int]:
        """The numbers of the terms of greatest size, greatest first."""
        sizes = np.abs(self.values)
        some = np.argpartition(-sizes, min(count, sizes.size - 1))[:count]
        return [int(k) for k in some[np.argsort(-sizes[some], kind="stable")]]

    def ends(self) -> list[int]:
        """The numbers of the first three terms and the last one that are not plain zeros."""
        first: list[int] = []
        for k in range(self.count):
            if not _vanishes(self.term(k)):
                first.append(k)
            if len(first) == 3:
                break
        last = (k for k in reversed(range(self.count)) if not _vanishes(self.term(k)))
        return sorted({*first, *([next(last)] if first else [])})

    def walk(self) -> Iterator[Expr]:
        """Term by term, so that who finds what he looks for need not see all."""
        yield self
        for k in range(self.count):
            yield from self.term(k).walk()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Sum(children)

    def floats(self, index: tuple[Any, ...]) -> Any:
        return self.values.sum()


def each_term(e: Sum) -> Iterator[Expr]:
    """The terms one by one, made only as far as they are asked for."""
    if isinstance(e, LongSum):
        return (t for k in range(e.count) if not _vanishes(t := e.term(k)))
    return iter(e.terms)


def summed(count: int, term: Callable[[int], Expr], values: Callable[[], Any]) -> Expr:
    """The sum of these terms; what lies outside (in the padding) is left out."""
    if count > LONG:
        return LongSum(count, term, values)
    return total(t for k in range(count) if not _vanishes(t := term(k)))


def _vanishes(e: Expr) -> bool:
    if isinstance(e, Product):
        return any(map(_vanishes, e.terms))
    return isinstance(e, Num) and e.constant and not e.shape and e.value == 0


class Transposed(Unary):
    """Rows and columns exchanged, of each matrix of a stack; a column vector becomes a row."""

    @cached_property
    def shape(self) -> tuple[int, ...]:
        s = self.body.shape
        return (1, *s) if len(s) == 1 else (*s[:-2], s[-1], s[-2])

    def at(self, index: Index) -> Expr:
        return self.body.at(self._turned(index))

    def floats(self, index: tuple[Any, ...]) -> Any:
        return self.body.floats(self._turned(index))

    def _turned(self, index: tuple[Any, ...]) -> tuple[Any, ...]:
        return index[1:] if len(self.body.shape) == 1 else (*index[:-2], index[-1], index[-2])


class MatMul(Pair):
    """Matrix product, as numpy.matmul; with a one-column right side an outer product."""

    @cached_property
    def shape(self) -> tuple[int, ...]:
        a, b = self.left.shape, self.right.shape
        if len(a) == 1 and len(b) == 2:  # a column times a row
            return (a[0], b[1])
        if not b:  # a matrix of one column times a number
            return a[:-1]
        if len(b) == 1:
            return a[:-1]
        return (*np.broadcast_shapes(a[:-2], b[:-2]), *a[-2:-1], b[-1])

    def at(self, index: Index) -> Expr:
        pair, count = self._pair(index)
        if count is None:
            left, right = pair(0)
            return Product((self.left.at(left), self.right.at(right)))

        def term(k: int) -> Expr:
            left, right = pair(k)
            return Product((self.left.at(left), self.right.at(right)))

        return summed(count, term, lambda: self._products(pair, np.arange(count)))

    def floats(self, index: tuple[Any, ...]) -> Any:
        behind = tuple(np.asarray(i)[..., None] for i in index)
        pair, count = self._pair(behind)
        return self._products(pair, np.arange(count or 1)).sum(-1)

    def _products(self, pair: Callable[[Any], Any], k: np.ndarray) -> Any:
        left, right = pair(k)
        return self.left.floats(left) * self.right.floats(right) + np.zeros(k.shape)

    def _pair(self, index: tuple[Any, ...]) -> tuple[Callable[[Any], Any], int | None]:
        """Where the two factors of term k stand, and how many terms there are (None: it is no
        sum but one product)."""
        a, b = self.left.shape, self.right.shape
        if len(a) == 1 and len(b) == 2:
            return lambda k: (index[:1], (0, index[1])), None
        if not b:
            return lambda k: ((*index, 0), ()), None
        row, column = (index, ()) if len(b) == 1 else (index[:-1], index[-1:])
        batch = row[:-1] if len(b) > 1 else ()
        return lambda k: (within((*row, k), a), within((*batch, k, *column), b)), a[-1]


def turned(e: Expr) -> Expr:
    """e with rows and columns exchanged: what was turned is turned back, and (A B)^T is B^T A^T."""
    if isinstance(e, Transposed):
        return e.body
    if isinstance(e, MatMul) and len(e.left.shape) == len(e.right.shape) == 2:
        return MatMul(turned(e.right), turned(e.left))
    return Transposed(e)


@dataclass(frozen=True, eq=False)
class Along(Expr):
    """Base of what makes one number of all elements of `body` along some of its axes."""

    body: Expr
    axes: tuple[int, ...]
    keepdims: bool = False

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.body,)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return type(self)(children[0], self.axes, self.keepdims)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        kept = enumerate(self.body.shape)
        if self.keepdims:
            return tuple(1 if i in self.axes else n for i, n in kept)
        return tuple(n for i, n in kept if i not in self.axes)

    def _full(self, index: tuple[Any, ...], inner: tuple[Any, ...]) -> tuple[Any, ...]:
        """The position in body, of what stands at `inner` along the axes."""
        if self.keepdims:
            index = tuple(i for axis, i in enumerate(index) if axis not in self.axes)
        given, outer = dict(zip(self.axes, inner, strict=True)), iter(index)
        count = len(self.body.shape)
        return tuple(given[a] if a in given else next(outer) for a in range(count))

    @property
    def _sizes(self) -> tuple[int, ...]:
        shape = self.body.shape
        return tuple(shape[a] for a in self.axes)

    def along(self, index: tuple[Any, ...]) -> np.ndarray:
        """The values along the axes, which come last."""
        sizes = self._sizes
        behind = tuple(np.asarray(i)[(..., *[None] * len(sizes))] for i in index)
        values = self.body.floats(self._full(behind, tuple(np.ogrid[tuple(map(slice, sizes))])))
        outer = np.broadcast_shapes(*(np.shape(i) for i in index)) if index else ()
        return np.broadcast_to(values, (*outer, *sizes)).reshape((*outer, math.prod(sizes)))


class SumOver(Along):
    """The sum of all elements of `body` along some of its axes."""

    def at(self, index: Index) -> Expr:
        sizes = self._sizes

        def term(k: int) -> Expr:
            return self.body.at(self._full(index, unravelled(k, sizes)))

        return summed(math.prod(sizes), term, lambda: self.along(index))

    def floats(self, index: tuple[Any, ...]) -> Any:
        return self.along(index).sum(-1)


class ProductOver(Along):
    """The product of all elements of `body` along some of its axes. A plain 1, as outside, is left
    out."""

    def at(self, index: Index) -> Expr:
        places = (self._full(index, inner) for inner in indices(self._sizes))
        found = [e for e in map(self.body.at, places) if not _is_one(e)]
        if len(found) < 2:
            return found[0] if found else number(1)
        return Product(tuple(found))

    def floats(self, index: tuple[Any, ...]) -> Any:
        return self.along(index).prod(-1)


def _is_one(e: Expr) -> bool:
    return isinstance(e, Num) and e.constant and e.value == 1


@dataclass(frozen=True, eq=False)
class Extreme(Along):
    """The largest (or, with which="min", the smallest) element of `body` along its axes. What
    is infinite, as padding is, takes no part."""

    which: str = "max"

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Extreme(children[0], self.axes, self.keepdims, self.which)

    def at(self, index: Index) -> Expr:
        places = (self._full(index, inner) for inner in indices(self._sizes))
        found = [e for e in map(self.body.at, places) if not _infinite(e)]
        return found[0] if len(found) == 1 else Function(self.which, tuple(found))

    def floats(self, index: tuple[Any, ...]) -> Any:
        return getattr(self.along(index), self.which)(-1)


def _infinite(e: Expr) -> bool:
    return isinstance(e, Num) and e.constant and e.value.is_infinite()


@dataclass(frozen=True, eq=False)
class Sigma(Unary):
    """A sum sign over letters, as a general formula has it: for showing only, `body` being made
    of names with letters for indices. letters: each with how far it counts."""

    letters: tuple[tuple[str, int], ...] = ()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Sigma(children[0], self.letters)


def ravelled(index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Flat positions; those of a number are 0."""
    out: Any = 0
    for i, n in zip(index, shape, strict=True):
        out = out * n + i
    return out


def unravelled(flat: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """And back."""
    out: list[Any] = []
    for n in reversed(shape):
        out.append(flat % n)
        flat = flat // n
    return tuple(reversed(out))
