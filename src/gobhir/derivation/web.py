"""What a derivation's HTML page and its slides share: sentences, chains and tables as elements, and
a document that needs nothing else. KaTeX, its fonts and the Bangla font are inside, so it opens
from a disk, in an e-mail, or on a phone without a network."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Name, Num, Sym
from gobhir.derivation.layout import Link, chain
from gobhir.derivation.marks import Marked, bare, changed, told_apart
from gobhir.derivation.page import Page
from gobhir.derivation.sentence import Span, spans
from gobhir.derivation.step import Line, Table
from gobhir.derivation.text import plain
from gobhir.lang import say

STATIC = Path(__file__).parents[1] / "static"
ROW = 88
"""Characters of mathematics on a row of the widest page; narrower ones break further."""
SIGNS = {"=": r"\mathopen{=}\;", "<-": r"\mathopen{\leftarrow}\;", "": "", "...": ""}
"""As opening symbols: KaTeX breaks no line after them, and a minus that follows is a sign."""
TAGS = {"strong": "strong", "emphasis": "em"}
_FORMULA = r'<(?:span class="math"[^>]*>[^<]*</span>|code[^>]*>[^<]{,24}</code>)'
_FOLLOWING = r"[,.;:?!)।]+|-[^\s<]+"
KATEX_FACES = ("Main-Regular", "Math-Italic", "Size1", "Size2", "Size3", "Size4")
"""The faces that derivations are set in; bold, script and the like stay away."""


class _Formula(Marked):
    """KaTeX breaks a formula of its own after any + or =; not inside brackets, please."""

    def brackets(self, inside: str) -> str:
        return f"{{{super().brackets(inside)}}}"


class Web(Page[str]):
    """The parts of a page as HTML elements; a formula stays LaTeX until KaTeX typesets it."""

    def asked(self, what: Name | str) -> str | None:
        """As Derivation.asked; None on a page that cannot be asked."""
        return None

    def inline(self, e: Expr | Name) -> str:
        return f"${Marked(self.lang, self.asked, inline=True).write(e)}$"

    def title(self, markdown: str) -> str:
        return f"<h1>{self.marked_up(markdown)}</h1>"

    def prose(self, markdown: str) -> str:
        return f"<p>{self.marked_up(markdown)}</p>"

    def note(self, markdown: str) -> str:
        return f'<p class="note">{self.marked_up(markdown)}</p>'

    def givens(self, lines: tuple[Line, ...]) -> list[str]:
        return [f'<div class="chain givens">{"".join(map(self.chain, lines))}</div>']

    def line(self, line: Line) -> str:
        return f'<div class="chain">{self.chain(line)}</div>'

    def chain(self, line: Line) -> str:
        line, makes = self.owned(line)
        c = chain(line, _Formula(self.lang, self.asked))
        if line.arrow:
            (*before, last), first = c.links, c.left
            ink = replace(last, ink=changed(last.ink))
            c = replace(c, left=first and changed(first), links=(*before, ink))
            makes = makes.replace(".value", ".change")
        left = "" if c.left is None else f'<span class="left">{_math(c.left, display=True)}</span>'
        rows = "".join(self.row(k, row) for k, row in enumerate(c.rows(ROW)))
        made = f' data-makes="{escape(makes)}"' if makes else ""
        made += " data-zero" if makes and _is_zero(line.result) else ""
        return f'<div class="equals"{made}>{left}<div class="rows">{rows}</div></div>'

    def owned(self, line: Line) -> tuple[Line, str]:
        """The line whose result knows what it is, and the question that the line answers."""
        name = line.left.name if isinstance(line.left, Sym) else line.left
        last = line.stages[-1]
        if not isinstance(name, Name):
            return line, ""
        if isinstance(last, Num) and last.of is None:
            line = replace(line, stages=(*line.stages[:-1], replace(last, of=name)))
        return line, self.asked(name) or ""

    def row(self, k: int, links: list[Link[str]]) -> str:
        """Row k of a chain."""
        inside = "".join(_math(SIGNS[link.sign] + link.ink, display=True) for link in links)
        return f'<div class="row">{inside}</div>'

    def table(self, head: list[str], rows: list[list[str]], table: Table) -> str:
        first = "".join(f'<th scope="col">{self.marked_up(cell)}</th>' for cell in head)
        body = []
        for label, *cells in rows:
            data = "".join(f"<td>{self.marked_up(cell)}</td>" for cell in cells)
            body.append(f'<tr><th scope="row">{self.marked_up(label)}</th>{data}</tr>')
        over = f"<thead><tr>{first}</tr></thead>" if any(head) else ""
        inside = f"{over}<tbody>{''.join(body)}</tbody>"
        return f'<div class="table"><table>{inside}</table></div>'

    def marked_up(self, markdown: str) -> str:
        """A sentence with its Markdown as elements."""
        whole = "".join(self.span(part) for part in spans(markdown))
        # No line may begin with the comma, or the Bangla ending, that belongs to a formula.
        return re.sub(rf"({_FORMULA})({_FOLLOWING})", r'<span class="one">\1\2</span>', whole)

    def span(self, part: Span) -> str:
        """One part of a sentence."""
        if part.kind == "formula":
            return _math(part.text)
        if part.kind == "code":
            question = self.asked(part.text)
            asks = f' data-why="{escape(question)}"' if question else ""
            return f"<code{asks}>{escape(part.text)}</code>"
        if part.kind == "text":
            text = escape(part.text, quote=False)
            return re.sub(r"\d+(?:-\d+)+", r'<span class="sizes">\g<0></span>', text)
        tag = TAGS[part.kind]
        return f"<{tag}>{''.join(map(self.span, part.inside))}</{tag}>"

    def flat(self, markdown: str) -> str:
        """A sentence without any elements, as a document's title needs it."""
        return "".join(_flat(part) for part in spans(markdown))

    def document(
        self, body: str, styles: list[str], scripts: list[str], spoken: Iterable[str] = ()
    ) -> str:
        """The whole document around `body`: see `document`."""
        title = self.flat(self.say(self.d.title))
        return document(self.lang, title, body, [katex_style(), *styles], scripts, spoken)


def _flat(part: Span) -> str:
    if part.inside:
        return "".join(map(_flat, part.inside))
    return plain(bare(part.text)) if part.kind == "formula" else part.text


def _is_zero(result: Any) -> bool:
    """Whether this is a number 0: a line that comes to it does not say why."""
    return result is not None and np.ndim(result) == 0 and result == 0


def _math(tex: str, display: bool = False) -> str:
    formula, marks = told_apart((r"\displaystyle " if display else "") + tex)
    asks = f' data-asks="{escape(marks)}"' if marks else ""
    return f'<span class="math"{asks}>{escape(formula, quote=False)}</span>'


# -- what is put inside ---------------------------------------------------------------------------


def document(
    lang: str,
    title: str,
    body: str,
    styles: list[str],
    scripts: list[str],
    spoken: Iterable[str] = (),
) -> str:
    """A document around `body`, with KaTeX: only these very styles and scripts take effect.
    spoken: languages in it besides `lang`, whose fonts are needed too."""
    script = asset("katex/katex.min.js").decode()
    return sheet(lang, title, body, styles, [script, *scripts], spoken, after=1)


def sheet(
    lang: str,
    title: str,
    body: str,
    styles: list[str],
    scripts: list[str],
    spoken: Iterable[str] = (),
    after: int = 0,
) -> str:
    """A document that has no formulas; else as `document`. after: how many of the styles come
    before the fonts."""
    fonts = [style] if (style := spoken_style(lang, *spoken)) else []
    styles = [*styles[:after], *fonts, *styles[after:]]
    policy = (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; "
        "font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{lang}">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            *(f"<style>{css}</style>" for css in styles),
            "</head>",
            "<body>",
            body,
            *(f"<script>{js}</script>" for js in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


def asset(name: str) -> bytes:
    """A bundled file. FileNotFoundError where the front end has not been bundled."""
    try:
        return (STATIC / name).read_bytes()
    except OSError as error:
        raise FileNotFoundError(say("page.assets", file=str(STATIC / name))) from error


@cache
def own(name: str) -> str:
    """A style or script that lies beside this file."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def behaviour() -> str:
    """The script of a document: formulas are typeset, what is wide can be reached and fits paper,
    and marked numbers can be asked."""
    return own("asking.js").replace("export function", "function") + own("page.js")


def katex_style(faces: Iterable[str] = KATEX_FACES) -> str:
    """KaTeX's style with these faces inside; usually those that derivations are set in."""
    css = asset("katex/katex.min.css").decode()

    def keep(face: re.Match[str]) -> str:
        needed = any(f"KaTeX_{name}" in face[0] for name in faces)
        return _with_fonts(face[0], "katex") if needed else ""

    return re.sub(r"@font-face\s*{[^}]*}", keep, css)


def spoken_style(*langs: str) -> str:
    """The fonts that these languages need, inside."""
    if "bn" not in langs:
        return ""
    return _with_fonts(asset("fonts/fonts.css").decode(), "fonts")


def _with_fonts(css: str, folder: str) -> str:
    def data(url: re.Match[str]) -> str:
        coded = base64.b64encode(asset(f"{folder}/{url[1]}")).decode()
        return f"url(data:font/woff2;base64,{coded})"

    return re.sub(r"url\(([^)]+\.woff2)\)", data, css)


def _hashes(parts: list[str]) -> str:
    """What a Content-Security-Policy lets through: these very texts and no others."""
    codes = (base64.b64encode(sha256(part.encode()).digest()).decode() for part in parts)
    return " ".join(f"'sha256-{code}'" for code in codes) or "'none'"
