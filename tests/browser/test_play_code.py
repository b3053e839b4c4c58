"""In the playground: a program of one's own, on a real kernel, and its steps opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from gobhir.lang import LANGUAGES, catalogue, t
from tests.browser.conftest import Visit, Visiting
from tests.browser.test_playground import at, key, playground
from tests.studio.conftest import Running

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PROGRAM = """
{imports}
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
x, y = torch.tensor([[0.5, 0.25]]), torch.tensor([[1.0]])
optimizer = optim.SGD(model.parameters(), lr=0.1)
{loop}
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
{rest}
"""
GOBHIR = "import gobhir as torch\nfrom gobhir import nn, optim"
PYTORCH = "import torch\nfrom torch import nn, optim"


def program(imports: str = GOBHIR, loop: str = "for k in range(3):", rest: str = "") -> str:
    return PROGRAM.format(imports=imports, loop=loop, rest=rest)


def run(page: Page, code: str) -> None:
    """Write the program and start it."""
    page.locator("#code .cell-source, #code .cm-content").first.click()
    page.locator("#code .cm-content").press("ControlOrMeta+a")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")


def ended(page: Page, how: str, lang: str = "en") -> None:
    """The status says so."""
    beginning = catalogue(lang)[f"play.code.ended.{how}"].split("{")[0].strip(" ·")
    expect(page.locator("#code .cell-bar .cell-status").first).to_contain_text(beginning)


@pytest.mark.parametrize("imports", (GOBHIR, PYTORCH), ids=("gobhir", "torch"))
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_programs_steps_are_opened_asked_and_checked(
    visiting: Visiting, studio: Running, imports: str, lang: str
) -> None:
    page = playground(visiting(studio, 360 if lang == "bn" else 1280), lang, "#code")
    expect(page.locator("#derivation")).not_to_be_visible()  # nothing has run
    run(page, program(imports, rest="print('last', loss.item())"))
    ended(page, "end", lang)
    at(page, 1, 3, lang)
    expect(page.locator("#code .output-stdout")).to_contain_text("last")
    page.get_by_role("button", name=t("play.walk.last", lang)).click()
    at(page, 3, 3, lang)
    printed = float(page.locator("#code .output-stdout").inner_text().split()[1])
    assert f"{printed:.4g}" in page.locator("#walk .loss").inner_text()
    expect(page.locator(".neuron")).to_have_count(5)
    page.locator("#derivation [data-why]").first.click()
    expect(page.locator("#derivation .asked .answer .katex").first).to_be_visible()
    page.locator("#check .fold > summary").click()
    page.locator('#check input[name="z1_1"]').fill("7.77")
    page.get_by_role("button", name=t("play.check.button", lang), exact=True).click()
    expect(page.locator('.fill[data-mark="wrong"]')).to_have_count(1)
    page.locator("#take summary").click()
    with page.expect_download() as waiting:
        page.locator("#take li button").first.click()
    assert waiting.value.suggested_filename == f"gobhir-step-3.{lang}.html"
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_a_program_that_fails_shows_its_line_and_its_steps(visit: Visit) -> None:
    page = playground(visit, "en", "#code")
    run(page, program(rest="print(missing)"))
    ended(page, "failed")
    failure = page.locator("#code .output-error")
    expect(failure.locator(".error-name")).to_have_text("NameError: name 'missing' is not defined")
    expect(failure.locator(".error-line code")).to_have_text("print(missing)")
    at(page, 1, 3)
    run(page, "x = (1")
    expect(page.locator("#code .error-name strong")).to_have_text("SyntaxError")
    expect(page.locator("#derivation")).not_to_be_visible()
    run(page, "print(1)")
    expect(page.locator("#code .note")).to_have_text(t("play.desk.no_steps", "en"))


def test_an_endless_program_is_stopped_and_keeps_what_was_seen(visit: Visit) -> None:
    page = playground(visit, "en", "#code")
    run(page, program(loop="print('begun', flush=True)\nwhile True:"))
    expect(page.locator("#code .output-stdout")).to_have_text("begun")
    page.wait_for_timeout(500)
    page.get_by_role("button", name=t("studio.run.stop", "en")).click()
    ended(page, "interrupted")
    # A quick machine takes more steps than are kept: the first that can be opened is another then.
    expect(page.locator("#walk .at")).to_have_text(re.compile(r"Step \d+ of \d+"))
    expect(page.locator("#derivation .katex").first).to_be_visible()


def test_a_link_brings_a_program_that_does_not_run_by_itself(visit: Visit) -> None:
    page = playground(visit, "en", "#code")
    run(page, "print('পড়ো')\nopen('ran', 'w')")
    ended(page, "end")
    page.evaluate("() => void (navigator.clipboard.writeText = () => Promise.reject())")
    page.get_by_role("button", name=t("play.code.link", "en")).click()
    expect(page.locator("#code-linked")).to_have_text(t("play.page.unlinked", "en"))
    link = page.url
    assert "#code=" in link
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    playground(visit, "en", link[link.index("#") :], page)
    expect(page.locator("#code .notice")).to_have_text(t("play.code.came", "en"))
    expect(page.locator("#code .cell-source")).to_contain_text("print('পড়ো')")
    assert not [url for url in sent if "/api/sessions" in url or "/api/kernels" in url]
    playground(visit, "en", "#code=%%%", page)
    expect(page.locator("#damaged")).to_have_text(t("play.code.damaged", "en"))


def test_tabs_go_to_and_fro_and_what_was_written_stays(visit: Visit) -> None:
    page = playground(visit, "en")
    at(page, 1, 100)
    page.get_by_role("tab", name=t("play.page.touch", "en")).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name=t("play.page.code", "en"))).to_be_focused()
    expect(page.locator("#walk")).not_to_be_visible()
    page.locator("#code .cell-source").click()
    page.locator("#code .cm-content").press("ControlOrMeta+a")
    page.keyboard.insert_text("kept = 1")
    page.reload()
    expect(page.locator("#code .cell-source")).to_have_text("kept = 1")
    page.get_by_role("tab", name=t("play.page.touch", "en")).click()
    at(page, 1, 100)
    key(page, "seed").wait_for()
    assert "#v=1" in page.url


def test_without_pytorch_the_page_says_so(visit: Visit) -> None:
    page = playground(visit, "bn", "#code")
    run(page, "raise ModuleNotFoundError(\"No module named 'torch'\")")
    ended(page, "failed", "bn")
    expect(page.locator("#code .output.note")).to_have_text(
        t("play.code.no_framework", "bn", name="torch")
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_after_a_reload_the_steps_are_shown_again_on_a_click(
    visiting: Visiting, studio: Running, lang: str
) -> None:
    """Nothing runs by itself; the kernel still holds the steps, and the same one is shown."""
    page = playground(visiting(studio), lang, "#code")
    code = program(rest="print('ran')")
    run(page, code)
    expect(page.locator("#derivation .math").first).to_be_visible()
    ended(page, "end", lang)
    page.locator("#walk button").last.focus()
    page.keyboard.press("End")
    at(page, 3, 3, lang)
    page.reload()
    expect(page.locator("#code .cell-source")).to_contain_text("torch.manual_seed(0)")
    expect(page.locator("#code .cell-outputs")).to_be_empty()
    assert page.locator("#derivation .math").count() == 0
    page.get_by_role("button", name=t("play.code.again", lang)).click()
    at(page, 3, 3, lang)
    expect(page.locator("#code .cell-outputs")).to_be_empty()  # opened, not run again
    expect(page.get_by_text(t("play.code.ran", lang))).to_have_count(0)

    page.reload()
    page.locator("#code .cell-source").click()
    page.locator("#code .cm-content").press("#")
    expect(page.get_by_text(t("play.code.ran", lang))).to_have_count(0)  # it is another one now


BRANCHING = (
    GOBHIR
    + """
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
    def forward(self, x):
        h = torch.tanh(self.a(x))
        return h + self.b(h)
net = Net()
optimizer = optim.SGD(net.parameters(), lr=0.1)
for k in range(2):
    loss = nn.functional.mse_loss(net(torch.ones(1, 2)), torch.zeros(1, 2))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)


def test_a_network_that_branches_is_drawn_and_its_boxes_are_asked(
    visiting: Visiting, studio: Running
) -> None:
    page = playground(visiting(studio, 360), "bn", "#code")
    run(page, BRANCHING)
    box = page.locator("#picture .box")
    expect(box).to_have_count(7)  # x, a, tanh, b, add, y, loss
    add = page.get_by_role("button", name=re.compile("^add, "))
    add.focus()
    page.keyboard.press("Enter")
    expect(add).to_have_attribute("aria-pressed", "true")
    page.locator('#picture .card [data-why="add.grad[0, 1]"]').click()
    expect(page.locator("#picture ~ .asked, #picture .asked").first).to_contain_text(
        "add.grad[0, 1]"
    )
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    at(page, 2, 2, "bn")
    expect(add).to_have_attribute("aria-pressed", "true")  # the next step's picture
    assert page.evaluate("document.documentElement.scrollWidth") == 360
