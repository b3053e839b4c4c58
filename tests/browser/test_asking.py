"""Numbers that are asked by a click: in a saved page without a network, and in a notebook's page
with Python at the other end. By mouse and by keyboard, wide and narrow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

import gobhir
from gobhir.lang import LANGUAGES, t
from gobhir.widgets import Page as Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SIZES = [(360, "dark"), (1280, "light")]


@pytest.fixture(scope="module")
def house() -> Any:
    return gobhir.explain("4-4-1")


@pytest.fixture(scope="module")
def large() -> Any:
    """A folded page, of a model of PyTorch's with a unit that is dead."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    with torch.no_grad():
        model[0].bias[3] = -40.0
    return gobhir.explain(
        model, torch.randn(3, 6), torch.randn(3, 2), nn.MSELoss(), folded=True, reference="torch"
    )


class Opened:
    """A saved page, opened from disk; whatever it complains of, or asks the network for, fails."""

    def __init__(self, browser: Browser, path: Path, width: int, scheme: Any):
        size = {"width": width, "height": 780}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, offline=True)
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.goto(path.as_uri())
        self.page.evaluate("document.fonts.ready")


@pytest.fixture(params=[(lang, *size) for lang in LANGUAGES for size in SIZES], ids=str)
def saved(
    browser: Browser, house: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Page, str]]:
    lang, width, scheme = request.param
    house.save(tmp_path / "page.html", lang)
    opened = Opened(browser, tmp_path / "page.html", width, scheme)
    yield opened.page, lang
    opened.context.close()
    assert opened.wrong == []


def question(page: Page) -> str:
    return page.locator(".asked .question").inner_text()


UNDER_OTHERS = """() => [...document.querySelectorAll("[data-why]")].filter((part) => {
  part.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const { x, y, width, height } = part.getBoundingClientRect();
  const hit = document.elementFromPoint(x + width / 2, y + height / 2);
  return width && hit?.closest("[data-why]") !== part;
}).map((part) => part.dataset.why)"""


def test_no_number_lies_under_something_else(saved: tuple[Page, str]) -> None:
    """KaTeX's boxes overlap: the last row of a matrix, the label under a brace."""
    page, _ = saved
    page.wait_for_function("!document.querySelector('.math:not(:has(.katex))')")
    assert page.locator("[data-why]").count() > 200
    assert page.evaluate(UNDER_OTHERS) == []


def test_clicks_lead_down_and_back(saved: tuple[Page, str]) -> None:
    """From a neuron in a table to its line, to a weight in that line, to what the optimizer did
    with it; back again; closed."""
    page, lang = saved
    page.locator(".table [data-why='0[1]']").first.click()
    panel = page.locator(".asked")
    assert question(page) == "0[1]" and "0.33" in panel.inner_text()
    assert panel.locator(".math > .katex").count() == panel.locator(".math").count() > 0
    assert page.locator(".katex-error").count() == 0
    panel.locator("[data-why='0.weight.value[1, 2]']").first.click()
    assert question(page) == "0.weight.value[1, 2]" and "0.6" in panel.inner_text()
    panel.locator("code[data-why='0.weight.change[1, 2]']").click()
    assert question(page) == "0.weight.change[1, 2]"
    panel.get_by_role("button", name=t("page.ask.back", lang)).click()
    assert question(page) == "0.weight.value[1, 2]"
    box = panel.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    panel.get_by_role("button", name=t("page.ask.close", lang)).click()
    assert page.locator(".asked").count() == 0


def test_the_keyboard_reaches_every_number_of_a_line(saved: tuple[Page, str]) -> None:
    page, lang = saved
    line = page.locator(".chain:has([data-makes='0[0]'])")
    button = line.get_by_role("button", name=t("page.ask.numbers", lang))
    button.focus()
    box = button.bounding_box()
    assert box and box["height"] >= 24  # seen when it is reached
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name=t("page.ask.panel", lang))
    shown = panel.locator("li button")
    asked = {re.sub(r"^\S+ ", "", text) for text in shown.all_inner_texts()}
    assert {"x[0]", "0.weight.value[0, 3]", "0.bias.value[0]", "0[0]"} <= asked
    assert page.evaluate("document.activeElement.className") == "question"
    page.keyboard.press("Tab")  # the close button
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert question(page) in asked
    page.keyboard.press("Escape")
    assert page.locator(".asked").count() == 0
    assert page.evaluate("document.activeElement.className") == "numbers"


def test_a_number_leads_to_its_place_on_the_page(saved: tuple[Page, str]) -> None:
    page, lang = saved
    page.locator("section[data-phase='update'] [data-why='0.weight.value[1, 2]']").first.click()
    page.get_by_role("button", name=t("page.ask.go", lang)).click()
    there = page.locator(":focus")
    assert there.locator("[data-makes='0.weight.value']").count() == 1
    page.wait_for_function(
        """() => {
            const box = document.activeElement.getBoundingClientRect();
            return box.top >= 0 && box.bottom <= innerHeight;
        }"""
    )


def test_every_number_on_a_small_page_is_answered_without_a_network(
    browser: Browser, house: Any, tmp_path: Path
) -> None:
    house.save(tmp_path / "page.html", "bn")
    opened = Opened(browser, tmp_path / "page.html", 1280, "light")
    page = opened.page
    missing = page.evaluate(
        """() => [...document.querySelectorAll("[data-why]")]
            .map((part) => part.dataset.why).filter((why) => told(why) === null)"""
    )
    assert page.locator("[data-why]").count() > 150 and missing == []
    opened.context.close()
    assert opened.wrong == []


def test_the_line_itself_is_not_shown_again_but_zero_is_explained(
    browser: Browser, tmp_path: Path
) -> None:
    """Who clicks a result in its own line is told so; a gradient of 0 is told why it is 0."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].bias[0] = -40.0
        model[0].bias[1] = 4.0
    x, y = torch.tensor([[0.5, 0.25]]), torch.tensor([[1.0]])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    e = gobhir.explain(model, x, y, nn.MSELoss(), optimizer, reference="torch")
    e.save(tmp_path / "page.html", "en")
    opened = Opened(browser, tmp_path / "page.html", 1280, "light")
    page = opened.page
    page.locator("[data-makes='0[0, 0]'] .left [data-why='0[0, 0]']").click()
    assert page.locator(".asked .answer").inner_text() == t("page.ask.here", "en")
    page.keyboard.press("Escape")
    page.locator("section[data-phase='backward'] [data-why='0.weight[0, 0]']").first.click()
    assert "dead" in page.locator(".asked .answer").inner_text().lower() or (
        "is closed" in page.locator(".asked .answer").inner_text()
    )
    opened.context.close()
    assert opened.wrong == []


def test_paper_has_nothing_to_click(browser: Browser, house: Any, tmp_path: Path) -> None:
    house.save(tmp_path / "page.html", "en")
    opened = Opened(browser, tmp_path / "page.html", 1280, "light")
    page = opened.page
    page.locator(".table [data-why]").first.click()
    page.emulate_media(media="print")
    for part in (".asked", ".hint", ".numbers"):
        assert page.locator(part).first.is_hidden()
    opened.context.close()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_folded_page_says_what_it_carries_or_how_to_ask(
    browser: Browser, large: Any, tmp_path: Path, lang: str
) -> None:
    large.save(tmp_path / "page.html", lang)
    opened = Opened(browser, tmp_path / "page.html", 360, "light")
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    codes = page.locator("code[data-why]")
    asked = codes.first.get_attribute("data-why")
    codes.first.focus()
    page.keyboard.press("Enter")
    assert question(page) == asked
    assert page.locator(".asked .answer").inner_text().strip()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    said = page.evaluate("python('no.such[0]')")
    assert 'e.why("no.such[0]")' in said
    opened.context.close()
    assert opened.wrong == []


# -- in a notebook --------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_notebooks_page_asks_python(
    browser: Browser, large: Any, tmp_path: Path, lang: str, width: int, scheme: Any
) -> None:
    """The widget's own module with a model whose other end is the Python class."""
    live = Live(large, lang)
    module = live._esm.replace("export default", "window.widget =")
    module = module.replace("</script", "<\\/script")
    state = json.dumps({"html": live.html, "style": live.style}).replace("</", "<\\/")
    document = f"""<!doctype html><meta charset="utf-8"><body><div id="cell"></div>
      <script type="module">{module}
      const state = {state}; let heard = () => {{}};
      const model = {{
        get: (name) => state[name], on: (_, listener) => {{ heard = listener; }}, off: () => {{}},
        send: async ({{ id, ask }}) => heard({{ id, ...(await window.python(ask)) }}),
      }};
      window.undo = widget.render({{ model, el: document.getElementById("cell") }});
      </script>"""
    (tmp_path / "cell.html").write_text(document, encoding="utf-8")
    opened = Opened(browser, tmp_path / "cell.html", width, scheme)
    page = opened.page
    page.expose_function("python", live.answer)
    page.evaluate("document.fonts.ready")
    page.locator("details summary").first.click()
    page.locator("code[data-why^='0.weight']").first.click()
    panel = page.locator(".asked")
    panel.locator(".answer > *").first.wait_for()
    panel.locator("code[data-why]").last.click()
    page.locator(".asked .back").wait_for()
    assert page.locator(".katex-error").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = page.evaluate("getComputedStyle(document.querySelector('#cell > div')).colorScheme")
    assert dark == scheme
    # What Python refuses is said in the panel.
    live.page = gobhir.explain("2-2-1")
    panel.locator("[data-why]").first.click()
    page.locator(".asked .trouble").wait_for()
    page.evaluate("undo()")
    assert page.locator(".asked").count() == 0
    opened.context.close()
    assert opened.wrong == []
