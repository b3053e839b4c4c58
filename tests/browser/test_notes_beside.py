"""Notes beside the lesson: "saved" means saved, and nothing that was typed is ever lost."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from gobhir.lang import catalogue, t
from tests.browser.conftest import Visit, Visiting, ready
from tests.studio.conftest import Start

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


def field(page: Page) -> Locator:
    box = page.locator("#notes-text")
    expect(box).to_be_editable()
    return box


def says(page: Page, key: str, lang: str = "en") -> None:
    beginning = catalogue(lang)[key].split("{")[0].strip()
    expect(page.locator("#notes-status")).to_contain_text(beginning)


def test_a_saved_note_survives_a_killed_server(
    visiting: Visiting, start: Start, learners_folder: Path, slug: str
) -> None:
    with socket.socket() as probe:  # a port of its own: it must be free again after the kill
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    studio = start(learners_folder, f"port={port}")
    visit = visiting(studio)
    visit.server_may_be_silent = True  # between its death and its return
    page = visit.lesson("bn")
    field(page).fill("দায় × যা এসেছিল")
    says(page, "studio.notes.saved", "bn")
    assert (learners_folder / "notes" / f"{slug}.md").read_text("utf-8") == "দায় × যা এসেছিল"

    studio.kill()
    field(page).press_sequentially(" …আরও")
    says(page, "studio.notes.kept", "bn")
    field(page).press_sequentially("!")

    visit.studio = start(learners_folder, f"port={port}")
    page = visit.lesson("bn")  # the printed address again: a new token
    expect(field(page)).to_have_value("দায় × যা এসেছিল …আরও!")
    says(page, "studio.notes.saved", "bn")
    text = (learners_folder / "notes" / f"{slug}.md").read_text("utf-8")
    assert text == "দায় × যা এসেছিল …আরও!"


def test_notes_stay_across_a_reload_at_once_after_typing(visit: Visit) -> None:
    page = visit.lesson()
    field(page).fill("typed and gone")
    page.reload()
    ready(page)
    expect(field(page)).to_have_value("typed and gone")
    says(page, "studio.notes.saved")


def test_a_refusal_keeps_the_text_and_says_why(visit: Visit) -> None:
    visit.server_may_be_silent = True
    page = visit.lesson()
    field(page)
    reason = {"bn": "ডিস্ক ভরে গেছে।", "en": "The disk is full."}
    page.route(
        "**/gobhir/api/notes/**",
        lambda route: (
            route.fulfill(status=507, json={"message": reason})
            if route.request.method == "PUT"
            else route.continue_()
        ),
    )
    field(page).fill("no room for this")
    says(page, "studio.notes.kept")
    expect(page.locator("#notes-status")).to_contain_text("The disk is full.")
    page.unroute("**/gobhir/api/notes/**")
    says(page, "studio.notes.saved")  # by itself, once there is room
    expect(field(page)).to_have_value("no room for this")


def test_two_tabs_never_overwrite_each_other(visit: Visit) -> None:
    visit.server_may_be_silent = True  # 409 stands in the console
    first, second = visit.lesson(), visit.lesson()
    field(first), field(second)
    field(first).fill("from the first tab")
    says(first, "studio.notes.saved")
    field(second).fill("from the second tab")
    box = second.locator("#notes-conflict")
    expect(box.locator("pre")).to_have_text(["from the second tab", "from the first tab"])
    box.get_by_role("button", name=t("studio.notes.keep_both", "en")).click()
    says(second, "studio.notes.saved")
    expect(field(second)).to_have_value("from the first tab\n\nfrom the second tab")


def test_the_prompt_in_the_lesson_writes_into_the_notes(visit: Visit) -> None:
    page = visit.lesson()
    field(page).fill("before")
    block = page.locator(".block-notes")
    block.get_by_role("textbox").fill("blame × what came along")
    block.get_by_role("button").click()
    says(page, "studio.notes.saved")
    note = field(page).input_value()
    assert note.startswith("before\n\n## ") and note.endswith("blame × what came along\n")


def test_markdown_in_notes_stays_text(visit: Visit) -> None:
    page = visit.lesson()
    field(page).fill("<img src=x onerror=alert(1)>")
    says(page, "studio.notes.saved")
    page.reload()
    ready(page)
    expect(field(page)).to_have_value("<img src=x onerror=alert(1)>")
    assert page.locator("img[src=x]").count() == 0
