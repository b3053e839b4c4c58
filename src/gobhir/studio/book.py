"""The pages about the course as a whole: coverage, glossary, search, and the card of an op."""

from __future__ import annotations

import base64
from functools import lru_cache
from itertools import groupby
from typing import Any

from markupsafe import Markup
from tornado import web

from gobhir.lang import digits
from gobhir.learner.refusal import Refusal
from gobhir.studio.api import aside
from gobhir.studio.pages import Page


class CoveragePage(Page):
    """GET gobhir/coverage: every row of the mission and where the course covers it."""

    @web.authenticated
    async def get(self) -> None:
        await self.begin()
        self.show("coverage.html", **coverage_names(self.lang))


class GlossaryPage(Page):
    """GET gobhir/glossary: the card of every term, under its name."""

    @web.authenticated
    async def get(self) -> None:
        await self.begin()
        cards = await aside(glossary_cards, self.lang)
        self.show("glossary.html", cards=cards)


class SearchPage(Page):
    """GET gobhir/search?q=: what is found, the best first."""

    @web.authenticated
    async def get(self) -> None:
        from gobhir.course.search import find

        await self.begin()
        query = self.get_query_argument("q", "")[:200]
        found = await aside(find, query) if query.strip() else []
        count = digits(len(found), self.lang)
        self.show("search.html", query=query, found=found, count=count)


class OpPage(Page):
    """GET gobhir/op/<name>: the card of an op, as the terminal shows it."""

    @web.authenticated
    async def get(self, name: str) -> None:
        await self.begin()
        try:
            text = await aside(op_card, name, self.lang)
        except LookupError as error:
            raise Refusal("notfound") from error
        self.show("op.html", name=name, text=text)


def op_card(name: str, lang: str) -> str:
    """The card in letters. LookupError for a name that no op has."""
    import gobhir  # noqa: F401  registers the ops
    from gobhir.engine import OPS
    from gobhir.explain.cards.card import card

    if name not in OPS:
        raise LookupError(name)
    return card(name).to_text(lang)


def coverage_names(lang: str) -> dict[str, Any]:
    """What coverage.html shows."""
    from gobhir.course.coverage import coverage
    from gobhir.course.outline import outline

    parts: list[dict[str, Any]] = []
    for name, group in groupby(coverage(), key=lambda row: row.part):
        rows = list(group)
        covered = sum(bool(row.places) for row in rows)
        counts = {"covered": digits(covered, lang), "count": digits(len(rows), lang)}
        parts.append({"name": name, "rows": rows, **counts})
    return {"parts": parts, "title_of": lambda slug: outline(slug).title(lang)}


@lru_cache(maxsize=4)
def glossary_cards(lang: str) -> list[dict[str, Any]]:
    """What glossary.html shows of each term, in the order of the language's alphabet."""
    import gobhir  # noqa: F401  registers the ops
    from gobhir.course.glossary import glossary
    from gobhir.course.outputs import formula_html
    from gobhir.course.pictures import picture
    from gobhir.course.plan import lessons
    from gobhir.engine import OPS

    days = {day.number: day for day in lessons()}
    cards = []
    for term in sorted(glossary(), key=lambda term: term.name(lang).lower()):
        op = term.id.replace("-", "_")
        formula = term.formula or (OPS[op].formula if op in OPS else "")
        svg = picture(term.picture).fallback_svg(lang) if term.picture else ""
        cards.append(
            {
                "term": term,
                "formula": Markup(formula_html(formula, True)) if formula else "",
                "picture": base64.b64encode(svg.encode()).decode(),
                "day": days[term.day],
                "number": digits(term.day, lang),
                "op": op if op in OPS else "",
            }
        )
    return cards
