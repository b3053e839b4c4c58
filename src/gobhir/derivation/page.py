"""The walk over a derivation that all its pages share: title, sections, steps, pieces, notes.

What stands on a page, and in which order, is decided here and in layout.py; a kind of page
(terminal.py, markdown.py, html.py, tex.py, slides.py) only says what each part looks like.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Generic, TypeVar

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.layout import together
from gobhir.derivation.sentence import heading, notes, sentence, value
from gobhir.derivation.step import Derivation, Fold, Line, Piece, Say, Section, Step, Table
from gobhir.lang import check_language, language, t

Block = TypeVar("Block")
"""What a page of this kind is a sequence of: text, or something that rich prints."""


class Page(ABC, Generic[Block]):
    """A derivation in one language. Sentences arrive as Markdown (see sentence.spans)."""

    def __init__(self, d: Derivation, lang: str | None = None):
        self.d = d
        self.lang = language() if lang is None else check_language(lang)

    # -- what a kind of page says ---------------------------------------------------------------

    @abstractmethod
    def inline(self, e: Expr | Name) -> str:
        """An expression inside a sentence, as Markdown."""

    @abstractmethod
    def title(self, markdown: str) -> Block: ...
    @abstractmethod
    def heading(self, section: Section, markdown: str) -> Block: ...
    @abstractmethod
    def prose(self, markdown: str) -> Block: ...
    @abstractmethod
    def givens(self, lines: tuple[Line, ...]) -> Iterable[Block]:
        """Neighbouring short formulas, which may share a row."""

    @abstractmethod
    def line(self, line: Line) -> Block: ...
    @abstractmethod
    def table(self, head: list[str], rows: list[list[str]], table: Table) -> Block: ...
    @abstractmethod
    def note(self, markdown: str) -> Block: ...

    def intro(self, markdown: str) -> Block:
        return self.prose(markdown)

    def layer(self, markdown: str) -> Block:
        """Which layer of the model the next steps belong to."""
        return self.prose(markdown)

    def section(self, section: Section, inside: Iterator[Block]) -> Iterable[Block]:
        """A section from its heading on; wrap it here."""
        return inside

    def step(self, step: Step, inside: Iterator[Block]) -> Iterable[Block]:
        """A step; wrap it here."""
        return inside

    def fold(self, fold: Fold, markdown: str, inside: Iterator[Block]) -> Iterable[Block]:
        """A heading and what it holds, where a page has nothing that opens and closes."""
        yield self.prose(markdown)
        yield from inside

    # -- the walk -------------------------------------------------------------------------------

    def blocks(self) -> Iterator[Block]:
        """The whole page in reading order."""
        yield self.title(self.say(self.d.title))
        for s in self.d.intro:
            yield self.intro(self.say(s))
        for number, section in enumerate(self.d.sections):
            yield from self.section(section, self._section(number, section))

    def _section(self, number: int, section: Section) -> Iterator[Block]:
        if len(self.d.sections) > 1:
            title = heading(section.phase, number, self.lang, self.inline)
            yield self.heading(section, title)
        layer = ""
        for step in section.steps:
            named: list[Block] = []
            if step.named and step.layer != layer:
                named.append(self.layer(t("page.layer", self.lang, name=f"`{step.layer}`")))
            layer = step.layer
            yield from self.step(step, chain(named, self.pieces(step.pieces)))

    def pieces(self, pieces: tuple[Piece, ...]) -> Iterator[Block]:
        """Sentences, lines and tables in order, each with its notes."""
        for piece in together(pieces):
            if isinstance(piece, Say):
                yield self.prose(self.say(piece))
            elif isinstance(piece, Fold):
                yield from self.fold(piece, self.say(piece.heading), self.pieces(piece.pieces))
            elif isinstance(piece, tuple) and len(piece) > 1:
                yield from self.givens(piece)
            else:
                one = piece[0] if isinstance(piece, tuple) else piece
                yield self.line(one) if isinstance(one, Line) else self._table(one)
                small = notes(one, self.d.mode, self.lang, self.inline)
                if small:
                    yield self.note("; ".join(small))

    def _table(self, table: Table) -> Block:
        head, *rows = [
            [value(cell, self.lang, self.inline) for cell in row]
            for row in (table.head, *table.rows)
        ]
        return self.table(head, rows, table)

    def say(self, s: Say) -> str:
        return sentence(s, self.lang, self.inline)
