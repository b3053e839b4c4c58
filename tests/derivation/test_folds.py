"""Folds: pieces that stay closed until somebody opens them."""

from __future__ import annotations

from decimal import Decimal

from gobhir.derivation.expression import Name, Num, Sum
from gobhir.derivation.step import Derivation, Fold, Line, Say, Section, Step


def nested() -> Derivation:
    line = Line(Name("z"), (Sum((Num(Decimal(1)), Num(Decimal(2)))), Num(Decimal(3))), error=2e-5)
    inner = Fold(Say("rules.title.loss"), (line,))
    outer = Fold(Say("rules.title.forward"), (Say("rules.start.batch"), inner))
    step = Step("layers", "outline", "layers", "", "", {}, (outer,))
    return Derivation(Say("rules.title.plain"), (), (Section("layers", (step,)),), "exact")


def test_html_opens_without_a_script() -> None:
    page = nested().to_html("en")
    body = page[page.index("<main ") : page.index("</main>")]
    first = body.index("<details><summary>Forward")
    assert first < body.index("Each row of") < body.index("<details><summary>Loss")
    assert body.count("</details>") == 2


def test_a_terminal_shows_the_headings_alone() -> None:
    told = nested().to_text("en")
    assert "Forward: from input to answer\n  Loss: how wrong is it?\n" in told
    assert "Each row" not in told and "= 3" not in told


def test_markdown_nests_lists() -> None:
    lines = nested().to_markdown("en").splitlines()
    assert "- Forward: from input to answer" in lines
    assert "  - Loss: how wrong is it?" in lines
    assert "    z = 1 + 2 = 3" in lines


def test_a_steps_error_looks_into_its_folds() -> None:
    assert nested().steps[0].error == 2e-5
