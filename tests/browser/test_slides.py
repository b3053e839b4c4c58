"""Slides in a real browser, opened from disk without any network: by keyboard, by touch, on a wall
and on a phone, with the speaker's window beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gobhir
from gobhir.course import lessons, load
from gobhir.derivation.step import Derivation
from gobhir.examples import network
from gobhir.lang import LANGUAGES
from tests.derivation.test_tex import hard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SCREENS = {"wall": (1280, 720), "phone": (360, 640)}
STATE = "(({ indexh, indexv, indexf }) => [indexh, indexv, indexf])(Reveal.getState())"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("slides")
    e = network("4-4-1")
    whole = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    decks: dict[str, Derivation] = {"whole": whole, "hard": hard()}
    for name, d in decks.items():
        for lang in LANGUAGES:
            d.save(out / f"{name}.{lang}.slides.html", lang)
    slug = next(day.slug for day in lessons() if day.number == 9)
    for lang in LANGUAGES:
        file = out / f"lesson.{lang}.slides.html"
        file.write_text(load(str(slug)).slides(lang), encoding="utf-8")
    return out


@pytest.fixture
def opened(browser: Browser, folder: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A deck on a screen; whatever it asks the network for, or complains of, fails."""
    name, screen = request.param
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height}, offline=True, has_touch=screen == "phone"
    )
    complaints: list[str] = []
    asked: list[str] = []

    def listen(page: Page) -> None:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))

    context.on("page", listen)
    page = context.new_page()
    page.goto((folder / f"{name}.slides.html").as_uri())
    until(page, "Reveal.isReady()")
    page.evaluate("document.fonts.ready")
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def until(page: Page, condition: str) -> None:
    """Wait; the page's policy lets Playwright's own way of waiting do nothing."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def on(names: list[str], screens: list[str]) -> Any:
    cases = [(name, screen) for name in names for screen in screens]
    return pytest.mark.parametrize("opened", cases, indirect=True, ids=lambda c: "-".join(c))


EVERY = [f"{name}.{lang}" for name in ("whole", "hard", "lesson") for lang in LANGUAGES]


@on(EVERY, ["wall", "phone"])
def test_the_space_bar_leads_through_all_slides(opened: Page) -> None:
    """Each slide fits across the screen, and all of its formulas are typeset; only matrices may
    be wider than a phone, and only what is long goes on below the screen."""
    total = opened.evaluate("Reveal.getTotalSlides()")
    seen, presses = set(), 0
    while presses < 300:
        found = opened.evaluate(
            """() => {
                const slide = Reveal.getCurrentSlide();
                const sheet = slide.querySelector(".sheet");
                const math = sheet.querySelectorAll(".math");
                const wide = [...sheet.querySelectorAll(".chain, .table")]
                    .filter((box) => box.scrollWidth > box.clientWidth + 1);
                return {
                    raw: [...math].filter((m) => !m.querySelector(".katex")).length,
                    wrong: sheet.querySelectorAll(".katex-error").length,
                    across: sheet.scrollWidth - sheet.clientWidth,
                    strange: wide.filter(
                        (box) => box.tabIndex !== 0 || !box.querySelector(".mtable, table")).length,
                    long: sheet.scrollHeight > sheet.clientHeight + 1 && sheet.tabIndex !== 0,
                    outside: document.documentElement.scrollWidth > innerWidth,
                };
            }"""
        )
        assert found == {
            "raw": 0, "wrong": 0, "across": 0, "strange": 0, "long": False, "outside": False,
        }  # fmt: skip
        seen.add(tuple(opened.evaluate(STATE)[:2]))
        if opened.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next"):
            break
        opened.keyboard.press("Space")
        presses += 1
    assert len(seen) == total
    assert presses >= total - 1


@on(["whole.bn", "whole.en"], ["wall"])
def test_stages_come_one_by_one_and_go_again(opened: Page) -> None:
    shown = "[...Reveal.getCurrentSlide().querySelectorAll('.chain .fragment.visible')].length"
    note = "getComputedStyle(Reveal.getCurrentSlide().querySelector('.note')).visibility"
    opened.evaluate("Reveal.slide(Reveal.getSlides().findIndex((s) => s.querySelector('.note')))")
    stages = opened.evaluate("Reveal.getCurrentSlide().querySelectorAll('.chain .fragment').length")
    assert stages > 1 and opened.evaluate(shown) == 0 and opened.evaluate(note) == "hidden"
    for k in range(stages):
        opened.keyboard.press("ArrowRight")
        assert opened.evaluate(shown) == k + 1
    assert opened.evaluate(note) == "visible"
    opened.keyboard.press("ArrowLeft")
    assert opened.evaluate(shown) == stages - 1 and opened.evaluate(note) == "hidden"


@on(["hard.en"], ["wall"])
def test_a_fold_is_entered_downwards_or_passed(opened: Page) -> None:
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(STATE)[:2] == [1, 0]
    opened.keyboard.press("ArrowDown")
    assert opened.evaluate(STATE)[:2] == [1, 1]
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate(STATE)[:2] == [2, 0]


@on(["whole.bn", "whole.en"], ["phone"])
def test_a_finger_turns_the_page(opened: Page) -> None:
    swipe = """([dx, dy]) => {
        const sheet = Reveal.getCurrentSlide().querySelector(".idea");
        const touch = (x, y) => new Touch({ identifier: 1, target: sheet, clientX: x, clientY: y });
        const send = (kind, field, point) => sheet.dispatchEvent(
            new TouchEvent(kind, { bubbles: true, [field]: [point] }));
        send("touchstart", "touches", touch(200, 300));
        send("touchend", "changedTouches", touch(200 + dx, 300 + dy));
        return Reveal.getState().indexh;
    }"""
    assert opened.evaluate(swipe, [-120, 10]) == 1
    assert opened.evaluate(swipe, [-120, 200]) == 1  # along the page: that is scrolling
    assert opened.evaluate(swipe, [-20, 0]) == 1
    assert opened.evaluate(swipe, [120, 0]) == 0


@on(["whole.bn", "whole.en"], ["wall", "phone"])
def test_notes_in_both_languages_below_the_slide(opened: Page) -> None:
    pane = opened.locator(".pane")
    assert pane.is_hidden()
    opened.locator(".talk").click()
    assert pane.is_visible()
    assert "প্যারামিটার" in pane.locator('[lang="bn"]').inner_text()
    assert "parameters" in pane.locator('[lang="en"]').inner_text()
    opened.keyboard.press("Space")
    assert "ক্যালকুলেটর" in pane.inner_text() and "calculator" in pane.inner_text()
    above, below = opened.locator(".reveal").bounding_box(), pane.bounding_box()
    assert above and below and above["y"] + above["height"] <= below["y"] + 1
    opened.keyboard.press("n")
    assert pane.is_hidden()


@on(["whole.bn", "whole.en"], ["wall"])
def test_the_speakers_window_and_the_wall_follow_each_other(opened: Page) -> None:
    opened.keyboard.press("Space")
    with opened.context.expect_page() as coming:
        opened.keyboard.press("s")
    speaker = coming.value
    until(speaker, "Boolean(window.Reveal?.isReady()) && Reveal.getState().indexh === 1")
    assert speaker.locator(".pane").is_visible() and opened.locator(".pane").is_hidden()
    speaker.keyboard.press("Space")
    until(opened, "Reveal.getState().indexh === 2")
    opened.keyboard.press("ArrowLeft")
    until(speaker, "Reveal.getState().indexh === 1")


@on(["whole.bn", "whole.en"], ["wall"])
def test_numbers_and_arrows_speak_the_decks_language(opened: Page) -> None:
    lang = opened.evaluate("document.documentElement.lang")
    number = opened.locator(".slide-number").inner_text()
    assert number.startswith("১ / " if lang == "bn" else "1 / ")
    label = opened.locator(".navigate-right").get_attribute("aria-label")
    assert label == ("পরেরটা" if lang == "bn" else "On")


@on(["hard.en"], ["wall"])
def test_on_paper_all_is_there(opened: Page) -> None:
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    raw = "document.querySelectorAll('.sheet .math:not(:has(.katex))').length"
    assert opened.evaluate(raw) == 0
    opened.emulate_media(media="print")
    shown = "(f) => getComputedStyle(f).opacity === '1'"
    assert opened.evaluate(f"[...document.querySelectorAll('.fragment')].every({shown})")
