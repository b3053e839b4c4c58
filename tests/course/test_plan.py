"""The plan, the glossary and the mission's rows."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest

from gobhir.course import data_file, lessons, weeks
from gobhir.course.glossary import avoid, find_terms, glossary
from gobhir.course.outline import outline
from gobhir.course.plan import all_slugs, course_folder, entries, mission_rows, opens, plus


def test_eight_weeks_of_seven_days_numbered_through():
    assert [len(week.days) for week in weeks()] == [7] * 8
    assert [day.number for day in lessons()] == list(range(1, 57))
    assert {day.week for day in lessons()} == set(range(1, 9))


def test_every_day_cites_its_row_and_has_a_title_of_its_own():
    rows = mission_rows()
    for day in lessons():
        assert rows[day.row].startswith(f"Day {day.number}:")
        assert all(day.title[lang].strip() for lang in ("bn", "en"))
    for lang in ("bn", "en"):
        assert len({day.title[lang] for day in lessons()}) == 56


def test_the_rows_are_the_missions():
    sizes = dict.fromkeys("ABCDE", 0)
    for row in mission_rows():
        sizes[row[0]] += 1
    assert sizes == {"A": 28, "B": 226, "C": 35, "D": 30, "E": 20}


def test_days_with_a_lesson_are_open():
    for day in lessons():
        assert day.open == bool(list(course_folder().glob(f"days/day{day.number:02}-*/lesson.md")))


def test_a_lesson_is_called_in_the_plan_as_it_calls_itself():
    written = [entry for entry in entries() if entry.slug]
    assert written
    for entry in written:
        lesson = outline(entry.slug)
        for lang in ("bn", "en"):
            assert entry.title[lang] == lesson.title(lang), entry.slug


def test_the_glossary_is_sound():
    terms = glossary()
    assert len(terms) >= 55
    assert len({term.id for term in terms}) == len(terms)
    spellings = {term.bn for term in terms}
    assert len(spellings) == len(terms)
    for term in terms:
        assert term.kind in ("B", "T", "L")
        assert 1 <= term.day <= 56
        assert not spellings & set(term.variants)
        assert not set(term.variants) & set(avoid())
        assert all(term.meaning[lang] for lang in ("bn", "en"))


def test_the_courses_files_are_in_normal_form():
    for file in course_folder().glob("*.toml"):
        text = file.read_text(encoding="utf-8")
        assert unicodedata.normalize("NFC", text) == text, file


def test_terms_are_found_the_longest_first_with_their_suffix():
    text = "গ্রেডিয়েন্ট ডিসেন্টের আগে গ্রেডিয়েন্টটা লাগে"
    found = [(text[a:b], term.id) for a, b, term in find_terms(text, "bn")]
    assert found == [
        ("গ্রেডিয়েন্ট ডিসেন্টের", "gradient-descent"),
        ("গ্রেডিয়েন্টটা", "gradient"),
    ]
    assert [t.id for *_, t in find_terms("Two hidden layers, a lossy one", "en")] == [
        "hidden-layer"
    ]


def test_the_plus_track_names_each_lesson_once_and_what_opens_it():
    extra = plus()
    names = [entry.name for entry in entries()]
    assert len(extra) == 17 and len(set(names)) == len(names) == 73
    for entry in extra:
        assert entry.needs and all(entry.title[lang].strip() for lang in ("bn", "en"))


def test_what_opens_an_entry_comes_before_it():
    names = [entry.name for entry in entries()]
    for at, entry in enumerate(entries()):
        assert set(entry.needs) <= set(names[:at]), entry.name
    assert all(entry.needs for entry in entries()[1:])
    assert [entry.name for entry in opens("attention")] == ["transformer"]


def test_every_folder_with_a_lesson_is_in_the_plan():
    folders = {file.parent.name for file in course_folder().glob("*/*/lesson.md")}
    assert set(all_slugs()) == folders


def test_every_file_of_data_has_its_origin_and_can_be_read():
    told = (course_folder() / "data" / "ORIGIN.md").read_text(encoding="utf-8")
    files = sorted(file.name for file in (course_folder() / "data").glob("*.csv"))
    assert files
    for name in files:
        assert f"| {name} |" in told
        assert len(pd.read_csv(data_file(name))) > 10


def test_data_that_is_not_there_is_said_with_what_is():
    with pytest.raises(FileNotFoundError, match=r"pinguins\.csv.*penguins\.csv"):
        data_file("pinguins.csv")
    with pytest.raises(FileNotFoundError):
        data_file("../plan.toml")
