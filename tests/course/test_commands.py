"""The command line: the plan, notebooks, checking a file, and the author's tools."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

from gobhir.course.commands import app
from tests.course.conftest import SAMPLE

cli = CliRunner()


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = tmp_path / "course"
    shutil.copytree(SAMPLE, folder / "days" / SAMPLE.name)
    for name in ("plan.toml", "glossary.toml", "rows.toml"):
        shutil.copy(SAMPLE.parents[3] / "course" / name, folder)
    monkeypatch.setenv("GOBHIR_COURSE", str(folder))
    return folder


@pytest.fixture
def answer(tmp_path):
    def write(code):
        file = tmp_path / "ex1.py"
        file.write_text(code, encoding="utf-8")
        return str(file)

    return write


def test_the_plan_lists_56_days_and_marks_the_open_ones(course):
    english = cli.invoke(app, ["plan", "--lang", "en"]).output
    lines = [line for line in english.splitlines() if "Day " in line]
    assert len(lines) == 56
    assert [line for line in lines if "●" in line] == [lines[9]]
    bangla = cli.invoke(app, ["plan", "--lang", "bn"]).output
    assert "সপ্তাহ ১, ভিত্তি" in bangla
    assert "দিন ৫৬" in bangla


def test_check_says_right_and_wrong_by_its_exit_code(course, answer):
    right = "import math\ndef neuron(x, w):\n    z = sum(a * b for a, b in zip(x, w))\n"
    right += "    return 1 / (1 + math.exp(-z))\n"
    good = cli.invoke(app, ["check", SAMPLE.name, "neuron", answer(right), "--lang", "en"])
    assert (good.exit_code, good.stdout.splitlines()[-1]) == (0, "All right! All 2 tasks agree.")
    wrong = "def neuron(x, w):\n    return sum(a * b for a, b in zip(x, w))\n"
    bad = cli.invoke(app, ["check", SAMPLE.name, "neuron", answer(wrong), "--lang", "bn"])
    assert bad.exit_code == 1
    assert "সিগময়েড বাদ পড়েছে।" in bad.stdout
    assert "ex1.py:2" in bad.stdout
    assert "Traceback" not in bad.output


def test_check_names_what_there_is(course, answer, tmp_path):
    unknown = cli.invoke(app, ["check", SAMPLE.name, "nothing", answer("1"), "--lang", "en"])
    assert unknown.exit_code == 2
    assert f"{SAMPLE.name} half_square" in unknown.output
    missing = cli.invoke(app, ["check", SAMPLE.name, "neuron", str(tmp_path / "no.py")])
    assert missing.exit_code == 2
    assert "no.py" in missing.output
    picture = tmp_path / "picture.py"
    picture.write_bytes(b"\x89PNG\xff")
    assert cli.invoke(app, ["check", SAMPLE.name, "neuron", str(picture)]).exit_code == 2


def test_an_unknown_language_is_one_clear_line(course):
    result = cli.invoke(app, ["plan", "--lang", "xx"])
    assert result.exit_code == 2
    assert "xx" in result.output
    assert "Traceback" not in result.output


def test_notebooks_are_written_and_a_refusal_is_said(course, tmp_path):
    result = cli.invoke(app, ["notebooks", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert len(list((tmp_path / "out").glob("*/*.ipynb"))) == 2
    blocked = tmp_path / "file"
    blocked.write_text("")
    refused = cli.invoke(app, ["notebooks", str(blocked / "in"), "--lang", "en"])
    assert refused.exit_code == 1
    assert "Could not write" in refused.output or "লেখা গেল না" in refused.output


@pytest.mark.slow
def test_authors_write_outputs_and_have_them_checked(course):
    lesson = course / "days" / SAMPLE.name
    assert cli.invoke(app, ["dev", "check"]).exit_code == 0
    text = (lesson / "lesson.md").read_text(encoding="utf-8")
    (lesson / "lesson.md").write_text(text.replace("loss:.4f", "loss:.3f"), encoding="utf-8")
    stale = cli.invoke(app, ["dev", "check", "--no-execute"])
    assert stale.exit_code == 1
    assert "outputs.bn.json is stale" in stale.output
    assert cli.invoke(app, ["dev", "outputs"]).exit_code == 0
    assert cli.invoke(app, ["dev", "check", "--no-execute"]).exit_code == 0


@pytest.mark.slow
def test_a_faulty_exercise_is_found_by_running_it(course):
    file = course / "days" / SAMPLE.name / "exercises.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("want = 0.125", "want = 0.25")
    file.write_text(text, encoding="utf-8")
    result = cli.invoke(app, ["dev", "check"])
    assert result.exit_code == 1
    assert "half_square: the solution fails" in result.output
    assert "half_square: no-half gets no message of its own" in result.output


def test_a_broken_lesson_is_named_with_its_line(course):
    file = course / "days" / SAMPLE.name / "lesson.md"
    file.write_text("+++ {}\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    result = cli.invoke(app, ["dev", "check"])
    assert result.exit_code == 2
    assert "lesson.md:1: " in result.output
