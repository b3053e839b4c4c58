"""Marks of school mathematics, for showing: matrices whose cells are expressions, and the signs of
calculus with what stands below and above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gobhir.derivation.expression import Expr, Index, Name, Unary


@dataclass(frozen=True, eq=False)
class Grid(Expr):
    """A written matrix: rows of cells. bar: before which column a line stands, as in [A | I]."""

    rows: tuple[tuple[Expr, ...], ...]
    bar: int | None = None

    @property
    def children(self) -> tuple[Expr, ...]:
        return tuple(cell for row in self.rows for cell in row)

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        n = self.shape[1]
        return Grid(tuple(children[i : i + n] for i in range(0, len(children), n)), self.bar)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), len(self.rows[0]))

    def at(self, index: Index) -> Expr:
        return self.rows[index[0]][index[1]]


@dataclass(frozen=True, eq=False)
class Operator(Unary):
    """A sign before what it works on. sign: "d" (a derivative by `letter`), "partial" (among other
    letters), "lim" (bounds: where the letter goes) or "int" (bounds: from, to)."""

    sign: str
    letter: Name
    bounds: tuple[Expr, ...] = ()

    def rebuild(self, children: tuple[Expr, ...]) -> Expr:
        return Operator(children[0], self.sign, self.letter, self.bounds)


def grid(rows: Sequence[Sequence[Expr]], bar: int | None = None) -> Grid:
    """The matrix of these rows."""
    return Grid(tuple(map(tuple, rows)), bar)
