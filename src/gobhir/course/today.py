"""What comes next for a learner, from the plan and what they have done."""

from __future__ import annotations

from typing import Any

from gobhir.course.outline import outline
from gobhir.course.plan import Entry, entries

ENOUGH = 0.8
"""The share of a lesson's predictions, exercises and quiz items from which on it counts as done."""

Progress = dict[str, dict[str, Any]]
"""{slug: {"done": {part: value}, ...}}, as the learner's store gives it."""


def share(entry: Entry, progress: Progress) -> float:
    """How much of an entry's lesson is done, 0 to 1."""
    if entry.slug is None or entry.slug not in progress:
        return 0.0
    return outline(entry.slug).share(progress[entry.slug]["done"])


def finished_entries(progress: Progress) -> list[Entry]:
    """The entries that are done, in the plan's order."""
    return [entry for entry in entries() if share(entry, progress) >= ENOUGH]


def finished(progress: Progress) -> set[str]:
    """Their names."""
    return {entry.name for entry in finished_entries(progress)}


def today(progress: Progress) -> Entry | None:
    """The first lesson of the plan that is not done yet: the days in their order, then of the plus
    track what is open by then; None when all are done."""
    done = finished(progress)
    left = [entry for entry in entries() if entry.open and entry.name not in done]
    return left[0] if left else None


def missing(entry: Entry, progress: Progress) -> list[Entry]:
    """What an entry needs, has a lesson, and is not done yet."""
    done = finished(progress)
    return [e for e in entries() if e.name in entry.needs and e.open and e.name not in done]
