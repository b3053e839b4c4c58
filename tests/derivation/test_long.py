"""Long pages: every way out takes time in proportion to what it writes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import gobhir
from gobhir.derivation.step import Derivation, Fold, Section, Step
from gobhir.examples import network

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
def test_eight_times_the_lines_take_about_eight_times_as_long(way: str) -> None:
    e = network("4-4-1")
    d = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")

    def seconds(times: int) -> float:
        page = repeated(d, times)
        begin = time.process_time()
        WAYS[way](page, "bn")
        return time.process_time() - begin

    seconds(1)  # what is read from disk only once
    short, long = min(seconds(6) for _ in range(3)), min(seconds(48) for _ in range(2))
    assert long < 20 * short + 0.2
    assert long < 8  # 1,400 lines; about a second on an ordinary machine
