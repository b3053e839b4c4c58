"""The static site in a real browser, opened from a disk without any network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from gobhir.course import lessons
from gobhir.lang import LANGUAGES, t
from gobhir.studio.site import MARK, write_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SLUG = next(day.slug for day in lessons() if day.number == 9)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "course"
    assert write_site(folder) == len(list(folder.glob("*/**/*.html")))
    return folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone without a network; whatever a page complains of fails."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, offline=True)
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    yield page
    context.close()
    assert not complaints


def test_every_link_leads_to_a_file(site: Path) -> None:
    for file in site.rglob("*.html"):
        if file.name.endswith(".slides.html"):  # one document, with all it needs inside
            continue
        for address in re.findall(r'(?<=\s)(?:href|src)="([^"#?]+)', file.read_text("utf-8")):
            if not re.match("data:|https?:", address):
                assert (file.parent / unquote(address)).is_file(), f"{file}: {address}"


@pytest.mark.slow
def test_a_quiz_is_graded_and_remembered_and_a_picture_moves(site: Path, page: Page) -> None:
    page.goto((site / "bn" / "lesson" / f"{SLUG}.html").as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    item = page.locator(".quiz-item[data-type=choice]").first
    for option in item.locator("input").all():
        option.check()
        item.locator(".quiz-check").click()
        page.wait_for_function(
            "e => e.textContent", arg=item.locator(".quiz-explanation").element_handle()
        )
        if "solved" in (item.get_attribute("class") or ""):
            break
    assert t("studio.quiz.right", "bn") in item.locator(".quiz-explanation").inner_text()
    page.locator(".widget").first.scroll_into_view_if_needed()
    page.wait_for_selector(".widget.alive")
    page.locator("#notes-text").fill("দায় × যা এসেছিল")
    page.wait_for_selector("#notes-status.saved")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "solved" in (
        page.locator(".quiz-item[data-type=choice]").first.get_attribute("class") or ""
    )
    page.wait_for_function("document.getElementById('notes-text').value.startsWith('দায়')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto((site / "bn" / "index.html").as_uri())
    page.wait_for_function("/[১-৯]/.test(document.querySelector('#day-9 .day-state').textContent)")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_search_finds_in_both_scripts(site: Path, page: Page, lang: str) -> None:
    page.goto((site / lang / "glossary.html").as_uri())
    page.locator("form.search input").fill("gredient")
    page.locator("form.search button").click()
    first = page.locator("#found a").first
    assert first.get_attribute("href") == "glossary.html#gradient"
    page.locator("form.search input").fill("চেইন রুলের")
    page.wait_for_function("document.querySelector('#found a')?.hash === '#chain-rule'")


def test_a_site_is_written_again_but_never_over_something_else(site: Path, tmp_path: Path) -> None:
    assert (site / MARK).exists()
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError) as refused:
        write_site(tmp_path)
    assert str(tmp_path) in refused.value.args[0].text("bn")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
