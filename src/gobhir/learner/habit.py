"""How regularly a learner works: the streak, and the calendar of the last 56 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

DAYS = 56
"""Squares of the calendar: eight weeks."""
LEVELS = (0, 15, 30, 60)
"""Minutes from which on a day's square is one shade darker."""


@dataclass(frozen=True)
class Square:
    """One day of the calendar. `level`: 0 (nothing was done) to 4."""

    day: date
    minutes: float
    level: int


def streak(activity: dict[date, float], today: date) -> int:
    """Days in a row with some work, up to today, or to yesterday while today is still to come."""
    day = today if today in activity else today - timedelta(1)
    count = 0
    while day in activity:
        count, day = count + 1, day - timedelta(1)
    return count


def calendar(activity: dict[date, float], today: date) -> list[Square]:
    """The last 56 days, the oldest first, today last."""
    days = [today - timedelta(back) for back in range(DAYS - 1, -1, -1)]
    return [_square(day, activity.get(day)) for day in days]


def _square(day: date, minutes: float | None) -> Square:
    if minutes is None:
        return Square(day, 0.0, 0)
    return Square(day, minutes, sum(minutes >= least for least in LEVELS))
