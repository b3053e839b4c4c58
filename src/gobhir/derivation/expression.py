"""Expressions: one tree for the symbolic line, the line with numbers put in, and every element.

A tree may stand for a number, a vector or a matrix. `at(index)` gives the tree of one element:
the matrix product becomes the sum that it abbreviates, with the element's own names. All
arithmetic is done on such scalar trees (rounding.py); the array form is for showing. `floats` is
`at` for many positions at once, by NumPy. The nodes that go beyond element by element (sums along
an axis, numbers taken from other places) are in arrays.py.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from operator import is_
from typing import Any

import numpy as np

from gobhir.derivation.functions import by_floats

Index = tuple[int, ...]

RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}


@dataclass(frozen=True)
class Name:
    """How a quantity is called: `Name("w", layer=1, index=(2, 3))` is w with superscript (1)
    and subscript 23. `base` is a Greek letter's name, a letter, or a word."""

    base: str
    layer: int | str | None = None
    index: tuple[int | str, ...] = ()
    element: str | None = None
    """What an element of it is called, if not by the same base: W has elements w."""
    partial: bool = False
    """The loss's derivative with respect to it."""
    by: Name | None = None
    """Its own derivative with respect to another quantity: da/dz is `Name("a", by=Name("z"))`."""

    def at(self, index: Index) -> Name:
        """The name of one element; learners count from 1."""
        if not index:
            return self
        counted = (*self.index, *(i + 1 for i in index))
        by = None if self.by is None else self.by.at(index)
        return Name(self.element or self.base, self.layer, counted, None, self.partial, by)

    def only(self) -> Name:
        """The name of the one element of something that has just one."""
        by = None if self.by is None else self.by.only()
        return Name(self.element or self.base, self.layer, self.index, None, self.partial, by)

    def d(self) -> Name:
        """The name of the loss's derivative with respect to this."""
        return Name(self.base, self.layer, self.index, self.element, partial=True)


def named_at(name: Name, index: Index, shape: tuple[int, ...]) -> Name:
    """The name of one element of an array of this shape. A dimension of size 1 is not counted:
    the only row of W has weights w_1, w_2, ..."""
    counted = tuple(i for i, n in zip(index, shape, strict=True) if n > 1)
    return name.at(counted) if counted else name.only()


class Expr:
    """Base of all trees."""

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """() for a number, (n,) for a column vector, (m, n). Operands broadcast."""
        shapes = {c.shape for c in self.children}
        return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)

    @property
    def children(self) -> tuple[Expr, ...]:
        raise NotImplementedError

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        """The same node over other children."""
        raise NotImplementedError

    def at(self, index: Index) -> Expr:
        """The tree of one element; index () of a number is the number itself."""
        return self.rebuild(tuple(c.at(within(index, c.shape)) for c in self.children))

    def floats(self, index: tuple[Any, ...]) -> Any:
        """The values of many elements at once, in float64: for each dimension `index` has a
        position or an array of them, which broadcast; so may the result."""
        return self.combined(*(c.floats(within(index, c.shape)) for c in self.children))

    def combined(self, *values: Any) -> Any:
        """What this node makes of its children's values, number by number."""
        raise NotImplementedError

    def walk(self) -> Iterator[Expr]:
        """This node and all below it."""
        yield self
        for c in self.children:
            yield from c.walk()


def within(index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Where `index` of a result points in an operand that was broadcast to it; the operand may
    have dimensions of size 1 in front that the page left out of the result."""
    own = ((0,) * len(shape) + index)[len(index) :]
    return tuple(0 if n == 1 else i for i, n in zip(own, shape, strict=True))


def indices(shape: tuple[int, ...]) -> Iterator[Index]:
    """All positions of an array of this shape, in reading order."""
    return iter(np.ndindex(*shape))


class Leaf(Expr):
    """A number or a name. value: a Decimal, or an object array of them."""

    value: Any

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape if isinstance(self.value, np.ndarray) else ()

    @property
    def children(self) -> tuple[Expr, ...]:
        return ()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return self

    def floats(self, index: tuple[Any, ...]) -> Any:
        return np.asarray(self.value[index] if self.shape else self.value, float)


@dataclass(frozen=True, eq=False)
class Num(Leaf):
    """A written number (or an array of them, dtype object).

    source: what was typed into the calculator to get it, if it was computed on this line.
    constant: part of the formula itself (the 2 of a square), not a value from the data.
    of: the quantity whose number this is, for pages that can be asked; no part of the data.
    """

    value: Any
    source: Expr | None = None
    constant: bool = False
    of: Name | None = field(default=None, metadata={"data": False})

    def at(self, index: Index) -> Expr:
        if not index:
            return self
        of = None if self.of is None else named_at(self.of, index, self.shape)
        return Num(self.value[index], None, self.constant, of)


@dataclass(frozen=True, eq=False)
class Sym(Leaf):
    """A named quantity and its value (Decimal, or an object array of Decimals)."""

    name: Name
    value: Any

    def at(self, index: Index) -> Expr:
        if not index:
            return self
        return Sym(named_at(self.name, index, self.shape), self.value[index])


@dataclass(frozen=True, eq=False)
class Nary(Expr):
    """A node over any number of operands, which broadcast."""

    terms: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.terms

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return type(self)(children)


class Sum(Nary):
    """t1 + t2 + ..., a difference being the sum with a Negative."""

    def at(self, index: Index) -> Expr:
        # The sum that a matrix product abbreviates, plus a bias, is one row of terms.
        return total(c.at(within(index, c.shape)) for c in self.terms)

    def combined(self, *values: Any) -> Any:
        return sum(values)


class Product(Nary):
    """f1 f2 ..., element by element where the factors are arrays."""

    def combined(self, *values: Any) -> Any:
        return math.prod(values)


@dataclass(frozen=True, eq=False)
class Unary(Expr):
    body: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.body,)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return type(self)(children[0])

    def combined(self, *values: Any) -> Any:
        return values[0]


class Negative(Unary):
    """-t"""

    def combined(self, *values: Any) -> Any:
        return -values[0]


@dataclass(frozen=True, eq=False)
class Labelled(Unary):
    """An expression with a brace under it that says what it is."""

    label: Expr

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Labelled(children[0], self.label)

    def at(self, index: Index) -> Expr:
        label = self.label.at(within(index, self.label.shape))
        return Labelled(self.body.at(within(index, self.body.shape)), label)


@dataclass(frozen=True, eq=False)
class Pair(Expr):
    left: Expr
    right: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return type(self)(*children)


class Fraction(Pair):
    """left over right"""

    def combined(self, *values: Any) -> Any:
        return np.divide(*values)


class Power(Pair):
    """left to the power of right"""

    def combined(self, *values: Any) -> Any:
        return np.power(*values)


@dataclass(frozen=True, eq=False)
class Function(Expr):
    """A function by name; functions.py has them all. The constant pi is one of no arguments."""

    name: str
    arguments: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.arguments

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Function(self.name, children)

    def combined(self, *values: Any) -> Any:
        return by_floats(self.name, *values)


@dataclass(frozen=True, eq=False)
class Cases(Expr):
    """then if left <relation> right else otherwise."""

    relation: str
    left: Expr
    right: Expr
    then: Expr
    otherwise: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right, self.then, self.otherwise)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Cases(self.relation, *children)

    def combined(self, *values: Any) -> Any:
        return np.where(RELATIONS[self.relation](values[0], values[1]), values[2], values[3])


def number(value: Any, constant: bool = True) -> Num:
    """A number of the formula itself."""
    return Num(value if isinstance(value, Decimal) else Decimal(str(value)), None, constant)


def total(terms: Any) -> Expr:
    """Their sum; one term stands for itself, none for 0, and a plain 0 is left out."""
    flat: list[Expr] = []
    for t in terms:
        flat.extend(t.terms if type(t) is Sum else [t])
    flat = [t for t in flat if not (isinstance(t, Num) and t.constant and _is_zero(t))]
    return flat[0] if len(flat) == 1 else Sum(tuple(flat)) if flat else number(0)


def _is_zero(n: Num) -> bool:
    return not n.shape and n.value == 0


def transform(e: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The tree with `change(node)` in the place of each node where it is not None, top down."""
    new = change(e)
    if new is not None:
        return new
    before = e.children
    after = tuple([transform(c, change) for c in before])
    return e if all(map(is_, before, after)) else e.rebuild(after)


def without_labels(e: Expr) -> Expr:
    """The same line without braces under it."""
    return transform(e, lambda n: without_labels(n.body) if isinstance(n, Labelled) else None)
