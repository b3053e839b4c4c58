"""Coverage: no covered row points at nothing, here or in a course that has such a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from gobhir.cli import app
from gobhir.course import load
from gobhir.course.coverage import coverage
from gobhir.course.outline import outline, outlines
from gobhir.course.plan import mission_rows


def test_every_row_is_there_once_in_the_missions_order():
    assert [row.id for row in coverage()] == list(mission_rows())


def test_a_covered_row_points_at_something():
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    root = Path(__file__).parents[2]
    blocks = {lesson.slug: {mark["pair"] for mark in lesson.marks} for lesson in outlines()}
    covered = [row for row in coverage() if row.places]
    assert covered
    for row in covered:
        for place in row.places:
            if place.slug:
                assert not place.block or place.block in blocks[place.slug], row
            elif place.elsewhere.startswith("gobhir "):
                assert place.elsewhere.split()[1] in commands, row
            else:
                assert (root / place.elsewhere).exists(), row


def test_a_lesson_covers_its_rows_and_a_block_of_its_sheet_more_exactly(copied):
    found = {row.id: row.places for row in coverage()}
    [whole] = found["B110"]
    assert (whole.slug, whole.block) == (copied.name, "")
    text = (copied / "lesson.md").read_text("utf-8").replace("[B110", "[Z999, B110")
    text += '\n+++ {"lang": "bn", "pair": "more", "sheet": ["B093"]}\nx\n'
    text += '\n+++ {"lang": "en", "pair": "more"}\nx\n'
    (copied / "lesson.md").write_text(text, encoding="utf-8")
    found = {row.id: row.places for row in coverage()}
    assert [(place.slug, place.block) for place in found["B093"]] == [(copied.name, "more")]
    assert list(found)[-1] == "Z999" and "Z999" not in mission_rows()  # and the test above fails


@pytest.mark.parametrize("slug", [lesson.slug for lesson in outlines()])
def test_an_outline_says_what_the_lesson_says(slug):
    short, whole = outline(slug), load(slug)
    assert short.meta == whole.meta
    assert [mark["pair"] for mark in short.marks] == list(dict.fromkeys(b.id for b in whole.blocks))
    predictions = [block.id for block in whole.blocks if block.kind == "predict"]
    others = [x.id for x in (*whole.exercises, *whole.quiz)]
    assert short.parts == tuple(dict.fromkeys(predictions + others))


def test_an_outline_is_read_again_when_its_file_changed(copied):
    assert outline(copied.name).title("en") == load(copied.name).title("en")
    file = copied / "lesson.md"
    title = outline(copied.name).title("en")
    file.write_text(file.read_text("utf-8").replace(title, "Another", 1), encoding="utf-8")
    assert outline(copied.name).title("en") == "Another"
