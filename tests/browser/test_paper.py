"""The page on paper: printed by a real Chromium, A4, with nothing cut off."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gobhir.derivation.html import paper
from gobhir.lang import LANGUAGES
from tests import chromium
from tests.derivation.pages import small
from tests.derivation.test_tex import hard

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def needs_chromium() -> None:
    if chromium.find() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_pdf_is_a4_with_fonts_title_and_tags(tmp_path: Path, lang: str) -> None:
    small().save(tmp_path / "p.pdf", lang)
    pdf = (tmp_path / "p.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    pages = re.findall(rb"/Type\s*/Page\b", pdf)
    sizes = set(re.findall(rb"/MediaBox\s*\[0 0 (\d+)[.\d]* (\d+)", pdf))
    assert 1 < len(pages) < 6
    assert sizes in ({(b"594", b"841")}, {(b"595", b"841")}, {(b"595", b"842")})
    assert b"KaTeX" in pdf
    assert (b"NotoSansBengali" in pdf) == (lang == "bn")
    assert f"/Lang ({lang})".encode() in pdf
    assert os.listdir(tmp_path) == ["p.pdf"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_wider_than_the_paper(browser: Browser, tmp_path: Path, lang: str) -> None:
    """Matrices that are too wide are made smaller, folds are open."""
    (tmp_path / "p.html").write_text(paper(hard(), lang), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto((tmp_path / "p.html").as_uri())
    page.evaluate("document.fonts.ready")
    widths = page.evaluate(
        """() => {
            const body = document.body.getBoundingClientRect();
            const shown = document.querySelectorAll(".katex-html, p, th, td, summary, h1");
            const ends = [...shown].map((e) => e.getBoundingClientRect().right);
            return [body.width, Math.max(...ends) - body.right];
        }"""
    )
    assert widths[0] == pytest.approx(178 / 25.4 * 96, abs=0.5)
    assert widths[1] < 3
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert page.evaluate("document.querySelectorAll('details').length") == 4
    small_ones = page.evaluate(
        "[...document.querySelectorAll('.equals')].filter((e) => e.style.zoom).length"
    )
    assert small_ones == 1
    page.close()


def test_printing_by_hand_opens_folds_and_closes_them_again(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "p.html").write_text(hard().to_html("en"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto((tmp_path / "p.html").as_uri())
    page.evaluate("document.fonts.ready")
    count = """(what) => {
        dispatchEvent(new Event(what));
        return [
            document.querySelectorAll("details[open]").length,
            [...document.querySelectorAll(".equals")].filter((e) => e.style.zoom).length,
        ];
    }"""
    assert page.evaluate(count, "nothing") == [0, 0]
    assert page.evaluate(count, "beforeprint") == [4, 1]
    assert page.evaluate(count, "afterprint") == [0, 0]
    page.close()
