"""The course as the pages want it: weeks and rendered lessons, kept until their files change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gobhir.studio.refusal import Refusal

if TYPE_CHECKING:
    from gobhir.course import Day, Lesson, Week

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True)
class LessonPage:
    """One lesson in one language: its title, the HTML of its body, what counts as progress."""

    slug: str
    title: str
    html: str
    parts: tuple[str, ...]


class Lessons:
    """The course, read again only where a file changed. Its import waits for the first page."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[object, Any]] = {}

    def weeks(self) -> list[Week]:
        """The 8 weeks of the plan with their 7 days each."""
        from gobhir.course.plan import course_folder, weeks

        folder = course_folder()
        return self._fresh("weeks", [folder / "plan.toml", folder / "days"], weeks)

    def day(self, slug: str) -> Day:
        """The open day with that lesson, else a Refusal. No other name ever reaches a file."""
        if SLUG.fullmatch(slug):
            for week in self.weeks():
                for day in week.days:
                    if day.slug == slug:
                        return day
        raise Refusal("notfound")

    def page(self, slug: str, lang: str, view: str = "page") -> LessonPage:
        """The lesson in `lang`; view: "page" (the whole of it) or "slides"."""
        from gobhir import course
        from gobhir.course.plan import course_folder, lesson_folder

        self.day(slug)
        files = [*sorted(lesson_folder(slug).iterdir()), *sorted(course_folder().glob("*.toml"))]

        def make() -> LessonPage:
            try:
                lesson = course.load(slug)
                body = lesson.render(lang, view)
                return LessonPage(slug, lesson.title(lang), body, _parts(lesson))
            except course.CourseError as fault:  # whoever writes the lesson sees where
                raise Refusal("trouble", reason=fault) from fault

        return self._fresh((slug, lang, view), files, make)

    def _fresh(self, name: object, files: list[Path], make: Callable[[], Any]) -> Any:
        state = [(file, file.stat().st_mtime_ns) for file in files]
        kept = self._kept.get(name)
        if kept is None or kept[0] != state:
            kept = self._kept[name] = (state, make())
        return kept[1]


def _parts(lesson: Lesson) -> tuple[str, ...]:
    """What a learner can finish: predictions, exercises, quiz items."""
    predictions = [block.id for block in lesson.blocks if block.kind == "predict"]
    exercises = [exercise.id for exercise in lesson.exercises]
    quiz = [item.id for item in lesson.quiz]
    return tuple(dict.fromkeys(predictions + exercises + quiz))
