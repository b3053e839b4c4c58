"""Notebooks: made from lessons, in both languages, and they run in an empty folder."""

from __future__ import annotations

import os
import shutil

import nbformat
import pytest
from nbclient import NotebookClient

from gobhir.course import format_verdict, lessons, load, notebook
from gobhir.course.notebooks import lesson_notebook, notebook_name, write_notebooks
from gobhir.course.plan import all_slugs
from tests.course.conftest import SAMPLE

OPEN = all_slugs()


def run(made, folder, **settings):
    """Run a notebook from top to bottom where nothing else lies, without a way to the network."""
    client = NotebookClient(made, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(
        cwd=str(folder), env={**os.environ, "http_proxy": "http://127.0.0.1:9", **settings}
    )
    return {cell.id: cell for cell in made.cells}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The sample as the only lesson of a course."""
    folder = tmp_path / "course"
    shutil.copytree(SAMPLE, folder / "days" / SAMPLE.name)
    (folder / "plan.toml").write_text(
        "[[week]]\nnumber = 1\ntitle = {}\ngoal = {}\n"
        'day = [{number = 10, row = "B173", title = {bn = "ক", en = "a"}}]\n'
    )
    shutil.copy(SAMPLE.parents[3] / "course" / "glossary.toml", folder)
    monkeypatch.setenv("GOBHIR_COURSE", str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["bn", "en"])
def test_a_notebook_runs_and_its_exercises_answer(course, tmp_path, lang):
    empty = tmp_path / "empty"
    empty.mkdir()
    made = notebook(SAMPLE.name, lang)
    cells = run(made, empty, GOBHIR_COURSE=str(course))
    assert cells["code-loss"].outputs[0].text == "0.1176\n"
    first_line = cells["ex-neuron-code"].outputs[0].text.splitlines()[0]
    assert first_line.startswith("✗ কাজ ১/২" if lang == "bn" else "✗ Task 1/2")
    assert sorted(empty.iterdir()) == []


@pytest.mark.slow
def test_a_solved_exercise_passes_in_the_notebook(course, tmp_path):
    made = notebook(SAMPLE.name, "en")
    cell = next(cell for cell in made.cells if cell.id == "ex-neuron-code")
    lesson = load(SAMPLE.name)
    cell.source = cell.source.splitlines()[0] + "\n" + lesson.exercise("neuron").solution
    after = nbformat.v4.new_code_cell(
        "print(round(neuron([0.5, 0.1], [0.2, -0.4]), 4))", id="after"
    )
    made.cells.insert(made.cells.index(cell) + 1, after)
    cells = run(made, tmp_path, GOBHIR_COURSE=str(course))
    assert cells["ex-neuron-code"].outputs[0].text.splitlines()[-1].startswith("All right!")
    assert cells["after"].outputs[0].text == "0.515\n"


@pytest.mark.slow
def test_a_cell_without_its_library_shows_the_stored_output(course, tmp_path):
    lesson = course / "days" / SAMPLE.name / "lesson.md"
    text = lesson.read_text(encoding="utf-8")
    lesson.write_text(
        text.replace("```{code-cell} python\nloss", "```{code-cell} python\n:tags: [torch]\nloss")
    )
    made = notebook(SAMPLE.name, "en")
    cell = next(cell for cell in made.cells if cell.id == "code-loss")
    assert cell.source.startswith(f"%%needs torch {SAMPLE.name} code-loss\nloss = ")
    absent = cell.source.replace("%%needs torch", "%%needs no_such_library")
    made.cells.insert(made.cells.index(cell), nbformat.v4.new_code_cell(absent, id="absent"))
    cells = run(made, tmp_path, GOBHIR_COURSE=str(course))
    said = "no_such_library is not installed here. This is the stored output:\n0.1176\n"
    assert cells["absent"].outputs[0].text == said
    assert cells["code-loss"].outputs[0].text == "0.1176\n"


def test_a_failing_cell_under_needs_fails_the_notebook():
    from IPython.core.interactiveshell import InteractiveShell

    from gobhir.course.magic import load_ipython_extension

    shell = InteractiveShell()
    load_ipython_extension(shell)
    with pytest.raises(ZeroDivisionError):
        shell.run_cell_magic("needs", "json a b", "1 / 0")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slug", "lang"), [(slug, ("bn", "en")[k % 2]) for k, slug in enumerate(OPEN)]
)
def test_every_lessons_notebook_runs_in_an_empty_folder(slug, lang, tmp_path):
    """And prints what is stored. In the other language test_running.py compares all of it."""
    cells = run(notebook(slug, lang), tmp_path)
    failed = [i for i, c in cells.items() for o in c.get("outputs", []) if o.output_type == "error"]
    raises = {block.id for block in load(slug).blocks if "raises" in block.tags}
    assert set(failed) == raises
    assert sorted(tmp_path.iterdir()) == []
    for block, stored in load(slug).outputs(lang).items():
        made = cells.get(block, {}).get("outputs", [])
        printed = [o.text for o in made if o.get("name") == "stdout"]
        kept = [o["text"] for o in stored.get("outputs", []) if o.get("name") == "stdout"]
        assert "".join(printed) == "".join(kept), block


def test_day_nine_is_notebook_four():
    slug = next(day.slug for day in lessons() if day.number == 9)
    assert notebook_name(load(slug)) == "04_backpropagation.ipynb"


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_jupyter_shows_it_well(sample, lang):
    """Nothing of MyST is left, the numbers stand in the text, the answers stay folded."""
    made = lesson_notebook(sample, lang)
    nbformat.validate(made)
    texts = {cell.id: cell.source for cell in made.cells if cell.cell_type == "markdown"}
    everything = "\n".join(texts.values())
    for left in ("{v}", r"\v{", "```{", "(day:", "+++"):
        assert left not in everything
    assert "= 0.06\n$$" in texts["by-hand"]
    assert r"$\hat y = 0.5150$" in texts["by-hand"]
    assert "\n> **" in texts["by-hand"]
    assert "<details>" in texts["quiz"]
    assert sample.title(lang) in texts["head"]
    assert 'os.environ["GOBHIR_LANG"] = "' + lang in made.cells[1].source
    assert "find_spec" in made.cells[1].source


def test_the_answer_stands_behind_the_cell_that_shows_it(sample):
    ids = [cell.id for cell in lesson_notebook(sample, "en").cells]
    at = ids.index("predict-loss")
    assert ids[at : at + 3] == ["predict-loss", "code-loss", "predict-loss-after"]


def test_the_same_lesson_gives_the_same_file(sample):
    assert nbformat.writes(lesson_notebook(sample, "bn")) == nbformat.writes(
        lesson_notebook(sample, "bn")
    )


def test_all_notebooks_are_written_a_folder_a_language(course, tmp_path):
    both = write_notebooks(tmp_path / "both", ["bn", "en"])
    names = [str(file.relative_to(tmp_path / "both")) for file in both]
    assert names == [f"bn/{SAMPLE.name}.ipynb", f"en/{SAMPLE.name}.ipynb"]
    (one,) = write_notebooks(tmp_path / "one", ["en"])
    assert one == tmp_path / "one" / f"{SAMPLE.name}.ipynb"
    nbformat.validate(nbformat.read(one, 4))


def test_format_verdict_is_what_the_magic_prints():
    from gobhir.course import magic

    assert magic.format_verdict is format_verdict
