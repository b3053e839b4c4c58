"""The page to try a model, in a real browser: drawn with the mouse, typed, uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from gobhir.deploy.serve.app import Service
from gobhir.deploy.serve.model import Served
from tests.browser.conftest import FOREIGN, LISTEN
from tests.deploy.live import running
from tests.deploy.serve_models import KINDS
from tests.deploy.test_serve import png

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

pytestmark = pytest.mark.browser


@pytest.fixture(params=[(360, "bn"), (1280, "en")], ids=["360-bn", "1280-en"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; what it asks of others, its complaints and what sticks out of the screen fail."""
    width, lang = request.param
    context = browser.new_context(viewport={"width": width, "height": 780}, locale=lang)
    context.add_init_script(LISTEN)
    complaints: list[str] = []

    def asked(request: Request) -> None:
        if FOREIGN.match(request.url):
            complaints.append(request.url)

    context.on("request", asked)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    context.close()
    assert complaints == [] and wide[0] <= wide[1]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    from contextlib import ExitStack

    folder = tmp_path_factory.mktemp("models")
    with ExitStack() as stack:
        services = {kind: Service(Served(make(folder))) for kind, make in KINDS.items()}
        yield {kind: stack.enter_context(running(one)) for kind, one in services.items()}


def opened(page: Page, port: int, path: str = "/") -> None:
    page.goto(f"http://127.0.0.1:{port}{path}")
    page.evaluate("document.fonts.ready")


def test_draw_and_clear(page: Page, ports: dict[str, int]) -> None:
    opened(page, ports["drawing"])
    waiting = page.locator("#answer").inner_text()
    box = page.locator("#paper").bounding_box()
    assert box is not None and box["width"] > 200
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 180, steps=6)
    page.mouse.up()
    expect(page.locator(".bars li")).to_have_count(5)
    digit = page.locator(".bars li").first.inner_text()[0]
    assert digit in ("০১২৩৪৫৬৭৮৯" if page.locator("html[lang=bn]").count() else "0123456789")
    expect(page.locator("#layers canvas")).to_have_count(2)
    page.locator("#clear").click()
    assert page.locator("#clear").inner_text() in ("Clear", "মুছে ফেলো")
    expect(page.locator("#answer")).to_have_text(waiting)
    page.locator("#file").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": png()}
    )
    expect(page.locator(".bars li")).to_have_count(5)


def test_every_other_kind(page: Page, ports: dict[str, int]) -> None:
    opened(page, ports["text"])
    page.locator("#text").fill("good ভালো")
    page.locator("button.main").click()
    expect(page.locator(".bars li").first).to_contain_text("good" if _english(page) else "ভালো")

    opened(page, ports["numbers"])
    page.locator("input[name=area]").fill("২০০")
    page.locator("input[name=rooms]").fill("four")
    page.locator("button.main").click()
    expect(page.locator("#answer .wrong")).to_contain_text("rooms")
    page.locator("input[name=rooms]").fill("4")
    page.locator("button.main").click()
    expect(page.locator("#answer td")).to_have_text("4")

    opened(page, ports["picture"])
    page.locator("#file").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}
    )
    expect(page.locator("#answer .wrong")).to_contain_text("WebP")
    page.locator("#file").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": png()}
    )
    expect(page.locator(".bars li")).to_have_count(2)

    opened(page, ports["unknown"])
    page.locator("#zeros").click()
    page.locator("button.main").click()
    expect(page.locator("#answer pre")).to_have_text("0, 0, 0")


def _english(page: Page) -> bool:
    return page.locator("html[lang=en]").count() == 1


def test_the_page_of_the_api(page: Page, ports: dict[str, int]) -> None:
    opened(page, ports["drawing"], "/docs")
    expect(page.locator("section.card")).to_have_count(3)
    page.locator("summary").first.click()
    expect(page.locator("pre").first).to_contain_text("curl")
