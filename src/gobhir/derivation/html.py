"""A derivation as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gobhir.derivation.step import Derivation, Fold, Section, Step
from gobhir.derivation.web import Web, own


def html(d: Derivation, lang: str | None = None) -> str:
    """The whole document. FileNotFoundError where the front end has not been bundled."""
    page = _Page(d, lang)
    body = "\n".join(["<main>", *page.blocks(), "</main>"])
    return page.document(body, [own("page.css")], [own("page.js")])


def paper(d: Derivation, lang: str | None = None) -> str:
    """The document as it is printed: what else holds on paper only holds everywhere, and every
    fold is open."""
    page = _Page(d, lang, details="<details open>")
    body = "\n".join(['<main class="paper">', *page.blocks(), "</main>"])
    style = own("page.css").replace("@media print", "@media all")
    return page.document(body, [style], [own("page.js")])


class _Page(Web):
    def __init__(self, d: Derivation, lang: str | None, details: str = "<details>"):
        super().__init__(d, lang)
        self.details = details

    def intro(self, markdown: str) -> str:
        return f'<p class="intro">{self.marked_up(markdown)}</p>'

    def section(self, section: Section, inside: Iterator[str]) -> Iterator[str]:
        yield f'<section data-phase="{escape(section.phase)}">'
        yield from inside
        yield "</section>"

    def heading(self, section: Section, markdown: str) -> str:
        count, title = markdown.split(" ", 1)
        return f'<h2><span class="number">{count}</span> {self.marked_up(title)}</h2>'

    def step(self, step: Step, inside: Iterator[str]) -> Iterator[str]:
        yield f'<div class="step" id="{escape(step.id)}">'
        yield from inside
        yield "</div>"

    def fold(self, fold: Fold, markdown: str, inside: Iterator[str]) -> Iterator[str]:
        yield f"{self.details}<summary>{self.marked_up(markdown)}</summary>"
        yield from inside
        yield "</details>"
