"""The course as the pages want it: rendered lessons, kept until their files change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gobhir.studio.refusal import Refusal

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True)
class LessonPage:
    """One lesson in one language: its title, the HTML of its body, what counts as progress."""

    slug: str
    title: str
    html: str
    parts: tuple[str, ...]


class Lessons:
    """The open lessons by slug. Import of the course waits for the first page."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[object, LessonPage]] = {}

    def days(self) -> list[Any]:
        """The 56 days of the plan, in order (gobhir.course.Day)."""
        from gobhir import course

        return list(course.lessons())

    def require(self, slug: str) -> str:
        """`slug` itself if it names an open lesson, else a Refusal. Nothing else reaches a file."""
        if SLUG.fullmatch(slug) and any(day.slug == slug and day.open for day in self.days()):
            return slug
        raise Refusal("notfound")

    def page(self, slug: str, lang: str) -> LessonPage:
        """The lesson in `lang`, rendered anew only when one of its files changed."""
        from gobhir import course

        lesson = course.load(self.require(slug))
        state = _state(Path(lesson.folder))
        kept = self._kept.get((slug, lang))
        if kept is None or kept[0] != state:
            page = LessonPage(slug, lesson.title(lang), lesson.render(lang), _parts(lesson))
            kept = self._kept[slug, lang] = (state, page)
        return kept[1]


def _state(folder: Path) -> tuple[tuple[str, int], ...]:
    return tuple(
        sorted((file.name, file.stat().st_mtime_ns) for file in folder.iterdir() if file.is_file())
    )


def _parts(lesson: Any) -> tuple[str, ...]:
    """What a learner can finish: predictions, exercises, quiz items."""
    predictions = [block.id for block in lesson.blocks if block.kind == "predict"]
    others = [item.id for group in (lesson.exercises, lesson.quiz) for item in group]
    return tuple(dict.fromkeys(predictions + others))
