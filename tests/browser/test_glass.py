"""The glass network in a real browser, as a page without a kernel shows it."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gobhir.widgets import GlassNetwork
from gobhir.widgets.drawing import short
from tests.browser.glass_page import bundled, contrast, eventually, fresh, serving, text, thing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE, DESKTOP = {"width": 360, "height": 640}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def open_glass(browser: Browser, address: str):
    """open_glass(lang="bn", at="s3", viewport=PHONE, ...) gives the page; no page may complain."""
    complaints: list[str] = []
    contexts = []

    def opened(lang="en", at=None, viewport=DESKTOP, query="", **options) -> Page:
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}?lang={lang}{query}" + (f"#glass={at}" if at is not None else ""))
        page.wait_for_selector(".picture .button")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@contextmanager
def changes(page: Page, *selectors: str):
    before = [text(page, selector) for selector in selectors]
    yield
    assert all(text(page, s) != b for s, b in zip(selectors, before, strict=True))


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_walking_through_with_the_arrow_keys(open_glass, lang):
    page = open_glass(lang)
    numbers = GlassNetwork().numbers()
    assert page.locator(".node.n .unknown").count() > 0
    page.locator("button.next").focus()
    headings = [text(page, ".heading")]
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        headings.append(text(page, ".heading"))
    assert len(set(headings)) == 9
    if lang == "bn":
        assert all(any("\u0980" <= c <= "\u09ff" for c in heading) for heading in headings)
    assert page.locator(".picture .unknown").count() == 0
    assert short(numbers.a[0][2]) in text(page, ".button[data-name='n1.3']")
    assert f"δ₂ {short(numbers.deltas[0][1])}" in text(page, ".button[data-name='n1.2']")
    assert "0.0573" in text(page, ".button[data-name='L']")
    page.keyboard.press("ArrowLeft")
    assert text(page, ".heading") == headings[7]
    page.keyboard.press("PageUp")
    assert text(page, ".heading") == headings[6]
    assert headings[6] in page.locator("[aria-live]").inner_text()


def test_the_walk_points_where_a_teacher_would_and_keeps_what_was_chosen(open_glass):
    page = open_glass()

    def walk(steps):
        for _ in range(steps):
            page.locator("button.next").click()
            yield page.evaluate("widget.model.get('selected')")

    heroes = ["n1.1", "n2.1", "L", "n2.1", "w2.1.2", "n1.2", "w1.2.3", "w1.2.3"]
    assert list(walk(8)) == heroes
    page.locator("button.reset").click()
    thing(page, "w1.4.1").click()
    assert list(walk(8)) == ["w1.4.1", *heroes[1:]]
    thing(page, "n1.4").click()
    assert page.locator(".line-of.fresh").get_attribute("data-line") == "bias_update"


def test_touching_a_wire_shows_its_own_line(open_glass):
    page = open_glass(at="s7", viewport=DESKTOP)
    thing(page, "w1.2.3").click()
    assert "0.01431×0.9=0.01288" in fresh(page)
    assert "−0.3632" in fresh(page)  # the whole road
    # The line itself can be touched too, away from its number.
    page.locator(".wire[data-name='w2.1.4'] .hit").dispatch_event("click")
    assert "Neuron 4" in text(page, ".title")
    assert "(−0.084)×0.7875=−0.06615" in fresh(page)
    thing(page, "n1.2").click()
    page.locator("summary").click()
    assert "0.7 × 0.5 + 0.3 × 0.1 + (−0.6) × 0.9 + 0.1 × 0.3 + (−0.2)" in text(page, "details")


def test_the_question_of_day_nine(open_glass):
    """Wire 2 to the output from -0.7 to 0.7: the blame of neuron 2 changes its sign."""
    page = open_glass(at="s6")
    assert "δ₂ 0.0143" in text(page, ".button[data-name='n1.2']")
    thing(page, "w2.1.2").click()
    page.locator(".card input[type=number]").fill("0.7")
    picture = GlassNetwork()
    picture.moves = [["w2.1.2", 0.7]]
    delta = short(picture.numbers().deltas[0][1])
    assert delta.startswith("−")
    assert f"δ₂ {delta}" in text(page, ".button[data-name='n1.2']")


def test_changing_any_number_changes_all_of_it(open_glass):
    page = open_glass(at="s8")
    loss, output = ".button[data-name='L']", ".button[data-name='n2.1']"
    for name, value in (("w1.2.3", "1.5"), ("x1", "-1"), ("n1.4", "-2")):
        thing(page, name).click()
        with changes(page, loss, output, ".losses", ".tell"):
            page.locator(".card input[type=number]").fill(value)
    thing(page, "y1").click()
    with changes(page, loss, ".losses"):
        page.locator(".card input[type=range]").press("ArrowLeft")
    with changes(page, loss, ".tell"):
        page.locator(".train input[type=number]").fill("2")
    moves = page.evaluate("widget.model.get('moves')")
    assert {knob for knob, _ in moves} == {"w1.2.3", "x1", "b1.4", "y1", "lr"}
    picture = GlassNetwork()
    picture.moves = moves
    assert short(picture.numbers().loss) in text(page, loss)
    with changes(page, loss):
        page.locator("button.reset").click()
    assert page.evaluate("widget.model.get('moves')") == []


def test_a_slider_follows_a_finger(open_glass):
    page = open_glass(viewport=PHONE, has_touch=True, is_mobile=True)
    thing(page, "x3").tap()
    slider = page.locator(".card input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert -1.3 < page.evaluate("widget.model.get('moves')")[0][1] < -0.7


def test_wrong_numbers_are_told_and_not_taken(open_glass):
    page = open_glass()
    field = page.locator(".card input[type=number]")
    for wrong in ("", "1e9", "-101"):
        field.fill(wrong)
        assert "100" in text(page, ".card .trouble")
    field.blur()
    assert page.evaluate("widget.model.get('moves')") == []
    assert field.input_value() == "-0.6" and not text(page, ".card .trouble")


def test_doing_the_update_again_and_again_lets_the_loss_fall(open_glass):
    page = open_glass()
    losses = []
    for _ in range(4):
        page.locator("button.update").click()
        losses.append(text(page, ".losses"))
    page.locator("button.ten").click()
    picture = GlassNetwork()
    picture.moves = [["go", 14]]
    assert text(page, ".losses") == f"Loss {short(picture.numbers().loss)} after 14 updates"
    assert len(set(losses)) == 4
    assert page.locator(".curve-line").get_attribute("d").count("L") == 14


def test_the_last_step_goes_round_with_the_new_weights(open_glass):
    page = open_glass(at="s8")
    page.locator("button.next").click()
    assert page.evaluate("widget.model.get('moves')") == [["go", 1]]
    assert "−0.6064" in text(page, ".button[data-name='w1.2.3']")
    assert text(page, ".heading") == "What we start with"


def test_a_learning_rate_that_is_too_large_is_called_so(open_glass):
    page = open_glass(at="s8~lr:10~x1:100~w2.1.2:100~go:3", query="&example=2-2-1")
    assert page.locator(".runaway").count() == 1  # no complaint, whatever the numbers became
    page = open_glass(at="s8~lr:10~w1.1.1:60~x1:90~x2:-80~y1:-100~w2.1.1:60~go:40")
    assert text(page, ".heading") == "Update: a little downhill"


def test_the_address_keeps_and_restores_everything(open_glass, address):
    page = open_glass()
    page.evaluate("history.replaceState(null, '', '#other=1')")
    thing(page, "n1.3").click()
    page.locator(".card input[type=number]").fill("0.25")
    page.locator("button.update").click()
    for _ in range(6):
        page.locator("button.next").click()
    eventually(page, "location.hash.includes('s6')")
    written = page.evaluate("location.hash")
    assert written == "#other=1&glass=s6~@n1.2~b1.3:0.25~go:1"
    seen = text(page, ".main")

    again = open_glass(at=written.split("glass=")[1])
    assert text(again, ".main") == seen
    again.evaluate("location.hash = '#glass=s2~x1:0.9'")
    answer = "widget.el.firstChild.shadowRoot.querySelector('.heading').textContent"
    eventually(again, f"{answer} === 'Forward: the answer'")
    assert "0.9" in text(again, ".button[data-name='x1']")


@pytest.mark.parametrize(
    "hostile", ["s99~@nowhere~w1.1.1:1e999", "<b>~%", "~" * 9000, "__proto__:1"]
)
def test_a_hostile_address_gives_the_picture_as_it_is(open_glass, hostile):
    page = open_glass(at=hostile)
    assert text(page, ".heading") == "What we start with"
    assert page.evaluate("widget.model.get('moves')") == []


@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_screen(open_glass, lang, width):
    page = open_glass(lang, viewport={"width": width, "height": 740})
    for step in range(9):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.evaluate(
            """() => [...widget.el.firstChild.shadowRoot.querySelectorAll(".body *")]
              .filter((e) => !e.closest("svg, .live") && e.scrollWidth > e.clientWidth + 1
                && getComputedStyle(e).display !== "inline").map((e) => e.className)"""
        )
        assert wide == [], (step, wide)
        page.locator("button.next").click()


def test_fingers_have_room_on_a_phone(open_glass):
    page = open_glass(at="s7~@n1.2", viewport=PHONE, has_touch=True, is_mobile=True)
    for target in page.locator("button:visible, input:visible, summary:visible").all():
        assert target.bounding_box()["height"] >= 40
    for name in ("x1", "n1.1", "n2.1", "L", "y1", *(f"w1.2.{i}" for i in range(1, 5)), "w2.1.2"):
        box = thing(page, name).bounding_box()
        assert box["width"] >= 40 and box["height"] >= 40, (name, box)
    for i in range(1, 5):
        thing(page, "n1.2").tap()
        thing(page, f"w1.2.{i}").tap()
        assert f"Input {i}" in text(page, ".title")


def test_the_picture_with_the_keyboard_alone(open_glass):
    page = open_glass(at="s7")
    page.locator("button.next").focus()
    page.keyboard.press("Tab")
    focused = "widget.el.firstChild.shadowRoot.activeElement.dataset.name"
    assert page.evaluate(focused) == "w1.2.3"  # what is chosen
    page.keyboard.press("Home")
    assert page.evaluate(focused) == "x1"
    seen = []
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        seen.append(page.evaluate(focused))
    assert seen == ["x2", "w1.2.2", "w1.2.3", "n1.2", "w2.1.2", "n2.1"]
    page.keyboard.press("End")
    assert page.evaluate(focused) == "L"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert "Output neuron" in text(page, ".title")
    # One stop of the tab order; the next one is the card.
    assert page.locator(".picture [tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("widget.el.firstChild.shadowRoot.activeElement.type") == "range"


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_a_screen_reader_hears_names_and_numbers(open_glass, lang):
    page = open_glass(lang, at="s8")
    strings = GlassNetwork().page_state(lang)["strings"][lang]
    for button in page.locator(".picture .button").all():
        label = button.get_attribute("aria-label")
        assert label and "{" not in label and "undefined" not in label
        assert any(c.isdigit() for c in label)
    assert thing(page, "L").get_attribute("aria-label").startswith(strings["thing.loss"])
    assert page.locator(".body").get_attribute("lang") == lang
    assert "{" not in text(page, ".body")
    page.locator("button.update").click()
    told = "widget.el.firstChild.shadowRoot.querySelector('[aria-live]').textContent"
    eventually(page, f"{told}.includes('0.0573')")


def test_dark_and_light_follow_the_page_then_jupyter_then_the_system(open_glass):
    page = open_glass(color_scheme="dark")
    paper = (
        "getComputedStyle(widget.el.firstChild.shadowRoot.querySelector('.body')).backgroundColor"
    )
    dark, light = page.evaluate(paper), "rgb(255, 255, 255)"
    assert dark != light
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    eventually(page, f"{paper} === '{light}'")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    eventually(page, f"{paper} === '{dark}'")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(open_glass, theme):
    """WCAG AA, 4.5 to 1, for every colour of text on every ground it stands on."""
    page = open_glass(at="s7", query=f"&theme={theme}")
    style = "getComputedStyle(widget.el.firstChild)"
    names = [
        "paper",
        "glass",
        "fresh",
        "ink",
        "soft",
        "pos",
        "neg",
        "accent",
        "on-accent",
        "pos-fill",
        "neg-fill",
    ]
    of = {n: page.evaluate(f"{style}.getPropertyValue('--{n}').trim()") for n in names}
    pairs = list(itertools.product(["ink", "soft", "pos", "neg"], ["paper", "glass", "fresh"]))
    pairs += [("accent", "paper"), ("on-accent", "accent")]
    pairs += itertools.product(["ink", "soft"], ["pos-fill", "neg-fill"])
    for front, back in pairs:
        assert contrast(of[front], of[back]) >= 4.5, (front, back, contrast(of[front], of[back]))


def test_nothing_moves_for_those_who_asked_for_that(open_glass):
    running = "widget.el.firstChild.shadowRoot.getAnimations().length"
    page = open_glass(reduced_motion="reduce")
    page.locator("button.next").click()
    assert page.evaluate(running) == 0
    page = open_glass()
    page.locator("button.next").click()
    assert page.evaluate(running) > 0


def test_the_sign_is_never_shown_by_colour_alone(open_glass):
    page = open_glass()
    for name, dashed in (("w1.1.1", False), ("w1.1.2", True)):
        line = page.locator(f".wire[data-name='{name}'] .line")
        assert (line.evaluate("e => getComputedStyle(e).strokeDasharray") != "none") == dashed


def test_it_is_an_anywidget_model_told_and_telling(open_glass):
    page = open_glass()
    page.evaluate("widget.model.set('step', 3)")
    assert text(page, ".heading") == "Loss: how wrong is it?"
    page.evaluate("widget.model.set('moves', [['go', 2]])")
    assert "after 2 updates" in text(page, ".losses")
    page.evaluate("widget.model.set('moves', 'nonsense')")
    assert "after 0 updates" in text(page, ".losses")
    page.evaluate("widget.model.set('lang', 'bn')")
    assert text(page, ".heading") == "লস: কতটা ভুল হলো?"
    page.locator("button.next").click()
    assert page.evaluate("widget.model.get('step')") == 4
    assert page.evaluate("widget.model.saved") > 0
    page.evaluate("widget.leave()")
    assert page.locator(".gobhir-glass").count() == 0
    assert page.evaluate("Object.values(widget.listeners).every((set) => set.size === 0)")


@pytest.mark.parametrize("example", ["1-1", "2-3-2", "3-4-4-1", "6-6-6-6"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_other_networks_can_be_walked_through(open_glass, example, viewport):
    page = open_glass(viewport=viewport, query=f"&example={example}")
    layers = example.count("-")
    for _ in range(3 * layers + 2):
        page.locator("button.next").click()
    assert page.locator(".picture .unknown").count() == 0
    # Only the picture itself may be scrolled, where so many neurons have no room.
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    picture = GlassNetwork(example)
    for name, value in (("n1.1", picture.numbers().deltas[0][0]), ("L", picture.numbers().loss)):
        assert short(value) in text(page, f".button[data-name='{name}']")


def test_it_is_small():
    module = bundled()
    assert len(gzip.compress(module)) < 20_000
    assert json.dumps(GlassNetwork().page_state("bn")).count("http") == 0
    for remote in (b"http://www.w3.org/2000/svg",):
        module = module.replace(remote, b"")
    assert b"http" not in module and b"eval(" not in module
