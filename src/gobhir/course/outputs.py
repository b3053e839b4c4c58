"""Outputs of code cells as HTML. What could act (script, handlers, forms, frames) is held as text
in a `<template class="sandboxed">`, for the page to show in a sandboxed frame."""

from __future__ import annotations

import base64
import re
from html import escape
from html.parser import HTMLParser
from typing import Any

from gobhir.course.markdown import parse, parser

PREFERRED = ("text/markdown", "image/svg+xml", "image/png", "text/html", "text/latex", "text/plain")
PLAIN_TAGS = set(
    re.findall(
        r"\w+",
        "p div span b i em strong u s sub sup small code pre kbd samp br hr h1 h2 h3 h4 h5 h6 ul ol"
        " li dl dt dd table caption thead tbody tfoot tr th td col colgroup blockquote abbr details"
        " summary figure figcaption mark",
    )
)
PLAIN_ATTRIBUTES = {"class", "title", "lang", "dir", "colspan", "rowspan", "scope", "open", "start"}


def output_html(output: dict[str, Any]) -> str:
    """One stored output (nbformat's form) as HTML that cannot act on the page."""
    kind = output["output_type"]
    if kind == "stream":
        return f'<pre class="output output-{escape(output["name"])}">{escape(output["text"])}</pre>'
    if kind == "error":
        text = f"{output['ename']}: {output['evalue']}"
        return f'<pre class="output output-error">{escape(text)}</pre>'
    data = output["data"]
    best = next((mime for mime in PREFERRED if mime in data), None)
    if best is None:
        return ""
    content = data[best]
    if best == "text/html":
        return html_output(content)
    if best == "text/markdown":
        tokens = under_the_block(formulas(parse(content)))
        html = parser().renderer.render(tokens, parser().options, {})
        return f'<div class="output output-markdown">{html}</div>'
    if best == "image/svg+xml":
        coded = base64.b64encode(content.encode()).decode()
        return f'<img class="output" alt="" src="data:image/svg+xml;base64,{coded}">'
    if best == "image/png":
        return f'<img class="output" alt="" src="data:image/png;base64,{escape(content.strip())}">'
    if best == "text/latex":
        tex = content.strip().strip("$").strip()
        return f'<div class="output">{formula_html(tex, display=True)}</div>'
    return f'<pre class="output output-text">{escape(content)}</pre>'


def html_output(content: str) -> str:
    """HTML as it is when every tag and attribute is a plain one, else as text in a template."""
    if _is_plain(content):
        return f'<div class="output output-html">{content}</div>'
    return f'<div class="output"><template class="sandboxed">{escape(content)}</template></div>'


def formula_html(tex: str, display: bool) -> str:
    """A formula for the page to typeset: its TeX in data-tex, and readable without script."""
    kind = "display" if display else "inline"
    shown = f"\\[{tex}\\]" if display else f"\\({tex}\\)"
    return f'<span class="math {kind}" data-tex="{escape(tex)}">{escape(shown)}</span>'


def formulas(tokens: list[Any]) -> list[Any]:
    """The tokens with formulas turned into their HTML (in place); for Markdown in outputs."""
    for token in tokens:
        formulas(token.children or [])
        if token.type in ("math_inline", "math_inline_double", "math_block"):
            token.content = formula_html(token.content.strip(), token.type != "math_inline")
            token.type = "html_block" if token.type == "math_block" else "html_inline"
    return tokens


def under_the_block(tokens: list[Any]) -> list[Any]:
    """The tokens with headings two levels lower (in place): the page has its own h1 and h2."""
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    return tokens


class _Watcher(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.plain = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in PLAIN_TAGS or any(name not in PLAIN_ATTRIBUTES for name, _ in attrs):
            self.plain = False

    def handle_comment(self, data: str) -> None:
        self.plain = False

    def handle_decl(self, decl: str) -> None:
        self.plain = False

    def handle_pi(self, data: str) -> None:
        self.plain = False

    def unknown_decl(self, data: str) -> None:
        self.plain = False


def _is_plain(content: str) -> bool:
    watcher = _Watcher()
    watcher.feed(content)
    watcher.close()
    return watcher.plain and not watcher.rawdata
