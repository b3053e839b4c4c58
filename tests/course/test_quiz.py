"""Grading, and how learners write numbers."""

from __future__ import annotations

import shutil

import pytest

from gobhir.course import grade
from gobhir.course.quiz import read_number
from tests.course.conftest import SAMPLE


@pytest.fixture
def slug(tmp_path, monkeypatch):
    """The sample as the only lesson of a course."""
    shutil.copytree(SAMPLE, tmp_path / "days" / SAMPLE.name)
    monkeypatch.setenv("GOBHIR_COURSE", str(tmp_path))
    (tmp_path / "plan.toml").write_text("week = []\n")
    return SAMPLE.name


@pytest.mark.parametrize(
    ("item", "answer", "correct", "english"),
    [
        ("recall-sigmoid", 0, True, "Yes, and it never touches them."),
        ("recall-sigmoid", "1", False, "That is tanh."),
        ("sum", 0.06, True, 'Right: <span class="num" title="from the code: z:.2f">0.06</span>.'),
        ("sum", "০.০৬", True, 'Right: <span class="num" title="from the code: z:.2f">0.06</span>.'),
        ("sum", "0.515", False, "That is after sigmoid."),
        ("sum", 7, False, "Add again."),
        ("steps", [0, 1, 2], True, "Right."),
        ("steps", [1, 0, 2], False, "Multiplying comes first."),
    ],
)
def test_every_answer_is_explained_in_both_languages(slug, item, answer, correct, english):
    graded = grade(slug, item, answer)
    assert graded["correct"] is correct
    assert graded["explanation"]["en"] == english
    assert graded["explanation"]["bn"]


@pytest.mark.parametrize(
    ("item", "answer"),
    [
        ("recall-sigmoid", 5),
        ("recall-sigmoid", -1),
        ("recall-sigmoid", None),
        ("recall-sigmoid", "first"),
        ("sum", "much"),
        ("sum", True),
        ("sum", "nan"),
        ("sum", [1]),
        ("steps", [0, 0, 1]),
        ("steps", 3),
        ("steps", [0, 1]),
    ],
)
def test_what_is_no_answer_is_refused(slug, item, answer):
    with pytest.raises((ValueError, TypeError)):
        grade(slug, item, answer)


def test_an_unknown_item_or_lesson(slug):
    with pytest.raises(KeyError):
        grade(slug, "nothing", 1)
    with pytest.raises(KeyError):
        grade("day01-nothing", "sum", 1)


@pytest.mark.parametrize(
    ("written", "number"),
    [("3.2", 3.2), ("−০.০৮৪", -0.084), (" 1,000 ", 1000.0), ("1e-3", 0.001), (4, 4.0)],
)
def test_numbers_as_learners_write_them(written, number):
    assert read_number(written) == number


def test_parts_to_be_ordered_are_mixed_the_same_way_every_time(sample):
    item = sample.quiz_item("steps")
    assert item.shuffled() == item.shuffled() != [0, 1, 2]
    assert sorted(item.shuffled()) == [0, 1, 2]
