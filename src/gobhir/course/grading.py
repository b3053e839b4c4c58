"""Grades one quiz answer of a lesson."""

from __future__ import annotations

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
    lesson = load(slug)
    item = next((q for q in lesson.quiz if q.id == item_id), None)
    if item is None:
        raise KeyError(item_id)
    block = next(b for b in lesson.blocks if item_id in b.options.get("items", []))
    correct, explanation = judge(item, answer, _values(lesson, item, block.id))
    return {"correct": correct, "explanation": _html(lesson, block.id, explanation)}


def _values(lesson: Lesson, item: QuizItem, block_id: str) -> list[float]:
    stored = lesson.outputs("en").get(block_id, {}).get("answers", {})
    return [float(stored[expression]) for expression in item.expressions()]


def _html(lesson: Lesson, block_id: str, text: Text) -> Text:
    writers = {lang: Writer(lang, lesson.outputs(lang), lesson.folder) for lang in LANGUAGES}
    return {lang: writer.inline(text[lang], block_id) for lang, writer in writers.items()}
