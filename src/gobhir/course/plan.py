"""The plan: 8 weeks of 56 days and the plus track, what opens what, which of them have a lesson,
and where the course's files are.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from gobhir.course.errors import CourseError
from gobhir.lang import t

Text = dict[str, str]
"""A text in every language: {"bn": ..., "en": ...}."""


@dataclass(frozen=True)
class Entry:
    """A lesson that the plan names. `needs`: the names of the entries that open it; `slug`: the
    folder of its lesson, None until it is written."""

    name: str
    title: Text
    needs: tuple[str, ...]
    slug: str | None

    @property
    def open(self) -> bool:
        return self.slug is not None


@dataclass(frozen=True)
class Day(Entry):
    """One of the 56 days, named day01 to day56. `row` cites the mission."""

    number: int
    week: int
    row: str


@dataclass(frozen=True)
class Plus(Entry):
    """A lesson outside the 56 days, for what no day names."""


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


def data_file(name: str) -> Path:
    """The file of real data `name`, of those that course/data/ORIGIN.md tells of.

    Raises:
        FileNotFoundError: no such file; the error names those there are.
    """
    folder = course_folder() / "data"
    there = sorted(file.name for file in folder.glob("*.csv"))
    if name not in there:
        raise FileNotFoundError(t("course.data.none", name=name, there=", ".join(there)))
    return folder / name


def lesson_folder(slug: str) -> Path:
    """The folder of one lesson. KeyError for a slug that no lesson has (never a path outside)."""
    return lesson_folders()[slug]


def lesson_folders() -> dict[str, Path]:
    """The folders that hold a lesson, by slug."""
    found = (p for track in ("days", "plus") for p in course_folder().glob(f"{track}/*/lesson.md"))
    return {file.parent.name: file.parent for file in sorted(found)}


def weeks() -> list[Week]:
    """All weeks of course/plan.toml, in order, with their days."""
    slugs = {
        slug[:5]: slug for slug, folder in lesson_folders().items() if folder.parent.name == "days"
    }
    found = []
    for week in read_toml(course_folder() / "plan.toml")["week"]:
        days = tuple(
            Day(
                name=f"day{day['number']:02}",
                title=day["title"],
                needs=_names(day),
                slug=slugs.get(f"day{day['number']:02}"),
                number=day["number"],
                week=week["number"],
                row=day["row"],
            )
            for day in week["day"]
        )
        found.append(Week(week["number"], week["title"], week["goal"], days))
    return found


def lessons() -> list[Day]:
    """The 56 days in order; those that have a lesson are `open`."""
    return [day for week in weeks() for day in week.days]


def plus() -> list[Plus]:
    """The plus track in order."""
    slugs = {slug for slug, folder in lesson_folders().items() if folder.parent.name == "plus"}
    return [
        Plus(raw["name"], raw["title"], _names(raw), raw["name"] if raw["name"] in slugs else None)
        for raw in read_toml(course_folder() / "plan.toml").get("plus", [])
    ]


def _names(raw: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"day{n:02}" if isinstance(n, int) else n for n in raw.get("needs", ()))


def entries() -> list[Entry]:
    """Everything the plan names: the days, then the plus track."""
    return [*lessons(), *plus()]


def all_slugs() -> list[str]:
    """The lessons there are, in the plan's order."""
    return [entry.slug for entry in entries() if entry.slug]


def opens(name: str) -> list[Entry]:
    """What an entry opens."""
    return [entry for entry in entries() if name in entry.needs]


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
    """A TOML file as a dictionary, not to be changed; a CourseError with file and line where it is
    not TOML."""
    return _read_toml(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=512)
def _read_toml(file: Path, changed: int) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(str(error), file, getattr(error, "lineno", None)) from None
