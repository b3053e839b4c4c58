"""A lesson's text as HTML: numbers from the code, formulas, boxes, pictures, terms at first use."""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from gobhir.course.glossary import find_terms
from gobhir.course.markdown import MATH, box_kind, box_title, fill_formula, parse, parser
from gobhir.course.outputs import formula_html
from gobhir.course.plan import entries
from gobhir.lang import t


class Writer:
    """Writes one page in one language; knows which terms the reader has met on it already.

    `stored` holds the values of the lesson's expressions by block id (see outputs.<lang>.json).
    """

    def __init__(self, lang: str, stored: dict[str, Any], folder: Path):
        self.lang, self.stored, self.folder = lang, stored, folder
        self.met: set[str] = set()

    def t(self, key: str, **values: object) -> str:
        return escape(t(key, self.lang, **values))

    def markdown(self, text: str, where: str) -> str:
        return self._html(self._dress(parse(text), where))

    def inline(self, text: str, where: str) -> str:
        """One line of Markdown without the paragraph around it."""
        tokens = self._dress(parser().parseInline(text), where, terms=False)
        return self._html(tokens)

    def _html(self, tokens: list[Token]) -> str:
        html: str = parser().renderer.render(tokens, parser().options, {})
        return html

    def value(self, expression: str, where: str) -> str:
        """What the code gave for an expression when the outputs were made; ⟨?⟩ before that."""
        values: dict[str, str] = self.stored.get(where, {}).get("values", {})
        return values.get(expression, "⟨?⟩")

    def _dress(self, tokens: list[Token], where: str, terms: bool = True) -> list[Token]:
        """Put values, formulas, boxes, pictures, links and terms in (changes the tokens)."""
        heading = False
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                heading = token.type == "heading_open"
            elif token.type == "inline":
                token.children = self._dress_line(
                    token.children or [], where, terms and not heading
                )
            elif token.type == "math_block":
                self._become_html(token, self._formula(token, where))
            elif token.type == "fence" and (kind := box_kind(token)):
                # keys: course.lesson.note course.lesson.tip course.lesson.warning
                title = self.inline(box_title(token), where) or self.t(f"course.lesson.{kind}")
                body = self.markdown(token.content, where)
                self._become_html(
                    token,
                    f'<aside class="box box-{kind}"><p class="label">{title}</p>{body}</aside>\n',
                )
        return tokens

    def _dress_line(self, children: list[Token], where: str, terms: bool) -> list[Token]:
        dressed: list[Token] = []
        in_link = False
        for child in children:
            if child.type in ("link_open", "link_close"):
                in_link = child.type == "link_open"
                if in_link:
                    child.attrs["href"] = day_address(str(child.attrs["href"]))
            if child.type in MATH:
                self._become_html(child, self._formula(child, where))
            elif child.type == "myst_role":
                self._become_html(child, self._role(child, where))
            elif child.type == "image":
                self._become_html(child, self._picture(child))
            elif child.type == "text" and terms and not in_link:
                dressed += self._with_terms(child)
                continue
            dressed.append(child)
        return dressed

    def _become_html(self, token: Token, html: str) -> None:
        token.type = "html_inline" if token.nesting == 0 and not token.block else "html_block"
        token.content, token.children = html, None

    def _formula(self, token: Token, where: str) -> str:
        tex = fill_formula(token.content.strip(), lambda e: self.value(e, where))
        html = formula_html(tex, token.type != "math_inline")
        return f"<p>{html}</p>\n" if token.type == "math_block" else html

    def _role(self, token: Token, where: str) -> str:
        content = token.content.strip()
        if token.meta.get("name") != "v":
            return f"<code>{escape(content)}</code>"
        title = self.t("course.lesson.value", expression=content)
        return f'<span class="num" title="{title}">{escape(self.value(content, where))}</span>'

    def _picture(self, token: Token) -> str:
        source, alt = str(token.attrs["src"]), escape(token.content)
        file = self.folder / source
        if file.suffix != ".svg" or file.parent != self.folder or not file.exists():
            return f'<img alt="{alt}" src="">'
        coded = base64.b64encode(file.read_bytes()).decode()
        return f'<img alt="{alt}" src="data:image/svg+xml;base64,{coded}">'

    def _with_terms(self, token: Token) -> list[Token]:
        """The text cut at glossary terms that the reader meets for the first time."""
        parts, at, text = [], 0, token.content
        for start, end, term in find_terms(text, self.lang):
            if term.id in self.met:
                continue
            self.met.add(term.id)
            parts.append(Token("text", "", 0, content=text[at:start]))
            html = (
                f'<dfn class="term" data-term="{term.id}" title="{escape(term.gloss(self.lang))}">'
                f'<a href="../glossary#{term.id}">{escape(text[start:end])}</a></dfn>'
            )
            parts.append(Token("html_inline", "", 0, content=html))
            at = end
        return [*parts, Token("text", "", 0, content=text[at:])]


def split_paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, as Markdown."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def split_at_rule(text: str) -> tuple[str, str]:
    """What stands before and after the first line `---`."""
    before, _, after = re.sub(r"(?m)^---+\s*$", "\0", text, count=1).partition("\0")
    return before.strip(), after.strip()


def heading_apart(text: str) -> tuple[str, str]:
    """The heading that a text begins with, and the rest; a section begins before its box does."""
    match = re.match(r"(#+ .*\n*)?", text)
    return (match[0].strip(), text[match.end() :]) if match else ("", text)


def day_address(address: str) -> str:
    """`day:8` or `plus:attention` as the address of that lesson; its place on the home page until
    it is open."""
    match = re.fullmatch(r"(day|plus):([\w-]+)", address)
    if not match:
        return address
    track, name = match.groups()
    wanted = f"day{int(name):02}" if track == "day" and name.isdecimal() else name
    entry = next((e for e in entries() if e.name == wanted), None)
    return entry.slug if entry and entry.slug else f"../#{track}-{name}"
