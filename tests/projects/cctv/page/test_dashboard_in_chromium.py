"""The dashboard in a real browser, on a phone's screen: no foreign requests, no broken policy, no
error in its console; by finger and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gobhir.lang import say
from gobhir.projects.cctv import config
from gobhir.projects.cctv.page.access import set_password
from gobhir.projects.cctv.page.serving import Door
from gobhir.projects.cctv.sentences import packed
from gobhir.projects.cctv.store import Store
from tests.projects.cctv.page.conftest import PASSWORD, Running

expect = pytest.importorskip("playwright.sync_api").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LISTEN = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
FOREIGN = re.compile(r"^(?!http://127\.0\.0\.1:|data:|blob:|about:)")


@pytest.fixture
def door(folder: Path, running: Running, cheap) -> Iterator[Door]:
    set_password(folder, PASSWORD)
    made = Door(folder, port=0)
    made.open(running)
    yield made
    made.close()


@pytest.fixture
def phone(browser: Browser, door: Door) -> Iterator[Page]:
    """Somebody who is logged in, on a screen 360 px wide that is touched."""
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, locale="en-GB", has_touch=True, color_scheme="dark"
    )
    context.add_init_script(LISTEN)
    wrong: list[str] = []
    context.on("request", lambda asked: FOREIGN.match(asked.url) and wrong.append(asked.url))
    page = context.new_page()
    page.set_default_timeout(8000)

    def heard(message: Any) -> None:
        # but for what is refused on purpose
        if message.type == "error" and "status of 422" not in message.text:
            wrong.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(door.url)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="gate")).to_be_visible()
    yield page
    context.close()
    assert wrong == []


def fits(page: Page) -> None:
    """Nothing is wider than the screen, and what is pressed is large enough for a finger."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        """[...document.querySelectorAll("button, select, input, summary, a.button")]
        .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 40)
        .map((e) => e.outerHTML)"""
    )
    assert small == []


def test_live_and_language(phone: Page) -> None:
    image = phone.locator(".camera img").first
    expect(image).to_have_attribute("alt", "What camera gate sees now")
    expect(phone.locator(".camera svg .person")).to_have_count(1)
    expect(phone.locator(".camera svg .zone")).to_have_count(1)
    drawn = phone.locator(".person").bounding_box()
    shown = image.bounding_box()
    assert drawn and shown
    assert (drawn["x"] - shown["x"]) / shown["width"] == pytest.approx(0.45, abs=0.02)
    assert (drawn["y"] - shown["y"]) / shown["height"] == pytest.approx(0.5, abs=0.02)
    fits(phone)
    phone.get_by_role("link", name="বাংলা").click()
    expect(phone.locator("html")).to_have_attribute("lang", "bn")
    expect(phone.get_by_text("চালু হচ্ছে").first).to_be_visible()
    fits(phone)
    phone.locator(".places").get_by_role("link").last.click()
    expect(phone.locator("h1")).to_have_text("গোপনীয়তা আর ন্যায্য ব্যবহার")
    fits(phone)


def test_the_page_of_a_dark_camera_says_why(phone: Page, folder: Path) -> None:
    trouble = packed(say("film.no_webcam", source="0", reason="busy"))
    store = Store(folder)
    store.beat("door", "0", {"trouble": trouble})
    store.close()
    phone.get_by_label("door").get_by_role("link", name="Zones and rules").click()
    expect(phone.locator("#trouble")).to_contain_text("There is no webcam 0")
    fits(phone)


def test_events_are_filtered_played_and_ticked_off(phone: Page) -> None:
    phone.get_by_role("link", name="Events", exact=True).first.click()
    expect(phone.locator(".event")).to_have_count(5)
    fits(phone)
    phone.get_by_label("Camera").select_option("door")
    expect(phone.locator(".event")).to_have_count(1)
    phone.reload()
    expect(phone.locator(".event")).to_have_count(1)
    phone.get_by_label("Camera").select_option("")
    phone.get_by_label("Day", exact=True).fill("2025-06-16")
    expect(phone.locator(".event")).to_have_count(2)
    first = phone.locator(".event").first
    expect(first.locator("h2")).to_have_text("person 2 has stayed 62 s in zone 'yard', limit 45 s")
    first.get_by_role("button", name="Mark as seen").click()
    expect(first.get_by_role("button", name="Mark as not seen")).to_be_visible()
    phone.get_by_label("Seen or not").select_option("0")
    expect(phone.locator(".event")).to_have_count(1)
    phone.get_by_role("button", name="Play the clip").first.click()
    video = phone.locator("video")
    expect(video).to_be_visible()
    expect(video).to_have_js_property("readyState", 4)
    assert video.evaluate("video => video.duration") == pytest.approx(2.0, abs=0.2)
    fits(phone)


def test_settings_are_changed_refused_and_saved(phone: Page, folder: Path) -> None:
    phone.get_by_role("link", name="Settings", exact=True).click()
    phone.wait_for_selector("html[data-ready]", state="attached")
    fits(phone)
    summary = phone.locator("summary", has_text="Keeping")
    summary.focus()
    phone.keyboard.press("Enter")
    days = phone.get_by_label("days")
    expect(days).to_have_value("14")
    days.fill("7")
    expect(phone.locator("#saved")).to_have_text("Not saved yet.")
    phone.locator("summary", has_text="Cameras").click()
    phone.get_by_role("button", name="Add a camera").click()
    name = phone.get_by_label("name", exact=True)
    expect(name).to_be_focused()
    name.fill("রান্না ঘর")
    phone.get_by_label("source").last.fill("1")
    fits(phone)
    # what the server refuses is said beside its field, and what was typed stays
    phone.get_by_role("button", name="Save").click()
    expect(phone.locator("#trouble")).to_contain_text("Nothing was saved")
    expect(phone.locator(".field .wrong:not(:empty)")).to_contain_text("'রান্না ঘর'")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("রান্নাঘর")
    phone.get_by_role("button", name="Save").click()
    expect(phone.locator("#saved")).to_have_text("Saved.")
    expect(days).to_have_value("7")  # still unfolded
    fits(phone)
    system = config.load(folder)
    assert system.keep.days == 7 and [c.name for c in system.cameras] == ["gate", "door", "রান্নাঘর"]
    assert "me:secret@" in system.cameras[0].source and "me:secret" not in phone.content()
    # the one that came is there at once, and so is a page of it
    phone.get_by_role("link", name="বাংলা").click()
    phone.get_by_role("link", name="লাইভ").click()
    phone.get_by_role("region", name="রান্নাঘর").get_by_role("link").first.click()
    expect(phone.locator("h1")).to_have_text("রান্নাঘর")
    fits(phone)


def test_a_zone_is_drawn_by_finger_and_keyboard_and_saved(
    phone: Page, folder: Path, running: Running
) -> None:
    phone.get_by_role("link", name="Zones and rules").first.click()
    phone.wait_for_selector("html[data-ready]", state="attached")
    phone.get_by_role("button", name="Add a zone").click()
    corner = phone.get_by_role("button", name=re.compile("^corner 1 of zone-1: 30 % .* 40 %"))
    expect(corner).to_be_focused()
    phone.keyboard.press("ArrowLeft")
    phone.keyboard.press("Shift+ArrowUp")
    moved = phone.get_by_role("button", name=re.compile("^corner 1 of zone-1: 29 % .* 35 %"))
    expect(moved).to_be_focused()
    # the third corner is dragged
    third = phone.locator("[data-corner='2'] .dot")
    third.scroll_into_view_if_needed()
    box, sheet = third.bounding_box(), phone.locator("#sheet").bounding_box()
    assert box and sheet
    phone.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    phone.mouse.down()
    phone.mouse.move(
        sheet["x"] + 0.9 * sheet["width"], sheet["y"] + 0.95 * sheet["height"], steps=4
    )
    phone.mouse.up()
    # a finger makes a corner more
    phone.locator(".middle .hit").first.tap()
    phone.locator("#marks input").nth(1).fill("grass")
    phone.get_by_role("button", name="Add a line").click()
    fits(phone)
    phone.get_by_label("New rule").select_option("crowding")
    phone.get_by_role("button", name="Add", exact=True).click()
    rule = phone.locator(".rule").last
    rule.locator("summary").click()
    rule.get_by_label("zone").select_option("grass")
    rule.get_by_label("count").fill("3")
    fits(phone)
    phone.get_by_role("button", name="Save").click()
    expect(phone.locator("#saved")).to_contain_text("Saved. ")
    gate = config.load(folder).cameras[0]
    assert [zone.name for zone in gate.zones] == ["yard", "grass"]
    points = gate.zones[1].points
    assert len(points) == 5 and points[0] == (0.29, 0.35)
    assert points[3] == pytest.approx((0.9, 0.95), abs=0.02)
    assert gate.lines[0].name == "line-1"
    assert (gate.rules[1].kind, gate.rules[1].zone, gate.rules[1].count) == ("crowding", "grass", 3)
    assert running.changes[-1].cameras[0].zones == gate.zones
    # what the server refuses is said, and what was drawn stays
    rule = phone.locator(".rule").last
    rule.get_by_label("count").fill("1")
    phone.get_by_role("button", name="Save").click()
    expect(phone.locator("#trouble")).to_contain_text("count")
    expect(phone.locator("#marks li")).to_have_count(3)
    phone.on("dialog", lambda dialog: dialog.accept())
