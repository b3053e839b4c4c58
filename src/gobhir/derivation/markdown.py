"""A derivation as Markdown with LaTeX between dollar signs, as GitHub and Jupyter read it."""

from __future__ import annotations

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.latex import Latex, latex
from gobhir.derivation.layout import chain
from gobhir.derivation.sentence import heading, notes, sentence, value
from gobhir.derivation.step import Derivation, Line, Piece, Say, Table
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
            blocks.append(f"## {heading(section.phase, number, lang, self.inline)}")
            for step in section.steps:
                blocks += [b for piece in step.pieces for b in self.piece(piece)]
        return "\n\n".join(blocks) + "\n"

    def inline(self, e: Expr | Name) -> str:
        # Markdown takes a backslash before punctuation for its own, so spaces go by their names.
        tex = latex(e, self.lang, inline=True)
        tex = tex.replace(r"\,", r"\thinspace ").replace(r"\!", r"\negthinspace ")
        return f"${tex}$"

    def piece(self, piece: Piece) -> list[str]:
        if isinstance(piece, Say):
            return [sentence(piece, self.lang, self.inline)]
        body = self.line(piece) if isinstance(piece, Line) else self.table(piece)
        small = notes(piece, self.d.mode, self.lang, self.inline)
        return [body] + ([f"*{'; '.join(small)}*"] if small else [])

    def line(self, line: Line) -> str:
        c = chain(line, Latex(self.lang), ROW)
        rows = [" ".join(f"{SIGNS[k.sign]}{k.ink}" for k in row) for row in c.rows(ROW)]
        left = "" if c.left is None else f"{c.left} "
        if len(rows) == 1:
            return f"$$\n{left}{rows[0]}\n$$"
        body = "\\\\\n".join(f"&{row}" for row in rows)
        return f"$$\n\\begin{{aligned}}\n{left}{body}\n\\end{{aligned}}\n$$"

    def table(self, table: Table) -> str:
        rows = [[value(cell, self.lang, self.inline) for cell in row] for row in table.rows]
        head = [value(cell, self.lang, self.inline) for cell in table.head]
        bar = ["---", *["---:"] * (len(head) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in [head, bar, *rows])
