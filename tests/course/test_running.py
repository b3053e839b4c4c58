"""Lessons are run: the stored outputs are what comes out, and a wrong number cannot stand."""

from __future__ import annotations

import json

import pytest

from gobhir.course import CourseError, commands, load, read_lesson
from gobhir.course.commands import faulty_exercises, stale_outputs
from gobhir.course.inside import plain, short, tex
from gobhir.course.plan import all_slugs
from gobhir.course.rubric import lint_course, lint_lesson
from gobhir.course.running import as_json, is_current, joined, outputs_file, run

pytestmark = pytest.mark.slow  # each starts a kernel

OPEN = all_slugs()


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_the_samples_outputs_are_fresh(sample, lang):
    stored = outputs_file(sample, lang).read_text(encoding="utf-8")
    assert as_json(sample, lang, run(sample, lang).blocks) == stored


@pytest.mark.parametrize(
    ("slug", "lang"), [(slug, ("en", "bn")[k % 2]) for k, slug in enumerate(OPEN)]
)
def test_every_lessons_outputs_are_fresh(slug, lang):
    """Byte for byte, in one language; in the other its notebook runs (test_notebooks.py)."""
    lesson = load(slug)
    stored = outputs_file(lesson, lang).read_text(encoding="utf-8")
    assert as_json(lesson, lang, run(lesson, lang).blocks) == stored


@pytest.mark.parametrize("slug", OPEN)
def test_a_lessons_numbers_are_the_same_in_both_languages(slug):
    bangla, english = (load(slug).outputs(lang) for lang in ("bn", "en"))
    assert bangla.keys() == english.keys()
    for block, one in bangla.items():
        other = english[block]
        for kind in ("answer", "answers", "numbers"):
            assert one.get(kind) == other.get(kind), block
        values, others = one.get("values", {}), other.get("values", {})
        for expression in values.keys() & others.keys():
            assert values[expression] == others[expression], (block, expression)


@pytest.mark.parametrize("slug", OPEN)
def test_solutions_pass_stubs_and_wrong_programs_fail_with_their_own_message(slug):
    assert [str(finding) for finding in faulty_exercises(load(slug))] == []


@pytest.mark.parametrize("slug", OPEN)
def test_every_lesson_keeps_the_rubric(slug):
    assert [str(finding) for finding in lint_lesson(load(slug))] == []


def test_the_course_as_a_whole_gives_no_answers_away():
    assert lint_course([load(slug) for slug in OPEN]) == []


def test_a_changed_number_makes_the_outputs_stale(changed, sample):
    assert is_current(sample, "bn")
    lesson = read_lesson(changed("lesson.md", "[0.5, 0.1], [0.2", "[0.5, 0.1], [0.3"))
    assert not is_current(lesson, "bn")
    before = outputs_file(lesson, "bn").read_text(encoding="utf-8")
    after = run(lesson, "bn").blocks
    assert after["by-hand"]["values"]["z:.2f"] == "0.11"
    assert as_json(lesson, "bn", after) != before


def test_a_stored_number_that_the_code_does_not_give_is_found(changed):
    folder = changed("outputs.bn.json", "0.5150", "0.5160")
    found = [finding for finding in stale_outputs(read_lesson(folder)) if finding.rule == "outputs"]
    assert [finding.file.name for finding in found] == ["outputs.bn.json"]


def test_a_lesson_has_so_much_of_the_processor(changed, sample, monkeypatch):
    code = "import time\ntime.sleep(2)\nloss = 0.5 *"  # waiting costs nothing
    lesson = read_lesson(changed("lesson.md", "loss = 0.5 *", code))
    assert 0 < run(lesson, "en").seconds < 2
    monkeypatch.setattr(commands, "SECONDS", 0.0)
    rules = {finding.rule: finding.message for finding in stale_outputs(sample)}
    assert rules["run"].endswith("of the processor, at most 0")


def test_a_cell_that_fails_is_named_with_its_line(changed):
    lesson = read_lesson(changed("lesson.md", "loss = 0.5 * (p - y) ** 2", "loss = 0.5 * nothing"))
    with pytest.raises(CourseError, match="code-loss fails: NameError") as caught:
        run(lesson, "en")
    block = next(b for b in lesson.blocks if b.id == "code-loss")
    assert (caught.value.file, caught.value.line) == (lesson.file, block.line)


def test_an_expression_that_fails_is_named_with_its_block(changed):
    lesson = read_lesson(changed("lesson.md", "{v}`y:g`", "{v}`nothing:g`"))
    with pytest.raises(CourseError, match="by-hand: nothing:g: NameError"):
        run(lesson, "en")


def test_an_expression_sees_only_what_ran_above_it(changed):
    lesson = read_lesson(changed("lesson.md", "{v}`y:g`", "{v}`loss:g`"))
    with pytest.raises(CourseError, match="by-hand: loss:g: NameError"):
        run(lesson, "en")


def test_a_lesson_runs_without_network_in_an_empty_folder_in_its_language(changed):
    code = (
        "import os, socket\nprint(sorted(os.listdir()), os.environ['GOBHIR_LANG'])\n"
        "try:\n    socket.create_connection(('127.0.0.1', 9))\n"
        "except OSError as error:\n    print(error)\nloss = 0.5 * (p - y) ** 2"
    )
    lesson = read_lesson(changed("lesson.md", "loss = 0.5 * (p - y) ** 2", code))
    output = run(lesson, "bn").blocks["code-loss"]["outputs"][0]["text"]
    assert output == "[] bn\na lesson runs without network\n0.1176\n"


def test_a_cell_tagged_raises_has_to_raise(changed):
    old = ":tags: [proof, experiment]"
    lesson = read_lesson(changed("lesson.md", old, ":tags: [proof, raises]"))
    with pytest.raises(CourseError, match="was to raise"):
        run(lesson, "en")


def test_prints_are_one_output_however_the_kernel_cuts_them():
    def stream(name, text):
        return {"output_type": "stream", "name": name, "text": text}

    cut = [
        stream("stdout", "a"),
        stream("stdout", "b\n"),
        stream("stderr", "c"),
        {"output_type": "x"},
    ]
    whole = [stream("stdout", "ab\n"), stream("stderr", "c"), {"output_type": "x"}]
    assert joined(cut) == whole


def test_a_cell_that_prints_in_pieces_gives_one_output(changed):
    code = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)\n"
    lesson = read_lesson(changed("lesson.md", "loss = 0.5 *", code + "loss = 0.5 *"))
    outputs = run(lesson, "en").blocks["code-loss"]["outputs"]
    assert [output["text"] for output in outputs] == ["0\n1\n2\n0.1176\n"]


def test_a_picture_is_the_same_whenever_it_is_drawn(changed):
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2], label='a')\nplt.legend()\nplt.show()\n"
    )
    lesson = read_lesson(changed("lesson.md", "loss = 0.5 *", code + "loss = 0.5 *"))
    first, second = (run(lesson, "en").blocks["code-loss"]["outputs"] for _ in range(2))
    assert first == second
    assert "<clipPath id=" in first[0]["data"]["image/svg+xml"]


def test_what_is_stored_is_plain():
    import numpy as np

    assert plain({"a": np.array([[1.0, 0.1 + 0.2]]), "b": (4, 4)}) == {
        "a": [[1, 0.3]],
        "b": "(4, 4)",
    }
    json.dumps(plain(np.float64(1.5)))
    assert tex([[1.0, -0.04], [0.5, 2]], ".1f") == r"\begin{bmatrix}1.0&0.0\\0.5&2.0\end{bmatrix}"
    assert tex(np.array([1.0, 2.0])) == r"\begin{bmatrix}1\\2\end{bmatrix}"


def test_the_data_cells_short_numbers_are_known():
    assert short([0.5, [-0.4, 3], {"a": 0.514995}, "7", True]) == {"0.5", "0.4", "3"}
