"""What the learner sees: home, lesson, errors; the language; what the front end is told."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gobhir import course
from gobhir.course.glossary import glossary
from gobhir.course.plan import all_slugs, course_folder, mission_rows, plus
from gobhir.lang import catalogue
from gobhir.learner.refusal import Refusal
from gobhir.learner.store import FILE
from gobhir.studio.lessons import Lessons
from gobhir.studio.pages import script_json
from tests.studio.conftest import Running, start_studio


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Running]:
    """A studio of its own, for a test that changes the learner's settings."""
    running = start_studio(tmp_path / "gobhir")
    yield running
    running.kill()


def config_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="gobhir-config" type="application/json">(.*?)</script>', page)
    assert found
    return dict(json.loads(found[1]))


def language_of(page: str) -> str:
    found = re.search(r'<html lang="(\w+)"', page)
    assert found
    return found[1]


def test_home_shows_8_weeks_and_56_days(studio: Running) -> None:
    page = studio.get("/gobhir/?lang=en").text
    assert page.count('<section class="week"') == 8
    assert len(re.findall(r'<li id="day-\d+" class="day (?:open|coming)"', page)) == 56
    days = course.lessons()
    opened = [day for day in days if day.open]
    assert opened
    assert page.count('class="day open"') == len(all_slugs())
    assert page.count('<span class="day-state">coming</span>') == 73 - len(all_slugs())
    for day in opened:
        assert f'href="/gobhir/lesson/{day.slug}"' in page
    for day in days:
        assert day.title["en"].split(":")[0].split("'")[0] in page


def test_home_shows_the_plus_track(studio: Running) -> None:
    page = studio.get("/gobhir/?lang=en").text
    found = re.findall(r'<li id="plus-([a-z-]+)" class="day (open|coming)"', page)
    assert [(e.name, "open" if e.open else "coming") for e in plus()] == found


def test_coverage_says_where_each_row_is(studio: Running, slug: str) -> None:
    page = studio.get("/gobhir/coverage?lang=bn").text
    assert page.count('<div id="') == len(mission_rows())
    assert f'href="/gobhir/lesson/{slug}"' in page and "এখনো বাকি" in page
    assert studio.get("/gobhir/coverage", cookies=False).status == 302


def test_the_glossary_has_a_card_for_every_term(studio: Running) -> None:
    page = studio.get("/gobhir/glossary?lang=bn").text
    for term in glossary():
        assert f'<article id="{term.id}"' in page
    card = page.split('<article id="sigmoid"')[1].split("</article>")[0]
    assert 'data-tex="' in card and "data:image/svg+xml" in card and "/gobhir/op/sigmoid" in card


def test_search_and_the_card_of_an_op(studio: Running) -> None:
    page = studio.get("/gobhir/search?lang=en&q=gredient%20disent").text
    assert 'href="/gobhir/glossary#gradient-descent"' in page and "<b>" not in page
    page = studio.get("/gobhir/search?lang=en&q=%3Cb%3Ezzzqq").text
    assert "Nothing was found" in page and "<b>" not in page
    assert "sigmoid" in studio.get("/gobhir/op/sigmoid").text
    assert studio.get("/gobhir/op/nothing").status == 404
    assert studio.get("/gobhir/glossary", cookies=False).status == 302


def test_home_in_bangla_counts_in_bangla(studio: Running) -> None:
    page = studio.get("/gobhir/?lang=bn").text
    assert language_of(page) == "bn"
    assert "দিন ৫৬" in page and "সপ্তাহ ৮" in page and "আসছে" in page
    assert "Day 5" not in page


def test_home_shows_how_far_the_learner_is(learner: Running, lesson: course.Lesson) -> None:
    def square() -> tuple[str, str]:
        page = learner.get("/gobhir/?lang=en").text
        found = re.search(
            rf'data-level="(\d)" data-slug="{lesson.slug}".*?class="day-state">([^<]*)<', page, re.S
        )
        assert found
        return found[1], found[2]

    assert square() == ("0", "open")
    address = f"/gobhir/api/progress/{lesson.slug}"
    learner.put(address, {"done": {lesson.quiz[0].id: True}})
    begun = square()
    assert begun[0] == "1" and 0 < int(begun[1].split("%")[0]) < 100
    predictions = [block.id for block in lesson.blocks if block.kind == "predict"]
    everything = [*predictions, *(e.id for e in lesson.exercises), *(q.id for q in lesson.quiz)]
    learner.put(address, {"done": dict.fromkeys(everything, True)})
    assert square() == ("4", "100% done")


def test_home_leads_to_where_the_learner_left(learner: Running, slug: str) -> None:
    first = next(day.slug for day in course.lessons() if day.open)
    assert f'id="resume" href="/gobhir/lesson/{first}"' in learner.get("/gobhir/").text
    learner.put("/gobhir/api/settings", {"resume": {"slug": slug, "anchor": "by-hand"}})
    assert f'id="resume" href="/gobhir/lesson/{slug}#by-hand"' in learner.get("/gobhir/").text


def test_after_a_finished_lesson_home_leads_to_the_next(learner: Running) -> None:
    first, second, *_ = (day.slug for day in course.lessons() if day.slug)
    lesson = course.load(str(first))
    predictions = [block.id for block in lesson.blocks if block.kind == "predict"]
    everything = [*predictions, *(e.id for e in lesson.exercises), *(q.id for q in lesson.quiz)]
    learner.put("/gobhir/api/settings", {"resume": {"slug": first, "anchor": "end"}})
    assert f'id="resume" href="/gobhir/lesson/{first}#end"' in learner.get("/gobhir/").text
    learner.put(f"/gobhir/api/progress/{first}", {"done": dict.fromkeys(everything, True)})
    assert f'id="resume" href="/gobhir/lesson/{second}"' in learner.get("/gobhir/").text


@pytest.mark.parametrize("lang", ("bn", "en"))
def test_a_lesson_is_complete_before_any_script_runs(
    studio: Running, lesson: course.Lesson, lang: str
) -> None:
    page = studio.get(f"/gobhir/lesson/{lesson.slug}?lang={lang}").text
    assert language_of(page) == lang
    assert lesson.title(lang) in page
    assert page.count("<h1") == 1
    for block in lesson.in_language(lang):
        assert f'<section class="block block-{block.kind}" id="{block.id}"' in page
    assert lesson.render(lang) in page
    for part in ('id="notes-text"', 'id="notes-status"', 'id="language-switch"', 'role="status"'):
        assert part in page
    assert f"notes/{lesson.slug}.md" in page


def test_a_lesson_as_slides_and_for_print(studio: Running, slug: str) -> None:
    slides = studio.get(f"/gobhir/lesson/{slug}?view=slides&lang=en").text
    assert slides.count('<section data-phase="') > 5 and 'class="reveal"' in slides
    whole = studio.get(f"/gobhir/lesson/{slug}?lang=en").text
    paper = studio.get(f"/gobhir/lesson/{slug}?view=print&lang=en").text
    assert '<body class="page lesson view-print">' in paper
    assert 'class="reveal"' not in whole + paper
    assert "view-" not in studio.get(f"/gobhir/lesson/{slug}?view=<b>").text.split("<main")[0]


def test_the_front_end_is_told_what_it_needs(studio: Running, slug: str) -> None:
    config = config_of(studio.get(f"/gobhir/lesson/{slug}?lang=bn").text)
    assert config["baseUrl"] == "/" and config["lang"] == "bn" and config["slug"] == slug
    assert config["theme"] in ("auto", "light", "dark")
    assert isinstance(config["torch"], bool) and isinstance(config["lab"], bool)
    assert config["static"] == f"/gobhir/static/{config['version']}/"
    assert config["strings"]["studio.lesson.notes"] == catalogue("bn")["studio.lesson.notes"]
    assert not [key for key in config["strings"] if key.startswith("studio.refusal")]
    assert config_of(studio.get("/gobhir/").text)["slug"] is None


def test_the_language_of_a_page(learner: Running, slug: str) -> None:
    """?lang, else what the learner chose, else the browser's wish, else GOBHIR_LANG (en here)."""

    def lang(query: str = "", **headers: str) -> str:
        return language_of(learner.get(f"/gobhir/lesson/{slug}{query}", **headers).text)

    assert lang() == "en"
    assert lang(Accept_Language="bn-BD,en;q=0.5") == "bn"
    assert lang(Accept_Language="en,bn;q=0.5") == "en"
    assert lang("?lang=fr") == "en"
    assert lang("?lang=bn") == "bn"
    assert lang() == "bn"  # asked for once, remembered
    assert lang(Accept_Language="en") == "bn"
    assert learner.get("/gobhir/api/settings").json["lang"] == "bn"
    learner.put("/gobhir/api/settings", {"lang": "en"})
    assert lang(Accept_Language="bn") == "en"


@pytest.mark.parametrize(
    "path", ("/gobhir/lesson/day99-nothing", "/gobhir/nothing", "/gobhir/api/nothing")
)
def test_an_error_is_readable_in_both_languages(studio: Running, path: str) -> None:
    answer = studio.get(path)
    assert answer.status == 404
    assert catalogue("bn")["studio.refusal.notfound"] in answer.text
    assert catalogue("en")["studio.refusal.notfound"] in answer.text
    assert 'href="/gobhir/"' in answer.text


def test_a_foreign_host_gets_a_readable_refusal_too(studio: Running) -> None:
    answer = studio.get("/gobhir/", Host="evil.example")
    assert answer.status == 403
    assert catalogue("bn")["studio.refusal.forbidden"] in answer.text


def test_the_login_page_speaks_both_languages(studio: Running) -> None:
    page = studio.get("/login", cookies=False)
    assert page.status == 200
    for lang in ("bn", "en"):
        assert catalogue(lang)["studio.login.how"] in page.text
    wrong = studio.ask(
        "POST", "/login", body=b"password=wrong", xsrf=True,
        Content_Type="application/x-www-form-urlencoded", Cookie="",
    )  # fmt: skip
    assert wrong.status in (401, 403)


@pytest.mark.parametrize(
    "text", ("</script><script>alert(1)", "<!--", "\u2028\u2029", "&amp;", 'quo"te', "বাংলা")
)
def test_json_in_a_script_tag_stays_in_it(text: str) -> None:
    shown = str(script_json({"text": text}))
    assert json.loads(shown) == {"text": text}
    for dangerous in ("<", ">", "&", "\u2028", "\u2029"):
        assert dangerous not in shown


@pytest.fixture
def copied_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slug: str) -> Path:
    """A copy of the course that a test may edit; the file of its lesson."""
    copy = tmp_path / "course"
    shutil.copytree(course_folder(), copy)
    monkeypatch.setenv("GOBHIR_COURSE", str(copy))
    return copy / "days" / slug / "lesson.md"


def test_a_lesson_is_rendered_once_until_a_file_changes(copied_course: Path, slug: str) -> None:
    lessons = Lessons()
    first = lessons.page(slug, "en")
    assert lessons.page(slug, "en") is first
    assert lessons.page(slug, "bn") is not first
    text = copied_course.read_text(encoding="utf-8")
    title = course.load(slug).meta["title"]["en"]
    copied_course.write_text(text.replace(title, "Another title", 1), encoding="utf-8")
    os.utime(copied_course, ns=(1, 1))
    assert lessons.page(slug, "en").title == "Another title"


def test_a_faulty_lesson_says_where_the_fault_is(copied_course: Path, slug: str) -> None:
    copied_course.write_text('---\nno\n---\n+++ {"pair": 1}\n', encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        Lessons().page(slug, "en")
    assert refused.value.kind == "trouble" and "lesson.md" in str(refused.value)


def test_a_new_day_opens_without_a_restart(copied_course: Path) -> None:
    lessons = Lessons()
    before = [day.slug for week in lessons.weeks() for day in week.days if day.open]
    other = next(day for day in course.lessons() if not day.open)
    folder = copied_course.parent.parent / f"day{other.number:02}-new"
    shutil.copytree(copied_course.parent, folder)
    after = [day.slug for week in lessons.weeks() for day in week.days if day.open]
    assert set(after) - set(before) == {folder.name}


@pytest.mark.slow
def test_a_wrong_answer_comes_back_another_day(learner: Running) -> None:
    slug = next(day.slug for day in course.lessons() if day.slug)
    item = course.load(slug).quiz[0]
    wrong = next(k for k, option in enumerate(item.options) if not option.correct)
    address = f"/gobhir/api/quiz/{slug}/{item.id}"
    assert learner.post(address, {"answer": wrong}).json["correct"] is False
    shown = f'data-quiz="{item.id}"'
    assert shown not in learner.get("/gobhir/recall").text
    assert "gobhir/recall" not in learner.get("/gobhir/").text
    with sqlite3.connect(learner.home / FILE) as db:
        db.execute("UPDATE answer SET at = at - 2 * 86400")
    assert shown in learner.get("/gobhir/recall?lang=bn").text
    assert catalogue("bn")["studio.home.repeat"].format(count="১") in learner.get("/gobhir/").text
