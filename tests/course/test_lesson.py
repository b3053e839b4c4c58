"""The parser: a lesson as blocks, and every fault said with file and line."""

from __future__ import annotations

import jupytext
import pytest

from gobhir.course import CourseError, load, read_lesson

WIDGET = '+++ {"pair": "w", "kind": "widget", "make": "%s"}\n'
SLIDE = '+++ {"lang": "bn", "pair": "w"}\na\n+++ {"lang": "en", "pair": "w", "slide": true}\n'
TOP = '---\ngobhir:\n  title: {bn: "ক", en: "a"}\n---\n'


def write(folder, text):
    (folder / "lesson.md").write_text(text, encoding="utf-8")
    return read_lesson(folder)


def test_blocks_know_their_pair_kind_language_and_line(sample):
    block = sample.blocks[1]
    assert (block.id, block.kind, block.lang, block.tags) == ("numbers", "code", None, ("data",))
    text = sample.file.read_text(encoding="utf-8").splitlines()
    for block in sample.blocks:
        if block.source:
            assert text[block.line - 1] == block.source.splitlines()[0]


def test_options_stand_on_the_first_block_and_hold_for_both(sample):
    bangla, english = (b for b in sample.blocks if b.id == "predict-loss")
    assert (bangla.lang, english.lang) == ("bn", "en")
    assert english.kind == "predict"
    assert english.options == bangla.options == {"answer": "loss", "tolerance": 0.01}


def test_a_reader_of_one_language_meets_its_blocks_and_the_shared_ones(sample):
    for lang, other in (("bn", "en"), ("en", "bn")):
        blocks = sample.in_language(lang)
        assert {b.lang for b in blocks} == {lang, None}
        assert [b.id for b in blocks] == [b.id for b in sample.in_language(other)]


def test_jupyter_reads_the_same_code_cells(sample):
    cells = jupytext.read(sample.file, fmt="md:myst").cells
    theirs = [cell.source for cell in cells if cell.cell_type == "code"]
    assert theirs == [block.source for block in sample.blocks if block.kind == "code"]


def test_title_and_day(sample):
    assert (sample.title("bn"), sample.title("en"), sample.day) == ("এক নিউরন", "One neuron", 10)


def test_no_lesson_of_that_name_and_no_way_out_of_the_folder():
    for slug in ("day99-nothing", "../day09-backpropagation", "/etc", ""):
        with pytest.raises(KeyError):
            load(slug)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("# hello\n", 1, "front matter"),
        ("---\ngobhir: [\n---\n", 2, "front matter"),
        ("---\ngobhir:\n  day: 3\n---\n", 1, "title"),
        ('---\ngobhir:\n  title: {bn: "ক"}\n---\n', 1, "lacks en"),
        (TOP + "stray\n", 5, "before the first +++"),
        (TOP + "+++ {pair: why}\n", 5, "JSON on one line"),
        (TOP + '+++ {"lang": "bn"}\n', 5, "names its pair"),
        (TOP + '+++ {"lang": "bn", "pair": "Why?"}\n', 5, "names its pair"),
        (TOP + '+++ {"lang": "hi", "pair": "why"}\n', 5, "unknown language"),
        (TOP + '+++ {"lang": "bn", "pair": "why", "kind": "poem"}\n', 5, "unknown kind"),
        (TOP + '+++ {"pair": "why"}\ntext\n', 5, "needs a lang"),
        (TOP + '+++ {"lang": "bn", "pair": "q", "kind": "quiz"}\n', 5, "is shared"),
        (
            TOP + '+++ {"lang": "bn", "pair": "w"}\na\n+++ {"lang": "bn", "pair": "w"}\nb\n',
            7,
            "twice",
        ),
        (
            TOP + SLIDE,
            7,
            "first block",
        ),
        (TOP + '+++ {"pair": "c"}\ntext\n```{code-cell} python\n1\n```\n', 6, "one {code-cell}"),
        (TOP + '+++ {"pair": "c"}\n```{code-cell} python\n:tags: [x]\n1\n```\n', 6, "tags ['x']"),
        (TOP + '+++ {"pair": "c"}\n```{code-cell} python\n:slow: 1\n1\n```\n', 6, "slow"),
        (TOP + '+++ {"pair": "q", "kind": "quiz", "items": ["none"]}\n', 5, "no quiz 'none'"),
        (TOP + '+++ {"pair": "w", "kind": "widget"}\n', 5, "a picture is made by"),
        (TOP + WIDGET % "os.system(1)", 5, "not by 'os.system(1)'"),
        (TOP + WIDGET % "gobhir.widgets.GlassNetwork(open(1))", 5, "plain values"),
        (TOP + '+++ {"pair": "e", "kind": "exercise"}\n', 5, "no exercise None"),
    ],
)
def test_a_fault_is_said_with_file_and_line(tmp_path, text, line, message):
    with pytest.raises(CourseError) as caught:
        write(tmp_path, text)
    assert message in caught.value.message
    assert str(caught.value).startswith(f"{tmp_path / 'lesson.md'}:{line}: ")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("exercises.toml", "[[exercise]\n", "Expected"),
        ("exercises.toml", '[[exercise]]\nid = "a"\n', "difficulty is missing"),
        ("exercises.toml", '[[exercise]]\nid = "a"\ndifficulty = "mad"\n', "one of easy"),
        (
            "exercises.toml",
            '[[exercise]]\nid = "a"\ndifficulty = "easy"\ntitle = {bn = "ক"}\n',
            "title needs bn and en",
        ),
        ("quiz.toml", '[[item]]\nid = "a"\ntype = "essay"\n', "one of choice"),
        (
            "quiz.toml",
            '[[item]]\nid = "a"\ntype = "choice"\ntext = {bn = "ক", en = "a"}\n',
            "exactly one option",
        ),
    ],
)
def test_a_fault_in_the_data_names_its_file(tmp_path, file, text, message):
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=message) as caught:
        write(tmp_path, TOP)
    assert caught.value.file == tmp_path / file
