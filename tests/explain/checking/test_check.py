"""A student's numbers, checked: the first wrong line, what follows, rounding, names, files."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gobhir
from gobhir.explain.checking.answers import Row, placed, read, written_name
from gobhir.explain.checking.check import Report
from gobhir.explain.checking.sheet import Sheet
from gobhir.explain.checking.written import number
from gobhir.explain.worksheets.worksheet import Worksheet
from gobhir.lang import LANGUAGES, catalogue

PAPER = "2-2-1/sigmoid/half/7"


def key() -> dict[str, str]:
    """The paper's numbers as its key prints them."""
    rows = [line.split(",") for line in Worksheet.of(PAPER).to_csv(key=True).splitlines()]
    return dict(rows[2:])


def check(**changed: Any) -> Report:
    return gobhir.check(key() | changed, PAPER)


def status(report: Report) -> dict[str, str]:
    return {written_name(*m.place): m.status for m in report.marks}


# -- right, wrong, follows ----


def test_the_key_is_right_in_every_line() -> None:
    report = check()
    assert report.right and report.first_wrong is None
    assert report.points == report.out_of == 28


def test_the_first_wrong_number_is_named_and_what_follows_is_right() -> None:
    numbers = {k: float(v) for k, v in key().items()}
    y, out = 1.0, numbers["yhat"]
    delta = out - y  # the slope left out; the rest honestly from here
    w2 = [-0.9, 0.2]
    a = [numbers["a1_1"], numbers["a1_2"]]
    hidden = [w2[j] * delta * a[j] * (1 - a[j]) for j in (0, 1)]
    report = check(
        delta2=f"{delta:.4f}",
        dw2_1=f"{delta * a[0]:.4f}",
        dw2_2=f"{delta * a[1]:.4f}",
        db2=f"{delta:.4f}",
        delta1_1=f"{hidden[0]:.4f}",
        delta1_2=f"{hidden[1]:.5f}",
    )
    assert report.first_wrong is not None
    assert written_name(*report.first_wrong.place) == "delta2"
    assert report.slips == ("no_slope",)
    found = status(report)
    assert found["delta1_1"] == found["delta1_2"] == found["dw2_1"] == found["db2"] == "follows"
    for lang in LANGUAGES:
        page = report.to_text(lang)
        assert catalogue(lang)["check.slip.no_slope"][:20] in page
    assert "your method is right from there on" in " ".join(report.to_text("en").split())


def test_points_are_lost_for_wrong_numbers_only_once_and_by_halves_for_rounding() -> None:
    cut = check(z2=key()["z2"], yhat=key()["yhat"][:-1] + "1")
    assert status(cut)["yhat"] in ("rounded", "wrong")
    a = Decimal(key()["a1_1"])
    off = check(a1_1=str(a + Decimal("0.0001")))
    assert status(off)["a1_1"] == "rounded"
    assert off.points == 27.5 and off.right


def test_a_number_cut_off_or_of_one_digit_is_a_matter_of_rounding() -> None:
    assert status(gobhir.check({"a1_1": "0.29"}, PAPER))["a1_1"] == "right"
    assert status(gobhir.check({"a1_1": "0.3"}, PAPER))["a1_1"] == "rounded"
    exact = 1 / (1 + np.exp(-0.27))
    assert status(gobhir.check({"a1_2": f"{exact:.7f}"}, PAPER))["a1_2"] == "right"
    cut = str(exact)[: str(exact).index(".") + 4]
    assert status(gobhir.check({"a1_2": cut}, PAPER))["a1_2"] in ("right", "rounded")


@given(st.integers(2, 6))
def test_any_number_of_digits_is_right(digits: int) -> None:
    exact = gobhir.explain("4-4-1", mode="exact", reference="differences")
    sheet = Sheet(exact.reading)
    answers = {}
    for entry in sheet.asked():
        for i in np.ndindex(*entry.shape):
            value = float(entry.sym.value[i] if i else entry.sym.value)
            answers[written_name(entry, i)] = f"{value:#.{digits}g}"
    report = exact.check(answers)
    assert report.right and {m.status for m in report.marks} <= {"right"}


def test_a_slip_in_a_line_that_was_not_written_is_found_from_what_was() -> None:
    numbers = {k: float(v) for k, v in key().items()}
    delta = numbers["delta2"]
    x, w1 = [-0.6, 0.3], [[0.2, -0.2], [0.5, 0.9]]
    blame = [-0.9 * delta, 0.2 * delta]  # without the slope, and not on paper
    new = [[w1[j][i] - 0.5 * blame[j] * x[i] for i in (0, 1)] for j in (0, 1)]
    report = gobhir.check({"delta2": str(delta), "W1_new": new}, PAPER)
    assert report.slips == ("no_slope",)
    assert report.first_wrong is not None
    (guess,) = report.first_wrong.guesses
    assert [e.name.base for e in guess.at] == ["delta"]
    assert "not on the paper" in report.to_text("en")


def test_two_slips_that_cannot_be_told_apart_are_both_named() -> None:
    z = Decimal(key()["z1_1"])
    report = gobhir.check({"w2_1_new": "-0.9215"}, PAPER)  # a turned gradient, or a step uphill
    assert {"sign", "uphill"} <= set(report.slips)
    assert "(1)" in report.to_text("en") and "(2)" in report.to_text("en")
    assert z == Decimal("-0.88")


@pytest.mark.parametrize(
    ("changed", "slip"),
    [
        ({"a1_1": "0.2392"}, "digits_exchanged"),
        ({"a1_1": "2.932"}, "decimal_point"),
        ({"z1_1": "0.88"}, "lost_sign"),
        ({"z1_1": "-0.64"}, "term_sign"),
        ({"z1_1": "-0.82"}, "term_missing"),
        ({"z1_1": "-0.5"}, None),
        ({"a1_1": "0.5671"}, "neighbour"),
        ({"x2": "0.8"}, "copied"),
        ({"eta": "0.1"}, "copied"),
    ],
)
def test_slips_of_a_single_number(changed: dict[str, str], slip: str | None) -> None:
    report = check(**changed)
    assert report.slips == (() if slip is None else (slip,))
    for lang in LANGUAGES:
        assert report.to_text(lang) and report.to_markdown(lang)


def test_a_report_says_what_the_line_should_have_been() -> None:
    page = check(delta1_1="0.13").to_text("en")
    assert "= 0.1322(0.2072) = 0.02739" in page


def test_nothing_written() -> None:
    report = gobhir.check({"z1_1": "", "a1_1": None}, PAPER)
    assert not report.right and report.marks == () and report.points == 0
    assert "no number has been written" in report.to_text("en")


def test_explanation_check_and_other_optimizers() -> None:
    e = gobhir.examples.network("2-2-1", optimizer="adam", seed=3)
    page = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    m = next(s for s in Sheet(page.reading).asked() if s.name.base == "m_hat")
    assert m.expr is not None
    uncorrected = {"m_hat1_11": f"{float(m.sym.value[0, 0]) * 0.1:.6g}"}  # beta1 = 0.9, t = 1
    assert page.check(uncorrected).slips[0] in ("no_correction", "decimal_point")


# -- numbers and names ----


@pytest.mark.parametrize(
    ("text", "value", "places"),
    [
        ("0.530", "0.530", 3), ("০.৫৩", "0.53", 2), ("−0,5", "-0.5", 1), ("5.3e-3", "0.0053", 4),
        ("5.3×10⁻³", "0.0053", 4), ("5.3*10^-3", "0.0053", 4), ("7", "7", 0), (".5", "0.5", 1),
        ("3/8", "0.375", 3), ("-1 1/2", "-1.5", 1), ("½", "0.5", 1), ("৩/৪", "0.75", 2),
        (0.25, "0.25", 2), (np.float32(0.5), "0.5", 1), (3, "3", 0),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: Any, value: str, places: int) -> None:
    w = number(text)
    assert w is not None and w.value == Decimal(value) and w.places == places


@pytest.mark.parametrize(
    "text", ["abc", "", "1/0", "1/2/3", "0.5.3", "nan", float("inf"), True, None, "--1"]
)
def test_what_is_no_number(text: Any) -> None:
    assert number(text) is None


SAME = {
    "z1_2": ["z1_2", "z^(1)_2", "z⁽¹⁾₂", "z12", "z1[1]", "Z_1_2", "z^{(1)}_{2}", "z₁₂", "z১_২"],
    "delta2": ["delta2", "δ2", "δ⁽²⁾", "\\delta^{(2)}", "Delta2", "dz2", "d2"],
    "delta1_1": ["δ1_1", "delta1[0]", "delta^(1)_1"],
    "yhat": ["yhat", "ŷ", "\\hat{y}", "y_hat", "ypred", "output", "ŷ"],
    "L": ["L", "loss", "Loss", "E", "J"],
    "dw1_12": ["dw1_12", "dL/dw1_12", "∂L/∂w⁽¹⁾₁₂", "dW1[0,1]", "dL/dW1[0, 1]", "dw12"],
    "dw2_1": ["dw2_1", "dL/dw^(2)_1", "dW2[0,0]", "dW2[0]"],
    "db2": ["db2", "dL/db2", "∂L/∂b⁽²⁾"],
    "w1_21_new": ["w1_21_new", "new w1_21", "w1_21'", "W1_new[1,0]", "w⁽¹⁾₂₁ নতুন"],
    "a1_1": ["a1_1", "a1[0]", "a⁽¹⁾₁", "a_1"],
    "z2": ["z2", "z2_1", "z^(2)", "z2[0]"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "spelling"), [(n, s) for n, all_ in SAME.items() for s in all_])
def test_names_as_people_write_them(name: str, spelling: str) -> None:
    sheet = Worksheet.of(PAPER).sheet
    (place,) = placed(read({spelling: "0.1"}), sheet)
    assert written_name(*place) == name


def test_every_name_in_a_file_means_its_own_place() -> None:
    for id in (PAPER, "3-3-2/tanh/cross_entropy/1", "2-3-2-2/relu/mse/5"):
        paper = Worksheet.of(id)
        found = [placed(read({name: "0.1"}), paper.sheet) for name in paper.names()]
        assert [written_name(*place) for (place,) in found] == paper.names()


def test_a_weight_without_new_is_the_given_one_or_else_the_updated() -> None:
    sheet = Worksheet.of(PAPER).sheet
    given, updated = (placed(read({"w1_11": v}), sheet) for v in ("0.2", "0.2082"))
    assert [e.new for e, _ in given] == [False] and [e.new for e, _ in updated] == [True]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"q7": "1"}, "q7"),
        ({"delta3": "1"}, "delta2"),
        ({"z1_1": "abc"}, "abc"),
        ({"z1_1": "1/0"}, "1/0"),
        ({"a1": [1, 2, 3]}, "(3,)"),
        ({"W1_new": [[1, 2]]}, "(1, 2)"),
    ],
)
def test_errors_name_what_was_wrong(answers: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        gobhir.check(answers, PAPER)
    for lang in LANGUAGES:
        assert said in caught.value.args[0].text(lang)


def test_an_unclear_name_says_what_it_could_mean() -> None:
    with pytest.raises(ValueError) as caught:
        gobhir.check({"dw11": "0.1"}, "2-2-2/sigmoid/half/1")
    assert "dw1_11" in str(caught.value) and "dw2_11" in str(caught.value)


@pytest.mark.parametrize("text", ["1e999", "1e-999", "5e-324", "0e5", "9" * 40, "-0", "1e300"])
def test_numbers_of_any_size_are_judged(text: str) -> None:
    for name in ("z1_1", "L", "delta1_1", "w1_11_new"):
        report = gobhir.check({name: text}, PAPER)
        assert report.marks and report.to_text("bn")


def test_one_digit_says_too_little_to_name_a_slip() -> None:
    assert gobhir.check({"L": "4"}, PAPER).slips == ()


def test_what_is_left_blank_costs_its_points_only() -> None:
    report = gobhir.check({"z1_1": "-0.88"}, PAPER)
    assert report.right and report.points == 1 and report.out_of == 28
    assert "1 left blank" in report.to_text("en")


# -- files ----


def test_text_csv_and_notebook_say_the_same(tmp_path: Path) -> None:
    text = "z1_1 = 0.2(-0.6) - 0.2(0.3) - 0.7 = -0.88\nz1_2 = 0.27; a1_1 = 0.2932"
    rows = [Row("z1_1", "-0.88"), Row("z1_2", "0.27"), Row("a1_1", "0.2932")]
    assert [(r.name, r.value) for r in read(text).rows] == [(r.name, r.value) for r in rows]
    file = tmp_path / "filled.csv"
    for sign in ",;\t":
        lines = [
            f"paper{sign}{PAPER}",
            f"name{sign}value",
            *(f"{r.name}{sign}{r.value}" for r in rows),
        ]
        file.write_text("\n".join(lines), encoding="utf-8-sig")
        report = gobhir.check(file)
        assert report.right and len(report.marks) == 3
    book = json.loads(Worksheet.of(PAPER).to_notebook("bn"))
    book["cells"][1]["source"] = book["cells"][1]["source"].replace('"z1_1": ""', '"z1_1": -0.88')
    notebook = tmp_path / "filled.ipynb"
    notebook.write_text(json.dumps(book), encoding="utf-8")
    assert [written_name(*m.place) for m in gobhir.check(str(notebook)).marks] == ["z1_1"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("none.csv", None, FileNotFoundError),
        ("a.csv", b"hello", ValueError),
        ("b.csv", b"\x00\xff\x00,1", ValueError),
        ("c.ipynb", b"{}", ValueError),
        ("d.ipynb", b"no json", ValueError),
        ("e.csv", b"z1_1,0.3", ValueError),
        ("f.csv", b"paper,2-x-1/sigmoid/half/7\nz1_1,0.3", ValueError),
        ("g.csv", b"paper,2-2-1/7\nz1_1,0.3", ValueError),
        ("h.csv", f'paper,{PAPER}\nz1_1,"0.3\nz1_2,0.27'.encode(), ValueError),
        ("i.csv", f"paper,{PAPER}\nz1_1,0,88".encode(), ValueError),
        ("j.csv", f"paper,{PAPER}\nz1_1,-0.88\nz1_1,0.88".encode(), ValueError),
        ("k.csv", f"paper,{PAPER}\nz1_1".encode(), ValueError),
        ("folder", None, IsADirectoryError),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: Any, error: Any) -> None:
    file = tmp_path / name
    if name == "folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(error) as caught:
        gobhir.check(file)
    texts = [caught.value.args[0].text(lang) for lang in LANGUAGES]
    assert texts[0] != texts[1]


def test_what_spreadsheets_write(tmp_path: Path) -> None:
    file = tmp_path / "filled.csv"
    rows = f"sep=;\r\npaper;{PAPER}\r\nname;value;note\r\nz1_1;-0,88;first\r\n;;\r\nz1_2;০,২৭;\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_bytes(rows.encode(encoding))
        report = gobhir.check(file)
        assert report.right and len(report.marks) == 2


def test_a_number_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "filled.csv"
    file.write_text(f"paper,{PAPER}\nname,value\nz1_1,oops\n", encoding="utf-8")
    with pytest.raises(ValueError, match="filled.csv:3.*oops"):
        gobhir.check(file)


def test_the_zeros_before_an_lstms_first_step_are_given_and_not_asked() -> None:

    model = torch.nn.LSTM(2, 2, batch_first=True)
    with gobhir.watch() as watch:
        model(torch.ones(1, 2, 2))[0].square().mean().backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    asked = Sheet(watch.explain(1).reading).asked(("forward",))
    assert {e.name.layer for e in asked if e.name.base in "hc"} == {"⟨1⟩", "⟨2⟩"}
