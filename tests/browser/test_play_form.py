"""In the playground: a hand calculation checked, and the step taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from gobhir.lang import LANGUAGES, t
from tests.browser.conftest import Visit, Visiting, ready
from tests.browser.test_playground import at, playground
from tests.studio.conftest import Running

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

RIGHT = {"z1_1": "0.40", "a1_1": "0.5987"}


def opened(page: Page) -> Page:
    """The form is there, its formulas set."""
    page.locator("#check .fold > summary").click()
    expect(page.locator("#check .fill").first).to_be_visible()
    expect(page.locator("#check .math:not(:has(.katex))")).to_have_count(0)
    return page


def field(page: Page, name: str) -> Locator:
    return page.locator(f'#check input[name="{name}"]')


def check(page: Page, lang: str = "en") -> None:
    page.get_by_role("button", name=t("play.check.button", lang), exact=True).click()
    expect(page.locator("#check .report .derivation, #check .report .trouble")).to_have_count(1)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", (360, 1280))
def test_the_first_wrong_number_is_found_and_marked(
    visiting: Visiting, studio: Running, lang: str, width: int
) -> None:
    page = opened(playground(visiting(studio, width), lang))
    field(page, "z1_1").fill("০.৪০")
    field(page, "a1_1").fill("0.40")  # the sigmoid was forgotten
    check(page, lang)
    report = page.locator("#check .report")
    expect(report).to_be_focused()
    expect(report).to_contain_text(t("check.slip.no_activation", lang))
    expect(page.locator('.fill:has([name="z1_1"]) .mark')).to_have_text(t("check.mark.right", lang))
    expect(page.locator('.fill:has([name="a1_1"]) .mark')).to_have_text(t("check.mark.wrong", lang))
    expect(field(page, "a1_1")).to_have_attribute("aria-invalid", "true")
    assert page.locator("#check .mark").count() == 2
    assert page.locator("#check .katex-error").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    field(page, "a1_1").fill(RIGHT["a1_1"])  # what is written anew is not judged yet
    expect(page.locator("#check .mark")).to_have_count(1)
    check(page, lang)
    expect(page.locator('.fill[data-mark="right"]')).to_have_count(2)


def test_fields_and_text_are_one_and_survive_a_reload(visit: Visit) -> None:
    page = opened(playground(visit))
    field(page, "z1_1").fill("0.40")
    page.keyboard.press("Enter")
    expect(field(page, "z1_2")).to_be_focused()
    page.locator("#check details details summary").click()
    text = page.locator("#check-text")
    expect(text).to_have_value("z1_1 = 0.40")
    text.fill("z1_1 = 0.2 + 0.2 = 0.41\na1_1 = 0.5987")
    expect(field(page, "z1_1")).to_have_value("0.41")
    expect(field(page, "a1_1")).to_have_value("0.5987")
    page.reload()
    ready(page)
    opened(page)
    expect(field(page, "z1_1")).to_have_value("0.41")
    field(page, "z1_1").fill("")
    page.locator("#check details details summary").click()
    expect(text).to_have_value("a1_1 = 0.5987")


def test_each_step_has_its_own_calculation(visit: Visit) -> None:
    page = opened(playground(visit))
    field(page, "z1_1").fill("0.40")
    page.get_by_role("button", name=t("play.walk.forward", "en"), exact=True).click()
    at(page, 2, 100)
    expect(field(page, "z1_1")).to_have_value("")
    page.get_by_role("button", name=t("play.walk.first", "en")).click()
    at(page, 1, 100)
    expect(field(page, "z1_1")).to_have_value("0.40")


def test_a_name_that_is_not_there_is_named(visit: Visit) -> None:
    page = opened(playground(visit))
    page.locator("#check details details summary").click()
    page.locator("#check-text").fill("q9 = 1")
    check(page)
    expect(page.locator("#check .report .trouble")).to_contain_text("'q9'")
    visit.errors.clear()  # the server's 400


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_step_is_taken_away_as_files(visit: Visit, lang: str, tmp_path: Path) -> None:
    page = playground(visit, lang)
    starts = {
        "page": ("html", "<!doctype html>"),
        "slides": ("slides.html", "<!doctype html>"),
        "worksheet": ("worksheet.html", "<!doctype html>"),
        "pdf": ("pdf", "%PDF"),
        "markdown": ("md", "# "),
        "latex": ("tex", "%"),
        "json": ("json", "{"),
    }
    for form, (end, start) in starts.items():
        page.locator("#take summary").click()
        with page.expect_download() as waiting:
            page.locator("#take").get_by_text(t(f"play.take.form.{form}", lang), exact=True).click()
        name = f"gobhir-step-1.{lang}.{end}"
        assert waiting.value.suggested_filename == name
        waiting.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start.encode())
        said = t("play.take.made", lang, name=name)
        expect(page.locator("#take [role=status]")).to_have_text(said)
    assert (
        json.loads((tmp_path / f"gobhir-step-1.{lang}.json").read_text("utf-8"))["mode"] == "hand"
    )


def test_the_menu_is_walked_through_by_keyboard(visit: Visit) -> None:
    page = playground(visit)
    summary = page.locator("#take summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#take li button").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#take li button").last).to_be_focused()
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    expect(page.locator("#take ul")).not_to_be_visible()
    at(page, 1, 100)  # the arrows did not walk through the training


def test_a_step_goes_into_the_learners_own_notes(visit: Visit) -> None:
    page = playground(visit, "bn")
    notes = page.locator("#notes-text")
    notes.fill("আমার কথা")
    page.locator("#take summary").click()
    page.locator("#take").get_by_text(t("play.take.form.notes", "bn"), exact=True).click()
    expect(page.locator("#take [role=status]")).to_have_text(t("play.take.noted", "bn"))
    expect(page.locator("#notes-status")).to_have_class("saved")
    written = (visit.studio.home / "notes" / "playground.md").read_text("utf-8")
    assert written.startswith("আমার কথা\n\n# ") and "z^{(1)}" in written
    playground(visit, "en", page=page)
    expect(notes).to_have_value(written)
