"""How an expression is written down: where brackets, signs and dots go, once for all dialects.

`Notation` walks the tree; a dialect (latex.py, text.py) only says what each mark looks like. What
it makes ("ink") is text or a small picture of text: anything that `+` joins with a string.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np

from gobhir.derivation.arrays import Extreme, MatMul, ProductOver, Sigma, SumOver, Transposed
from gobhir.derivation.expression import (
    Cases,
    Expr,
    Fraction,
    Function,
    Index,
    Labelled,
    Name,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    named_at,
)
from gobhir.derivation.general import LETTERS, indexed
from gobhir.derivation.letters import GREEK, letters, plain_number
from gobhir.derivation.places import Joined, Rearranged, Reshaped, Scattered, Spread, Taken
from gobhir.derivation.rounding import decimal, significant
from gobhir.derivation.signs import Grid, Operator

# How tightly a piece holds together; it is put in brackets where its surroundings hold tighter.
SUM, NEGATIVE, DOTTED, PRODUCT, POWER, ATOM = range(6)

OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!="}

LONG = 64
"""Characters of a sum that go on one row inside brackets or a fraction."""
FOLDED = 8
"""Rows or columns of a matrix that are written out; of a larger one, three and the last."""


class Joins(Protocol):
    """Text, or what can stand beside text."""

    def __add__(self, other: Any, /) -> Self: ...


Ink = TypeVar("Ink", bound=Joins)
Called = Callable[[Index], Name]
"""How each number of an array is called."""


def entry(value: Any) -> Decimal:
    """One number of an array. Arrays of machine numbers are shown with four digits."""
    return value if isinstance(value, Decimal) else significant(decimal(value))


def visible(count: int) -> list[int | None]:
    """Which of `count` rows or columns are written; None is where the dots go."""
    return list(range(count)) if count <= FOLDED else [0, 1, 2, None, count - 1]


class Notation(ABC, Generic[Ink]):
    """Writes expressions in one dialect."""

    minus: ClassVar[str]
    dot: ClassVar[str]
    hadamard: ClassVar[str]
    thin: ClassVar[str]
    flat_fractions: bool
    """Whether a fraction stands on one line (a/b) and so needs brackets in a product."""

    # -- what a dialect says ------------------------------------------------------------------

    @abstractmethod
    def text(self, text: str) -> Ink: ...
    @abstractmethod
    def brackets(self, inside: Ink) -> Ink: ...
    @abstractmethod
    def name(self, name: Name) -> Ink: ...
    @abstractmethod
    def digits(self, digits: str, exponent: int | None) -> Ink: ...
    @abstractmethod
    def special(self, value: Decimal) -> Ink: ...
    @abstractmethod
    def matrix(self, rows: list[list[Ink]], bar: int | None = None) -> Ink: ...
    @abstractmethod
    def folded(self, across: bool, down: bool) -> Ink: ...
    @abstractmethod
    def stacked(self, rows: list[Ink]) -> Ink: ...
    @abstractmethod
    def width(self, e: Expr) -> int: ...
    @abstractmethod
    def fraction(self, above: Ink, below: Ink) -> Ink: ...
    @abstractmethod
    def power(self, base: Ink, exponent: Ink) -> Ink: ...
    @abstractmethod
    def transposed(self, base: Ink) -> Ink: ...
    @abstractmethod
    def function(self, name: str, arguments: list[Ink]) -> Ink: ...
    @abstractmethod
    def cases(self, rows: list[tuple[Ink, Ink]]) -> Ink: ...
    @abstractmethod
    def relation(self, left: Ink, relation: str, right: Ink) -> Ink: ...
    @abstractmethod
    def brace(self, body: Ink, label: Ink) -> Ink: ...
    @abstractmethod
    def summed(self, letter: str, count: int, body: Ink) -> Ink: ...
    @abstractmethod
    def operator(self, sign: str, letter: Name, bounds: list[Ink], body: Ink) -> Ink: ...
    @abstractmethod
    def operation(self, label: str, body: Ink) -> Ink: ...
    @abstractmethod
    def label(self, e: Expr) -> Ink: ...

    # -- the walk -----------------------------------------------------------------------------

    def write(self, e: Expr | Name, least: int = SUM) -> Ink:
        """The expression; in brackets if it holds together less tightly than `least`."""
        if isinstance(e, Name):
            return self.marked(self.name(e), e)
        if isinstance(e, Labelled):
            return self.brace(self.write(e.body, least), self.label(e.label))
        if isinstance(e, (Spread, Reshaped)):
            return self.write(e.body, least)
        if isinstance(e, Sum) and least > SUM:
            return self.brackets(self.inside(e))
        ink, holds = self._write(e)
        return self.brackets(ink) if holds < least else ink

    def inside(self, e: Expr, least: int = SUM) -> Ink:
        """What stands in brackets or over a fraction's line: a long sum there takes more rows,
        because nothing else could break it."""
        if not isinstance(e, Sum) or least > SUM or self.width(e) <= LONG:
            return self.write(e, least)
        rows = [self.term(e.terms[0], first=True)]
        room = LONG - self.width(e.terms[0])
        for t in e.terms[1:]:
            room -= self.width(t) + 3
            if room < 0:
                rows.append(self.term(t))
                room = LONG - self.width(t)
            else:
                rows[-1] = rows[-1] + self.term(t)
        return self.stacked(rows)

    def _write(self, e: Expr) -> tuple[Ink, int]:
        match e:
            case Num():
                return self._number(e.value, e.of)
            case Sym():
                return self.marked(self.name(e.name), e.name), self._name_holds(e.name)
            case Sum():
                return self._sum(e), SUM
            case Negative():
                return self.text(self.minus) + self.write(e.body, DOTTED), NEGATIVE
            case Product():
                return self._product(e)
            case MatMul():
                return self._matmul(e), PRODUCT
            case Transposed(body=Num(value=value, of=of)) if isinstance(value, np.ndarray):
                turned = value.reshape(1, -1) if value.ndim == 1 else value.T
                called = None if of is None else _turned(_elements(of, value), value.ndim)
                return self.array(turned, called), ATOM
            case Transposed():
                least = POWER if isinstance(e.body, Sym) else ATOM
                return self.transposed(self.write(e.body, least)), POWER
            case Fraction():
                least = POWER if self.flat_fractions else SUM
                ink = self.fraction(self.inside(e.left, least), self.inside(e.right, least))
                return ink, PRODUCT if self.flat_fractions else ATOM
            case Power():
                base = self.write(e.left, ATOM)
                tall = isinstance(e.left, Fraction) and not self.flat_fractions
                return self.power(self.brackets(base) if tall else base, self.write(e.right)), POWER
            case Function(name="pi"):
                return self.name(Name("pi")), ATOM
            case Function(name="exp"):
                return self.power(self.text("e"), self.write(e.arguments[0])), POWER
            case Function():
                return self.function(e.name, [self.write(a) for a in e.arguments]), ATOM
            case Cases():
                return self._cases(e), SUM
            case SumOver():
                return self._sum_over(e), NEGATIVE
            case ProductOver():
                return self.function("prod", [self.write(e.body)]), ATOM
            case Extreme():
                return self.function(e.which, [self.write(e.body)]), ATOM
            case Joined():
                return self.function(e.label, [self.write(t) for t in e.terms]), ATOM
            case Sigma():
                ink = self.write(e.body, DOTTED)
                for letter, count in reversed(e.letters):
                    ink = self.summed(letter, count, ink)
                return ink, NEGATIVE
            case Grid():
                return self.matrix([[self.write(c) for c in row] for row in e.rows], e.bar), ATOM
            case Operator():
                least = ATOM if e.sign in ("d", "partial") else DOTTED
                bounds = [self.write(b) for b in e.bounds]
                return self.operator(e.sign, e.letter, bounds, self.write(e.body, least)), NEGATIVE
            case Labelled():
                return self.write(e, PRODUCT), PRODUCT
            case Rearranged(label="") | Taken(label="") | Spread() | Reshaped():
                return self._write(e.body)
            case Rearranged() | Scattered() | Taken():
                return self.operation(e.label, self.write(e.body)), ATOM
        raise TypeError(f"no notation for {type(e).__name__}")

    def _name_holds(self, name: Name) -> int:
        """A name with a small number above, or that is a fraction, is no base of a power."""
        plain = name.layer is None and name.by is None and not name.partial
        return ATOM if plain else POWER

    def _number(self, value: Any, of: Name | None) -> tuple[Ink, int]:
        if isinstance(value, np.ndarray) and value.ndim:
            return self.array(value, None if of is None else _elements(of, value)), ATOM
        x = value if isinstance(value, Decimal) else decimal(value)
        ink = self.marked(self.scalar(x), of)
        if not x.is_nan() and x < 0:
            return ink, NEGATIVE
        return ink, ATOM if not x.is_finite() or plain_number(x)[1] is None else PRODUCT

    def scalar(self, x: Decimal) -> Ink:
        """A number, with its sign."""
        if x.is_nan():
            return self.special(x)
        if x.is_signed() and x != 0:
            return self.text(self.minus) + self.scalar(-x)
        return self.digits(*plain_number(abs(x))) if x.is_finite() else self.special(x)

    def marked(self, ink: Ink, name: Name | None) -> Ink:
        """A quantity's name, or the number that stands in its place; a page that can be asked
        marks here what to ask by."""
        return ink

    def alike(self, a: Ink, b: Ink) -> bool:
        """Whether the two read the same."""
        return bool(a == b)

    def array(self, value: np.ndarray, called: Called | None = None) -> Ink:
        """A column for one dimension, a matrix for two, a column of matrices for three."""
        if not value.size:
            return self.matrix([[self.text(" ")]])
        table = value if value.ndim > 1 else value.reshape(-1, 1)
        columns: list[int | None] = [0] if table.ndim > 2 else visible(table.shape[1])
        rows = []
        for i in visible(table.shape[0]):
            row = []
            for j in columns:
                if i is None or j is None:
                    row.append(self.folded(j is None, i is None))
                elif table.ndim > 2:
                    row.append(self.array(table[i], called and _inside(called, i)))
                else:
                    name = called((i, j)[: value.ndim]) if called else None
                    row.append(self.marked(self.scalar(entry(table[i, j])), name))
            rows.append(row)
        return self.matrix(rows)

    def _sum(self, e: Sum) -> Ink:
        out = self.term(e.terms[0], first=True)
        for t in e.terms[1:]:
            out = out + self.term(t)
        return out

    def term(self, t: Expr, first: bool = False) -> Ink:
        """One term of a sum, with its sign; the first one has none but a minus."""
        if first:
            return self.write(t, NEGATIVE)
        if isinstance(t, Negative):
            return self.text(f" {self.minus} ") + self.write(t.body, DOTTED)
        if isinstance(t, Num) and not t.shape and decimal(t.value).is_signed():
            ink = self.marked(self.scalar(-decimal(t.value)), t.of)
            return self.text(f" {self.minus} ") + ink
        return self.text(" + ") + self.write(t, DOTTED)

    def _product(self, e: Product) -> tuple[Ink, int]:
        """Factors side by side; groups of factors, and factors with braces, with a dot between."""
        dotted = self._dotted(e)
        before = e.terms[0]
        holds = PRODUCT
        if _is_number(before) and not dotted and any(t.shape for t in e.terms[1:]):
            out = self.write(before)  # -0.084 [ ... ]
            holds = NEGATIVE if decimal(before.value) < 0 else PRODUCT  # type: ignore[attr-defined]
        else:
            out = self._factor(before)
        for f in e.terms[1:]:
            if _is_number(f) and (_is_number(before) or before.shape) and not dotted:
                out = out + self.brackets(self.write(f))  # 0.4(0.5987)
            else:
                between = self._between(before, f, dotted)
                holds = min(holds, DOTTED) if between.strip() else holds
                out = self.beside(out, between, self._factor(f))
            before = f
        return out, holds

    def _dotted(self, e: Product) -> bool:
        """Whether dots stand between all factors: where one is needed, all have one."""
        if any(isinstance(_bare(f), Product) or isinstance(f, Labelled) for f in e.terms):
            return True
        pairs = zip(e.terms, e.terms[1:], strict=False)
        return any(
            self.dot in self._between(a, b, False)
            for a, b in pairs
            if not (_is_number(a) and _is_number(b))
        )

    def beside(self, left: Ink, between: str, right: Ink) -> Ink:
        """Two factors with what stands between them."""
        return left + between + right

    def _factor(self, f: Expr) -> Ink:
        return self._group(f) if isinstance(_bare(f), Product) else self.write(f, POWER)

    def _group(self, f: Expr) -> Ink:
        """A product within a product: (0.6368)(0.3632), all numbers in brackets; brackets around
        the whole where dots inside would be taken for the dots outside."""
        if isinstance(f, Labelled):
            return self.write(f, DOTTED)
        if isinstance(f, (Spread, Reshaped)):
            return self._group(f.body)
        if all(_is_number(t) for t in f.children):
            out = self.text("")
            for t in f.children:
                out = out + self.brackets(self.write(t))
            return out
        names_only = f.shape and not any(isinstance(n, Num) and n.shape for n in f.walk())
        return self.write(f, DOTTED if names_only else PRODUCT)

    def _between(self, a: Expr, b: Expr, dotted: bool) -> str:
        if a.shape and b.shape:
            return f" {self.hadamard} "
        if dotted:
            return f" {self.dot} "
        if bool(a.shape) != bool(b.shape):
            return self.thin
        a, b = _bare(a), _bare(b)
        if _begins_with_digit(b):
            return f" {self.dot} "
        if isinstance(a, Function) or isinstance(b, Function) or isinstance(a, Fraction):
            return f" {self.dot} "
        if _is_number(a) and isinstance(b, Fraction) and all(map(_is_number, b.children)):
            return f" {self.dot} "  # 2 1/4 would be two and a quarter
        return self.thin if _is_wide(a) or _is_wide(b) else ""

    def _matmul(self, e: MatMul) -> Ink:
        left, right = self.write(e.left, POWER), self.write(e.right, POWER)
        if isinstance(_bare(e.right), Num) and not e.right.shape:
            right = self.brackets(self.write(e.right))
        a, b = _bare(e.left), _bare(e.right)
        close = isinstance(a, Sym) and isinstance(b, Sym) and not _has_word(a)
        return left + ("" if close else self.thin) + right

    def _cases(self, e: Cases) -> Ink:
        left, right = self.write(e.left), self.write(e.right)
        return self.cases(
            [
                (self.write(e.then), self.relation(left, e.relation, right)),
                (self.write(e.otherwise), self.relation(left, OPPOSITE[e.relation], right)),
            ]
        )

    def _sum_over(self, e: SumOver) -> Ink:
        body = indexed(e.body, e.axes)
        if body is None:
            count = int(np.prod([e.body.shape[a] for a in e.axes]))
            inside = self.write(e.body, ATOM)
            return self.summed("", count, inside)
        ink = self.write(body, DOTTED)
        for letter, axis in reversed(list(zip(LETTERS, e.axes, strict=False))):
            ink = self.summed(letter, e.body.shape[axis], ink)
        return ink


def _elements(of: Name, value: np.ndarray) -> Called:
    return lambda index: named_at(of, index, value.shape)


def _turned(called: Called, rank: int) -> Called:
    return lambda index: called(index[::-1][:rank])


def _inside(called: Called, i: int) -> Called:
    return lambda index: called((i, *index))


def _bare(e: Expr) -> Expr:
    """Without braces and layings-out, which change nothing in how factors stand together."""
    while isinstance(e, (Labelled, Spread, Reshaped)):
        e = e.body
    return e


def _is_number(e: Expr) -> bool:
    return isinstance(e, Num) and not e.shape


def _begins_with_digit(e: Expr) -> bool:
    first = e.left if isinstance(e, Power) else e
    return isinstance(first, Num) and not first.shape and decimal(first.value) >= 0


def _has_word(e: Sym) -> bool:
    """Whether it ends with a word below, W_if, into which a letter after it would run."""
    return any(isinstance(i, str) and len(i) > 1 for i in e.name.index)


def _is_wide(e: Expr) -> bool:
    """Whether a factor needs air around it: a fraction, or a word."""
    if not isinstance(e, Sym):
        return isinstance(e, Fraction)
    stem = letters(e.name.base).stem
    word = _has_word(e) and isinstance(e.name.index[-1], str)
    return e.name.partial or e.name.by is not None or word or (len(stem) > 1 and stem not in GREEK)
