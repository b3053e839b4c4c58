"""What the static site's page works out by itself, held against Python: search and grading."""

from __future__ import annotations

import itertools
from dataclasses import asdict

from gobhir.course import load
from gobhir.course.grading import facts, grade_in
from gobhir.course.plan import all_slugs
from gobhir.course.search import find, index
from gobhir.course.search.folding import fold, skeleton
from tests.widgets.node import ask_site

QUERIES = [
    *("gradient", "গ্রেডিয়েন্টের", "gredient disent", "chain-rule", "ডীপ লার্ণিং", "bakpropagesan"),
    *(
        "Δ δ É",
        "রিকশার চেইন",
        "চেইন রুলের",
        "০.৫",
        "day 9",
        "দিন ৯",
        "চেইন রুলের",
        "",
        "zzz",
        "layer",
        "লেয়ার",
        "mean variance",
    ),
]


def test_letters_and_sounds_are_the_same():
    words = [name for item in index() for name in (*item.title.values(), *item.said.values())]
    words += ["\u09a1\u09bc \u09dc", "ক\u200dষ", "ﬁt ½ Ⅳ", "ISTANBUL", *QUERIES]
    assert ask_site("fold", words) == [fold(word) for word in words]
    folded = [part for word in words for part in fold(word).split()]
    assert ask_site("skeleton", folded) == [skeleton(part) for part in folded]


def test_the_same_is_found_in_the_same_order():
    items = [item for item in index() if item.kind != "op"]
    found = ask_site("find", {"queries": QUERIES, "items": [asdict(item) for item in items]})
    assert found == [[item.address for item in find(query, items)] for query in QUERIES]
    assert sum(map(bool, found)) >= 12


def test_answers_are_judged_alike():
    asked, wanted = [], []
    for slug in all_slugs():
        lesson = load(slug)
        known = facts(lesson, "bn")
        for item in lesson.quiz:
            places = range(len(item.options))
            answers = list(places)
            if item.type == "order":
                answers = [list(order) for order in itertools.permutations(places)][:6]
            if item.type == "number":
                value = known[item.id]["value"]
                wrong = [option["value"] for option in known[item.id]["options"]]
                answers = [value, value + 2 * item.tolerance + 0.1, str(value), *wrong]
            for answer in answers:
                asked.append([known[item.id], answer])
                judged = grade_in(lesson, item.id, answer)
                wanted.append({"correct": judged["correct"], "text": judged["explanation"]["bn"]})
    assert ask_site("grade", asked) == wanted and len(wanted) > 10
