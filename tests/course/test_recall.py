"""What comes back and when, the question on the terminal, and the place in a picture."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import date, timedelta

import pytest
from typer.testing import CliRunner

from gobhir.course import grade, read_lesson
from gobhir.course.errors import CourseError
from gobhir.course.practice.recalling import app
from gobhir.course.recall import due, place
from gobhir.course.render import render_items
from gobhir.course.rubric import lint_course
from gobhir.learner.store import FILE
from tests.course.conftest import SAMPLE
from tests.course.test_practice import course, store

__all__ = ["course", "store"]

DAY = date(2026, 1, 1)
POINT = """
[[item]]
id = "where"
type = "point"
picture = "neuron.svg"
text = { bn = "যোগফল কোথায়?", en = "Where is the sum?" }
[[item.options]]
text = { bn = "বাঁয়ে", en = "left" }
at = [0, 10, 30, 80]
explain = { bn = "ওগুলো ইনপুট।", en = "Those are inputs." }
[[item.options]]
text = { bn = "মাঝে", en = "middle" }
at = [40, 30, 20, 40]
explain = { bn = "ঠিক।", en = "Right." }
correct = true
"""


def after(*days: int) -> date:
    return DAY + timedelta(sum(days))


def test_the_boxes_wait_1_2_4_8_16_days():
    tries = [(False, DAY)]
    waits = []
    while (at := place(tries)) is not None:
        waits.append((at[1] - tries[-1][1]).days)
        tries.append((True, at[1]))
    assert waits == [1, 2, 4, 8, 16]


def test_a_wrong_answer_leads_back_to_the_first_box_and_haste_moves_nothing():
    climbed = [(False, DAY), (True, after(1)), (True, after(3))]
    assert place(climbed) == (2, after(7))
    assert place([*climbed, (True, after(4))]) == (2, after(7))
    assert place([*climbed, (False, after(4))]) == (0, after(5))
    assert place([(False, DAY), (True, DAY)]) == (0, after(1))
    assert place([(True, DAY), (True, after(9))]) is None


@pytest.fixture
def wrong(store):
    """A learner who had every question wrong three days ago, and one that is gone by now."""
    for item in ("recall-sigmoid", "sum", "steps", "long-gone"):
        store.add_answer(SAMPLE.name, item, 1, False)
    store.add_answer("day77-nowhere", "sum", 1, False)
    with sqlite3.connect(store.folder / FILE) as db:
        db.execute("UPDATE answer SET at = at - 3 * 86400")
    return store


def test_what_is_due_is_asked_explained_and_goes_a_box_up_or_back(wrong):
    assert [card.item for card in due(wrong)] == ["recall-sigmoid", "steps", "sum"]
    order = read_lesson(SAMPLE).quiz_item("steps").shuffled()
    typed = " ".join(str(order.index(k) + 1) for k in range(len(order)))
    said = CliRunner().invoke(app, ["--lang", "en"], input=f"nothing\n7\n২\n{typed}\n৭\n").stdout
    assert "✗ Not quite. That is tanh." in said
    assert "✓ Right! Right." in said
    assert "✗ Not quite. Add again." in said
    assert due(wrong) == []
    boxes = {card.item: card.box for card in due(wrong, date.today() + timedelta(2))}
    assert boxes == {"recall-sigmoid": 0, "steps": 1, "sum": 0}


def test_who_leaves_early_keeps_the_rest_for_later(wrong):
    assert CliRunner().invoke(app, ["--lang", "bn"], input="1\nq\n").exit_code == 0
    assert [card.item for card in due(wrong)] == ["steps", "sum"]
    listed = CliRunner().invoke(app, ["list", "--lang", "en"]).stdout
    assert "To repeat today: 2" in listed


def test_a_place_in_a_picture_is_picked_by_hand_key_or_name(course):
    folder = course / "days" / SAMPLE.name
    (folder / "neuron.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    quiz = folder / "quiz.toml"
    quiz.write_text(quiz.read_text(encoding="utf-8") + POINT, encoding="utf-8")
    lesson = folder / "lesson.md"
    text = lesson.read_text(encoding="utf-8")
    lesson.write_text(text.replace('"steps"', '"steps", "where"'), encoding="utf-8")
    assert grade(SAMPLE.name, "where", 1)["correct"] is True
    assert grade(SAMPLE.name, "where", 0)["explanation"]["en"] == "Those are inputs."
    html = render_items(read_lesson(folder), "en", ["where"])
    assert '<label style="left:40%;top:30%;width:20%;height:40%"><input type="radio"' in html
    assert '<span class="visually-hidden">middle</span>' in html


@pytest.mark.parametrize("at", ["[0, 0, 30]", "[80, 0, 30, 10]", "[-1, 0, 3, 1]", '"left"'])
def test_a_place_lies_in_its_picture(changed, at):
    folder = changed("quiz.toml", "[[item]]", "[[item]]")
    (folder / "neuron.svg").write_text("<svg/>")
    (folder / "quiz.toml").write_text(POINT.replace("[0, 10, 30, 80]", at), encoding="utf-8")
    with pytest.raises(CourseError, match="per cent"):
        read_lesson(folder)


def test_two_exercises_of_the_course_never_share_a_name(sample):
    other = replace(sample, slug="day11-other")
    found = [f.message for f in lint_course([sample, other]) if f.rule == "exercise"]
    assert found == [f"{e.id} is an exercise of {sample.slug}, too" for e in sample.exercises]
