"""The command line: the plan, notebooks, checking a file, and the author's tools."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gobhir.course import load
from gobhir.course.commands import app, faulty_exercises
from gobhir.course.running import run
from gobhir.learner.store import Store, learner_folder
from tests.course.conftest import SAMPLE

cli = CliRunner()


@pytest.fixture
def course(copied):
    return copied.parents[1]


@pytest.fixture
def answer(tmp_path):
    def write(code):
        file = tmp_path / "ex1.py"
        file.write_text(code, encoding="utf-8")
        return str(file)

    return write


def test_the_plan_lists_56_days_and_marks_the_open_ones(course):
    english = cli.invoke(app, ["plan", "--lang", "en"]).output
    lines = [line for line in english.splitlines() if line[4:].startswith("Day ")]
    assert len(lines) == 56
    assert [line for line in lines if "●" in line] == [lines[9]]
    bangla = cli.invoke(app, ["plan", "--lang", "bn"]).output
    assert "সপ্তাহ ১, ভিত্তি" in bangla
    assert "দিন ৫৬" in bangla
    assert "অ্যাটেনশন  (আগে চাই: দিন ১৭)" in bangla


def test_today_and_coverage_answer_in_both_languages(course):
    title = load(SAMPLE.name).title("en")
    assert cli.invoke(app, ["today", "--lang", "en"]).output.startswith(f"Day 10: {title}\n")
    assert "০% শেষ" in cli.invoke(app, ["today", "--lang", "bn"]).output
    covered = cli.invoke(app, ["coverage", "--lang", "en"]).output
    assert "B110" in covered and f"→ Day 10 ({SAMPLE.name})" in covered
    still_open = cli.invoke(app, ["coverage", "--open", "--lang", "bn"]).output
    assert "B172" in still_open and "B110" not in still_open and "২২৬টার মধ্যে" in still_open


def test_progress_is_shown_carried_away_and_taken_in(course, tmp_path, monkeypatch):
    with Store(learner_folder()).writing() as db:
        db.execute("INSERT INTO activity VALUES (date('now', 'localtime'), 'day10', 12)")
    shown = cli.invoke(app, ["progress", "--lang", "bn"]).output
    assert "টানা ১ দিন · আজ ১২ মিনিট" in shown and shown.count("░") == 1
    file = str(tmp_path / "progress.json")
    assert cli.invoke(app, ["progress", "export", file, "--lang", "en"]).exit_code == 0
    monkeypatch.setenv("GOBHIR_HOME", str(tmp_path / "other"))
    assert "A new streak" in cli.invoke(app, ["progress", "--lang", "en"]).output
    assert cli.invoke(app, ["progress", "import", file]).exit_code == 0
    assert "12 minutes today" in cli.invoke(app, ["progress", "--lang", "en"]).output
    assert cli.invoke(app, ["progress", "import", str(tmp_path / "no.json")]).exit_code == 2


def test_export_says_what_it_wrote_and_asks_for_a_name_for_the_licence(course, tmp_path):
    folder = str(tmp_path / "notes")
    assert cli.invoke(app, ["export", folder, "--licence", "mit"]).exit_code == 2
    assert not (tmp_path / "notes").exists()
    said = cli.invoke(app, ["export", folder, "--lang", "en"]).output
    assert said.startswith("1 files written") and "git init" in said


def test_search_answers_and_says_when_nothing_is_found(course):
    found = cli.invoke(app, ["search", "গ্রেডিয়েন্ট", "ডিসেন্ট", "--lang", "en"])
    assert found.output.startswith("gradient descent · গ্রেডিয়েন্ট ডিসেন্ট  (term: glossary#")
    nothing = cli.invoke(app, ["search", "zzzqq", "--lang", "bn"])
    assert nothing.exit_code == 1 and "zzzqq" in nothing.output


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


@pytest.mark.parametrize(("name", "slug"), [("15", "day15-tensors"), ("attention", "attention")])
def test_a_new_lesson_loads_and_is_not_finished(course, name, slug):
    begun = cli.invoke(app, ["dev", "new", name, "tensors"])
    assert begun.exit_code == 0 and len(begun.output.splitlines()) == 3
    lesson = load(slug)
    assert lesson.render("bn") and lesson.slides("en")
    checked = cli.invoke(app, ["dev", "check", "--no-execute", slug])
    assert checked.exit_code == 1 and "unwritten" in checked.output
    again = cli.invoke(app, ["dev", "new", name, "tensors"])
    assert again.exit_code == 2 and slug in again.output


@pytest.mark.slow
def test_a_new_lesson_runs_and_so_do_its_exercises(course):
    cli.invoke(app, ["dev", "new", "15", "tensors"])
    lesson = load("day15-tensors")
    assert run(lesson, "en").blocks["code-one"]["outputs"][0]["text"] == "6.0\n"
    assert faulty_exercises(lesson) == []


@pytest.mark.parametrize("words", [["57", "x"], ["nothing"], ["15"], ["15", "../x"], ["15", "Big"]])
def test_a_lesson_that_cannot_be_begun_writes_nothing(course, words):
    before = sorted(course.rglob("*"))
    refused = cli.invoke(app, ["dev", "new", *words])
    assert refused.exit_code == 2 and refused.output.strip()
    assert sorted(course.rglob("*")) == before
