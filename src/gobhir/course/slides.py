"""A lesson's slides: its marked blocks, one idea a slide, as one document with all it needs inside.

The speaker's notes are what the lesson says there, in both languages: the block's own sentences,
then those of the blocks after it that are not on a slide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from markdown_it.token import Token

from gobhir.course.lesson import Block, Lesson
from gobhir.course.markdown import parse
from gobhir.course.render import LessonWriter
from gobhir.course.text import split_at_rule, split_paragraphs
from gobhir.derivation.slides import deck_document
from gobhir.derivation.web import KATEX_FACES, katex_style
from gobhir.lang import LANGUAGES

ROOM = 560
"""About how many characters a slide takes before the next one begins."""
WEIGHTS = {"<img": 320, '<div class="chain': 100, "<pre": 120, "<tr>": 30}
"""What takes more room than its characters."""
FACES = (*KATEX_FACES, "Main-Bold", "Main-Italic", "Math-BoldItalic", "AMS-Regular", "Caligraphic")
PHASES = {"formula": "loss", "misconception": "backward", "endcard": "update"}
"""The colour of a heading, by the kind of its block."""


def slides(lesson: Lesson, lang: str) -> str:
    """The whole document. FileNotFoundError where the front end has not been bundled."""
    said = {tongue: _Deck(lesson, tongue).spoken() for tongue in LANGUAGES}
    sections = []
    for pair, sheets in _Deck(lesson, lang).sheets():
        for number, (phase, sheet) in enumerate(sheets):
            notes = "".join(
                f'<div lang="{tongue}">{said[tongue].get(pair, "")}</div>' for tongue in LANGUAGES
            )
            sections.append(
                f'<section data-phase="{phase}"><div class="sheet"><div class="idea">{sheet}</div>'
                f'</div><aside class="notes">{"" if number else notes}</aside></section>'
            )
    style = (Path(__file__).parent / "slides.css").read_text(encoding="utf-8")
    return deck_document(lang, lesson.title(lang), sections, katex_style(FACES), style)


class _Deck(LessonWriter):
    """The lesson's parts as a slide wants them: no links, formulas as the deck sets them."""

    def sheets(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """(pair, [(phase, HTML) of each slide]) of the title and of each marked block."""
        yield "", [("forward", _for_slide(self.title_sheet()))]
        heading = ""
        marked = [block for block in self.blocks if block.options.get("slide")]
        for block in sorted(marked, key=lambda block: block.kind == "endcard"):
            phase = PHASES.get(block.kind, "forward")
            parts = [part for part in self.parts_of(block) if part.strip()]
            if parts and parts[0].startswith("<h"):
                heading = parts.pop(0)
            yield block.id, [(phase, heading + sheet) for sheet in _dealt(parts)]

    def spoken(self) -> dict[str, str]:
        """What is said at each marked block, by its pair."""
        said: dict[str, list[str]] = {}
        at = ""
        for block in self.blocks:
            if block.options.get("slide"):
                at = block.id
            elif "sheet" in block.options:
                continue
            if block.kind in ("prose", "formula", "misconception"):
                sentences = (p for p in self.parts_of(block) if re.match("<[pu]", p))
                said.setdefault(at, []).extend(p for p in sentences if "<img" not in p)
        return {pair: "".join(parts) for pair, parts in said.items()}

    def title_sheet(self) -> str:
        meta, lang = self.lesson.meta, self.lang
        verbs = "".join(f"<li>{self.inline(verb, '')}</li>" for verb in meta["can_do"][lang])
        return (
            f'<p class="crumb">{self.kicker()}</p><h1>{escape(self.lesson.title(lang))}</h1>'
            f"<p>{self.inline(meta['question'][lang], '')}</p>"
            f'<p class="fragment">{self.t("course.lesson.can_do")}</p>'
            f'<ul class="fragment">{verbs}</ul>'
        )

    def parts_of(self, block: Block) -> list[str]:
        """The block's headings, paragraphs, formulas, tables and pictures, one by one."""
        if block.kind == "code":
            return re.findall(
                r"<pre.*?</pre>|<div class=\"cell-outputs\">.*</div>", self.code(block), re.S
            )
        if block.kind == "widget":
            return [re.sub(r"^<div[^>]*>|</div>$", "", self.widget(block))]
        if block.kind == "predict":
            question, after = split_at_rule(block.source)
            shown = self.elements(after, block.id)
            return self.elements(question, block.id) + [_later(part) for part in shown]
        if block.kind == "misconception":
            return self.misconception_parts(block)
        parts = self.elements(block.source, block.id)
        if block.kind == "endcard" and "trick" in (card := self.lesson.meta.get("endcard", {})):
            trick = _for_slide(self.inline(card["trick"][self.lang], block.id))
            parts = [f"<h2>{self.t('course.endcard.title')}</h2>", f"<p>{trick}</p>", *parts]
        return parts

    def misconception_parts(self, block: Block) -> list[str]:
        parts = [f"<h2>{self.t('course.misconception.title')}</h2>"]
        labels = ("think", "why", "counter")  # keys: course.misconception.*
        for label, text in zip(labels, split_paragraphs(block.source), strict=False):
            name = self.t(f"course.misconception.{label}")
            first, *others = self.elements(text, block.id)
            told = [first.replace("<p>", f"<p><strong>{name}</strong> ", 1), *others]
            parts += told if label == "think" else [_later(part) for part in told]
        return parts

    def elements(self, text: str, where: str) -> list[str]:
        """The top-level elements of a Markdown text."""
        found: list[list[Token]] = []
        depth = 0
        for token in self._dress(parse(text), where, terms=False):
            if depth == 0:
                found.append([])
            found[-1].append(token)
            depth += token.nesting
        return [_for_slide(self._html(tokens)) for tokens in found]


def _for_slide(html: str) -> str:
    html = re.sub(r"</?a\b[^>]*>", "", html)
    html = re.sub(r' style="text-align:(\w+)"', r' class="\1"', html)  # styles are by digest

    def formula(match: re.Match[str]) -> str:
        return rf'<div class="chain"><span class="math">\displaystyle {match[1]}</span></div>'

    html = re.sub(
        r'<p><span class="math display" data-tex="([^"]*)">[^<]*</span></p>', formula, html
    )
    html = re.sub(
        r'<span class="math (?:inline|display)" data-tex="([^"]*)">[^<]*</span>',
        r'<span class="math">\1</span>',
        html,
    )
    return html.replace("<table>", '<div class="table"><table>').replace(
        "</table>", "</table></div>"
    )


def _later(part: str) -> str:
    """The element, shown when the speaker goes on."""
    if ' class="' in part.split(">", 1)[0]:
        return part.replace(' class="', ' class="fragment ', 1)
    return re.sub(r"^<(\w+)", r'<\1 class="fragment"', part)


def _dealt(parts: list[str]) -> list[str]:
    """The parts on slides: a new one begins where the last is full. What ends in a colon stays
    with what it announces."""
    sheets: list[str] = [""]
    used, lead = 0, ""
    for part in parts:
        lead += part
        if part.endswith(":</p>\n") and part is not parts[-1]:
            continue
        if used and used + _weight(lead) > ROOM:
            sheets.append("")
            used = 0
        sheets[-1] += lead
        used += _weight(lead)
        lead = ""
    return sheets


def _weight(html: str) -> int:
    """About how much room it takes, in characters of prose."""
    more = sum(weight * html.count(what) for what, weight in WEIGHTS.items())
    return len(re.sub(r"<[^>]+>", "", html)) + more
