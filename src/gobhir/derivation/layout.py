"""How a chain of equal expressions is laid out: its pieces, and which of them share a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from gobhir.derivation.expression import Expr, Sum, Sym
from gobhir.derivation.notation import Ink, Notation
from gobhir.derivation.step import Fold, Line, Piece, Say, Table
from gobhir.derivation.text import measure


@dataclass(frozen=True)
class Link(Generic[Ink]):
    """One stage of a chain, or a further part of a long one.

    sign: what is written before it: "=", "<-", "" at a bare beginning, "..." for a further part
    of the same sum. width: about how many characters it takes. named: it still has names in it.
    """

    sign: str
    ink: Ink
    width: int
    named: bool


@dataclass(frozen=True)
class Chain(Generic[Ink]):
    """left, and what it is equal to."""

    left: Ink | None
    left_width: int
    links: tuple[Link[Ink], ...]

    @property
    def width(self) -> int:
        return self.left_width + sum(k.width + 3 for k in self.links)

    def rows(self, most: int) -> list[list[Link[Ink]]]:
        """The links by rows of at most `most` characters: all on one, or else names and numbers
        on rows of their own, as many on a row as fit."""
        if self.width <= most:
            return [list(self.links)]
        rows: list[list[Link[Ink]]] = []
        room = 0
        for link in self.links:
            alike = rows and link.named == rows[-1][-1].named and link.sign != "..."
            if alike and link.width + 3 <= room:
                rows[-1].append(link)
            else:
                rows.append([link])
                room = most - self.left_width
            room -= link.width + 3
        return rows


def chain(line: Line, notation: Notation[Ink], most: int | None = None) -> Chain[Ink]:
    """The pieces of a line; a sum of more than `most` characters comes in parts. A stage that
    reads just like the one before it is left out."""
    left = None if line.left is None else notation.write(line.left)
    left_width = 0 if line.left is None else measure(line.left)
    links: list[Link[Ink]] = []
    before = left
    for stage in line.stages:
        ink = notation.write(stage)
        if before is not None and notation.alike(ink, before):
            continue
        sign = "<-" if line.arrow and not links else "=" if before is not None else ""
        if most is None:
            links.append(Link(sign, ink, measure(stage), _named(stage)))
        else:
            room = max(most - left_width - 3, 20)
            links += _parts(stage, ink, notation, sign, room)
        before = ink
    return Chain(left, left_width, tuple(links))


def together(pieces: Sequence[Piece]) -> Iterator[Say | Table | Fold | tuple[Line, ...]]:
    """The pieces in order, neighbouring short formulas and givens (x = ..., W = ...) as one."""
    run: list[Line] = []
    for piece in pieces:
        if isinstance(piece, Line) and _short(piece) and all(map(_short, run)):
            run.append(piece)
            continue
        if run:
            yield tuple(run)
            run = []
        if isinstance(piece, Line):
            run = [piece]
        else:
            yield piece
    if run:
        yield tuple(run)


def packed(chains: Sequence[Chain[Ink]], most: int) -> list[list[Chain[Ink]]]:
    """Short chains side by side, as many on a row as fit into `most` characters."""
    rows: list[list[Chain[Ink]]] = []
    room = 0
    for c in chains:
        if rows and c.width + 4 <= room:
            rows[-1].append(c)
        else:
            rows.append([c])
            room = most
        room -= c.width + 4
    return rows


def _short(line: Line) -> bool:
    return len(line.stages) == 1 and line.error is None and line.note is None and not line.arrow


def _named(e: Expr) -> bool:
    return any(isinstance(n, Sym) for n in e.walk())


def _parts(e: Expr, written: Ink, notation: Notation[Ink], sign: str, room: int) -> list[Link[Ink]]:
    """A stage that is written already, in parts where it is a sum too wide for `room`."""
    whole, named = measure(e), _named(e)
    if not isinstance(e, Sum) or whole <= room:
        return [Link(sign, written, whole, named)]
    out: list[Link[Ink]] = []
    for k, term in enumerate(e.terms):
        ink = notation.term(term, first=k == 0)
        wide = measure(term) + 3
        if out and out[-1].width + wide <= room:
            last = out.pop()
            out.append(Link(last.sign, last.ink + ink, last.width + wide, named))
        else:
            out.append(Link("..." if out else sign, ink, wide, named))
    return out
