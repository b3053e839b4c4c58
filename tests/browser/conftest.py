"""A learner's browser: pages of a real studio, with the network cable out.

Whatever a page asks of anybody but the studio fails the test, and so do errors in its console and
violations of its policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.studio.conftest import Running, lesson, slug, start, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request

__all__ = ["lesson", "slug", "start", "studio"]

LISTEN = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
PATIENCE = 40_000  # milliseconds; a wait ends when what it waits for is there
expect.set_options(timeout=PATIENCE)
FOREIGN = re.compile(r"^(?!http://127\.0\.0\.1:|data:|blob:|about:)")
SILENT_SERVER = re.compile(r"Failed to load resource|WebSocket connection")


@dataclass
class Visit:
    """One learner at one studio: their browser's storage, and what went wrong in it."""

    context: BrowserContext
    studio: Running
    slug: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    server_may_be_silent: bool = False

    @property
    def door(self) -> str:
        """The printed address."""
        return f"http://{self.studio.host}/gobhir/?token={self.studio.token}"

    def enter(self) -> Page:
        """A new tab that has opened the printed address."""
        page = self._page()
        page.goto(self.door)
        return page

    def tab(self) -> Page:
        """A new, empty tab of a browser that the studio knows: home was not drawn for it."""
        if not self.context.cookies():
            self.context.request.get(self.door)
        return self._page()

    def _page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def lesson(self, lang: str = "en", anchor: str = "", page: Page | None = None) -> Page:
        """The lesson, with everything in place that loads by itself."""
        page = page or self.tab()
        place = f"#{anchor}" if anchor else ""
        page.goto(f"http://{self.studio.host}/gobhir/lesson/{self.slug}?lang={lang}{place}")
        ready(page)
        return page

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def asked(self, request: Request) -> None:
        if FOREIGN.match(request.url):
            self.foreign.append(request.url)

    def verdict(self) -> None:
        errors = self.errors
        if self.server_may_be_silent:
            errors = [error for error in errors if not SILENT_SERVER.search(error)]
        assert errors == [] and self.foreign == []


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-ready]", state="attached")


def cell(page: Page, name: str) -> Locator:
    return page.locator(f'.cell[data-cell="{name}"]')


def write(page: Page, box: Locator, code: str) -> None:
    """Click into a piece of code and write another in its place."""
    box.locator(".cell-source, .exercise-stub, .cm-content").first.click()
    box.locator(".cm-content").press("ControlOrMeta+a")
    page.keyboard.insert_text(code)


Visiting = Callable[..., Visit]


@pytest.fixture
def visiting(browser: Browser, slug: str) -> Iterator[Visiting]:
    """Opens browsers of their own at a studio; each is judged at the end of the test."""
    visits: list[Visit] = []

    def begin(studio: Running, width: int = 1280, **how: Any) -> Visit:
        size = {"width": width, "height": 780}
        context = browser.new_context(viewport=size, locale="en-GB", **how)
        context.add_init_script(LISTEN)
        visit = Visit(context, studio, slug)
        context.on("request", visit.asked)
        visits.append(visit)
        return visit

    yield begin
    for visit in visits:
        visit.context.close()
    for visit in visits:
        visit.verdict()


@pytest.fixture
def visit(visiting: Visiting, studio: Running) -> Visit:
    """A learner with a laptop at the module's studio."""
    return visiting(studio)
