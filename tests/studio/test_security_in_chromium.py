"""The rows of the security table that only a real browser can show."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.studio.conftest import Running

expect = pytest.importorskip("playwright.sync_api").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


@pytest.fixture
def page(browser: Browser, studio: Running) -> Iterator[Page]:
    """A page of a browser that has opened the printed address."""
    context = browser.new_context(locale="en-GB")
    context.add_init_script(LISTEN)
    opened = context.new_page()
    opened.goto(studio.address)
    yield opened
    context.close()


def ready(page: Page, studio: Running, path: str) -> None:
    """Open a page and wait until everything that loads by itself is in place."""
    page.goto(f"http://{studio.host}{path}")
    if "/lesson/" in path:
        page.wait_for_selector("html[data-ready]", timeout=60_000)


@pytest.mark.parametrize("lang", ("bn", "en"))
def test_our_pages_obey_their_policy_and_ask_nobody_else(
    page: Page, studio: Running, slug: str, lang: str
) -> None:
    foreign: list[str] = []
    failed: list[str] = []
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((f"http://{studio.host}/", "data:", "blob:"))
            else foreign.append(r.url)
        ),
    )
    page.on("response", lambda r: failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    for path in (f"/gobhir/?lang={lang}", f"/gobhir/lesson/{slug}?lang={lang}"):
        ready(page, studio, path)
        assert page.evaluate("violations") == [], path
    assert failed == [] and foreign == []
    ready(page, studio, "/gobhir/nothing")
    assert page.evaluate("violations") == []
    page.context.clear_cookies()
    ready(page, studio, f"/gobhir/?lang={lang}")
    assert "/login" in page.url
    assert page.evaluate("violations") == []
    assert foreign == []


def test_the_login_page_lets_in_who_knows_the_token(page: Page, studio: Running) -> None:
    page.context.clear_cookies()
    page.goto(f"http://{studio.host}/gobhir/")
    page.fill("#password", "wrong")
    page.click("button")
    assert "/login" in page.url and page.locator(".notice").count() == 2
    page.fill("#password", studio.token)
    page.click("button")
    page.wait_for_selector("main.home-body")
    assert page.url == f"http://{studio.host}/gobhir/"


def test_a_note_with_html_is_shown_as_text(page: Page, studio: Running, slug: str) -> None:
    text = '<img src=x onerror="window.taken = 1"><script>window.taken = 1</script>\n</textarea>'
    address = f"/gobhir/api/notes/{slug}"
    version = studio.get(address).json["version"]
    assert studio.put(address, {"text": text, "version": version}).status == 200
    ready(page, studio, f"/gobhir/lesson/{slug}")
    expect(page.locator("#notes-text")).to_have_value(text)
    assert page.evaluate("window.taken") is None
    assert page.locator('img[src="x"]').count() == 0


OUTPUT = """
<p id="told"></p>
<script>
  const told = [];
  const attempt = (name, work) => {
    try { work(); told.push(name + " worked"); } catch (error) { told.push(name + " refused"); }
  };
  attempt("page", () => { parent.document.title = "taken"; });
  attempt("cookie", () => document.cookie);
  attempt("storage", () => localStorage.getItem("gobhir"));
  attempt("top", () => { top.location.href = "about:blank"; });
  fetch("/gobhir/api/settings").then(() => "worked", () => "refused").then((how) => {
    told.push("network " + how);
    document.getElementById("told").textContent = told.join(", ");
  });
</script>
<img src="x" onerror="document.title = 'inner'">
<form action="/gobhir/api/settings" method="post"><button id="send">send</button></form>
<iframe src="/gobhir/"></iframe>
"""


def test_an_html_output_with_script_runs_in_a_frame_of_its_own(
    page: Page, studio: Running, slug: str
) -> None:
    """As if a cell had printed it: the stored output is put into the lesson on its way."""
    template = f'<template class="sandboxed">{html.escape(OUTPUT)}</template>'
    posted: list[str] = []

    def with_output(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", template + "</main>"))

    page.route("**/gobhir/lesson/**", with_output)
    page.on("request", lambda r: posted.append(r.url) if r.method == "POST" else None)
    ready(page, studio, f"/gobhir/lesson/{slug}")
    title = page.title()
    frame = page.frame_locator("iframe.output-frame").last
    frame.locator("#told:not(:empty)").wait_for()
    told = frame.locator("#told").text_content()
    assert told == "page refused, cookie refused, storage refused, top refused, network refused"
    frame.locator("#send").click()
    page.wait_for_timeout(300)
    assert posted == []
    assert page.title() == title and page.url.endswith(f"/gobhir/lesson/{slug}")
    assert page.evaluate("violations") == []


def test_nobody_else_may_frame_the_studio(page: Page, studio: Running) -> None:
    """A page of another origin (here: one with an opaque origin) that puts ours into a frame."""
    outer = page.context.new_page()
    outer.goto("about:blank")
    outer.set_content(f'<iframe src="http://{studio.host}/gobhir/"></iframe>')
    outer.wait_for_timeout(500)
    inner = outer.frames[-1]
    assert inner.locator("main").count() == 0
    outer.close()
