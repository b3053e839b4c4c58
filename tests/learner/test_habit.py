"""Streak and calendar, and where the days come from."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from gobhir.learner.habit import DAYS, calendar, streak
from gobhir.learner.store import FILE, MIGRATIONS, Store

TODAY = date(2026, 3, 1)


def days_ago(*back: int) -> dict[date, float]:
    return {TODAY - timedelta(n): 20.0 for n in back}


@pytest.mark.parametrize(
    ("worked", "days"),
    (
        ((), 0),
        ((0,), 1),
        ((1,), 1),  # today is still to come
        ((2,), 0),
        ((0, 1, 2, 4), 3),
        ((1, 2, 3, 5, 6), 3),
        (tuple(range(56)), 56),
    ),
)
def test_a_streak_ends_at_the_first_day_left_out(worked, days):
    assert streak(days_ago(*worked), TODAY) == days


def test_the_calendar_is_56_squares_the_last_of_them_today():
    squares = calendar({TODAY: 61.0, TODAY - timedelta(1): 0.0, TODAY - timedelta(2): 29.9}, TODAY)
    assert len(squares) == DAYS == 56
    assert [square.level for square in squares[-4:]] == [0, 2, 1, 4]
    assert squares[0].day == TODAY - timedelta(55) and squares[-1].minutes == 61.0


def test_minutes_of_a_day_are_what_its_lessons_grew_by(tmp_path):
    store = Store(tmp_path)
    store.merge_progress("day09", {}, 0, "top")  # looked at, nothing done
    assert store.activity() == {}
    store.merge_progress("day09", {}, 12)
    store.merge_progress("day09", {}, 10)  # an older tab
    store.merge_progress("day10", {"quiz": True}, 5)
    assert store.activity() == {date.today(): 17.0}
    assert store.progress("day09")["minutes"] == 12


def test_an_answer_makes_a_day_even_without_a_minute(tmp_path):
    store = Store(tmp_path)
    store.add_answer("day09", "recall", 1, False)
    assert store.activity() == {date.today(): 0.0}
    assert calendar(store.activity(), date.today())[-1].level == 1


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_file_of_each_earlier_version_opens_and_loses_nothing(tmp_path: Path, version: int):
    db = sqlite3.connect(tmp_path / FILE)
    for script in MIGRATIONS[:version]:
        db.executescript(script)
    noon = datetime(2026, 2, 3, 12).timestamp()
    db.execute("INSERT INTO done VALUES ('day09', 'quiz', 'true', ?)", (noon,))
    db.execute("INSERT INTO done VALUES ('day09', 'odd', 'true', 1e300)")  # no such date
    db.execute("INSERT INTO place VALUES ('day09', 31.5, 'why', ?)", (noon,))
    answer = "INSERT INTO answer (slug, item, answer, correct, at) VALUES ('day09', 'q', '1', 0, ?)"
    db.execute(answer, (noon + 86400,))
    db.execute("INSERT INTO setting VALUES ('lang', '\"bn\"')")
    db.execute("INSERT INTO note VALUES ('day09', 'মনে রাখো', '', ?)", (noon,))
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()
    store = Store(tmp_path)
    assert store.progress("day09") == {
        "done": {"quiz": True, "odd": True},
        "minutes": 31.5,
        "anchor": "why",
    }
    assert [a["answer"] for a in store.answers("day09")] == [1]
    assert store.settings() == {"lang": "bn"}
    assert {date(2026, 2, 3), date(2026, 2, 4)} <= store.activity().keys()
    with store.writing() as opened:
        assert opened.execute("SELECT text FROM note").fetchone() == ("মনে রাখো",)
        assert opened.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
