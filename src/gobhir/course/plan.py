"""The plan: 8 weeks, 56 days, which of them have a lesson, and where the course's files are."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gobhir.course.errors import CourseError

Text = dict[str, str]
"""A text in every language: {"bn": ..., "en": ...}."""


@dataclass(frozen=True)
class Day:
    """One of the 56 days. `slug` is None until the day has a lesson; `row` cites the mission."""

    number: int
    week: int
    row: str
    title: Text
    slug: str | None

    @property
    def open(self) -> bool:
        return self.slug is not None


@dataclass(frozen=True)
class Week:
    number: int
    title: Text
    goal: Text
    days: tuple[Day, ...]


def course_folder() -> Path:
    """The folder with plan.toml: $GOBHIR_COURSE, else the installed copy, else the checkout's."""
    wish = os.environ.get("GOBHIR_COURSE")
    if wish:
        return Path(wish)
    installed = Path(__file__).parents[1] / "_content"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "course"


def lesson_folder(slug: str) -> Path:
    """The folder of one lesson. KeyError for a slug that no lesson has (never a path outside)."""
    folders = {p.parent.name: p.parent for p in course_folder().glob("days/*/lesson.md")}
    return folders[slug]


def weeks() -> list[Week]:
    """All weeks of course/plan.toml, in order, with their days."""
    folder = course_folder()
    slugs = {p.parent.name[:5]: p.parent.name for p in sorted(folder.glob("days/*/lesson.md"))}
    found = []
    for week in read_toml(folder / "plan.toml")["week"]:
        days = tuple(
            Day(
                number=day["number"],
                week=week["number"],
                row=day["row"],
                title=day["title"],
                slug=slugs.get(f"day{day['number']:02}"),
            )
            for day in week["day"]
        )
        found.append(Week(week["number"], week["title"], week["goal"], days))
    return found


def lessons() -> list[Day]:
    """The 56 days in order; those that have a lesson are `open`."""
    return [day for week in weeks() for day in week.days]


def report_address() -> str:
    """Where errors in lessons are reported; "" means a file in the learner's own folder."""
    address: str = read_toml(course_folder() / "plan.toml").get("report", "")
    return address


@cache
def mission_rows() -> dict[str, str]:
    """Every row of the mission by id, with a short title: {"B172": "Day 9: backpropagation"}."""
    rows: dict[str, str] = read_toml(course_folder() / "rows.toml")["rows"]
    return rows


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file as a dictionary; a CourseError with file and line where it is not TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(str(error), file, getattr(error, "lineno", None)) from None
