"""The moving pictures in a real browser, as a page without a kernel shows them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gobhir.widgets import pictures
from tests.browser.glass_page import bundled, eventually, serving, text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE, DESKTOP = {"width": 360, "height": 640}, {"width": 1280, "height": 900}
KINDS = [getattr(pictures, name) for name in pictures.__all__]
STATE = "widget.model.get('state')"
SHADOW = "widget.el.firstChild.shadowRoot"
TOO_WIDE = f"""() => [...{SHADOW}.querySelectorAll(".body *")].filter((e) =>
  !e.closest("svg, .live") && e.scrollWidth > e.clientWidth + 1
  && getComputedStyle(e).display !== "inline").map((e) => e.className)"""
CUT = f"""() => [...{SHADOW}.querySelectorAll("svg.plot text")].filter((t) => {{
  const [own, all] = [t, t.closest(".drawing")].map((e) => e.getBoundingClientRect());
  return t.textContent && (own.left < all.left - 1 || own.right > all.right + 1);
}}).map((t) => t.textContent)"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def open_picture(browser: Browser, address: str):
    """open_picture("descent", at="lr:0.5", lang="bn") gives the page; no page may complain."""
    complaints: list[str] = []
    contexts = []

    def opened(name: str, at: str = "", lang: str = "en", viewport=DESKTOP, **options) -> Page:
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}?picture={name}&lang={lang}#{name}={at}")
        page.wait_for_selector("svg.plot")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME)
def test_it_fits_a_phone_in_both_languages_and_plays(open_picture, kind) -> None:
    page = open_picture(kind.NAME, lang="bn", viewport=PHONE, has_touch=True, is_mobile=True)
    choices = page.locator(".choice input").count()
    for n in range(max(1, choices)):
        if choices:
            page.locator(".choice input").nth(n).evaluate("e => e.click()")
        for lang in ("bn", "en"):
            page.evaluate(f"widget.model.set('lang', '{lang}')")
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            assert page.evaluate(TOO_WIDE) == [] and page.evaluate(CUT) == []
            said = text(page, ".body")
            assert "{" not in said and "say." not in said and "undefined" not in said
    for target in page.locator("button:visible, input[type=range]:visible").all():
        assert target.bounding_box()["height"] >= 40
    page.locator(".reset").click()
    before = page.evaluate(f"JSON.stringify({STATE})")
    page.locator(".play:visible").first.click()
    eventually(page, f"JSON.stringify({STATE}) !== '{before}'")
    page.locator(".reset").click()
    assert page.evaluate(STATE) == kind().state
    page.evaluate("widget.leave()")
    assert page.evaluate("Object.values(widget.listeners).every((set) => set.size === 0)")


def test_what_is_set_stands_in_the_address_and_comes_back(open_picture) -> None:
    page = open_picture("descent")
    page.locator("input[type=number]").first.fill("0.9")
    page.locator(".next").click()
    page.locator(".next").click()
    eventually(page, "location.hash.includes('step')")
    written = page.evaluate("location.hash")
    assert written == "#descent=step:2~lr:0.9"
    again = open_picture("descent", at=written.split("=")[1])
    assert text(again, ".parts") == text(page, ".parts")
    again.evaluate("location.hash = '#descent=on:bowl'")
    eventually(again, f"{SHADOW}.querySelector('.axis.start').textContent.includes('4v²')")
    hostile = open_picture("descent", at="lr:99~on:nowhere~step:1.5~<b>")
    assert hostile.evaluate(STATE) == {"on": "curve", "step": 0, "lr": 0.1, "w": 4, "v": 2}


def test_wrong_numbers_are_told_and_not_taken(open_picture) -> None:
    page = open_picture("descent")
    field = page.locator("input[type=number]").first
    for wrong in ("", "7", "-1"):
        field.fill(wrong)
        assert "1.2" in text(page, ".trouble")
    field.blur()
    assert page.evaluate(STATE)["lr"] == 0.1 and field.input_value() == "0.1"


def test_a_handle_follows_the_finger_and_the_arrow_keys(open_picture) -> None:
    page = open_picture("slope", at="on:hill~x:1~y:1")
    grip = page.locator(".grip")
    box = grip.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] + 30)
    page.mouse.up()
    state = page.evaluate(STATE)
    assert state["x"] > 1.2 and state["y"] < 0.9
    grip.press("ArrowLeft")
    grip.press("ArrowUp")
    after = page.evaluate(STATE)
    assert after["x"] == pytest.approx(state["x"] - 0.05)
    assert after["y"] == pytest.approx(state["y"] + 0.05)
    eventually(page, f"{SHADOW}.querySelector('[aria-live]').textContent.includes('gradient')")


def test_touching_a_number_of_the_product_shows_its_row_and_column(open_picture) -> None:
    page = open_picture("matrices")
    page.locator(".touch").nth(2).click()
    assert page.evaluate(STATE)["step"] == 9
    assert "c₂₁ = 4 × 7 + 5 × 9 + 6 × 11 = 139" in text(page, ".rows")


def test_it_is_small() -> None:
    for kind in KINDS:
        assert len(gzip.compress(bundled(kind.NAME))) < 11_000, kind.NAME
