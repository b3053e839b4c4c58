"""A derivation as a LaTeX document for LuaLaTeX, the TeX that shapes Bangla. page.tex beside this
file is what stands around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.latex import Latex, latex
from gobhir.derivation.layout import Chain, Link, chain, packed
from gobhir.derivation.page import Page
from gobhir.derivation.sentence import Span, spans
from gobhir.derivation.step import Derivation, Fold, Line, Section, Table
from gobhir.lang import t

ROW = 76
"""Characters of mathematics on one row of the paper."""
TALL = 26
"""Rows that stay together; a longer chain or table goes on in a display of its own, because no
display is broken over two pages."""
SIGNS = {"=": "= ", "<-": r"\leftarrow ", "": "", "...": r"\quad {}"}
DISPLAYS = (r"\formula{", r"\display{")
HEADINGS = (r"\subsection*", r"\subsubsection*", r"\inner")

FONTS = {
    "en": r"""
\ifx\bangla\empty\else\others{bangla}{"\bangla:mode=harf;script=bng2;"}
\setmainfont{lmroman10-regular.otf}[
  BoldFont=lmroman10-bold.otf, ItalicFont=lmroman10-italic.otf, RawFeature={fallback=bangla}]\fi
""",
    "bn": r"""
\ifx\bangla\empty\PackageError{gobhir}{<<no font>>}{}\else
\others{latin}{"\latin:mode=harf;"}
\others{latinbold}{"\latinbold:mode=harf;"}
\setmainfont{\bangla}[Script=Bengali, Renderer=HarfBuzz, AutoFakeSlant=0.15,
  UprightFeatures={RawFeature={fallback=latin}}, ItalicFeatures={RawFeature={fallback=latin}},
  BoldFeatures={RawFeature={fallback=latinbold}}]\fi
\linespread{1.25}
\raggedright
\newcommand\digits[1]{\directlua{
  tex.sprint((("#1"):gsub(".", function(d) return utf8.char(0x9E6 + d) end)))}}
\renewcommand\thepage{\digits{\arabic{page}}}
""",
}

_SPECIAL = {c: "\\" + c for c in "&%$#_{}"}
_SPECIAL |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
_SIGNS = {
    "½": r"\tfrac12", "×": r"\times", "·": r"\cdot", "±": r"\pm", "−": "-", "→": r"\to",
    "←": r"\leftarrow", "≈": r"\approx", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "⊙": r"\odot",
    "∂": r"\partial", "Σ": r"\Sigma", "∞": r"\infty", "δ": r"\delta", "σ": r"\sigma",
    "η": r"\eta", "√": r"\surd", "²": "^2", "³": "^3", "ŷ": r"\hat y",
}  # fmt: skip
"""Signs of mathematics in plain text: text fonts lack them."""


def tex(d: Derivation, lang: str | None = None) -> str:
    """The whole document."""
    page = _Page(d, lang)
    template = Path(__file__).with_name("page.tex").read_text(encoding="utf-8")
    fonts = FONTS[page.lang].strip().replace("<<no font>>", escaped(t("page.tex.font", page.lang)))
    body = "".join(_joined(page.blocks()))
    return template.replace("<<fonts>>", fonts).replace("<<body>>", body)


def _joined(blocks: Iterable[str]) -> Iterator[str]:
    """The blocks in paragraphs. No page ends before the display that a sentence leads to, which
    is why it belongs to the sentence's paragraph, nor before the note under a display."""
    before = ""
    for block in [*blocks, ""]:
        shown = block.startswith(DISPLAYS)
        if block.startswith(r"\note{"):
            at = max(before.rfind(d) + len(d) - 1 for d in DISPLAYS if d in before)
            before = rf"{before[:at]}[\keep]{before[at:]}"
        yield before + ("\n" if shown else "\n\n")
        before = block


class _Page(Page[str]):
    depth = 0
    """How many folds are open."""

    def inline(self, e: Expr | Name) -> str:
        return f"${latex(e, self.lang, inline=True)}$"

    def title(self, markdown: str) -> str:
        return rf"{{\raggedright\LARGE\bfseries {marked_up(markdown)}\par}}\bigskip"

    def heading(self, section: Section, markdown: str) -> str:
        return rf"\section*{{{marked_up(markdown)}}}"

    def prose(self, markdown: str) -> str:
        return marked_up(markdown)

    def note(self, markdown: str) -> str:
        return rf"\note{{{marked_up(markdown)}}}"

    def fold(self, fold: Fold, markdown: str, inside: Iterator[str]) -> Iterator[str]:
        kind = HEADINGS[min(self.depth, len(HEADINGS) - 1)]
        yield rf"{kind}{{{marked_up(markdown)}}}"
        self.depth += 1
        yield from inside
        self.depth -= 1

    def givens(self, lines: tuple[Line, ...]) -> Iterator[str]:
        for row in packed([chain(line, Latex(self.lang)) for line in lines], ROW):
            yield formula(r",\qquad ".join(_row(c.left, c.links) for c in row))

    def line(self, line: Line) -> str:
        c = chain(line, Latex(self.lang), ROW)
        return "\n".join(map(formula, _displays(c)))

    def table(self, head: list[str], rows: list[list[str]], table: Table) -> str:
        first, *others = ([marked_up(cell) for cell in row] for row in [head, *rows])
        columns = "l" + "r" * (len(head) - 1)
        parts = []
        for start in range(0, max(len(others), 1), TALL):
            body = [" & ".join(row) + r" \\" for row in others[start : start + TALL]]
            inside = "\n".join([" & ".join(first) + r" \\ \hline", *body])
            parts.append(f"\\display{{\\begin{{grid}}{{{columns}}}\n{inside}\n\\end{{grid}}}}")
        return "\n".join(parts)


def formula(inside: str) -> str:
    """A display that fits the page."""
    return rf"\formula{{{inside}}}"


def _displays(c: Chain[str]) -> Iterator[str]:
    """A chain in as many displays as the paper's height asks for."""
    first, *others = c.rows(ROW)
    if not others:
        yield _row(c.left, first)
        return
    left = "" if c.left is None else f"{c.left} "
    rows, tall = [f"{left}&{_row(None, first)}"], _height(first)
    for row in others:
        tall += _height(row)
        if tall > TALL:
            yield _aligned(rows)
            rows, tall = [], _height(row)
        rows.append(f"&{_row(None, row)}")
    yield _aligned(rows)


def _aligned(rows: list[str]) -> str:
    body = "\\\\\n".join(rows)
    return f"\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n"


def _height(links: Sequence[Link[str]]) -> int:
    """About how many lines of text a row is high."""
    return max(k.ink.count(r"\\") + 2 * (r"\frac" in k.ink) for k in links) + 1


def _row(left: str | None, links: Sequence[Link[str]]) -> str:
    written = " ".join(SIGNS[k.sign] + k.ink for k in links)
    return written if left is None else f"{left} {written}"


# -- sentences -----------------------------------------------------------------------------------


def marked_up(markdown: str) -> str:
    """A sentence with its Markdown as LaTeX."""
    parts = spans(markdown)
    out = ""
    for before, part in zip((None, *parts), parts, strict=False):
        tex = _span(part)
        if before is not None and before.kind == "formula" and tex.startswith("-"):
            tex = rf"\nobreakdash{tex}"  # a Bangla ending stays with its formula
        out += tex
    return out


def _span(part: Span) -> str:
    match part.kind:
        case "formula":
            return f"${part.text}$"
        case "code":
            code = re.sub(r"(?<=[./,(])", r"\\allowbreak{}", escaped(part.text))
            return rf"\texttt{{{code}}}"
        case "text":
            return escaped(part.text)
    style = "textbf" if part.kind == "strong" else "emph"
    return rf"\{style}{{{''.join(map(_span, part.inside))}}}"


def escaped(text: str) -> str:
    """Plain text, with nothing in it that LaTeX would take for a command."""
    text = re.sub(r'(^|[\s(])"', "\\1\u201c", text).replace('"', "\u201d")
    out = "".join(_SPECIAL.get(c) or (f"${_SIGNS[c]}$" if c in _SIGNS else c) for c in text)
    return out.replace("\u2018", "`").replace("\u2019", "'")
