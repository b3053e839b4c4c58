"""A derivation as Markdown with LaTeX between dollar signs, as GitHub and Jupyter read it."""

from __future__ import annotations

from collections.abc import Sequence

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.latex import Latex, latex
from gobhir.derivation.layout import Link, chain, packed, together
from gobhir.derivation.sentence import heading, notes, sentence, value
from gobhir.derivation.step import Derivation, Line, Say, Table
from gobhir.lang import check_language, language

ROW = 84
"""Characters of mathematics on one row of an aligned chain."""
SIGNS = {"=": "= ", "<-": r"\leftarrow ", "": "", "...": r"\quad {}"}


def markdown(d: Derivation, lang: str | None = None) -> str:
    """The whole page."""
    lang = language() if lang is None else check_language(lang)
    return _Page(d, lang).whole()


class _Page:
    def __init__(self, d: Derivation, lang: str):
        self.d = d
        self.lang = lang

    def whole(self) -> str:
        d, lang = self.d, self.lang
        blocks = [f"# {sentence(d.title, lang, self.inline)}"]
        blocks += [sentence(s, lang, self.inline) for s in d.intro]
        for number, section in enumerate(d.sections):
            if len(d.sections) > 1:
                blocks.append(f"## {heading(section.phase, number, lang, self.inline)}")
            for step in section.steps:
                blocks += [b for piece in together(step.pieces) for b in self.piece(piece)]
        return "\n\n".join(blocks) + "\n"

    def inline(self, e: Expr | Name) -> str:
        # Markdown takes a backslash before punctuation for its own, so spaces go by their names.
        tex = latex(e, self.lang, inline=True)
        tex = tex.replace(r"\,", r"\thinspace ").replace(r"\!", r"\negthinspace ")
        return f"${tex}$"

    def piece(self, piece: Say | Table | tuple[Line, ...]) -> list[str]:
        if isinstance(piece, Say):
            return [sentence(piece, self.lang, self.inline)]
        if isinstance(piece, tuple) and len(piece) > 1:
            return self.givens(piece)
        one = piece[0] if isinstance(piece, tuple) else piece
        body = self.line(one) if isinstance(one, Line) else self.table(one)
        small = notes(one, self.d.mode, self.lang, self.inline)
        return [body] + ([f"*{'; '.join(small)}*"] if small else [])

    def givens(self, lines: tuple[Line, ...]) -> list[str]:
        rows = packed([chain(line, Latex(self.lang)) for line in lines], ROW)
        whole = [[_row(c.left, c.links) for c in row] for row in rows]
        return ["$$\n" + ",\\qquad\n".join(row) + "\n$$" for row in whole]

    def line(self, line: Line) -> str:
        c = chain(line, Latex(self.lang), ROW)
        first, *others = c.rows(ROW)
        if not others:
            return f"$$\n{_row(c.left, first)}\n$$"
        left = "" if c.left is None else f"{c.left} "
        body = "\\\\\n".join(f"&{_row(None, row)}" for row in (first, *others))
        return f"$$\n\\begin{{aligned}}\n{left}{body}\n\\end{{aligned}}\n$$"

    def table(self, table: Table) -> str:
        rows = [[value(cell, self.lang, self.inline) for cell in row] for row in table.rows]
        head = [value(cell, self.lang, self.inline) for cell in table.head]
        bar = ["---", *["---:"] * (len(head) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in [head, bar, *rows])


def _row(left: str | None, links: Sequence[Link[str]]) -> str:
    written = " ".join(SIGNS[k.sign] + k.ink for k in links)
    return written if left is None else f"{left} {written}"
