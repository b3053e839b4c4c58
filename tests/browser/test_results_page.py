"""A project's page of results in a real browser: opened from disk, with no network at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gobhir.lang import LANGUAGES
from tests.projects.test_results import of_classes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
HOW = [(lang, *how) for lang in LANGUAGES for how in ((360, "light"), (1280, "dark"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_classes().save(tmp_path_factory.mktemp("results")).parent


@pytest.fixture(params=HOW, ids=lambda how: "-".join(map(str, how)))
def opened(browser: Browser, folder: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page; whatever it asks the network for, or complains of, fails."""
    lang, width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 780}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / f"results.{lang}.html").as_uri())
    page.evaluate("document.fonts.ready")
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_nothing_sticks_out_and_all_is_coloured(opened: Page) -> None:
    wide = opened.viewport_size["width"]
    assert opened.evaluate("document.documentElement.scrollWidth") == wide
    outside = """Array.from(document.querySelectorAll("svg text, svg circle, img, figcaption"))
        .filter((e) => { const b = e.getBoundingClientRect();
                         return b.left < 0 || b.right > innerWidth; }).length"""
    assert opened.locator("svg.figure").count() >= 3
    assert opened.evaluate(outside) == 0
    paint = """(what) => getComputedStyle(document.querySelector(what[0]))[what[1]]"""
    assert opened.evaluate(paint, ["[data-hit]", "backgroundColor"]) != "rgba(0, 0, 0, 0)"
    paper = opened.evaluate(paint, ["html", "backgroundColor"])
    assert opened.evaluate(paint, [".line.c0", "stroke"]) not in ("none", paper)
    assert opened.evaluate(paint, [".results tbody th", "backgroundColor"]) == paper
