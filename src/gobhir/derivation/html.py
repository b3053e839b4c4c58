"""A derivation as one HTML document that needs nothing else: KaTeX, its fonts and the Bangla font
are inside, so it opens from a disk, in an e-mail, or on a phone without a network."""

from __future__ import annotations

import base64
import re
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.latex import Latex, latex
from gobhir.derivation.layout import Link, chain, together
from gobhir.derivation.sentence import Span, heading, notes, sentence, spans, value
from gobhir.derivation.step import Derivation, Line, Say, Section, Table
from gobhir.derivation.text import plain
from gobhir.lang import check_language, language, say

STATIC = Path(__file__).parents[1] / "static"
ROW = 88
"""Characters of mathematics on a row of the widest page; narrower ones break further."""
SIGNS = {"=": r"\mathopen{=}\;", "<-": r"\mathopen{\leftarrow}\;", "": "", "...": ""}
"""As opening symbols: KaTeX breaks no line after them, and a minus that follows is a sign."""
TAGS = {"strong": "strong", "emphasis": "em"}
_FORMULA = r'<(?:span class="math"|code)>[^<]*</(?:span|code)>'
_FOLLOWING = r"[,.;:?!)।]+|-[^\s<]+"
KATEX_FACES = ("Main-Regular", "Math-Italic", "Size1", "Size2", "Size3", "Size4")
"""The faces that derivations are set in; bold, script and the like stay away."""


def html(d: Derivation, lang: str | None = None) -> str:
    """The whole document. FileNotFoundError where the front end has not been bundled."""
    lang = language() if lang is None else check_language(lang)
    page = _Page(d, lang)
    styles = [_katex_style(), *([_bangla_style()] if lang == "bn" else []), _own("page.css")]
    scripts = [_asset("katex/katex.min.js").decode(), _own("page.js")]
    policy = (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{lang}">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(page.flat(sentence(d.title, lang, page.inline)))}</title>",
            *(f"<style>{css}</style>" for css in styles),
            "</head>",
            "<body>",
            page.body(),
            *(f"<script>{js}</script>" for js in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


class _Unbroken(Latex):
    """KaTeX breaks a formula in a sentence after any + or =; not inside brackets, please."""

    def brackets(self, inside: str) -> str:
        return f"{{{super().brackets(inside)}}}"


class _Page:
    def __init__(self, d: Derivation, lang: str):
        self.d = d
        self.lang = lang

    def body(self) -> str:
        d = self.d
        blocks = [f"<main><h1>{self.say(d.title)}</h1>"]
        blocks += [f'<p class="intro">{self.say(s)}</p>' for s in d.intro]
        blocks += [self.section(n, section) for n, section in enumerate(d.sections)]
        return "\n".join([*blocks, "</main>"])

    def section(self, number: int, section: Section) -> str:
        phase = escape(section.phase)
        blocks = [f'<section data-phase="{phase}">']
        if len(self.d.sections) > 1:
            whole = heading(section.phase, number, self.lang, self.inline)
            count, title = whole.split(" ", 1)
            blocks.append(f'<h2><span class="number">{count}</span> {self.marked_up(title)}</h2>')
        for step in section.steps:
            blocks.append(f'<div class="step" id="{escape(step.id)}">')
            blocks += [self.piece(piece) for piece in together(step.pieces)]
            blocks.append("</div>")
        return "\n".join([*blocks, "</section>"])

    def piece(self, piece: Say | Table | tuple[Line, ...]) -> str:
        if isinstance(piece, Say):
            return f"<p>{self.say(piece)}</p>"
        if isinstance(piece, tuple) and len(piece) > 1:
            return f'<div class="chain givens">{"".join(map(self.chain, piece))}</div>'
        one = piece[0] if isinstance(piece, tuple) else piece
        if isinstance(one, Line):
            body = f'<div class="chain">{self.chain(one)}</div>'
        else:
            body = self.table(one)
        small = notes(one, self.d.mode, self.lang, self.inline)
        return body + (f'\n<p class="note">{self.marked_up("; ".join(small))}</p>' if small else "")

    def chain(self, line: Line) -> str:
        c = chain(line, _Unbroken(self.lang))
        left = "" if c.left is None else f'<span class="left">{_math(c.left, display=True)}</span>'
        rows = "".join(f'<div class="row">{self.row(row)}</div>' for row in c.rows(ROW))
        return f'<div class="equals">{left}<div class="rows">{rows}</div></div>'

    def row(self, links: list[Link[str]]) -> str:
        return "".join(_math(SIGNS[k.sign] + k.ink, display=True) for k in links)

    def table(self, table: Table) -> str:
        def cell(c: object) -> str:
            return self.marked_up(value(c, self.lang, self.inline))

        head = "".join(f'<th scope="col">{cell(c)}</th>' for c in table.head)
        rows = []
        for first, *others in table.rows:
            cells = "".join(f"<td>{cell(c)}</td>" for c in others)
            rows.append(f'<tr><th scope="row">{cell(first)}</th>{cells}</tr>')
        body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
        return f'<div class="table"><table>{body}</table></div>'

    # -- sentences ----------------------------------------------------------------------------

    def inline(self, e: Expr | Name) -> str:
        return f"${latex(e, self.lang, inline=True)}$"

    def say(self, s: Say) -> str:
        return self.marked_up(sentence(s, self.lang, self.inline))

    def marked_up(self, markdown: str) -> str:
        whole = "".join(_span(part) for part in spans(markdown))
        # No line may begin with the comma, or the Bangla ending, that belongs to a formula.
        return re.sub(rf"({_FORMULA})({_FOLLOWING})", r'<span class="one">\1\2</span>', whole)

    def flat(self, markdown: str) -> str:
        return "".join(_flat(part) for part in spans(markdown))


def _span(part: Span) -> str:
    if part.kind == "formula":
        return _math(part.text)
    if part.kind == "code":
        return f"<code>{escape(part.text)}</code>"
    if part.kind == "text":
        text = escape(part.text, quote=False)
        return re.sub(r"\d+(?:-\d+)+", r'<span class="sizes">\g<0></span>', text)
    return f"<{TAGS[part.kind]}>{''.join(map(_span, part.inside))}</{TAGS[part.kind]}>"


def _flat(part: Span) -> str:
    if part.inside:
        return "".join(map(_flat, part.inside))
    return plain(part.text) if part.kind == "formula" else part.text


def _math(tex: str, display: bool = False) -> str:
    size = r"\displaystyle " if display else ""
    return f'<span class="math">{size}{escape(tex, quote=False)}</span>'


# -- what is put inside ---------------------------------------------------------------------------


def _asset(name: str) -> bytes:
    try:
        return (STATIC / name).read_bytes()
    except OSError as error:
        raise FileNotFoundError(say("page.assets", file=str(STATIC / name))) from error


@cache
def _own(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _katex_style() -> str:
    css = _asset("katex/katex.min.css").decode()

    def keep(face: re.Match[str]) -> str:
        needed = any(f"KaTeX_{name}" in face[0] for name in KATEX_FACES)
        return _with_fonts(face[0], "katex") if needed else ""

    return re.sub(r"@font-face\s*{[^}]*}", keep, css)


def _bangla_style() -> str:
    return _with_fonts(_asset("fonts/fonts.css").decode(), "fonts")


def _with_fonts(css: str, folder: str) -> str:
    def data(url: re.Match[str]) -> str:
        coded = base64.b64encode(_asset(f"{folder}/{url[1]}")).decode()
        return f"url(data:font/woff2;base64,{coded})"

    return re.sub(r"url\(([^)]+\.woff2)\)", data, css)


def _hashes(parts: list[str]) -> str:
    """What a Content-Security-Policy lets through: these very texts and no others."""
    codes = (base64.b64encode(sha256(part.encode()).digest()).decode() for part in parts)
    return " ".join(f"'sha256-{code}'" for code in codes)
