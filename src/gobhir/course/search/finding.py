"""Finding: every word that was typed has to be in an item, in its name or in its text."""

from __future__ import annotations

from collections.abc import Iterable

from gobhir.course.search.folding import fold, skeleton
from gobhir.course.search.index import KINDS, Item, index

LIMIT = 30
SOUNDS = 3
"""Consonants that a word must have to be looked for by its sound."""
STEM = {"bn": 3, "en": 4}
"""Letters of a name that, with an ending behind them, still are that name (রুলের, layers)."""


def find(query: str, items: Iterable[Item] | None = None) -> list[Item]:
    """The items that match, the best first; at most LIMIT."""
    whole = fold(query)
    words = whole.split()
    found = []
    for item in index() if items is None else items:
        points = [_points(word, item) for word in words]
        if words and all(points):
            exact = 100 * (whole in item.names)
            name = item.names[0]
            place = (-(sum(points) + exact), KINDS.index(item.kind), len(name), name)
            found.append((place, item))
    return [item for _, item in sorted(found, key=lambda one: one[0])[:LIMIT]]


def _points(word: str, item: Item) -> int:
    """How well one word fits; 0: not at all."""
    parts = [part for name in item.names for part in name.split()]
    if word in parts:
        return 50
    if any(part.startswith(word) for part in parts):
        return 40
    stem = STEM["bn" if word >= "\u0980" else "en"]
    if any(len(part) >= stem and word.startswith(part) for part in parts):
        return 30
    if f" {word}" in f" {item.body}":
        return 10
    sound = skeleton(word)
    if len(sound) >= SOUNDS and any(skeleton(part).startswith(sound) for part in parts):
        return 5
    return 0
