"""The quiz of a lesson: quiz.toml, four kinds of question, an explanation for every answer."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gobhir.course.errors import CourseError
from gobhir.course.exercises import Leaves
from gobhir.course.plan import Text, read_toml
from gobhir.lang import LANGUAGES

TYPES = ("choice", "number", "order", "point")
PICKED = ("choice", "point")
"""Kinds whose answer is the place of one option."""


@dataclass(frozen=True)
class Option:
    """One answer with its explanation: a choice, or (for numbers) an expression often given; in a
    picture, `at` is its left edge, top, width and height in per cent of the picture's."""

    text: Text
    explain: Text
    correct: bool = False
    answer: str = ""
    at: tuple[float, ...] = ()


@dataclass(frozen=True)
class QuizItem:
    """choice: `options`; point: `options` that lie in `picture`, a file beside the quiz; number:
    `answer` (a Python expression), `tolerance`, `options` = the likely wrong answers; order:
    `options` in the right order. `recall` is the day it goes back to.
    """

    id: str
    type: str
    text: Text
    options: tuple[Option, ...]
    explain: Text
    otherwise: Text
    answer: str = ""
    tolerance: float = 0.0
    recall: int | None = None
    picture: str = ""

    def shuffled(self) -> list[int]:
        """The order in which an `order` item is laid out: mixed, always the same, never solved."""
        places = list(range(len(self.options)))
        mixed = places[:]
        draw = random.Random(self.id)
        while mixed == places and len(places) > 1:
            draw.shuffle(mixed)
        return mixed

    def expressions(self) -> list[str]:
        """The Python expressions of a number item: the answer first, then the wrong ones."""
        if self.type != "number":
            return []
        return [self.answer, *(option.answer for option in self.options)]


def read_quiz(file: Path) -> tuple[QuizItem, ...]:
    """All items of a lesson; () when the lesson has no quiz.toml."""
    if not file.exists():
        return ()
    items = [_item(raw, file) for raw in read_toml(file).get("item", [])]
    ids = [item.id for item in items]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise CourseError(f"quiz ids are there twice: {sorted(twice)}", file)
    return tuple(items)


def _item(raw: dict[str, Any], file: Path) -> QuizItem:
    take = Leaves(raw, f"item {raw.get('id', '?')}", file)
    kind = take.one_of("type", TYPES)
    nothing = dict.fromkeys(LANGUAGES, "")
    if kind in PICKED:
        options = tuple(
            Option(o.text("text"), o.text("explain"), o.raw.get("correct") is True, at=_at(o, kind))
            for o in take.parts("options")
        )
        if sum(option.correct for option in options) != 1:
            raise CourseError(f"{take.where}: exactly one option is correct = true", file)
        explain = otherwise = nothing
    elif kind == "number":
        options = tuple(
            Option(nothing, o.text("explain"), answer=str(o.value("answer")))
            for o in take.parts("wrong")
        )
        explain, otherwise = take.text("explain"), take.text("otherwise")
    else:
        options = tuple(Option(text, nothing) for text in take.texts("items"))
        explain, otherwise = take.text("explain"), take.text("otherwise")
        if len(options) < 2:
            raise CourseError(f"{take.where}: items has at least two", file)
    return QuizItem(
        id=take.string("id"),
        type=kind,
        text=take.text("text"),
        options=options,
        explain=explain,
        otherwise=otherwise,
        answer=str(take.value("answer")) if kind == "number" else "",
        tolerance=float(raw.get("tolerance", 0.0)),
        recall=raw.get("recall"),
        picture=_picture(take) if kind == "point" else "",
    )


def _at(option: Leaves, kind: str) -> tuple[float, ...]:
    """Where in the picture an option lies."""
    if kind != "point":
        return ()
    at = option.value("at")
    numbers = isinstance(at, list) and len(at) == 4 and all(isinstance(n, int | float) for n in at)
    if not numbers or min(at) < 0 or at[0] + at[2] > 100 or at[1] + at[3] > 100:
        message = "at = [left, top, width, height], in per cent of the picture"
        raise CourseError(f"{option.where}: {message}", option.file)
    return tuple(float(n) for n in at)


def _picture(take: Leaves) -> str:
    name = take.string("picture")
    if "/" in name or not name.endswith(".svg") or not (take.file.parent / name).exists():
        raise CourseError(f"{take.where}: picture names an .svg beside the quiz", take.file)
    return name


def judge(item: QuizItem, answer: Any, values: list[float]) -> tuple[bool, Text]:
    """Whether an answer is right, and what to say. `values` are the numbers of `expressions()`.

    choice, point: the option's place; number: a number or its text, Bangla digits too; order: the
    places of the parts in the learner's order. ValueError for what is no answer at all.
    """
    if item.type in PICKED:
        place = int(answer)
        if not 0 <= place < len(item.options):
            raise ValueError(answer)
        return item.options[place].correct, item.options[place].explain
    if item.type == "order":
        places = [int(place) for place in answer]
        if sorted(places) != list(range(len(item.options))):
            raise ValueError(answer)
        right = places == sorted(places)
        return right, item.explain if right else item.otherwise
    given = read_number(answer)
    if abs(given - values[0]) <= item.tolerance + 1e-9:
        return True, item.explain
    for option, value in zip(item.options, values[1:], strict=True):
        if abs(given - value) <= item.tolerance + 1e-9:
            return False, option.explain
    return False, item.otherwise


def read_number(answer: Any) -> float:
    """A number as a learner writes it: "-0.084", "−০.০৮৪", "1,000". ValueError if it is none."""
    if isinstance(answer, bool) or not isinstance(answer, (int, float, str)):
        raise ValueError(answer)
    if isinstance(answer, str):
        plain = "".join(
            str(unicodedata.decimal(sign, sign)) for sign in unicodedata.normalize("NFC", answer)
        )
        answer = plain.replace("−", "-").replace(",", "").strip()
    number = float(answer)
    if number != number or abs(number) == float("inf"):
        raise ValueError(answer)
    return number
