"""Grades one quiz answer of a lesson."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from gobhir.course.lesson import Lesson, load
from gobhir.course.plan import Text
from gobhir.course.quiz import QuizItem, judge
from gobhir.course.text import Writer
from gobhir.lang import LANGUAGES


def grade(slug: str, item_id: str, answer: Any) -> dict[str, Any]:
    """{"correct": bool, "explanation": {bn, en}} (HTML, with formulas as data-tex spans).

    `answer`: the option's place, a number or its text, or the list of places in the learner's
    order. KeyError for an unknown lesson or item; ValueError or TypeError for what is no answer.
    """
    return grade_in(load(slug), item_id, answer)


def grade_in(lesson: Lesson, item_id: str, answer: Any) -> dict[str, Any]:
    """As `grade`, of a lesson that was read already."""
    correct, explanation = graded(lesson, item_id, answer)
    return {"correct": correct, "explanation": _html(lesson, item_id, explanation)}


def graded(lesson: Lesson, item_id: str, answer: Any) -> tuple[bool, Text]:
    """Whether the answer is right, and the explanation as the lesson writes it."""
    item = next((q for q in lesson.quiz if q.id == item_id), None)
    if item is None:
        raise KeyError(item_id)
    return judge(item, answer, _numbers(lesson, item))


def block_of(lesson: Lesson, item_id: str) -> str:
    """The quiz block in which the item stands."""
    return next(b.id for b in lesson.blocks if item_id in b.options.get("items", []))


def values_of(lesson: Lesson, item_id: str, lang: str) -> dict[str, str]:
    """The numbers that the item's texts bind to the lesson's code."""
    return dict(lesson.outputs(lang).get(block_of(lesson, item_id), {}).get("values", {}))


def _numbers(lesson: Lesson, item: QuizItem) -> list[float]:
    stored = lesson.outputs("en").get(block_of(lesson, item.id), {}).get("answers", {})
    return [float(stored[expression]) for expression in item.expressions()]


def _html(lesson: Lesson, item_id: str, text: Text) -> Text:
    where = block_of(lesson, item_id)
    writers = {lang: Writer(lang, lesson.outputs(lang), lesson.folder) for lang in LANGUAGES}
    return {lang: writer.inline(text[lang], where) for lang, writer in writers.items()}


def facts(lesson: Lesson, lang: str) -> dict[str, dict[str, Any]]:
    """All that `judge` goes by, of every item, with explanations as HTML: for a page that grades by
    itself (frontend/src/site/server.js)."""
    found: dict[str, dict[str, Any]] = {}
    for item in lesson.quiz:
        numbers = _numbers(lesson, item)
        said = {
            "explain": _html(lesson, item.id, item.explain)[lang] if item.explain else "",
            "otherwise": _html(lesson, item.id, item.otherwise)[lang] if item.otherwise else "",
        }
        options = [
            {
                "correct": option.correct,
                "explain": _html(lesson, item.id, option.explain)[lang] if option.explain else "",
                "value": value,
            }
            for option, value in zip_longest(item.options, numbers[1:])
        ]
        value = numbers[0] if numbers else None
        found[item.id] = {
            "type": item.type,
            "tolerance": item.tolerance,
            "value": value,
            "options": options,
            **said,
        }
    return found
