"""Search: one word in whatever script, form or spelling; and that what is found is there."""

from __future__ import annotations

import unicodedata

import pytest

from gobhir.course import load
from gobhir.course.glossary import glossary
from gobhir.course.plan import all_slugs
from gobhir.course.search import find, index
from gobhir.course.search.folding import fold, skeleton
from gobhir.engine import OPS


def first(query: str) -> str:
    return find(query)[0].address


@pytest.mark.parametrize("form", ("NFC", "NFD", "NFKC", "NFKD"))
def test_composed_and_decomposed_letters_are_one(form):
    for term in glossary():
        word = unicodedata.normalize(form, term.bn)
        assert fold(word) == fold(term.bn)
        assert first(word) == f"glossary#{term.id}"
    ra, rra = "\u09a1\u09bc", "\u09dc"  # ড় in two code points and in one
    assert fold(ra) == fold(rra)
    assert fold("লে\u09beস") == fold("ল\u09cbস")  # ো in two code points and in one


def test_every_term_is_found_first_by_its_english_name():
    for term in glossary():
        assert first(term.en) == f"glossary#{term.id}", term.id


@pytest.mark.parametrize(
    ("query", "term"),
    (
        ("Gradients", "gradient"),
        ("গ্রেডিয়েন্টের", "gradient"),
        ("gredient disent", "gradient-descent"),
        ("ডীপ লার্ণিং", "deep-learning"),
        ("bakpropagesan", "backpropagation"),
        ("ব্যাকপ্রপাগেশান", "backpropagation"),
        ("overfiting", "overfitting"),
        ("derivetiv", "derivative"),
        ("aktivesn", "activation"),
        ("chain-rule", "chain-rule"),
    ),
)
def test_rough_spellings_find_the_term(query, term):
    assert first(query) == f"glossary#{term}"


def test_a_word_of_a_lesson_leads_to_its_part(copied):
    text = (copied / "lesson.md").read_text("utf-8")
    pair = '\n+++ {"lang": "%s", "pair": "kite"}\n## %s\n\n%s $k$ {v}`x:.1f`\n'
    text += pair % ("bn", "ঘুড়ির সুতা", "টানলে **ঘুড়ি** ওঠে")
    text += pair % ("en", "The kite's string", "pull and the kite **rises**")
    (copied / "lesson.md").write_text(text, encoding="utf-8")
    for query in ("ঘুড়ি ওঠে", "kite rises", "kite's string", "ঘুড়ির টানলে"):
        assert first(query) == f"lesson/{copied.name}#kite", query
    assert first("day 10") == first("দিন ১০") == f"lesson/{copied.name}"
    assert find("kite backpropagation") == []  # every word has to be there


@pytest.mark.parametrize("query", ("", "   ", "!?", "zzzqq", "\u200d", "x" * 5000))
def test_nothing_is_found_where_nothing_is(query):
    assert find(query) == []


def test_every_address_leads_somewhere():
    terms = {term.id for term in glossary()}
    blocks = {slug: {block.id for block in load(slug).blocks} for slug in all_slugs()}
    for item in index():
        page, _, anchor = item.address.partition("#")
        room, _, name = page.partition("/")
        if room == "lesson":
            assert not anchor or anchor in blocks[name]
        else:
            assert anchor in terms if room == "glossary" else name in OPS
        assert all(item.title[lang] and item.said[lang] for lang in ("bn", "en")), item
    assert {item.kind for item in index()} == {"term", "lesson", "op", "part"}


def test_a_word_sounds_alike_in_both_scripts():
    for latin, bangla in (("gradient", "গ্রেডিয়েন্ট"), ("softmax", "সফটম্যাক্স"), ("tensor", "টেনসর")):
        assert skeleton(fold(latin)) == skeleton(fold(bangla)), latin
