"""A derivation as one HTML page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape, unescape

from gobhir.derivation.expression import Name
from gobhir.derivation.step import Derivation, Fold, Section, Step
from gobhir.derivation.web import Web, behaviour, own
from gobhir.lang import t

WORDS = ("panel", "numbers", "back", "close", "go", "here", "python", "hint")
# keys: page.ask.*


def html(d: Derivation, lang: str | None = None) -> str:
    """The whole document. FileNotFoundError where the front end has not been bundled."""
    page = _Page(d, lang)
    body = page.body("main")
    return page.document(f"{body}\n{carried(d, body, page.lang)}", page.styles(), page.scripts())


def carried(d: Derivation, body: str, lang: str) -> str:
    """The answers that a page takes along for when it is opened without Python: to the questions
    about what it shows but does not work out line by line, then to those that these answers
    raise, as many as fit into the bytes that d.carries."""
    made = set(re.findall(r' data-makes="([^"]+\])">', body))
    todo, found, room = _questions(body), dict.fromkeys(made, ""), d.carries
    for question in todo:
        if question in found:
            continue
        try:
            answer = reply(d, unescape(question), lang)
        except (KeyError, IndexError, ValueError):
            continue
        room -= len(answer.encode())
        if room < 0:
            break
        found[question] = answer
        todo += _questions(answer)
    told = (f'<div data-answer="{q}">{answer}</div>' for q, answer in found.items() if answer)
    inside = "\n".join(told)
    return f'<template class="answers">{inside}</template>' if inside else ""


def _questions(markup: str) -> list[str]:
    """What can be asked there, in order; as it stands in attributes."""
    found = re.findall(r' data-(?:asks|why)="([^"]+)"', markup)
    asked = (re.sub(r"^\d+ \d+ ", "", one) for marks in found for one in marks.split(";"))
    return list(dict.fromkeys(asked))


def fragment(d: Derivation, lang: str | None = None) -> str:
    """The page's body alone, for a page that has KaTeX already: steps.css styles it, and asking.js
    typesets it and lets its numbers be clicked."""
    return _Page(d, lang).body("div")


def reply(d: Derivation, question: str, lang: str | None = None) -> str:
    """What the panel shows when this question is clicked on the page of d. KeyError, IndexError or
    ValueError for a question that has no answer."""
    answer = d.answer(question)
    page = _Page(d if answer is None else answer, lang)
    return "\n".join(block for s in page.d.steps for block in page.pieces(s.pieces))


def paper(d: Derivation, lang: str | None = None) -> str:
    """The document as it is printed: what else holds on paper only holds everywhere, every fold
    is open, and there is nothing to click."""
    page = _Paper(d, lang)
    return page.document(page.body("main", "paper"), page.styles(), page.scripts())


class _Page(Web):
    def asked(self, what: Name | str) -> str | None:
        return self.d.asked(what)

    def body(self, tag: str, kind: str = "") -> str:
        """All blocks in one element, which knows the words of its own buttons."""
        inside = "\n".join(self.blocks())
        name = f"derivation {kind}".strip()
        words = ""
        if " data-asks=" in inside or " data-why=" in inside:
            said = {w: t(f"page.ask.{w}", self.lang, code="{code}") for w in WORDS}
            words = f' data-words="{escape(json.dumps(said, ensure_ascii=False))}"'
        return f'<{tag} class="{name}" lang="{self.lang}"{words}>\n{inside}\n</{tag}>'

    def styles(self) -> list[str]:
        return [own("page.css") + own("steps.css")]

    def scripts(self) -> list[str]:
        return [behaviour()]

    def intro(self, markdown: str) -> str:
        return f'<p class="intro">{self.marked_up(markdown)}</p>'

    def layer(self, markdown: str) -> str:
        return f'<p class="layer">{self.marked_up(markdown)}</p>'

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
        yield f"<details><summary>{self.marked_up(markdown)}</summary>"
        yield from inside
        yield "</details>"


class _Paper(_Page):
    def asked(self, what: Name | str) -> str | None:
        return None

    def styles(self) -> list[str]:
        return [css.replace("@media print", "@media all") for css in super().styles()]

    def fold(self, fold: Fold, markdown: str, inside: Iterator[str]) -> Iterator[str]:
        opened, *rest = super().fold(fold, markdown, inside)
        yield from (opened.replace("<details>", "<details open>"), *rest)
