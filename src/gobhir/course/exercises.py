"""Exercises as data: exercises.toml beside the lesson, every text in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gobhir.course.errors import CourseError
from gobhir.course.plan import Text, read_toml
from gobhir.lang import LANGUAGES

DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Test:
    """One task: `call` is a Python expression, `want` its value, `tolerance` absolute; `working`
    an expression for the engine's own page of this input, such as `gobhir.explain("4-4-1")`."""

    __test__ = False  # not one of pytest's

    title: Text
    call: str
    want: Any
    tolerance: float
    by_hand: Text
    working: str = ""


@dataclass(frozen=True)
class Wrong:
    """A program that a learner could well write, and what to say to them then."""

    id: str
    code: str
    message: Text
    misconception: str | None


@dataclass(frozen=True)
class Exercise:
    id: str
    difficulty: str
    title: Text
    task: Text
    stub: str
    solution: str
    hints: tuple[Text, ...]
    tests: tuple[Test, ...]
    wrong: tuple[Wrong, ...]
    given: str = ""
    """Python that runs before every call: the numbers that the calls name."""


def read_exercises(file: Path) -> tuple[Exercise, ...]:
    """All exercises of a lesson; () when the lesson has no exercises.toml."""
    if not file.exists():
        return ()
    found = [_exercise(raw, file) for raw in read_toml(file).get("exercise", [])]
    ids = [exercise.id for exercise in found]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise CourseError(f"exercise ids are there twice: {sorted(twice)}", file)
    return tuple(found)


def _exercise(raw: dict[str, Any], file: Path) -> Exercise:
    take = Leaves(raw, f"exercise {raw.get('id', '?')}", file)
    return Exercise(
        id=take.string("id"),
        difficulty=take.one_of("difficulty", DIFFICULTIES),
        title=take.text("title"),
        task=take.text("task"),
        stub=take.string("stub").strip("\n") + "\n",
        solution=take.string("solution").strip("\n") + "\n",
        hints=tuple(take.texts("hints")),
        tests=tuple(_test(part) for part in take.parts("tests")),
        wrong=tuple(_wrong(part) for part in take.parts("wrong")),
        given=str(raw.get("given", "")).strip("\n"),
    )


def _test(take: Leaves) -> Test:
    want = take.value("want")
    return Test(
        title=take.text("title"),
        call=take.string("call"),
        want=want,
        tolerance=float(take.raw.get("tolerance", 0.0)),
        by_hand=take.text("by_hand") if "by_hand" in take.raw else {},
        working=str(take.raw.get("working", "")),
    )


def _wrong(take: Leaves) -> Wrong:
    return Wrong(
        id=take.string("id"),
        code=take.string("code").strip("\n") + "\n",
        message=take.text("message"),
        misconception=take.raw.get("misconception"),
    )


class Leaves:
    """Reads the fields of one TOML table, and says which table of which file lacks one."""

    def __init__(self, raw: dict[str, Any], where: str, file: Path):
        self.raw, self.where, self.file = raw, where, file

    def value(self, name: str) -> Any:
        if name not in self.raw:
            raise CourseError(f"{self.where}: {name} is missing", self.file)
        return self.raw[name]

    def string(self, name: str) -> str:
        value = self.value(name)
        if not isinstance(value, str) or not value.strip():
            raise CourseError(f"{self.where}: {name} is a text that is not empty", self.file)
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.string(name)
        if value not in choices:
            raise CourseError(f"{self.where}: {name} is one of {', '.join(choices)}", self.file)
        return value

    def text(self, name: str) -> Text:
        return self._in_all(self.value(name), name)

    def texts(self, name: str) -> list[Text]:
        return [self._in_all(value, name) for value in self.raw.get(name, [])]

    def parts(self, name: str) -> list[Leaves]:
        return [Leaves(part, f"{self.where}, {name}", self.file) for part in self.raw.get(name, [])]

    def _in_all(self, value: Any, name: str) -> Text:
        if not isinstance(value, dict) or any(not value.get(lang) for lang in LANGUAGES):
            raise CourseError(f"{self.where}: {name} needs {' and '.join(LANGUAGES)}", self.file)
        return {lang: str(value[lang]).strip() for lang in LANGUAGES}
