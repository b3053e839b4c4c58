"""Long pages: every way out is work in proportion to what it writes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import gobhir
from gobhir.derivation.step import Derivation, Fold, Section, Step
from gobhir.examples import network
from tests.effort import calls

WAYS: dict[str, Callable[[Derivation, str], object]] = {
    "text": Derivation.to_text,
    "Markdown": Derivation.to_markdown,
    "HTML": Derivation.to_html,
    "LaTeX": Derivation.to_latex,
    "slides": Derivation.to_slides,
    "JSON": Derivation.to_json,
    "JSON read": lambda d, lang: Derivation.from_json(d.to_json(lang)),
}


def repeated(d: Derivation, times: int) -> Derivation:
    """The page so many times over, half of it in folds."""

    def step(s: Step, k: int) -> Step:
        pieces = (Fold(d.title, s.pieces),) if k % 2 else s.pieces
        return Step(f"{s.id}.{k}", s.rule, s.phase, s.op, s.layer, s.operands, pieces)

    sections = (
        Section(whole.phase, tuple(step(s, k) for k in range(times) for s in whole.steps))
        for whole in d.sections
    )
    return Derivation(d.title, d.intro, tuple(sections), d.mode)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_eight_times_the_lines_are_about_eight_times_the_work(way: str) -> None:
    e = network("4-4-1")
    d = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")

    def work(times: int) -> int:
        page = repeated(d, times)
        return calls(lambda: WAYS[way](page, "bn"))

    work(1)  # what is read from disk only once
    assert work(24) < 10 * work(3)
