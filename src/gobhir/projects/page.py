"""A project's page of results: one HTML file with everything inside, in one language."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path

from gobhir.derivation.web import own as style_of_pages
from gobhir.derivation.web import sheet
from gobhir.evaluation import Estimate
from gobhir.evaluation.report import SHARES
from gobhir.evaluation.report import title as number_title
from gobhir.lang import LANGUAGES, counted, digits, t
from gobhir.projects import card, figures, shown
from gobhir.projects.results import Cell, Mistake, Model, Results, Table, Words, words
from gobhir.projects.verdict import verdict
from gobhir.training.history import BESIDE, History, default_monitor
from gobhir.training.history import title as column_title

MANY = 20
"""More classes than so many are not shown at once."""
LEVELS = 9
"""Shades of a confusion matrix's cells."""


def html(results: Results, lang: str) -> str:
    """The whole document. FileNotFoundError where the front end, with its fonts, is not bundled."""
    page = _Page(results, lang)
    body = "\n".join(page.blocks())
    spoken = LANGUAGES if any("\u0980" <= c <= "\u09ff" for c in body) else ()
    return sheet(lang, page.words(results.title), body, [_style()], [], spoken)


@cache
def _style() -> str:
    own = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    shades = "".join(
        f'[data-{kind}="{k}"] {{ background: color-mix(in srgb, var(--{colour}) {k * 8}%, '
        "transparent); }\n"
        for kind, colour in (("hit", "forward"), ("miss", "backward"))
        for k in range(1, LEVELS + 1)
    )
    return style_of_pages("page.css") + own + shades


class _Page:
    def __init__(self, results: Results, lang: str):
        self.r = results
        self.lang = lang

    def say(self, name: str, /, **values: object) -> str:
        return escape(t(f"projects.page.{name}", self.lang, **values), quote=False)
        # keys: projects.page.*

    def words(self, text: Words) -> str:
        return words(text, self.lang)

    def text(self, text: Words) -> str:
        said = escape(self.words(text), quote=False)
        return re.sub("`([^`]+)`", r"<code>\1</code>", said)

    def blocks(self) -> Iterator[str]:
        """The page from top to bottom."""
        yield f'<main class="results" lang="{self.lang}">'
        yield f"<h1>{self.text(self.r.title)}</h1>"
        if self.r.about:
            yield f'<p class="intro">{self.text(self.r.about)}</p>'
        yield from self.verdict()
        for name, inside in (
            ("numbers", self.numbers()),
            ("pairs", self.pairs()),
            ("own", self.own()),
            ("per_class", self.per_class()),
            ("confusion", self.confusion()),
            ("curves", self.curves()),
            ("calibration", self.calibration()),
            ("mistakes", self.mistakes()),
            ("pictures", self.pictures()),
            ("card", self.card()),
            ("run", self.run()),
        ):
            parts = list(inside)
            if parts:
                heading = f"<h2>{self.say(f'heading.{name}')}</h2>"
                yield f'<section id="{name}">{heading}{"".join(parts)}</section>'
        yield "</main>"

    # -- what counts ------------------------------------------------------------------------------

    def verdict(self) -> Iterator[str]:
        """The number that decides, and whether the model is worth more than the best baseline."""
        name, value, measured, gain, sign = map(escape, verdict(self.r, self.lang))
        yield '<div class="verdict">'
        yield f'<p class="main"><span>{name}</span> <b>{value}</b></p><p>{measured}</p>'
        if gain:
            yield f'<p class="{sign}">{gain}</p>'
        yield "</div>"

    def numbers(self) -> Iterator[str]:
        r = self.r
        rows = [
            (self.words(model.name), kind, model.numbers[r.main], _cut(model, r.main))
            for kind, model in self.kinds()
        ]
        name = number_title(r.main, self.lang)
        alt = t("projects.page.alt.beside", self.lang, name=name)
        yield self.figure(figures.beside(rows, alt, r.main in SHARES), name)
        names = list(dict.fromkeys(n for _, model in self.kinds() for n in model.numbers))
        head = ["", *(number_title(n, self.lang) for n in names)]
        timed = any(model.seconds for model in r.models)
        body = []
        for kind, model in self.kinds():
            cells = [self.number(model.numbers.get(n), n) for n in names]
            if timed:
                cells.append(shown.lasted(model.seconds, self.lang) if model.seconds else "")
            body.append((kind, self.text(model.name), cells))
        if timed:
            head.append(t("projects.page.learned", self.lang))
        yield self.table(head, body)
        yield f'<p class="note">{self.say("note")}</p>'

    def kinds(self) -> list[tuple[str, Model]]:
        own, *others = self.r.models
        found = [("own", own)] + [("model", model) for model in others]
        return found + [("baseline", model) for model in self.r.baselines]

    def number(self, one: Estimate | None, name: str) -> str:
        if one is None:
            return ""
        between = shown.interval(one, name)
        small = f"<small>{between}</small>" if between else ""
        return f"{shown.value(one, name)}{small}"

    def pairs(self) -> Iterator[str]:
        if not self.r.pairs:
            return
        yield f"<p>{self.say('pairs')}</p>"
        alt = t("projects.page.alt.pairs", self.lang)
        drawn = figures.pairs(self.r.pairs, self.say("true"), self.say("predicted"), alt)
        yield f"<figure>{drawn}</figure>"

    def own(self) -> Iterator[str]:
        """The project's own charts and tables."""
        for chart in self.r.charts:
            if chart.about:
                yield f"<p>{self.text(chart.about)}</p>"
            lines = [(self.words(line.label), line.x, line.y) for line in chart.lines]
            alt = self.words(chart.title)
            drawn = figures.curves(lines, self.words(chart.along), alt)
            labels = [escape(label) for label, _, _ in lines] if len(lines) > 1 else []
            yield self.figure(drawn, self.text(chart.title), labels)
        for one in self.r.tables:
            yield f"<h3>{self.text(one.title)}</h3>"
            if one.about:
                yield f"<p>{self.text(one.about)}</p>"
            head = [self.words(cell) for cell in one.head]
            rows = [
                ("", self.cell(row[0], one), [self.cell(c, one) for c in row[1:]])
                for row in one.rows
            ]
            yield self.table(head, rows)

    def cell(self, value: Cell, table: Table) -> str:
        if isinstance(value, Estimate):
            return self.number(value, table.number)
        if isinstance(value, (int, float)):
            return shown.plain(value)
        return self.text(value)

    # -- classes ----------------------------------------------------------------------------------

    def per_class(self) -> Iterator[str]:
        if not self.r.per_class:
            return
        kinds = ("precision", "recall", "f1")
        head = [self.say("class"), *(number_title(k, self.lang) for k in kinds)]
        rows = [
            (
                "",
                self.text(name),
                [self.number(getattr(row, k), k) for k in kinds]
                + [counted(row.support, self.lang)],
            )
            for name, row in zip(self.r.classes, self.r.per_class, strict=True)
        ]
        yield f"<p>{self.say('per_class')}</p>"
        yield self.folded(self.table([*head, self.say("support")], rows))

    def confusion(self) -> Iterator[str]:
        matrix = self.r.confusion
        if not matrix:
            return
        yield f"<p>{self.say('confusion')}</p>"
        names = [self.text(name) for name in self.r.classes]
        head = "".join(
            f'<th scope="col">{escape(figures.fitting(self.words(name), 24))}</th>'
            for name in self.r.classes
        )
        rows = []
        for i, row in enumerate(matrix):
            total = sum(row) or 1
            cells = "".join(
                f"<td{_shade(i == j, count / total)}>{count or ''}</td>"
                for j, count in enumerate(row)
            )
            rows.append(f'<tr><th scope="row">{names[i]}</th>{cells}</tr>')
        inside = f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
        short = max(len(self.words(name)) for name in self.r.classes) <= 3
        kind = "square" if short else "tall"
        if len(names) > MANY:
            yield self.mixed_up()
        yield self.folded(self.box(f'<table class="confusion {kind}">{inside}</table>'))

    def mixed_up(self) -> str:
        """The most frequent mistakes, of more classes than one can overlook."""
        found = [
            (count, i, j)
            for i, row in enumerate(self.r.confusion)
            for j, count in enumerate(row)
            if count and i != j
        ]
        head = [self.say(key) for key in ("true", "given", "support")]
        rows = [
            (
                "",
                self.text(self.r.classes[i]),
                [self.text(self.r.classes[j]), counted(count, self.lang)],
            )
            for count, i, j in sorted(found, key=lambda one: -one[0])[:12]
        ]
        return self.table(head, rows) if rows else ""

    def folded(self, table: str) -> str:
        """A table with a row for each class; of many classes it opens when asked."""
        if len(self.r.classes) <= MANY:
            return table
        count = digits(len(self.r.classes), self.lang)
        said = self.say("fold", count=count)
        return f"<details><summary>{said}</summary>{table}</details>"

    # -- pictures ---------------------------------------------------------------------------------

    def curves(self) -> Iterator[str]:
        history = History(self.r.history)
        if len(history) < 2 or "epoch" not in history.names:
            return
        monitor = default_monitor(history.last)
        parts = []
        told = [n for n in history.names if n not in BESIDE and not n.endswith("seconds")]
        bare = dict.fromkeys(n.removeprefix("val_") for n in told)
        for name in bare:
            lines = [
                (self.say(part), history["epoch"], history[column])
                for column, part in ((name, "training"), (f"val_{name}", "validation"))
                if column in history.names
            ]
            best = None
            if monitor.removeprefix("val_") == name and len(history) > 1:
                known = [v if math.isfinite(v) else math.inf for v in history[monitor]]
                best = history["epoch"][known.index(min(known))]
            title = column_title(name, self.lang)
            alt = t("projects.page.alt.curve", self.lang, name=title)
            said = [label for label, _, _ in lines]
            drawn = figures.curves(lines, self.say("epoch"), alt, best)
            note = "" if best is None else self.say("best", epoch=digits(int(best), self.lang))
            parts.append(self.figure(drawn, title, said, note))
        yield f'<div class="figures">{"".join(parts)}</div>'

    def calibration(self) -> Iterator[str]:
        c = self.r.calibration
        if c is None:
            return
        before, after = f"{c.before.ece:.3f}", None if c.after is None else f"{c.after.ece:.3f}"
        yield f"<p>{self.say('calibration', ece=before)}</p>"
        found = [(self.say("before"), c.before)]
        if c.after is not None and c.temperature is not None:
            found.append((self.say("after"), c.after))
            yield f"<p>{self.say('cooled', temperature=f'{c.temperature:.3g}', ece=after)}</p>"
        alt = t("projects.page.alt.reliability", self.lang)
        drawn = figures.reliability(found, self.say("sure"), self.say("right"), alt)
        yield self.figure(drawn, self.say("reliability"), [label for label, _ in found])

    def mistakes(self) -> Iterator[str]:
        if not self.r.mistakes:
            return
        yield f"<p>{self.say('mistakes')}</p>"
        seen = [m for m in self.r.mistakes if m.picture is not None]
        if seen:
            wide = max(_width(m.picture or b"") for m in seen) > 200
            yield f'<ul class="mistakes{" wide" if wide else ""}">'
            for m in seen:
                image = _image(m.picture or b"", t("projects.page.alt.mistake", self.lang))
                yield f"<li>{image}{self.said(m)}</li>"
            yield "</ul>"
        read = [m for m in self.r.mistakes if m.text is not None]
        if read:
            yield '<ul class="mistakes read">'
            yield from (f"<li>{self.said(m)}<q>{escape(m.text or '')}</q></li>" for m in read)
            yield "</ul>"
        rows = [m for m in self.r.mistakes if m.row is not None]
        if rows:
            names = list(dict.fromkeys(name for m in rows for name in m.row or {}))
            head = [self.say("true"), self.say("given"), *names]
            yield self.table(
                [escape(name) for name in head],
                [
                    (
                        "",
                        self.text(m.true),
                        [self.given(m), *(escape((m.row or {}).get(n, "")) for n in names)],
                    )
                    for m in rows
                ],
            )

    def said(self, m: Mistake) -> str:
        true = f"<span>{self.say('true')} <b>{self.text(m.true)}</b></span>"
        return f"<p>{true} <span>{self.say('given')} {self.given(m)}</span></p>"

    def given(self, m: Mistake) -> str:
        sure = "" if m.sure is None else f" <small>{m.sure * 100:.0f}%</small>"
        return f'<b class="wrong">{self.text(m.given)}</b>{sure}'

    def pictures(self) -> Iterator[str]:
        for one in self.r.pictures:
            about = f"<p>{self.text(one.about)}</p>" if one.about else ""
            image = _image(one.png, self.words(one.title))
            yield f"<h3>{self.text(one.title)}</h3>{about}<figure>{image}</figure>"

    # -- what stands beside -----------------------------------------------------------------------

    def card(self) -> Iterator[str]:
        if self.r.card is not None or self.r.data is not None:
            yield card.rendered(self.r, self.lang)

    def run(self) -> Iterator[str]:
        rows = [
            (name, f"<code>{escape(str(v))}</code>")
            for name, v in self.r.settings.items()
            if v is not None
        ]
        for name, said in card.run(self.r, self.lang):
            rows.append((name, escape(said)))
        inside = "".join(f"<dt>{escape(name)}</dt><dd>{said}</dd>" for name, said in rows)
        yield f"<dl>{inside}</dl>"

    # -- elements ---------------------------------------------------------------------------------

    def figure(self, drawn: str, title: str, legend: Sequence[str] = (), note: str = "") -> str:
        keys = "".join(f'<span class="key c{k}">{label}</span>' for k, label in enumerate(legend))
        keys += f'<span class="note">{note}</span>' if note else ""
        caption = f"<b>{title}</b> {keys}"
        return f"<figure><figcaption>{caption}</figcaption>{drawn}</figure>"

    def table(self, head: Sequence[str], rows: Sequence[tuple[str, str, list[str]]]) -> str:
        first = "".join(f'<th scope="col">{cell}</th>' for cell in head)
        body = "".join(
            f'<tr class="{kind}"><th scope="row">{name}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
            for kind, name, cells in rows
        )
        inside = f"<thead><tr>{first}</tr></thead><tbody>{body}</tbody>"
        return self.box(f"<table>{inside}</table>")

    def box(self, table: str) -> str:
        """What is too wide scrolls in a box of its own, which the keyboard reaches."""
        label = escape(t("projects.page.box", self.lang))
        return f'<div class="box" tabindex="0" role="region" aria-label="{label}">{table}</div>'


def _cut(model: Model, name: str) -> str:
    one = model.numbers[name]
    between = shown.interval(one, name)
    return f"{shown.value(one, name)} ({between})" if between else shown.value(one, name)


def _shade(hit: bool, share: float) -> str:
    """The darker, the larger the share of the row; mistakes, which are rarer, darken sooner."""
    level = math.ceil((share if hit else math.sqrt(share)) * LEVELS)
    return f' data-{"hit" if hit else "miss"}="{level}"' if level else ""


def _width(png: bytes) -> int:
    """In pixels: it stands in the header."""
    return int.from_bytes(png[16:20], "big")


def _image(png: bytes, alt: str) -> str:
    coded = base64.b64encode(png).decode()
    # What is smaller than its place is enlarged without blurring.
    kind = ' class="tiny"' if _width(png) <= 64 else ""
    return f'<img{kind} src="data:image/png;base64,{coded}" alt="{escape(alt)}">'
