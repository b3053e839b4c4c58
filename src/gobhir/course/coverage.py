"""Coverage: for each row of the mission, where in the course it is covered, or that it is open.

A lesson says in its front matter which rows it delivers (`rows:`), a block of its reference sheet
which it adds (`sheet`). What is no lesson's matter stands in rows.toml under [elsewhere]: the
command of Gobhir, or the file, that keeps the promise.
"""

from __future__ import annotations

from dataclasses import dataclass

from gobhir.course.outline import outlines
from gobhir.course.plan import course_folder, mission_rows, read_toml


@dataclass(frozen=True)
class Place:
    """Where a row is covered: in a lesson (`slug`), at a block of it (`block`, the first
    of them, else the whole lesson), or by a command or file (`elsewhere`)."""

    slug: str = ""
    block: str = ""
    elsewhere: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the mission; without places it is still open. `text` is in English, as asked."""

    id: str
    text: str
    places: tuple[Place, ...]

    @property
    def part(self) -> str:
        """A to E: the document that asked for it."""
        return self.id[0]


def coverage() -> list[Row]:
    """Every row in the mission's order; what a lesson cites beyond them comes last."""
    texts = mission_rows()
    places: dict[str, list[Place]] = {row: [] for row in texts}
    for lesson in outlines():
        blocks = {
            row: mark["pair"] for mark in reversed(lesson.marks) for row in mark.get("sheet", ())
        }
        for row in dict.fromkeys([*lesson.meta.get("rows", ()), *blocks]):
            places.setdefault(row, []).append(Place(lesson.slug, blocks.get(row, "")))
    for row, where in read_toml(course_folder() / "rows.toml").get("elsewhere", {}).items():
        places.setdefault(row, []).append(Place(elsewhere=where))
    return [Row(row, texts.get(row, ""), tuple(found)) for row, found in places.items()]
