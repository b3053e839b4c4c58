"""A step's lines with a field to fill in behind each, as a form that a phone can do."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from gobhir.derivation.expression import indices, without_labels
from gobhir.derivation.latex import latex
from gobhir.derivation.sentence import heading
from gobhir.derivation.step import Section
from gobhir.derivation.text import text
from gobhir.derivation.web import Web
from gobhir.explain.checking.answers import written_name
from gobhir.explain.checking.check import without_new
from gobhir.explain.checking.sheet import Entry, Sheet
from gobhir.explain.explanation import Explanation
from gobhir.explain.quantity import element
from gobhir.explain.worksheets.own_paper import sheet_of
from gobhir.explain.worksheets.worksheet import STEPS, remembered
from gobhir.lang import say

MOST_FIELDS = 600
"""A phone goes through so many without choking; nobody fills in more."""


def form(page: Explanation, lang: str) -> str:
    """The form's inside. ValueError for a step with too many numbers."""
    sheet = sheet_of(page, MOST_FIELDS)
    if sheet is None:
        raise ValueError(say("play.desk.too_many", most=MOST_FIELDS))
    return "\n".join(_Form(page, lang).fieldsets(sheet))


class _Form(Web):
    def heading(self, section: Section, markdown: str) -> str:
        return f"<legend>{self.marked_up(markdown)}</legend>"

    def fieldsets(self, sheet: Sheet) -> Iterator[str]:
        """One for each phase that has something to work out."""
        asked = {phase: sheet.asked((phase,)) for phase in STEPS}
        for number, phase in enumerate((p for p in STEPS if asked[p]), 1):
            title = heading(phase, number, self.lang, self.inline)
            yield f'<fieldset data-phase="{phase}">{self.heading(Section(phase, ()), title)}'
            given = tuple(remembered(sheet)) if phase == "update" else ()
            if given:
                yield f'<div class="derivation">{"".join(self.givens(given))}</div>'
            for entry in asked[phase]:
                yield from self.fields(entry)
            yield "</fieldset>"

    def fields(self, entry: Entry) -> Iterator[str]:
        """name = formula = [    ]"""
        assert entry.expr is not None
        tex_sign, sign = (r"\leftarrow", "←") if entry.new else ("=", "=")
        for i in indices(entry.shape):
            left = without_new(entry.at(i))
            rule = without_labels(element(entry.expr, i, entry.shape))
            row = f"{latex(left, self.lang, True)} {tex_sign} {latex(rule, self.lang, True)} ="
            label = f"{text(left, self.lang)} {sign}"
            yield (
                f'<label class="fill"><span class="math">{escape(row)}</span>'
                f'<input name="{escape(written_name(entry, i))}"'
                f' aria-label="{escape(label)}" autocomplete="off" autocapitalize="off"'
                ' spellcheck="false"></label>'
            )
