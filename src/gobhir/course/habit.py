"""The learner's days in words: streak, minutes, the calendar, what to repeat."""

from __future__ import annotations

from datetime import date
from typing import Any

from gobhir.course.recall import due
from gobhir.lang import digits, t
from gobhir.learner.habit import Square, calendar, streak
from gobhir.learner.store import Store


def habit_of(store: Store, lang: str) -> dict[str, Any]:
    """What the home page shows of a learner's days; `begun` is False for a new learner."""
    activity, today = store.activity(), date.today()
    squares = calendar(activity, today)
    waiting = due(store)
    count = digits(len(waiting), lang)
    return {
        "begun": bool(activity),
        "streak": streak_text(streak(activity, today), lang),
        "minutes": minutes_text(squares, lang),
        "repeat": {"slug": waiting[0].slug, "text": t("book.habit.repeat", lang, count=count)}
        if waiting
        else None,
        "days": [{"level": day.level, "text": _text(day, lang)} for day in squares],
    }


def streak_text(days: int, lang: str) -> str:
    # keys: book.habit.streak book.habit.streak_one book.habit.streak_none
    key = "streak_none" if days == 0 else "streak_one" if days == 1 else "streak"
    return t(f"book.habit.{key}", lang, days=digits(days, lang))


def minutes_text(squares: list[Square], lang: str) -> str:
    today, week = squares[-1].minutes, sum(square.minutes for square in squares[-7:])
    counts = {"today": digits(round(today), lang), "week": digits(round(week), lang)}
    return t("book.habit.minutes", lang, **counts)


def _text(square: Square, lang: str) -> str:
    key = "day" if square.level else "nothing"  # keys: book.habit.day book.habit.nothing
    numbers = {
        "day": square.day.day,
        "month": square.day.month,
        "year": square.day.year,
        "minutes": round(square.minutes),
    }
    values = {name: digits(number, lang) for name, number in numbers.items()}
    return t(f"book.habit.{key}", lang, **values)
