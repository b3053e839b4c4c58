"""The saved HTML page in a real browser: opened from disk, with no network at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gobhir
from gobhir.derivation.step import Derivation
from gobhir.examples import network
from gobhir.lang import LANGUAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGES = ["4-4-1", "3-4-3", "12-10-3"]
WIDTHS = [360, 1280]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page of each kind in both languages: by hand, a batch, exact and folded."""
    out = tmp_path_factory.mktemp("pages")
    for sizes in PAGES:
        if sizes == "3-4-3":
            e = network(sizes, "leaky_relu", "cross_entropy", "adam", batch=3)
        else:
            e = network(sizes, "tanh" if sizes == "12-10-3" else None, seed=1)
        d = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
        for lang in LANGUAGES:
            d.save(out / f"{sizes}.{lang}.html", lang)
    return out


@pytest.fixture
def opened(browser: Browser, folder: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page, wide or narrow; whatever it asks the network for, or complains of, fails."""
    name, width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 780}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / name).as_uri())
    page.evaluate("document.fonts.ready")
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


EVERYWHERE = [
    (f"{sizes}.{lang}.html", width, "light" if width == 360 else "dark")
    for sizes in PAGES
    for lang in LANGUAGES
    for width in WIDTHS
]


@pytest.mark.parametrize("opened", EVERYWHERE, indirect=True, ids=lambda p: f"{p[0]}-{p[1]}")
def test_every_formula_is_typeset_and_the_page_does_not_scroll_sideways(opened: Page) -> None:
    counts = opened.evaluate(
        """() => [
            document.querySelectorAll(".math").length,
            document.querySelectorAll(".math > .katex").length,
            document.querySelectorAll(".katex-error").length,
        ]"""
    )
    assert counts[0] > 50 and counts[1] == counts[0] and counts[2] == 0
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("opened", EVERYWHERE, indirect=True, ids=lambda p: f"{p[0]}-{p[1]}")
def test_what_is_too_wide_scrolls_in_its_own_box_and_can_be_reached(opened: Page) -> None:
    """Every box that holds more than it shows can be scrolled and takes the keyboard's focus."""
    boxes = opened.evaluate(
        """() => [...document.querySelectorAll(".chain, .table")]
            .filter((box) => box.scrollWidth > box.clientWidth + 1)
            .map((box) => {
                box.scrollLeft = 9999;
                return [box.scrollLeft > 0, box.tabIndex, getComputedStyle(box).backgroundImage];
            })"""
    )
    for scrolled, tab, shadow in boxes:
        assert scrolled and tab == 0 and "gradient" in shadow
    outside = opened.evaluate(
        """() => [...document.querySelectorAll("p, h1, h2")]
            .filter((p) => p.getBoundingClientRect().right > innerWidth).length"""
    )
    assert outside == 0


@pytest.mark.parametrize("opened", [("4-4-1.en.html", 360, "light")], indirect=True)
def test_a_phone_breaks_chains_at_equals_signs(opened: Page) -> None:
    """On a phone only matrices and tables are wider than the screen, no chain of numbers."""
    wide = opened.evaluate(
        """() => [...document.querySelectorAll(".chain")]
            .filter((box) => box.scrollWidth > box.clientWidth + 1)
            .filter((box) => !box.querySelector(".mtable")).length"""
    )
    assert wide == 0


@pytest.mark.parametrize("opened", [("4-4-1.bn.html", 1280, "light")], indirect=True)
def test_bangla_has_its_font_and_formulas_keep_theirs(opened: Page) -> None:
    fonts = opened.evaluate(
        """() => [
            getComputedStyle(document.querySelector("p")).fontFamily,
            getComputedStyle(document.querySelector(".katex .mord")).fontFamily,
            [...document.fonts].filter((f) => f.status === "error").length,
            document.fonts.check('16px "Noto Sans Bengali"', "ক"),
        ]"""
    )
    assert "Noto Sans Bengali" in fonts[0]
    assert "KaTeX" in fonts[1] and "Noto" not in fonts[1]
    assert fonts[2] == 0 and fonts[3]
    assert opened.evaluate("document.documentElement.lang") == "bn"


@pytest.mark.parametrize("opened", [("4-4-1.en.html", 1280, "light")], indirect=True)
def test_dark_light_and_print(opened: Page) -> None:
    def paper() -> str:
        return opened.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    light = paper()
    opened.emulate_media(color_scheme="dark")
    assert paper() != light
    opened.emulate_media(media="print", color_scheme="dark")
    assert paper() == "rgb(255, 255, 255)"
    assert opened.evaluate(
        "getComputedStyle(document.querySelector('.chain')).overflowX === 'visible'"
    )


def test_a_long_page_typesets_what_comes_near(browser: Browser, tmp_path: Path) -> None:
    e = network("4-4-1")
    d = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    long = Derivation(d.title, d.intro, d.sections * 14, d.mode)
    long.save(tmp_path / "long.html", "en")
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.goto((tmp_path / "long.html").as_uri())
    count = "document.querySelectorAll('.math > .katex').length"
    raw = """[...document.querySelectorAll(".math:not(:has(.katex))")].filter((m) => {
        const box = m.getBoundingClientRect();
        return box.bottom > 0 && box.top < innerHeight;
    }).length"""
    all_there_are = page.evaluate("document.querySelectorAll('.math').length")
    assert all_there_are > 1500
    before = 0
    for height in (0, 5000, 50_000):
        page.evaluate(f"scrollTo(0, {height})")
        quiet = 0  # what is typeset changes its height, and brings other formulas on the screen
        for _ in range(1200):  # a minute at most: the machine may be busy
            page.wait_for_timeout(50)
            quiet = quiet + 1 if page.evaluate(raw) == 0 and page.evaluate(count) > before else 0
            if quiet == 10:
                break
        assert quiet == 10
        assert before < page.evaluate(count) < all_there_are
        before = page.evaluate(count)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(count) == all_there_are
    page.close()
