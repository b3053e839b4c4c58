"""A lesson's slides: what stands on them, and what the speaker is told."""

from __future__ import annotations

import re

import pytest

from gobhir.course import load
from gobhir.course.plan import all_slugs
from gobhir.course.slides import ROOM, _weight
from gobhir.course.text import split_at_rule
from gobhir.lang import LANGUAGES

SLIDE = re.compile(
    r'<section data-phase="(\w+)"><div class="sheet"><div class="idea">(.*?)</div></div>'
    r'<aside class="notes">(.*?)</aside></section>',
    re.S,
)


def deck(lesson, lang):
    return SLIDE.findall(lesson.slides(lang))


def test_the_title_then_the_marked_blocks(sample):
    for lang in LANGUAGES:
        (_, title, _), *others = deck(sample, lang)
        assert f"<h1>{sample.title(lang)}</h1>" in title
        marked = [b for b in sample.in_language(lang) if b.options.get("slide")]
        assert marked and len(others) >= len(marked)
        heading = re.search(r"(?m)^## (.*)$", marked[0].source)
        assert heading and heading[1] in others[0][1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_number_is_left_out_and_no_slide_is_too_full(lang):
    for slug in all_slugs():
        lesson = load(slug)
        slides = deck(lesson, lang)
        assert len(slides) > 3, slug
        for _, body, _ in slides:
            assert "⟨?⟩" not in body and "href=" not in body and "style=" not in body
            assert "data-tex" not in body and "{v}`" not in body
            pieces = re.split(r"(?<=</p>)\n|(?<=</table></div>)|(?<=</span></div>)", body)
            assert _weight(body) <= ROOM + max(map(_weight, pieces)), (slug, body)


def test_the_speaker_is_told_in_both_languages_what_the_lesson_says_there():
    lesson = load(next(slug for slug in all_slugs() if slug.startswith("day10-")))
    notes = {lang: [n for _, _, n in deck(lesson, lang) if n] for lang in LANGUAGES}
    assert notes["bn"] == notes["en"]
    spoken = "".join(notes["bn"])
    assert '<div lang="bn">' in spoken and '<div lang="en">' in spoken
    blocks = lesson.in_language("en")
    off = next(b for b in blocks if b.kind == "prose" and "slide" not in b.options)
    assert off.source.splitlines()[2].split("$")[0].strip() in spoken
    sheet = next(b for b in blocks if "sheet" in b.options)
    assert sheet.source.splitlines()[2].split("$")[0].strip() not in spoken


def test_what_a_misconception_and_a_prediction_reveal_comes_later(sample):
    from gobhir.course.slides import _Deck

    writer = _Deck(sample, "en")
    for block in sample.in_language("en"):
        if block.kind == "misconception":
            parts = writer.parts_of(block)
            assert "fragment" not in parts[1] and all("fragment" in p for p in parts[2:])
        elif block.kind == "predict":
            question, after = split_at_rule(block.source)
            parts = writer.parts_of(block)
            assert any("fragment" in p for p in parts) == bool(after)
            assert "fragment" not in parts[0] and question
