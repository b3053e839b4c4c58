"""What comes next."""

from __future__ import annotations

from gobhir.course.outline import outline
from gobhir.course.plan import entries
from gobhir.course.today import finished, missing, share, today


def test_today_is_the_first_lesson_that_is_not_done(copied):
    entry = today({})
    assert entry is not None and entry.slug == copied.name
    parts = outline(copied.name).parts
    half = {copied.name: {"done": dict.fromkeys(parts[: len(parts) // 2], True)}}
    assert today(half) == entry and 0 < share(entry, half) < 0.8
    whole = {copied.name: {"done": dict.fromkeys(parts, True)}}
    assert share(entry, whole) == 1 and finished(whole) == {"day10"}
    assert today(whole) is None


def test_a_plus_lesson_comes_after_the_days_and_says_what_it_needs(copied, add_lesson):
    add_lesson("plus", "optimizers-in-depth")
    done = {copied.name: {"done": dict.fromkeys(outline(copied.name).parts, True)}}
    entry = today(done)
    assert entry is not None and entry.slug == "optimizers-in-depth"
    assert missing(entry, done) == []
    assert [e.name for e in missing(entry, {})] == ["day10"]
    assert not next(e for e in entries() if e.name == "attention").open


def test_progress_in_a_lesson_that_is_gone_does_no_harm(copied):
    gone = {"day99-gone": {"done": {"x": True}}}
    assert finished(gone) == set() and today(gone) is not None
