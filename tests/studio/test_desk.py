"""The playground's desk: what it answers, and what it says to what it cannot."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode
from html import unescape
from pathlib import Path
from re import findall
from typing import Any

import pytest

import gobhir
from gobhir import examples
from gobhir.derivation.expression import indices
from gobhir.explain.checking.answers import written_name
from gobhir.explain.checking.sheet import Sheet
from gobhir.explain.explanation import Explanation
from gobhir.lang import LANGUAGES, t
from gobhir.studio import desk
from gobhir.studio.desk import Desk, told
from tests.studio.conftest import Start
from tests.studio.test_playground import HOUSE

STARTS = {
    "page": b"<!doctype html>",
    "slides": b"<!doctype html>",
    "worksheet": b"<!doctype html>",
    "markdown": b"# ",
    "latex": b"%",
    "json": b"{",
}


class One(Desk):
    """A network of the house's, and one step of it."""

    losses = [0.1234]

    def __init__(self, sizes: str = "4-4-1") -> None:
        self.page = gobhir.explain(sizes, reference="differences")

    def explanation(self, step: int) -> Explanation:
        return self.page


@pytest.fixture(scope="module")
def house() -> One:
    return One()


def key(page: Explanation) -> dict[str, str]:
    """The right numbers, by the names of the form, out of the page itself."""
    return {
        written_name(e, i): str(e.sym.value[i] if i else e.sym.value)
        for e in Sheet(page.reading).asked()
        for i in indices(e.shape)
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_number_of_the_step_has_a_field_and_the_right_ones_are_right(
    house: One, lang: str
) -> None:
    html = house.answer("blanks", 0, lang)["html"]
    names = [unescape(n) for n in findall(r'<input name="([^"]+)"', html)]
    due = key(house.page)
    assert names == list(due) and len(set(names)) == len(names)
    text = "\n".join(f"{name} = {due[name]}" for name in names)
    checked = house.answer("check", 0, lang, text=text)
    assert checked["first"] is None
    assert checked["marks"] == {name: ["right", t("check.mark.right", lang)] for name in names}


def test_the_first_wrong_number_is_named_and_what_follows_from_it_is_not_wrong(house: One) -> None:
    due = key(house.page)
    written = "z1_1 = ০.৪০\nz2 = 9.99"  # the first in Bangla digits, and right
    assert due["z1_1"] == "0.40"
    checked = house.answer("check", 0, "en", text=written)
    assert {name: mark for name, (mark, _) in checked["marks"].items()} == {
        "z1_1": "right",
        "z2": "wrong",
    }
    assert checked["first"] == "z2"
    forgot = house.answer("check", 0, "en", text="a1_1 = 0.40")
    assert "the activation was left out" in forgot["html"]


def test_the_form_gives_what_the_optimizer_remembers() -> None:
    e = examples.network("2-1", None, "half", "momentum", seed=3)
    e.loss(e.model(e.x), e.y).backward()
    e.optimizer.step()
    own = One()
    own.page = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    _, update = own.answer("blanks", 0, "en")["html"].split('<fieldset data-phase="update">')
    assert r"\mu" in update.split('class="fill"')[0]


def test_text_is_never_taken_for_the_name_of_a_file(house: One, tmp_path: Any) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("z1_1,0.53")
    with pytest.raises(ValueError, match="does not say which number"):
        house.answer("check", 0, "en", text=str(secret))


@pytest.mark.parametrize("form", STARTS)
def test_every_way_out_is_a_file_of_its_kind(house: One, form: str) -> None:
    for lang in LANGUAGES:
        taken = house.answer("take", 0, lang, form=form)
        assert b64decode(taken["content"]).startswith(STARTS[form])
        assert taken["name"] == f"gobhir-step-1.{lang}.{desk.FORMS[form][0]}"


@pytest.mark.slow
def test_a_worksheet_is_printed(house: One) -> None:
    taken = house.answer("take", 0, "bn", form="worksheet_pdf")
    assert taken["name"] == "gobhir-step-1.bn.worksheet.pdf"
    assert b64decode(taken["content"]).startswith(b"%PDF-")


def test_without_a_browser_a_pdf_is_refused_in_both_languages(
    house: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gobhir.derivation.chromium.find", lambda: None)
    with pytest.raises(FileNotFoundError) as refused:
        house.answer("take", 0, "en", form="pdf")
    message = told(refused.value)["message"]
    assert message["en"] != message["bn"] and "Chrom" in message["en"]


@pytest.mark.parametrize(
    ("what", "rest"),
    [
        ("nothing", {}),
        ("__init__", {}),
        ("why", {}),
        ("why", {"name": 3}),
        ("step", {"name": "loss"}),
        ("take", {"form": "exe"}),
        ("check", {"text": "nonsense_9 = 1"}),
        ("check", {"text": "z1_1 = much"}),
        ("why", {"name": "0.weight[9, 9]"}),
        ("why", {"name": "no such thing"}),
    ],
)
def test_what_cannot_be_answered_is_said_in_both_languages(
    house: One, what: str, rest: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, LookupError)) as refused:
        house.answer(what, 1, "en", **rest)
    said = told(refused.value)["message"]
    assert said["en"].isascii() and not said["bn"].isascii()


def test_a_step_with_too_many_numbers_has_no_form() -> None:
    large = One("20-20-4")
    with pytest.raises(ValueError, match="too many for a form"):
        large.answer("blanks", 0, "en")


def test_the_desk_needs_no_web_server() -> None:
    program = (
        "import sys, gobhir.studio.desk;"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('tornado', 'jupyter_server')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.slow
def test_the_studio_passes_the_desks_answers_on(start: Start, tmp_path: Path) -> None:
    studio = start(tmp_path / "gobhir", GOBHIR_CHROMIUM=str(tmp_path / "no-browser"))
    asked = {"state": HOUSE, "step": 0, "lang": "bn"}
    blanks = studio.post("/gobhir/api/play/blanks", asked)
    assert blanks.status == 200 and 'name="z1_1"' in blanks.json["html"]
    checked = studio.post("/gobhir/api/play/check", {**asked, "text": "z1_1 = ০.৪০"})
    assert checked.json["marks"] == {"z1_1": ["right", t("check.mark.right", "bn")]}
    taken = studio.post("/gobhir/api/play/take", {**asked, "form": "worksheet"})
    assert b64decode(taken.json["content"]).startswith(b"<!doctype html>")
    refused = studio.post("/gobhir/api/play/take", {**asked, "form": "pdf"})
    assert refused.status == 400
    assert refused.json["message"]["bn"] == t("page.pdf.no_browser", "bn")
    long = studio.post("/gobhir/api/play/check", {**asked, "text": "z" * 300_000})
    assert long.status == 413
    body = {**asked, "text": "z1_1 = 1"}
    assert studio.post("/gobhir/api/play/check", body, xsrf=False).status == 403
