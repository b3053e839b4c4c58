"""Copies are found, and what is no copy is left alone."""

from __future__ import annotations

import numpy as np

from gobhir.evaluation import leaks, near, normalised, same, split
from gobhir.evaluation.duplicates import joined


def test_copies_have_one_number() -> None:
    assert same(["ভালো", "খারাপ", "ভালো"]).tolist() == [0, 1, 0]
    rows = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])
    assert same(rows).tolist() == [0, 0, 1]
    assert same([("ab", "c"), ("a", "bc")]).tolist() == [0, 1]


def test_what_hardly_changes_a_text_is_overlooked() -> None:
    texts = ["খুব ভালো!!", "খুব   ভালো।", "খুব ভালো না", "Very GOOD", "very, good."]
    assert same(texts, normalised).tolist() == [0, 0, 1, 2, 2]
    assert normalised("র\u200d\u09cd\u09af\u09be\u09ae") == normalised("র\u09cd\u09af\u09be\u09ae")
    assert normalised("☺") != normalised("☹")


def test_near_copies_are_those_of_a_full_comparison() -> None:
    draw = np.random.default_rng(1)
    words = ["".join(draw.choice(list("কখগঘচছজঝটঠডঢ"), 5)) for _ in range(60)]
    texts = [" ".join(draw.choice(words, 14)) for _ in range(60)]
    copies = [text + " " + draw.choice(words) for text in texts[:20]]
    found = near(texts + copies)

    def pieces(text: str) -> set[str]:
        return {text[i : i + 5] for i in range(len(text) - 4)}

    every = [pieces(text) for text in texts + copies]
    alike = np.array([[len(a & b) / len(a | b) >= 0.8 for b in every] for a in every])
    assert alike.sum() > 80 + 2 * 15
    assert np.array_equal(found[:, None] == found, alike)
    assert len(set(near(texts[:5], alike=1.0))) == 5


def test_chains_of_copies_hang_together_in_a_split() -> None:
    writer, copy = [0, 0, 1, 2, 3, 3, 4, 5], [0, 1, 1, 2, 3, 4, 4, 5]
    groups = joined(writer, copy)
    assert groups.tolist() == [0, 0, 0, 1, 2, 2, 2, 3]
    parts = split(8, {"train": 0.5, "test": 0.5}, groups=groups)
    assert leaks(parts, writer) == leaks(parts, copy) == 0
