"""Take the README's pictures anew: `make pictures`. Needs Chromium and the `test` extra.

Pages are looked at as they are: a studio on a fresh learner's folder, and the derivation's file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import gobhir

HERE = Path(__file__).parent / "pictures"
LESSON = "gobhir/lesson/day09-backpropagation"


def derivations(browser: Browser, folder: Path) -> None:
    """The middle of the derivation, where the blame goes back."""
    page = browser.new_page(viewport={"width": 860, "height": 900})
    for lang in ("bn", "en"):
        file = folder / f"{lang}.html"
        gobhir.explain("4-4-1").save(file, lang)
        page.goto(file.as_uri())
        page.locator(".katex").first.wait_for()
        page.locator("h2").nth(3).evaluate("h => scrollTo(0, h.offsetTop - 24)")
        page.screenshot(path=HERE / f"derivation.{lang}.png")


def studio(browser: Browser, address: str) -> None:
    """The lesson at its moving picture, wide and on a phone."""
    base, token = re.fullmatch(r"(.*/)\?(token=\w+)", address).groups()  # type: ignore[union-attr]
    for lang, width, height in (("bn", 1180, 820), ("en", 360, 760)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"{base}{LESSON}?lang={lang}&{token}")
        page.locator("html[data-ready]").wait_for()
        glass = page.locator(".widget").first
        glass.scroll_into_view_if_needed()
        forward = glass.get_by_role("button").filter(has_text=re.compile("→")).first
        for _ in range(5):
            forward.click()
        glass.evaluate("w => scrollTo(0, w.getBoundingClientRect().top + scrollY - 80)")
        page.wait_for_timeout(700)
        page.screenshot(path=HERE / f"studio.{lang}.png")
        page.close()


def playground(browser: Browser, address: str) -> None:
    """Ten steps into a training: wide, and on a phone where a number has been asked about."""
    base, token = re.fullmatch(r"(.*/)\?(token=\w+)", address).groups()  # type: ignore[union-attr]
    for lang, width, height in (("bn", 1180, 820), ("en", 360, 760)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"{base}gobhir/playground?lang={lang}&{token}")
        number = page.locator("#derivation .chain [data-why='0.weight[1, 2]']").first
        number.wait_for()
        if width < 600:
            number.scroll_into_view_if_needed()
            number.click(force=True)
            page.locator("#derivation .asked").wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / f"playground.{lang}.png")
        page.close()


def main() -> None:
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        surroundings = os.environ | {"GOBHIR_HOME": folder, "GOBHIR_LANG": "en"}
        command = [sys.executable, "-m", "gobhir", "studio", "--no-browser"]
        server = subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = next(m[0] for line in server.stdout if (m := re.search(r"http\S+", line)))
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            derivations(browser, Path(folder))
            studio(browser, address)
            playground(browser, address)
            browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
