"""The course as the pages want it: weeks and rendered lessons, kept until their files change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gobhir.learner.refusal import Refusal

if TYPE_CHECKING:
    from gobhir.course.plan import Entry, Plus, Week

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True)
class LessonPage:
    """One lesson in one language: its title and the HTML of its body."""

    slug: str
    title: str
    html: str


class Lessons:
    """The course, read again only where a file changed. Its import waits for the first page."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[object, Any]] = {}

    def weeks(self) -> list[Week]:
        """The 8 weeks of the plan with their 7 days each."""
        from gobhir.course.plan import weeks

        return weeks()

    def plus(self) -> list[Plus]:
        """The plus track."""
        from gobhir.course.plan import plus

        return plus()

    def entry(self, slug: str) -> Entry:
        """The entry of the plan with that lesson, else a Refusal. No other name ever reaches a
        file."""
        if SLUG.fullmatch(slug):
            days = [day for week in self.weeks() for day in week.days]
            for entry in (*days, *self.plus()):
                if entry.slug == slug:
                    return entry
        raise Refusal("notfound")

    def page(self, slug: str, lang: str) -> LessonPage:
        """The lesson in `lang`, the whole of it."""
        from gobhir import course

        files = self._files(slug)

        def make() -> LessonPage:
            try:
                lesson = course.load(slug)
                body = lesson.render(lang)
                return LessonPage(slug, lesson.title(lang), body)
            except course.CourseError as fault:  # whoever writes the lesson sees where
                raise Refusal("trouble", reason=fault) from fault

        return self._fresh((slug, lang), files, make)

    def slides(self, slug: str, lang: str) -> str:
        """The lesson's slides, a whole document."""
        from gobhir.course import load

        files = self._files(slug)
        made: str = self._fresh((slug, lang, "slides"), files, lambda: load(slug).slides(lang))
        return made

    def items(self, slug: str, lang: str, names: tuple[str, ...]) -> str:
        """Some of a lesson's quiz items, as they stand on its page."""
        from gobhir.course import load
        from gobhir.course.render import render_items

        def make() -> str:
            return render_items(load(slug), lang, list(names))

        found: str = self._fresh((slug, lang, names), self._files(slug), make)
        return found

    def _files(self, slug: str) -> list[Path]:
        from gobhir.course.plan import course_folder, lesson_folder

        self.entry(slug)
        return [*sorted(lesson_folder(slug).iterdir()), *sorted(course_folder().glob("*.toml"))]

    def _fresh(self, name: object, files: list[Path], make: Callable[[], Any]) -> Any:
        state = [(file, file.stat().st_mtime_ns) for file in files]
        kept = self._kept.get(name)
        if kept is None or kept[0] != state:
            kept = self._kept[name] = (state, make())
        return kept[1]
