"""Code cells on a real kernel: run, fail readably, stop, restart, and every kind of output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from gobhir.lang import catalogue, t
from tests.browser.conftest import Visit, Visiting, cell, write

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

pytestmark = pytest.mark.browser

FREE = "code-library"  # its output waits for no prediction; the tests write their own code into it
RICH = r"""
from IPython.display import Latex, Markdown, display
import matplotlib.pyplot as plt
display(Markdown("**bold** <b id='raw'>x</b> and $x_1^2$"))
display(Latex(r"$$\sigma(z)$$"))
class Picture:
    def _repr_svg_(self):
        return "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
display(Picture())
plt.figure(figsize=(1, 1)); plt.plot([1, 2]); plt.show()
class Table:
    def _repr_html_(self):
        return "<table><tr><td>4-4-1</td></tr></table>"
Table()
"""
WILD = """
class Wild:
    def _repr_html_(self):
        return '''<p id=a>?</p><div style="height:333px"></div><script>
            let seen = self.origin;
            try { seen += parent.document.title } catch { seen += " alone" }
            try { seen += document.cookie } catch { seen += " crumbless" }
            fetch("/gobhir/api/settings").catch(() => { a.textContent = seen + " offline" })
        </script>'''
Wild()
"""


def run(page: Page, code: str) -> Locator:
    """Write `code` into the free cell, run it, and give the cell back."""
    box = cell(page, FREE)
    write(page, box, code)
    page.keyboard.press("Shift+Enter")
    return box


def says(box: Locator, key: str, lang: str = "en") -> None:
    """Wait until the cell's status begins with that sentence."""
    beginning = catalogue(lang)[key].split("{")[0].strip()
    expect(box.locator(".cell-status")).to_contain_text(beginning)


def test_a_cell_runs_after_those_above_it_and_gives_what_was_stored(visit: Visit) -> None:
    page = visit.lesson()
    box = cell(page, "code-engine")
    stored = box.locator(".cell-outputs").inner_text()
    assert "Gobhir" in stored
    box.locator(".cell-outputs").evaluate("box => box.replaceChildren()")
    box.get_by_role("button", name=t("studio.run.run", "en")).click()
    says(box, "studio.run.done")
    expect(box.locator(".cell-outputs")).to_have_text(stored, use_inner_text=True)
    assert cell(page, "code-cut").locator(".cell-status").inner_text()  # ran on the way


@pytest.mark.parametrize("lang", ("bn", "en"))
def test_an_error_says_what_happened_before_the_traceback(visit: Visit, lang: str) -> None:
    page = visit.lesson(lang)
    failure = run(page, "a = 1\nb = missing + a").locator(".output-error")
    expect(failure.locator(".error-name")).to_have_text("NameError: name 'missing' is not defined")
    expect(failure.locator(".error-help")).to_have_text(t("studio.exception.NameError", lang))
    expect(failure.locator(".error-line")).to_have_text(
        t("studio.run.line", lang, line=2) + "b = missing + a"
    )
    assert failure.locator("details").get_attribute("open") is None
    failure.locator("summary").click()
    expect(failure.locator("pre")).to_contain_text("Traceback (most recent call last)")


def test_errors_of_gobhir_speak_the_language_of_the_page(visit: Visit) -> None:
    page = visit.lesson("bn")
    box = run(page, "import gobhir\ngobhir.rand(2, 3) @ gobhir.rand(2, 3)")
    expect(box.locator(".error-name")).to_contain_text("ম্যাট্রিক্স গুণ")


def test_an_endless_loop_is_stopped_and_the_kernel_goes_on(visit: Visit) -> None:
    page = visit.lesson()
    box = run(page, "print('round', flush=True)\nwhile True:\n    pass")
    expect(box.locator(".cell-outputs")).to_contain_text("round")
    says(box, "studio.run.running")
    box.get_by_role("button", name=t("studio.run.stop", "en")).click()
    expect(box.locator(".cell-outputs .note")).to_have_text(t("studio.run.stopped", "en"))
    expect(run(page, "print(6 * 7)").locator(".cell-outputs")).to_have_text("42")


def test_a_flood_of_output_does_not_drown_the_page(visit: Visit) -> None:
    page = visit.lesson()
    box = run(page, "while True:\n    print('flood ' * 99)")
    expect(box.locator(".cell-outputs .note")).to_have_text(t("studio.run.shortened", "en"))
    box.get_by_role("button", name=t("studio.run.stop", "en")).click()
    says(box, "studio.run.failed")
    assert len(box.locator(".cell-outputs").inner_text()) < 300_000


def test_restart_forgets_names_and_what_is_above_runs_again(visit: Visit) -> None:
    page = visit.lesson()
    box = run(page, "here = 1")
    says(box, "studio.run.done")
    box.get_by_role("button", name=t("studio.run.restart", "en")).click()
    says(box, "studio.run.restarted")
    expect(run(page, "print('here' in globals(), 'W1' in globals())")).to_contain_text("False True")


def test_a_kernel_that_dies_is_noticed_and_replaced(visit: Visit) -> None:
    page = visit.lesson()
    box = run(page, "import os\nos._exit(1)")
    says(box, "studio.lost.died")
    expect(run(page, "print('alive')").locator(".cell-outputs")).to_have_text("alive")


def test_input_asks_under_the_output(visit: Visit) -> None:
    page = visit.lesson()
    box = run(page, "print('first')\nprint(input('who? ')[::-1])")
    expect(box.locator("pre.output-stdout")).to_have_text("first")  # before the cell has ended
    box.get_by_label("who?").fill("rihbog")
    page.keyboard.press("Enter")
    expect(box.locator(".cell-outputs")).to_contain_text("gobhir")
    says(box, "studio.run.done")


def test_every_kind_of_output_has_its_form(visit: Visit) -> None:
    page = visit.lesson()
    shown = run(page, RICH).locator(".cell-outputs")
    expect(shown.locator(".output-html td")).to_have_text("4-4-1")
    expect(shown.locator(".output-markdown strong")).to_have_text("bold")
    expect(shown.locator(".output-markdown")).to_contain_text("<b id='raw'>x</b>")
    expect(shown.locator(".output-markdown .katex")).to_have_count(1)
    expect(shown.locator(".katex-display")).to_have_count(1)
    kinds = shown.locator("img").evaluate_all("all => all.map(i => i.src.split(';')[0])")
    assert kinds == ["data:image/svg+xml", "data:image/png"]


def test_html_with_script_runs_in_a_frame_that_reaches_nothing(visit: Visit) -> None:
    visit.server_may_be_silent = True  # the frame's own policy refuses its request, and says so
    page = visit.lesson()
    frame = run(page, WILD).locator("iframe")
    expect(frame.content_frame.locator("#a")).to_have_text("null alone crumbless offline")
    page.wait_for_function("document.querySelector('iframe').offsetHeight > 333")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    visit.errors.clear()


FORGED = """
class Forged:
    def _repr_mimebundle_(self, include=None, exclude=None):
        html = "<div class=derivation><a href=javascript:alert(1)>1</a></div>"
        page = {"page": "0", "html": html}
        return {"application/vnd.gobhir.page+json": page, "text/markdown": "*plain*"}
Forged()
"""


@pytest.mark.parametrize(("lang", "width"), [("bn", 360), ("en", 1280)])
def test_an_explanation_is_asked_by_click(
    visiting: Visiting, studio: Any, lang: str, width: int
) -> None:
    page = visiting(studio, width).lesson(lang)
    box = run(page, "import gobhir\ngobhir.explain('2-2-1', reference='differences')")
    shown = box.locator(".output-page")
    shown.locator('[data-why="0.weight[0, 1]"]').first.click()
    expect(shown.locator(".asked .question")).to_have_text("0.weight[0, 1]")
    expect(shown.locator(".asked .answer .katex").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(shown.locator(".asked")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == width

    box.locator("button.restart").click()  # it is still read, and says why it does not answer
    says(box, "studio.run.restarted", lang)
    shown.locator('[data-why="x[0]"]').first.click()
    expect(shown.locator(".asked .trouble")).to_have_text(t("studio.run.page_gone", lang))


def test_a_page_that_could_act_is_not_shown(visit: Visit) -> None:
    box = run(visit.lesson(), FORGED)
    expect(box.locator(".output-markdown em")).to_have_text("plain")
    expect(box.locator(".cell-outputs a")).to_have_count(0)


def test_a_kernel_that_cannot_start_is_said(visit: Visit) -> None:
    visit.server_may_be_silent = True
    page = visit.lesson()
    refuse = '{"message": "no"}'
    page.route("**/api/sessions", lambda r: r.fulfill(status=500, body=refuse))
    box = cell(page, FREE)
    box.locator(".run").click()
    says(
        cell(page, page.locator(".cell").first.get_attribute("data-cell") or ""),
        "studio.run.no_kernel",
    )
    page.unroute("**/api/sessions")
    expect(run(page, "print('now')").locator(".cell-outputs")).to_have_text("now")


def test_without_pytorch_its_cells_keep_the_stored_output(visit: Visit) -> None:
    def without(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace('"torch":true', '"torch":false')
        route.fulfill(response=answer, body=body)

    visit.context.route("**/gobhir/lesson/**", without)
    page = visit.lesson()
    box = cell(page, "code-torch")
    expect(box.locator(".run")).to_be_disabled()
    expect(box.locator(".note.stored")).to_have_text(t("studio.run.no_torch", "en"))
    expect(box.locator(".cell-outputs")).to_contain_text("PyTorch")
