"""A new lesson's files, for its author to fill: it loads, renders and runs from the first minute,
and `gobhir dev check` names what is still to be written."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from string import Template

from gobhir.course.plan import Day, Entry, course_folder, entries
from gobhir.lang import t

TEMPLATE = Path(__file__).parent / "template"


def new_lesson(name: str, subject: str = "") -> list[Path]:
    """Write the files of the lesson `name` of the plan: a day's number ("15") or a plus lesson's
    name; a day's folder ends in `subject` ("tensors"). Returns the files.

    Raises:
        ValueError: the plan has no such entry, the entry has a lesson, or a day got no subject.
    """
    entry = _entry(name)
    if entry.slug:
        raise ValueError(t("course.command.lesson_there", lesson=entry.slug))
    if isinstance(entry, Day):
        if not subject.replace("-", "").isalnum() or subject != subject.lower():
            raise ValueError(t("course.command.no_subject", name=name))
        folder = course_folder() / "days" / f"{entry.name}-{subject}"
    else:
        folder = course_folder() / "plus" / entry.name
    values = _values(entry)
    folder.mkdir(parents=True)
    written = []
    for template in sorted(TEMPLATE.iterdir()):
        file = folder / template.name
        text = Template(template.read_text(encoding="utf-8")).substitute(values)
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return written


def _entry(name: str) -> Entry:
    wanted = f"day{int(name):02}" if name.isdecimal() else name
    for entry in entries():
        if entry.name == wanted:
            return entry
    raise ValueError(t("course.command.not_in_plan", name=name))


def _values(entry: Entry) -> dict[str, str]:
    short = entry.name.replace("-", "_")
    days = [int(need[3:]) for need in entry.needs if need.startswith("day")]
    needs = [{"day": day, "bn": "TODO", "en": "TODO"} for day in days[:3]]
    return {
        "title_bn": entry.title["bn"].replace('"', '\\"'),
        "title_en": entry.title["en"].replace('"', '\\"'),
        "rows": entry.row if isinstance(entry, Day) else "",
        "prerequisites": json.dumps(needs),
        "date": date.today().isoformat(),
        "exercise": f"{short}_product"[:32],
        "quiz": f"{entry.name}-one",
    }
