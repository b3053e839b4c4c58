"""A derivation as slides for a class: reveal.js inside, so no network is needed; notes for the
speaker in every language.

One idea a slide: what is said, then a formula whose further stages come one by one, or a table.
A fold is a stack below its heading: to the right goes on, down goes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from gobhir.derivation.layout import Link
from gobhir.derivation.step import Derivation, Fold, Line, Section, Table
from gobhir.derivation.web import Web, asset, document, katex_style, own
from gobhir.lang import LANGUAGES, t

ROOM = 240
"""Characters of prose on one slide."""
REMARK = 200
"""A sentence of up to so many characters may stand under the formula that it is about."""
CLOSED = "</fold>"
"""Where the parts inside a fold end."""
WORDS = ("previous", "next", "up", "down", "notes")
# keys: page.slides.*


def slides(d: Derivation, lang: str | None = None) -> str:
    """The whole document. FileNotFoundError where the front end has not been bundled."""
    page = _Parts(d, lang)
    others = [_Spoken(d, language).blocks() for language in LANGUAGES]
    deck = _Deck()
    for part, *spoken in zip(page.blocks(), *others, strict=True):
        deck.add(part, spoken)
    title = page.flat(page.say(d.title))
    return deck_document(page.lang, title, deck.sections(), katex_style())


def deck_document(
    lang: str, title: str, sections: Iterable[str], katex: str, more: str = ""
) -> str:
    """The document around slides, each a `<section>` with `<div class="sheet">` and
    `<aside class="notes">`. katex: KaTeX's style; more: a style after all others."""
    words = {word: escape(t(f"page.slides.{word}", lang)) for word in WORDS}
    data = " ".join(f'data-{word}="{text}"' for word, text in words.items())
    body = [
        f'<div class="reveal" {data}>',
        '<div class="slides">',
        *sections,
        "</div></div>",
        f'<button class="talk" aria-pressed="false">{words["notes"]}</button>',
        '<aside class="pane" hidden></aside>',
    ]
    steps = own("steps.css").replace(".derivation ", "")  # here nothing else stands around it
    looks = own("page.css") + steps
    styles = [katex, asset("reveal/reveal.css").decode(), looks, own("slides.css") + more]
    scripts = [asset("reveal/reveal.js").decode(), own("slides.js")]
    return document(lang, title, "\n".join(body), styles, scripts, LANGUAGES)


class _Parts(Web):
    """What is to be put on slides, part by part."""

    def heading(self, section: Section, markdown: str) -> str:
        return f'<h2 data-phase="{escape(section.phase)}">{self.marked_up(markdown)}</h2>'

    def fold(self, fold: Fold, markdown: str, inside: Iterator[str]) -> Iterator[str]:
        yield f"<h3>{self.marked_up(markdown)}</h3>"
        yield from inside
        yield CLOSED

    def row(self, k: int, links: list[Link[str]]) -> str:
        """The stages after the first come when the speaker goes on."""
        first, *others = super().row(k, links).split('<span class="math">')
        shown = [
            f'<span class="math{" fragment" if k or j else ""}">{other}'
            for j, other in enumerate(others)
        ]
        return first + "".join(shown)


class _Spoken(_Parts):
    """The same parts, where only sentences are wanted."""

    def givens(self, lines: tuple[Line, ...]) -> list[str]:
        return [""]

    def line(self, line: Line) -> str:
        return ""

    def table(self, head: list[str], rows: list[list[str]], table: Table) -> str:
        return ""


@dataclass
class _Slide:
    phase: str
    crumb: str
    body: list[str] = field(default_factory=list)
    notes: list[list[str]] = field(default_factory=lambda: [[] for _ in LANGUAGES])
    said: int = 0
    """Characters of prose on it."""
    full: bool = False
    """Whether it has its formula, its table or its heading."""

    def html(self) -> str:
        notes = "".join(
            f'<div lang="{lang}">{"".join(said)}</div>'
            for lang, said in zip(LANGUAGES, self.notes, strict=True)
        )
        idea = f'<div class="idea">{"".join(self.body)}</div>'
        return (
            f'<section data-phase="{self.phase}"><div class="sheet">{self.crumb}{idea}</div>'
            f'<aside class="notes">{notes}</aside></section>'
        )


class _Deck:
    """Puts parts on slides. What kind of part it is, its first element says."""

    def __init__(self) -> None:
        self.stacks: list[list[_Slide]] = []
        self.phase = ""
        self.section: list[str] = []
        self.folds: list[str] = []
        """The headings above: the section's, and those of the folds that are open."""
        self.lead: list[str] = []
        """The last sentence: what is said of formulas that follow without one of their own."""

    def sections(self) -> Iterator[str]:
        """The slides in reading order; a stack, where one goes down, is a section of sections."""
        for stack in self.stacks:
            inside = "\n".join(slide.html() for slide in stack)
            yield f"<section>\n{inside}\n</section>" if len(stack) > 1 else inside

    def add(self, part: str, spoken: list[str]) -> None:
        """One more part, and what is said of it in each language."""
        if part == CLOSED:
            self.folds.pop()
            inside = self.stacks[-1][-1]
            inside.full, inside.said = True, ROOM
            return
        slide = self._place(part)
        spoken = [re.sub(r"<(/?)h\d[^>]*>", r"<\1p>", said) for said in spoken]
        if any(spoken) and "note" not in part[:16]:
            self.lead = spoken
        elif not any(map(any, slide.notes)):
            spoken = self.lead
        for notes, said in zip(slide.notes, spoken, strict=True):
            notes.append(said)

    def _place(self, part: str) -> _Slide:
        if part.startswith("<h"):
            return self._heading(part)
        slide = self.stacks[-1][-1]
        if part.startswith('<p class="note"'):
            slide.body.append(part)
            return slide
        if not part.startswith("<p"):
            slide = self._new() if slide.full else slide
            slide.full = True
            slide.body.append(part)
            return slide
        long = len(re.sub(r"<[^>]+>", "", part))
        leads = part.endswith(":</p>") or part.startswith("<p><strong>")
        if slide.full and slide.said < ROOM and long <= REMARK and not leads:
            part = part.replace("<p", '<p class="fragment"', 1)
        elif slide.full or (slide.said and slide.said + long > ROOM):
            slide = self._new()
        slide.body.append(part)
        slide.said += long
        return slide

    def _heading(self, part: str) -> _Slide:
        phase = re.match(r'<h2 data-phase="([\w.]*)"', part)
        if phase:
            self.phase, self.section = phase[1], []
        slide = self._new()
        slide.body.append(part)
        if not part.startswith("<h1"):
            slide.full, slide.said = True, ROOM
            above = self.section if phase else self.folds
            above.append(re.sub(r"<(/?)h\d[^>]*>", r"<\1span>", part))
        return slide

    def _new(self) -> _Slide:
        above = [*self.section, *self.folds]
        crumb = f'<p class="crumb">{" / ".join(above)}</p>' if above else ""
        slide = _Slide(self.phase, crumb)
        if self.folds:
            self.stacks[-1].append(slide)
        else:
            self.stacks.append([slide])
        return slide
