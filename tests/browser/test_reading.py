"""Reading: both languages on a phone and a laptop, light and dark, by keyboard, at its weight."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, Visiting, cell, ready
from tests.studio.conftest import Running, Start

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

FIRST_VISIT, LATER_VISITS = 450_000, 60_000  # bytes over the wire
SCROLL = """([id, top]) => scrollBy({
    top: document.getElementById(id).getBoundingClientRect().top - top, behavior: "instant"})"""
TOP = "id => document.getElementById(id).getBoundingClientRect().top"


def width_of_everything(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize("lang", ("bn", "en"))
@pytest.mark.parametrize("width", (360, 1280))
def test_pages_fit_the_screen(visiting: Visiting, studio: Running, lang: str, width: int) -> None:
    visit = visiting(studio, width)
    page = visit.enter()
    page.goto(f"http://{studio.host}/gobhir/?lang={lang}")
    assert page.locator(".day").count() == 56 + 17 and page.locator(".day.open a").count() >= 1
    assert width_of_everything(page) == width
    visit.lesson(lang, page=page)
    assert width_of_everything(page) == width
    expect(page.locator("html")).to_have_attribute("lang", lang)
    untypeset = page.locator(".math:not(.typeset), .katex-error")
    assert page.locator(".math.typeset").count() > 50 and untypeset.count() == 0
    beside = page.locator("#my-notes").bounding_box()["x"] > width / 2  # type: ignore[index]
    assert beside == (width == 1280)
    if lang == "bn":
        line = page.evaluate(
            """() => { const style = getComputedStyle(document.querySelector('.block p'));
                       return [parseFloat(style.fontSize), parseFloat(style.lineHeight)]; }"""
        )
        assert line[0] >= 17 and line[1] / line[0] >= 1.7
        used = page.evaluate("document.fonts.check('16px \"Noto Sans Bengali\"', 'গভীর')")
        assert used


def test_the_language_switch_keeps_the_place(visit: Visit) -> None:
    page = visit.lesson("bn")
    other = "en"
    for anchor in ("why", "predict-update", "notes"):
        page.evaluate(SCROLL, [anchor, 150])
        page.locator("#language-switch").click()
        page.wait_for_selector(f"html[lang={other}][data-ready]", state="attached")
        page.wait_for_function(f"id => Math.abs(({TOP})(id) - 150) < 3", arg=anchor)
        other = "bn" if other == "en" else "en"


def test_the_lesson_is_resumed_where_it_was_left(
    visiting: Visiting, start: Start, learners_folder: Path, slug: str
) -> None:
    visit = visiting(start(learners_folder))
    page = visit.lesson("en")
    with page.expect_request(lambda r: r.method == "PUT" and r.url.endswith("/settings")) as put:
        page.evaluate(
            "document.getElementById('predict-update').scrollIntoView({behavior: 'instant'})"
        )
        put.value.response()
    page.goto(f"http://{visit.studio.host}/gobhir/")
    page.locator("#resume").click()
    ready(page)
    expect(page).to_have_url(re.compile(rf"/lesson/{slug}#predict-update$"))
    page.wait_for_function(f"Math.abs(({TOP})('predict-update')) < 200")


def test_light_and_dark_follow_the_system_until_chosen(visiting: Visiting, studio: Running) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page = visiting(studio, color_scheme="dark").lesson()
    dark = page.evaluate(paper)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(paper)
    assert sum(map(int, dark[4:-1].split(","))) < 150 < 650 < sum(map(int, light[4:-1].split(",")))
    with page.expect_response("**/api/settings"):
        page.locator("#theme-switch").click()
    assert page.evaluate(paper) == dark
    page.reload()
    ready(page)
    assert page.evaluate(paper) == dark
    expect(page.locator("#theme-switch")).to_have_attribute("aria-pressed", "true")
    page.locator("#theme-switch").click()
    assert page.evaluate(paper) == light


def test_the_keyboard_alone_goes_through_a_lesson(visit: Visit) -> None:
    page = visit.lesson()
    press = page.keyboard.press
    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("Enter")
    expect(page).to_have_url(re.compile("#content$"))
    source = cell(page, "code-library").locator(".cell-source")
    source.focus()
    press("Enter")
    content = cell(page, "code-library").locator(".cm-content")
    expect(content).to_be_focused()
    press("ControlOrMeta+a")
    page.keyboard.insert_text("print('by keyboard')")
    press("Escape")
    press("Tab")  # out of the editor
    expect(cell(page, "code-library").locator(".run")).to_be_focused()
    press("Enter")
    expect(cell(page, "code-library").locator(".cell-outputs")).to_have_text("by keyboard")
    page.locator(".term a").first.focus()
    press("Enter")
    expect(page.get_by_role("tooltip")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("tooltip")).to_have_count(0)


def test_every_control_has_a_name(visit: Visit) -> None:
    page = visit.lesson("bn")
    nameless = page.evaluate(
        """() => {
            const named = (e) => e.textContent.trim() || e.ariaLabel || e.title || e.alt
                || e.labels?.length || e.hasAttribute('aria-labelledby');
            const controls = 'button, a[href], input, textarea, summary, iframe, img';
            return [...document.querySelectorAll(controls)]
                .filter((e) => e.checkVisibility() && !named(e) && !e.closest('[aria-label]'))
                .map((e) => e.outerHTML.slice(0, 120));
        }"""
    )
    assert nameless == []
    assert page.get_by_role("main").count() == 1 and page.get_by_role("complementary").count() == 1
    assert page.get_by_role("banner").count() == 1 and page.locator("h1").count() == 1


@pytest.mark.parametrize("lang", ("bn", "en"))
def test_a_lesson_is_light_and_quick(visiting: Visiting, studio: Running, lang: str) -> None:
    visit = visiting(studio, 360)
    page = visit.enter()  # home shares the style and the fonts: count from nothing
    network = visit.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.clearBrowserCache")
    weights: list[float] = []
    network.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    visit.lesson(lang, page=page)
    first = sum(weights)
    weights.clear()
    visit.lesson(lang, page=page)
    assert 50_000 < first < FIRST_VISIT
    assert sum(weights) < LATER_VISITS
