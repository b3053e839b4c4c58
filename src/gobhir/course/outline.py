"""The outline of a lesson: what pages about all lessons at once need of each. The text itself is
not read, so that a whole course is outlined while a single lesson would be parsed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from gobhir.course.plan import all_slugs, lesson_folder, read_toml

FILES = ("lesson.md", "exercises.toml", "quiz.toml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Outline:
    """`meta`: the front matter under `gobhir:`; `marks`: what stands after each +++, in order, once
    a pair; `parts`: what a learner can finish (predictions, exercises, quiz items)."""

    slug: str
    meta: dict[str, Any]
    marks: tuple[dict[str, Any], ...]
    parts: tuple[str, ...]

    def title(self, lang: str) -> str:
        title: str = self.meta["title"][lang]
        return title

    def share(self, done: dict[str, Any]) -> float:
        """How much of the lesson is done, 0 to 1; `done` as the learner's store has it."""
        return sum(bool(done.get(part)) for part in self.parts) / max(len(self.parts), 1)


def outlines() -> list[Outline]:
    """Every lesson there is, in the plan's order."""
    return [outline(slug) for slug in all_slugs()]


def outline(slug: str) -> Outline:
    """One lesson's outline, read again only when a file changed. KeyError: there is none."""
    folder = lesson_folder(slug)
    files = [folder / name for name in FILES]
    state = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
    return _read(folder, state)


@lru_cache(maxsize=256)
def _read(folder: Path, state: tuple[int, ...]) -> Outline:
    text = (folder / "lesson.md").read_text(encoding="utf-8")
    matter = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    meta = yaml.load(matter[1], _LOADER)["gobhir"] if matter else {"title": {}}
    marks: dict[str, dict[str, Any]] = {}
    for line in re.findall(r"(?m)^\+\+\+ (\{.*\})\s*$", text):
        mark = json.loads(line)
        marks.setdefault(mark["pair"], mark)
    predictions = [pair for pair, mark in marks.items() if mark.get("kind") == "predict"]
    exercises, quiz = (
        _names(folder, "exercises.toml", "exercise"),
        _names(folder, "quiz.toml", "item"),
    )
    parts = tuple(dict.fromkeys(predictions + exercises + quiz))
    return Outline(folder.name, meta, tuple(marks.values()), parts)


def _names(folder: Path, file: str, table: str) -> list[str]:
    path = folder / file
    return [raw["id"] for raw in read_toml(path).get(table, [])] if path.exists() else []
