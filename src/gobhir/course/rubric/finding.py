"""A finding, and the walks over a lesson that the rules share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gobhir.course.lesson import Block, Lesson
from gobhir.course.plan import Text

PLACE = "\ufffc"
"""Stands in a line of text where a formula, a bound number or inline code was."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: `lesson.md:12: number: 0.5987 is typed, not bound to code`."""

    file: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Leaf:
    """A text in both languages that stands outside the blocks, and where it is. `place` is
    the front matter, an exercise, a quiz item or a block's options."""

    file: Path
    line: int
    place: str
    text: Text


def at(lesson: Lesson, block: Block | None, rule: str, message: str, line: int = 0) -> Finding:
    """A finding in lesson.md: at a block (and `line` lines below its first), or at the top."""
    return Finding(lesson.file, (block.line if block else 1) + line, rule, message)


def main_path(lesson: Lesson) -> list[Block]:
    """The lesson without its reference sheet."""
    return [block for block in lesson.blocks if "sheet" not in block.options]


def leaves(lesson: Lesson) -> Iterator[Leaf]:
    """Every bilingual text of front matter, options, exercises.toml and quiz.toml."""
    for place, file, texts in _texts(lesson):
        lines = file.read_text(encoding="utf-8").splitlines()
        for text in texts:
            first = next(iter(text["bn"].strip().splitlines()), "").strip()
            line = next((i for i, row in enumerate(lines, 1) if first and first in row), 1)
            yield Leaf(file, line, place, text)


def _texts(lesson: Lesson) -> Iterator[tuple[str, Path, list[Text]]]:
    meta = lesson.meta
    front = [meta["title"], meta.get("question"), *meta.get("endcard", {}).values()]
    front += [*meta.get("prerequisites", []), *meta.get("changelog", [])]
    verbs = meta.get("can_do", {})
    pairs = zip(verbs.get("bn", []), verbs.get("en", []), strict=False)
    front += [{"bn": bn, "en": en} for bn, en in pairs]
    yield "front matter", lesson.file, _complete(front)
    for block in lesson.blocks:
        if block.lang != "en":
            options = [block.options.get("alt"), *block.options.get("choices", {}).values()]
            yield block.id, lesson.file, _complete(options)
    for exercise in lesson.exercises:
        texts = [exercise.title, exercise.task, *exercise.hints]
        texts += [text for test in exercise.tests for text in (test.title, test.by_hand)]
        texts += [wrong.message for wrong in exercise.wrong]
        yield exercise.id, lesson.folder / "exercises.toml", _complete(texts)
    for item in lesson.quiz:
        texts = [item.text, item.explain, item.otherwise]
        texts += [text for option in item.options for text in (option.text, option.explain)]
        yield item.id, lesson.folder / "quiz.toml", _complete(texts)


def _complete(texts: list[Any]) -> list[Text]:
    """The texts that are there in both languages; a front matter without one is found elsewhere."""
    return [
        {lang: str(text[lang]) for lang in ("bn", "en")}
        for text in texts
        if isinstance(text, dict) and text.get("bn") and text.get("en")
    ]


def words(text: str) -> list[str]:
    """Words as a reader counts them; a formula or a bound number is one."""
    return [word for word in re.split(r"[\s—–|]+", text) if re.search(rf"[\w{PLACE}]", word)]
