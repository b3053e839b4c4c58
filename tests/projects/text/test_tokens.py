"""Cutting and putting together again; byte pair encoding against the paper's own slow program."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir.deploy import About
from gobhir.deploy.about import about_from
from gobhir.projects.text.tokens import END, joined, learn, merges, pieces, rows, words

TEXTS = [
    line.split("\t")[0]
    for line in (Path(__file__).parent / "sentences.tsv")
    .read_text(encoding="utf-8")
    .split("\n")[1:]
    if line
]
BANGLA = [chr(c) for c in range(0x980, 0x9FF) if unicodedata.category(chr(c)) != "Cn"]
SIGNS = [
    "\u200c",
    "\u200d",
    "।",
    "?",
    "😡",
    "❤",
    "\ufe0f",
    "👩",
    "🏽",
    " ",
    "\n",
    "A",
    "é",
    "7",
    END,
]
SENTENCES = st.text(st.sampled_from(BANGLA + SIGNS), max_size=30) | st.text(max_size=30)
FORMS = {level: learn(TEXTS, level, 300) for level in ("characters", "words", "bpe")}


@given(SENTENCES)
@settings(max_examples=80, deadline=None)
def test_what_was_cut_can_be_put_together(text: str) -> None:
    plain = unicodedata.normalize("NFC", text).lower()
    assert joined(pieces(text, FORMS["characters"]), FORMS["characters"]) == plain
    sentence = " ".join(words(plain))
    for level in ("words", "bpe"):
        assert joined(pieces(text, FORMS[level]), FORMS[level]) == sentence
    # Of the text itself nothing is lost but spaces (and END, which is one).
    bare = "".join(c for c in plain if not c.isspace() and c != END)
    assert sentence.replace(" ", "") == bare


@given(SENTENCES)
@settings(max_examples=80, deadline=None)
def test_both_writings_of_a_letter_are_one(text: str) -> None:
    other = unicodedata.normalize("NFD", text)
    for form in FORMS.values():
        assert pieces(text, form) == pieces(other, form)
        assert (rows([text], form) == rows([other], form)).all()


@given(SENTENCES)
@settings(max_examples=80, deadline=None)
def test_no_word_begins_with_a_mark_that_belongs_to_what_stands_before(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    at = 0
    for word in words(text):
        at = text.index(word, at)
        first = unicodedata.category(word[0])[0]
        if at and (first == "M" or word[0] in "\u200c\u200d"):
            assert text[at - 1].isspace() or text[at - 1] == END
        at += len(word)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("নাটকটা ভালো!", ["নাটকটা", "ভালো", "!"]),
        ("র‍্যাপ, ক্ষমা।", ["র‍্যাপ", ",", "ক্ষমা", "।"]),
        ("দারুণ❤️😡", ["দারুণ", "❤️", "😡"]),
        ("👩‍👧 👍🏽 হ্যাঁ", ["👩‍👧", "👍🏽", "হ্যাঁ"]),
    ],
)
def test_words_of_bangla_and_emoji(text: str, expected: list[str]) -> None:
    assert words(unicodedata.normalize("NFC", text)) == [
        unicodedata.normalize("NFC", w) for w in expected
    ]


def slow_merges(counts: dict[str, int], most: int) -> list[tuple[str, str]]:
    """Sennrich, Haddow, Birch (2016), algorithm 1, as printed there but for ties and the end."""
    vocabulary = {" ".join([*word[:-1], word[-1] + END]): n for word, n in counts.items()}
    found: list[tuple[str, str]] = []
    for _ in range(most):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, n in vocabulary.items():
            symbols = word.split(" ")
            for i in range(len(symbols) - 1):
                pairs[symbols[i], symbols[i + 1]] += n
        if not pairs or max(pairs.values()) < 2:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        bigram = re.compile(r"(?<!\S)" + re.escape(" ".join(best)) + r"(?!\S)")
        one = "".join(best)  # no backslash in it, so it can stand as it is
        vocabulary = {bigram.sub(one, word): n for word, n in vocabulary.items()}
        found.append(best)
    return found


def test_bpe_merges_what_the_paper_merges() -> None:
    counts = Counter(word for text in TEXTS for word in words(text))
    counts |= Counter({"aaaaaa": 3, "abababa": 5})  # pairs that overlap themselves
    found = merges(counts, 150)
    assert len(found) == 150
    assert found == slow_merges(counts, 150)


def test_bpe_of_the_papers_example() -> None:
    counts = {"low": 5, "lowest": 2, "newer": 6, "wider": 3}
    form = learn([f"{word} " * n for word, n in counts.items()], "bpe", 15)
    assert form.merges[:2] == (("e", f"r{END}"), ("l", "o"))
    assert pieces("lower", form)[-1] == f"er{END}"


def test_a_vocabulary_keeps_the_most_frequent_and_its_size() -> None:
    form = learn(["খ ক ক", "ক গ গ"], "words", 4)
    assert form.vocabulary == ("<pad>", "<unknown>", "ক", "গ")
    assert rows(["গ খ ক", ""], form)[:, :4].tolist() == [[3, 1, 2, 0], [0, 0, 0, 0]]
    for level in FORMS:
        small = learn(TEXTS, level, 40, length=5)
        assert len(small.vocabulary) <= 40
        assert rows(TEXTS, small).shape == (len(TEXTS), 5)


def test_training_and_service_cut_alike() -> None:
    for form in FORMS.values():
        told = about_from(About(labels={"en": ["a", "b"]}, input=form).to_json())
        assert told is not None
        assert told.input == form
        assert np.array_equal(rows(TEXTS, told.input), rows(TEXTS, form))


def test_nothing_to_learn_from() -> None:
    for level in FORMS:
        with pytest.raises(ValueError, match="no piece"):
            learn(["", " "] if level != "characters" else [""], level, 50)
