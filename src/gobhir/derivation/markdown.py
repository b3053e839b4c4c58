"""A derivation as Markdown with LaTeX between dollar signs, as GitHub and Jupyter read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import indent

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.latex import Latex, latex
from gobhir.derivation.layout import Link, chain, packed
from gobhir.derivation.page import Page
from gobhir.derivation.step import Derivation, Fold, Line, Section, Table

ROW = 84
"""Characters of mathematics on one row of an aligned chain."""
SIGNS = {"=": "= ", "<-": r"\leftarrow ", "": "", "...": r"\quad {}"}


def markdown(d: Derivation, lang: str | None = None) -> str:
    """The whole page."""
    return "\n\n".join(MarkdownPage(d, lang).blocks()) + "\n"


class MarkdownPage(Page[str]):
    """Blocks of Markdown, between which stands an empty line."""

    def inline(self, e: Expr | Name) -> str:
        # Markdown takes a backslash before punctuation for its own, so spaces go by their names.
        tex = latex(e, self.lang, inline=True)
        tex = tex.replace(r"\,", r"\thinspace ").replace(r"\!", r"\negthinspace ")
        return f"${tex}$"

    def tex(self, e: Expr | Name) -> str:
        """An expression that stands by itself, in LaTeX."""
        return latex(e, self.lang)

    def title(self, markdown: str) -> str:
        return f"# {markdown}"

    def heading(self, section: Section, markdown: str) -> str:
        return f"## {markdown}"

    def prose(self, markdown: str) -> str:
        return markdown

    def note(self, markdown: str) -> str:
        return f"*{markdown}*"

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

    def table(self, head: list[str], rows: list[list[str]], table: Table) -> str:
        bar = ["---", *["---:"] * (len(head) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in [head, bar, *rows])

    def fold(self, fold: Fold, markdown: str, inside: Iterator[str]) -> Iterator[str]:
        whole = "\n\n".join([markdown, *inside])
        yield f"- {indent(whole, '  ').lstrip()}"


def _row(left: str | None, links: Sequence[Link[str]]) -> str:
    written = " ".join(SIGNS[k.sign] + k.ink for k in links)
    return written if left is None else f"{left} {written}"
