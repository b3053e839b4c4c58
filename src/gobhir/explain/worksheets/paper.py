"""Worksheets as they come out of a printer: A4, a line to write on and a box for every result, the
keys on pages of their own behind all papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.latex import latex
from gobhir.derivation.sentence import heading
from gobhir.derivation.step import Count, Line, Say, Section
from gobhir.derivation.text import measure, text
from gobhir.derivation.web import Web, behaviour
from gobhir.explain.checking.sheet import Entry
from gobhir.explain.worksheets.rounds import Later
from gobhir.explain.worksheets.worksheet import Worksheet, blanks

LONG = 60
"""Characters of a formula after which the space to write in begins on the next row."""


def print_page(sheets: Sequence[Worksheet], lang: str | None = None, key: str = "with") -> str:
    """The whole HTML document. key: "with" the papers, "without", or "only" the keys."""
    parts: list[str] = []
    for keyed in (False, True):
        if key != ("without" if keyed else "only"):
            for sheet in sheets:
                parts += _Paper(sheet, lang, keyed).elements()
    first = _Paper(sheets[0], lang, False)
    css = (Path(__file__).parent / "paper.css").read_text(encoding="utf-8")
    return first.document("\n".join(parts), [css], [behaviour()])


class _Paper(Web):
    """One paper, or its key."""

    def __init__(self, sheet: Worksheet, lang: str | None, key: bool):
        super().__init__(sheet.page(), lang)
        self.sheet = sheet
        self.key = key

    def elements(self) -> Iterator[str]:
        yield f'<article class="{"key" if self.key else "paper"}">'
        yield from self.head()
        yield '<div class="given">'
        lines = (p for p in self.sheet.givens if isinstance(p, Line))
        yield from self.pieces(tuple(lines))
        yield from self.pieces(self.sheet.target)
        yield "</div>"
        if not self.key:
            yield drawing(self.sheet)
        for paper in self.sheet.papers:
            if isinstance(paper, Later):
                said = self.word("worksheet.round.goes_on", n=Count(paper.round))
                yield f'<div class="round"><p>{said}</p>'
                yield from self.pieces(tuple(paper.new_settings))
                yield "</div>"
            for number, phase in enumerate(paper.steps, 1):
                section = Section(phase, ())
                yield "<section>"
                yield self.heading(section, heading(phase, number, self.lang, self.inline))
                for entry in paper.asked:
                    if entry.phase == phase:
                        yield from self.entry(entry)
                yield "</section>"
        yield "</article>"

    def title(self, markdown: str) -> str:
        return f"<h1>{self.marked_up(markdown)}</h1>"

    def heading(self, section: Section, markdown: str) -> str:
        return f"<h2>{self.marked_up(markdown)}</h2>"

    def head(self) -> Iterator[str]:
        title = self.title(self.say(Say("worksheet.head_key" if self.key else "worksheet.head")))
        yield f"<header>{title}{self.number() if self.sheet.id else ''}</header>"
        if self.key:
            return
        fields = [
            self.word(f"worksheet.field.{name}") for name in ("name", "roll", "class", "date")
        ]
        # keys: worksheet.field.*
        of = self.word("worksheet.field.of", count=Count(blanks(self.sheet)))
        points = self.word("worksheet.field.points")
        check = Say("worksheet.paper.check", {"id": self.sheet.id})
        check = check if self.sheet.id else Say("worksheet.paper.check_there")
        wide = "".join(f'<span class="field"><b>{f}</b><i></i></span>' for f in fields)
        yield f'<p class="fields">{wide}</p>'
        yield f'<p class="how">{self.word("worksheet.paper.how")}</p>'
        yield (
            f'<p class="points"><b>{points}</b> <i></i> {of} '
            f"{self.word(check.key, **check.values)}</p>"
        )

    def number(self) -> str:
        number = self.word("worksheet.field.number", number=str(self.sheet.number))
        id = escape(self.sheet.id).replace("/", "/<wbr>")
        return f'<p class="number"><b>{number}</b><br>{id}</p>'

    def word(self, key: str, **values: object) -> str:
        return self.marked_up(self.say(Say(key, values)))

    # -- the lines ----

    def entry(self, entry: Entry) -> Iterator[str]:
        for line in self.sheet.lines(entry, self.key):
            if self.key:
                yield self.line(line)
            else:
                yield self.blank(line)

    def blank(self, line: Line) -> str:
        """name = formula = ........ [      ]"""
        formula = line.stages[0]
        sign = r"\leftarrow " if line.arrow else "="
        tex = f"{self.tex(line.left)} {sign} {self.tex(formula)}"  # type: ignore[arg-type]
        long = measure(formula) > LONG
        return (
            f'<div class="blank{" long" if long else ""}">'
            f'<span class="formula"><span class="math">{escape(tex, quote=False)}</span></span>'
            '<span class="work"><b>=</b><i></i></span>'
            '<span class="box"><b>=</b><i></i></span></div>'
        )

    def tex(self, e: Expr | Name) -> str:
        return latex(e, self.lang, inline=True)


# -- the network as a picture ----

_HIGH, _WIDE, _R = 38, 110, 16


def drawing(sheet: Worksheet) -> str:
    """The network with its names: circles for inputs and neurons, a line for each weight. Nothing
    for a network whose picture would be a tangle."""
    sizes = [int(n) for n in sheet.sizes.split("-") if n]
    if not sizes or max(sizes) > 5 or len(sizes) > 5:
        return ""
    tall, wide = max(sizes) * _HIGH + 8, (len(sizes) - 1) * _WIDE + 60
    places = [
        [(30 + k * _WIDE, tall / 2 + (j - (n - 1) / 2) * _HIGH) for j in range(n)]
        for k, n in enumerate(sizes)
    ]
    lines = [
        f'<line x1="{a[0] + _R}" y1="{a[1]:.1f}" x2="{b[0] - _R}" y2="{b[1]:.1f}"/>'
        for before, after in zip(places, places[1:], strict=False)
        for a in before
        for b in after
    ]
    marks = []
    for k, column in enumerate(places):
        for j, (x, y) in enumerate(column):
            marks.append(f'<circle cx="{x}" cy="{y:.1f}" r="{_R}"/>')
            name = text(_name(sheet, k, j))
            marks.append(f'<text x="{x}" y="{y + 3.5:.1f}">{escape(name)}</text>')
    inside = "".join([*lines, *marks])
    return f'<svg class="network" viewBox="0 0 {wide} {tall}" role="img">{inside}</svg>'


def _name(sheet: Worksheet, k: int, j: int) -> Name:
    """What neuron j of column k gives on."""
    widths = sheet.sizes.split("-")
    index = () if widths[k] == "1" and k else (j + 1,)
    if k == 0:
        return Name("x", index=index)
    last = "p" if sheet.loss == "cross_entropy" else "yhat"
    return Name(last, index=index) if k == len(widths) - 1 else Name("a", k, index)
