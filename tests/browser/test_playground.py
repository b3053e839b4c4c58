"""The playground as a learner uses it: by touch, by keyboard, on a phone, in both languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from gobhir.lang import LANGUAGES, digits, t
from tests.browser.conftest import Visit, Visiting, ready
from tests.studio.conftest import Running

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


def playground(visit: Visit, lang: str = "en", state: str = "", page: Page | None = None) -> Page:
    """The playground with its first step shown."""
    page = page or visit.tab()
    page.goto("about:blank")  # else only the fragment would change
    page.goto(f"http://{visit.studio.host}/gobhir/playground?lang={lang}{state}")
    ready(page)
    return page


def at(page: Page, step: int, steps: int, lang: str = "en") -> None:
    """The page shows this step, counted from 1."""
    said = t("play.walk.at", lang, step=digits(step, lang), steps=digits(steps, lang))
    expect(page.locator("#walk .at")).to_have_text(said)
    expect(page.locator("#derivation")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#derivation .math:not(:has(.katex))")).to_have_count(0)


def key(page: Page, name: str) -> Locator:
    return page.locator(f'[data-key="{name}"]')


def loss(page: Page) -> float:
    return float(re.findall(r"[\d.]+", page.locator("#walk .loss").inner_text())[0])


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", (360, 1280))
def test_the_first_step_stands_there(
    visiting: Visiting, studio: Running, lang: str, width: int
) -> None:
    page = playground(visiting(studio, width), lang)
    at(page, 1, 100, lang)
    expect(page.locator("#walk .loss")).to_have_text(t("play.walk.loss", lang, loss="0.06595"))
    expect(page.locator("#derivation .title")).to_contain_text("4-4-1")
    assert page.locator("#derivation .math .katex").count() > 100
    assert page.locator("#derivation .katex-error").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".neuron").count() == 9


def test_home_leads_there(visit: Visit) -> None:
    page = visit.enter()
    page.locator(".to-playground a").click()
    ready(page)
    at(page, 1, 100)
    expect(page.locator(".tools .to-play").first).to_have_text(t("studio.page.playground", "en"))


def test_forward_and_back_by_buttons_slider_and_keyboard(visit: Visit) -> None:
    page = playground(visit)
    first = loss(page)
    page.get_by_role("button", name=t("play.walk.forward", "en"), exact=True).click()
    at(page, 2, 100)
    expect(page.locator("#walk .loss")).not_to_have_text(f"Loss {first}")
    assert loss(page) < first
    page.get_by_role("button", name=t("play.walk.last", "en")).click()
    at(page, 100, 100)
    page.get_by_role("button", name=t("play.walk.first", "en")).click()
    at(page, 1, 100)
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    at(page, 2, 100)
    assert slider.get_attribute("aria-valuetext") == "Step 2 of 100"
    page.locator("h1").first.click()
    for press, step in (("ArrowRight", 3), ("ArrowLeft", 2), ("End", 100), ("Home", 1)):
        page.keyboard.press(press)
        at(page, step, 100)
    field = key(page, "lr")
    field.focus()
    field.press("ArrowRight")  # belongs to the field
    at(page, 1, 100)
    page.locator("#curve svg").click(position={"x": 60, "y": 60})
    expect(page.locator("#walk .at")).not_to_have_text("Step 1 of 100")


def test_it_plays_and_pauses(visit: Visit) -> None:
    page = playground(visit)
    page.locator("h1").first.click()
    page.keyboard.press(" ")
    expect(page.locator("#walk .at")).to_have_text("Step 3 of 100")
    page.get_by_role("button", name=t("play.walk.pause", "en")).click()
    expect(page.get_by_role("button", name=t("play.walk.play", "en"))).to_be_visible()
    stood = page.locator("#walk .at").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator("#walk .at").inner_text() == stood


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_carries_the_whole_state(visit: Visit, lang: str) -> None:
    page = playground(visit, lang)
    key(page, "set-xor").click()
    at(page, 1, 100, lang)
    key(page, "neurons-0+").click()
    key(page, "activation-0").select_option("relu")
    key(page, "optimizer").select_option("sgd")
    key(page, "momentum").fill("০.৯")
    key(page, "momentum").press("Enter")
    key(page, "nesterov").check()
    key(page, "steps").select_option("500")
    key(page, "seed").fill("7")
    key(page, "seed").press("Enter")
    key(page, "x-2-1").fill("0,5")
    key(page, "x-2-1").press("Enter")
    page.locator('[data-place="1-1"]').click()
    weight = page.get_by_label(t("play.picture.type", lang, name="0.weight[1, 0]"))
    weight.fill("-0.25")
    weight.press("Enter")
    page.locator("h1").first.click()
    page.keyboard.press("ArrowRight")
    at(page, 2, 500, lang)
    address, shown = page.url, page.locator("#derivation").text_content()
    for part in ("net=4.relu-1.sigmoid", "momentum:0.9", "nesterov:true", "seed=7", "step=2"):
        assert part in address
    assert "w=0.weight[1,0]:-0.25" in address
    other = visit.context.new_page()
    other.goto(address)
    ready(other)
    at(other, 2, 500, lang)
    assert other.url == address
    assert other.locator("#derivation").text_content() == shown
    assert key(other, "x-2-1").input_value() == "0.5"
    # The other language shows the very same.
    other.locator("#language-switch").click()
    ready(other)
    at(other, 2, 500, "en" if lang == "bn" else "bn")
    assert other.url.partition("#")[2] == address.partition("#")[2]


DAMAGED = (
    "v=2&net=1.none",
    "v=1",
    "nonsense",
    "%E0%A4%A",
    "v=1&net=4.sigmoid-1.swish&loss=half&opt=sgd.lr:0.5&steps=9&x=1&y=1",
    "v=1&net=1.none&loss=half&opt=sgd.lr:1e9999&steps=9&x=1&y=1",
    "v=1&net=1.none&loss=half&opt=sgd.lr:0.5&steps=9&x=1,2;1&y=1;1",
    "v=1&net=1.none&loss=half&opt=sgd.lr:0.5&steps=9&x=alert(1)&y=1",
    "v=1&net=1.none&loss=half&opt=sgd.lr:0.5&steps=9&x=1&y=1&w=<img src=x onerror=alert(1)>:1",
    "v=1&net=99.none&loss=half&opt=sgd.lr:0.5&steps=9&x=1&y=1",
)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_damaged_link_says_so_and_shows_the_first_network(visit: Visit, lang: str) -> None:
    page = visit.enter()
    for hash in DAMAGED:
        playground(visit, lang, f"#{hash}", page)
        sentence = t("play.page.damaged", lang, reason="").strip()
        expect(page.get_by_role("alert").first, hash).to_contain_text(sentence)
        at(page, 1, 100, lang)
        expect(page.locator("#derivation .title")).to_contain_text("4-4-1")


def test_a_link_that_fits_no_network_is_refused_in_words(visit: Visit) -> None:
    state = "#v=1&net=2.none-1.none&loss=bce&opt=sgd.lr:0.5&steps=9&x=1&y=1"
    visit.server_may_be_silent = True  # the browser logs the refusal's status
    page = playground(visit, "en", state)
    said = t("play.bad.output", "en", loss="bce", wanted="sigmoid")
    expect(page.locator("#trouble")).to_have_text(said)
    key(page, "set-house").click()
    at(page, 1, 100)
    expect(page.locator("#trouble")).to_be_empty()


def test_limits_hold_by_touch(visit: Visit) -> None:
    page = playground(visit)
    for _ in range(4):
        key(page, "add-layer").click()
    assert key(page, "add-layer").is_disabled()
    for _ in range(12):
        key(page, "neurons-0+").click()
    assert key(page, "neurons-0+").is_disabled()
    for _ in range(3):
        key(page, "inputs-").click()
    assert key(page, "inputs-").is_disabled()
    at(page, 1, 100)
    expect(page.locator(".neuron")).to_have_count(1 + 16 + 4 * 4 + 1)
    field = key(page, "lr")
    field.fill("much")
    field.press("Tab")
    expect(field).to_have_attribute("aria-invalid", "true")
    at(page, 1, 100)


def test_a_learning_rate_too_large_is_said(visit: Visit) -> None:
    page = playground(visit)
    key(page, "set-line").click()
    key(page, "lr").fill("10")
    key(page, "lr").press("Enter")
    expect(page.locator("#curve .trouble")).to_contain_text("learning rate is too large")
    page.get_by_role("button", name=t("play.walk.last", "en")).click()
    expect(page.locator("#walk .at")).not_to_have_text("Step 1 of 100")
    # The network's line flies off, and is a line all the same.
    line = page.locator(".answer-line")
    expect(line).to_have_attribute("d", re.compile(r"^M0\.0 -10000\.0(L[\d.]+ -?10000\.0)+$"))
    expect(page.locator("#trouble")).to_be_empty()


def test_squares_are_drawn_with_a_finger(visiting: Visiting, studio: Running) -> None:
    page = playground(visiting(studio, 360, has_touch=True), "bn")
    key(page, "set-digits").click()
    at(page, 1, 100, "bn")
    key(page, "fold-data").click()
    square = key(page, "x-0-0")
    expect(square).to_have_attribute("aria-pressed", "false")
    square.tap()
    expect(square).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("x=b1111"))
    key(page, "x-0-12").focus()
    page.keyboard.press("Enter")
    expect(key(page, "x-0-12")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_points_are_put_and_taken_in_the_plane(visiting: Visiting, studio: Running) -> None:
    page = playground(visiting(studio, 360, has_touch=True))
    expect(page.locator("#field")).to_be_hidden()
    key(page, "set-points").click()
    at(page, 1, 100)
    points = page.locator("#field .point")
    expect(points).to_have_count(16)
    page.get_by_role("button", name=t("play.walk.last", "en")).click()
    at(page, 100, 100)
    said = t("play.field.right", "en", right=16, all=16)
    expect(page.locator("#field .hint")).to_contain_text(said)
    page.get_by_label(t("play.field.class", "en", n=1)).check()
    picture = page.locator(".field-picture")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    picture.tap(position={"x": box["width"] - 6, "y": box["height"] - 6})
    expect(points).to_have_count(17)
    expect(page).to_have_url(re.compile(r";1&step=100$"))
    points.last.tap()
    expect(points).to_have_count(16)


def test_the_line_is_the_networks(visit: Visit) -> None:
    page = playground(visit)
    key(page, "set-line").click()
    at(page, 1, 100)
    before = page.locator(".answer-line").get_attribute("d")
    page.get_by_role("button", name=t("play.walk.last", "en")).click()
    at(page, 100, 100)
    assert page.locator(".answer-line").get_attribute("d") != before
    # The least squares line through the points, which the picture's left and right edge show.
    slope, start = 1.08, 0.78
    ends = re.findall(
        r"[ML][\d.]+ ([-\d.]+)", page.locator(".answer-line").get_attribute("d") or ""
    )
    high, least, wide = 150, 0.8 - 0.15 * 4.3, 1.3 * 4.3
    for x, y in ((-0.6, ends[0]), (4.6, ends[-1])):
        wanted = high - (start + slope * x - least) / wide * high
        assert float(y) == pytest.approx(wanted, abs=3)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", (360, 1280))
def test_numbers_answer_why(visiting: Visiting, studio: Running, lang: str, width: int) -> None:
    page = playground(visiting(studio, width), lang)
    neuron = page.locator('[data-place="1-2"]')
    neuron.focus()
    page.keyboard.press("Enter")
    expect(neuron).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".card h3")).to_be_visible()
    page.locator('.card [data-why="0.weight[2, 3]"]').click()
    panel = page.locator("#drawn .asked")
    expect(panel).to_contain_text("0.weight[2, 3]")
    expect(panel.locator(".katex").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.locator('#derivation .math [data-why^="0.weight"]').first.click()
    expect(page.locator("#derivation .asked .katex").first).to_be_visible()
    page.locator("h1").first.click()
    page.keyboard.press("ArrowRight")  # another step: its numbers are other numbers
    at(page, 2, 100, lang)
    expect(page.locator(".asked")).to_have_count(0)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_control_has_a_name(visit: Visit, lang: str) -> None:
    page = playground(visit, lang)
    key(page, "set-digits").click()
    at(page, 1, 100, lang)
    page.locator('[data-place="1-0"]').click()
    nameless = page.evaluate(
        """() => {
            const named = (e) => e.textContent.trim() || e.ariaLabel || e.title || e.labels?.length
                || e.hasAttribute('aria-labelledby');
            const controls = 'button, a[href], input, select, summary, [role=button], [role=img]';
            return [...document.querySelectorAll(controls)]
                .filter((e) => e.checkVisibility() && !named(e))
                .map((e) => e.outerHTML.slice(0, 120));
        }"""
    )
    assert nameless == []
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    small = page.evaluate(
        """() => [...document.querySelectorAll('.play-body button, .play-body select')]
            .filter((e) => e.checkVisibility() && !e.closest('.derivation'))
            .filter((e) => Math.min(e.offsetWidth, e.offsetHeight) < 24)
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert small == []


def test_what_had_the_focus_keeps_it(visit: Visit) -> None:
    page = playground(visit)
    more = key(page, "neurons-0+")
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(more).to_be_focused()
    expect(page.locator(".stepper output").nth(1)).to_have_text("6")
