"""Practice: the bench, its single commands, the working, and a sitting in a real terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys

import pytest
from typer.testing import CliRunner

from gobhir.course.checking import run_programs
from gobhir.course.lesson import load
from gobhir.course.plan import plus
from gobhir.course.practice.bench import Bench
from gobhir.course.practice.commands import app
from gobhir.course.working import working
from gobhir.lang import t
from gobhir.learner.store import Store
from tests.course.conftest import SAMPLE

RIGHT = "import numpy as np\n\ndef neuron(x, w):\n    return 1 / (1 + np.exp(-np.dot(x, w)))\n"
NO_SIGMOID = "import numpy as np\n\ndef neuron(x, w):\n    return np.dot(x, w)\n"


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = tmp_path / "course"
    shutil.copytree(SAMPLE, folder / "days" / SAMPLE.name)
    for name in ("plan.toml", "glossary.toml", "rows.toml"):
        shutil.copy(SAMPLE.parents[3] / "course" / name, folder)
    monkeypatch.setenv("GOBHIR_COURSE", str(folder))
    monkeypatch.setenv("GOBHIR_LANG", "en")
    return folder


@pytest.fixture
def store(course, tmp_path, monkeypatch):
    monkeypatch.setenv("GOBHIR_HOME", str(tmp_path / "home"))
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def bench(store):
    return Bench(store, "en")


@pytest.fixture
def practice(store):
    def run(*words, **more):
        return CliRunner().invoke(app, [*words], **more)

    return run


def solve(bench, name="neuron", code=RIGHT):
    entry = bench.find(name)
    bench.file(entry).write_text(code, encoding="utf-8")
    return bench.check(entry)


def test_the_file_begins_with_the_task_and_is_written_only_once(bench):
    entry = bench.find("neuron")
    text = bench.file(entry).read_text(encoding="utf-8")
    assert text.startswith("# Day 10 · ")
    assert text.endswith(entry.exercise.stub)
    compile(text, "neuron.py", "exec")
    bench.path(entry).write_text("mine", encoding="utf-8")
    assert bench.file(entry).read_text(encoding="utf-8") == "mine"


def test_a_pass_moves_on_and_stays_passed_whatever_the_file_becomes(bench):
    entry = bench.find("neuron")
    assert bench.next_undone(entry) != entry
    assert solve(bench).passed
    assert bench.state(entry).passed
    assert not solve(bench, code=NO_SIGMOID).passed
    assert Bench(bench.store, "bn").state(entry).passed
    assert bench.next_undone(bench.find("half_square")) is None
    assert bench.next_undone() == bench.find("half_square")


def test_the_same_code_again_is_no_new_try_and_the_stub_is_none(bench):
    entry = bench.find("neuron")
    bench.file(entry)
    bench.check(entry)
    Bench(bench.store, "bn").check(entry)
    assert bench.state(entry).failed == 0
    for _ in range(2):
        solve(bench, code=NO_SIGMOID)
    assert bench.state(entry).failed == 1


def test_hints_come_one_by_one_and_the_solution_after_three_tries_and_all_of_them(bench):
    entry = bench.find("neuron")
    hints = entry.exercise.hints
    for number in range(1, 4):
        solve(bench, code=f"{NO_SIGMOID}# {number}\n")
    assert bench.hint(entry, 3)[0] == 1  # nobody skips ahead
    assert bench.solution(entry) is None
    numbers = [bench.hint(entry)[0] for _ in hints]
    assert numbers == [*range(2, len(hints) + 1), len(hints)]
    assert bench.hint(entry, 1)[0] == 1
    assert bench.state(entry).hints == len(hints)
    assert bench.solution(entry) == entry.exercise.solution
    assert bench.state(entry).seen and not bench.state(entry).passed


def test_a_reset_keeps_every_earlier_file(bench):
    entry = bench.find("neuron")
    kept = []
    for number in range(3):
        bench.file(entry).write_text(f"# {number}\n", encoding="utf-8")
        kept.append(bench.reset(entry))
    assert [file.read_text(encoding="utf-8") for file in kept] == ["# 0\n", "# 1\n", "# 2\n"]
    assert bench.untouched(entry, bench.path(entry).read_text(encoding="utf-8"))


def test_progress_is_kept_by_name_when_the_course_changes(bench, course):
    solve(bench)
    file = course / "days" / SAMPLE.name / "exercises.toml"
    parts = file.read_text(encoding="utf-8").split("[[exercise]]")
    file.write_text("[[exercise]]".join([parts[0], *reversed(parts[1:])]), encoding="utf-8")
    turned = Bench(bench.store, "en")
    assert [e.id for e in turned.entries] == [e.id for e in reversed(bench.entries)]
    assert turned.passed() == {(SAMPLE.name, "neuron")}


def test_an_exercise_of_the_plus_track_stands_after_the_days(course, store):
    entry = plus()[0]
    folder = course / "plus" / entry.name
    shutil.copytree(SAMPLE, folder)
    bench = Bench(store, "bn")
    assert [e.slug for e in bench.entries] == [SAMPLE.name] * 2 + [entry.name] * 2
    placed = bench.find(f"{entry.name}/neuron")
    assert bench.file(placed).read_text(encoding="utf-8").startswith(f"# {entry.title['bn']} · ")
    assert bench.find("neuron").slug == SAMPLE.name


def test_commands_for_pipes_say_it_by_their_exit_code(practice, bench):
    first = practice("run", "neuron")
    assert (first.exit_code, "✗ Task 1/" in first.stdout) == (1, True)
    bench.path(bench.find("neuron")).write_text(RIGHT, encoding="utf-8")
    assert practice("neuron").exit_code == 0  # the name alone, without a terminal: run once
    listed = practice("list").stdout
    assert "✓ neuron" in listed and "○ half_square" in listed and "1/2" in listed
    assert practice("check").exit_code == 0
    assert practice("solution", "neuron").exit_code == 0
    assert "Hint 1/" in practice("hint", "half_square").stdout
    assert practice("reset", "neuron", input="n\n").exit_code == 1
    assert bench.path(bench.find("neuron")).read_text(encoding="utf-8") == RIGHT
    assert practice("reset", "neuron", "--yes").exit_code == 0
    assert "neuron" in str(practice("run", "neurn").exception)


def test_a_file_that_is_no_text_is_said_and_nothing_is_lost(practice, bench):
    file = bench.file(bench.find("neuron"))
    file.write_bytes(b"\xff\xfe\x00")
    assert str(file) in str(practice("run", "neuron").exception)
    assert file.read_bytes() == b"\xff\xfe\x00"


def test_the_working_puts_the_numbers_into_both_programs(bench):
    verdict = solve(bench, code=NO_SIGMOID)
    entry = bench.find("neuron")
    call = entry.exercise.tests[0].call
    text = bench.working(entry, verdict)
    assert text.startswith(call)
    yours, right = text.split(t("practice.work.right", "en"))
    assert "4  return np.dot(x, w)" in yours
    assert f"= {verdict.tasks[0].got}" in yours
    assert right.rstrip().splitlines()[-1].strip().startswith("= 0.")
    assert "np.dot(x, w)" not in right


def test_steps_are_the_lines_in_the_order_in_which_they_ran():
    code = "def f(n):\n    s = 0\n    for k in range(n):\n        s += k * 2\n    return s\n"
    (outcome,) = run_programs([code], ["f(3)"], "en", trace=True)
    steps = [(s["line"], s["put"], s["got"]) for s in outcome.results[0]["steps"]]
    assert steps == [
        (2, "0", "0"),
        (4, "0 + 0 * 2", "0"),
        (4, "0 + 1 * 2", "2"),
        (4, "2 + 2 * 2", "6"),
        (5, "6", "6"),
    ]


def test_steps_end_where_the_program_stopped_and_are_not_endless():
    stops = "def f(n):\n    a = n - 1\n    return a / 0\n"
    (outcome,) = run_programs([stops], ["f(3)"], "en", trace=True)
    assert [s["got"] for s in outcome.results[0]["steps"]][:1] == ["2"]
    long = "def f(n):\n    s = 0\n    while s < n:\n        s = s + 1\n    return s\n"
    (outcome,) = run_programs([long], ["f(1000)"], "en", trace=True)
    told = outcome.results[0]
    assert len(told["steps"]) + told["left_out"] == 1002
    assert told["got"]["value"] == 1000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of Unix")
@pytest.mark.parametrize("lang", ["bn", "en"])
def test_a_sitting_in_a_terminal(course, tmp_path, lang):
    import pexpect

    home = tmp_path / "home"
    surroundings = {**os.environ, "GOBHIR_HOME": str(home), "TERM": "xterm", "COLUMNS": "200"}
    words = ["-m", "gobhir", "practice", "neuron", "--lang", lang]
    terminal = pexpect.spawn(
        sys.executable, words, env=surroundings, dimensions=(40, 200), encoding="utf-8", timeout=60
    )

    def expect(key, **values):
        said = t(key, lang, **values)
        terminal.expect(re.escape(said))

    expect("practice.watch.begin", file="neuron.py")
    expect("practice.key.q")
    file = home / "practice" / SAMPLE.name / "neuron.py"
    file.write_text(NO_SIGMOID, encoding="utf-8")
    expect("course.command.checking")
    expect("course.verdict.difference")
    expect("practice.key.q")
    terminal.send("h")
    expect("practice.key.q")
    terminal.send("t")
    expect("practice.work.right")
    expect("practice.key.q")
    file.write_text(RIGHT, encoding="utf-8")
    expect("practice.watch.passed")
    expect("practice.key.s")
    terminal.send("s")
    expect("course.exercise.solution")
    terminal.send("n")
    terminal.expect("half_square.py")
    expect("practice.key.q")
    other = file.with_name("half_square.py")
    other.write_text("def half_square(p, y):\n    while True: pass\n", encoding="utf-8")
    expect("course.command.checking")
    terminal.send("q")  # dropped: a program runs
    terminal.send("\x03")
    expect("practice.watch.end")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0

    words = ["-m", "gobhir", "--lang", lang]  # alone, it goes on where the learner left
    again = pexpect.spawn(
        sys.executable, words, env=surroundings, dimensions=(40, 200), encoding="utf-8", timeout=60
    )
    again.expect("half_square.py")
    again.expect(re.escape(t("practice.key.q", lang)))
    again.send("q")
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 0


def test_where_an_exercise_names_the_engines_page_it_ends_the_working():
    exercise = load("day09-backpropagation").exercise("output_delta")
    text = working(exercise, exercise.tests[0], exercise.stub, "bn")
    assert t("practice.work.engine", "bn") in text
    assert "δ⁽²⁾ = (ŷ − y) · ŷ(1 − ŷ)" in text
    assert "-0.084003" in text and "−0.08399" in text
