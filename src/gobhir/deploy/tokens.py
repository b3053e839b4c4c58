"""From a sentence to the numbers of its pieces, as a file's description says.

Splitting into words goes by what Unicode says of a letter: a word is a run of letters, marks (the
vowel signs of Bangla are marks), digits and joiners; any other sign that is not a space is a word
of its own.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np

from gobhir.deploy.about import Text

_JOINERS = "\u200c\u200d"


def numbers(text: str, form: Text) -> np.ndarray:
    """The numbers of a sentence's pieces, (length), int64: cut off or filled up with `pad`."""
    found = [form.begin] if form.begin is not None else []
    room = form.length - len(found) - (form.end is not None)
    places = _places(form.vocabulary)
    found += [places.get(p, form.unknown) for p in pieces(text, form)[: max(room, 0)]]
    if form.end is not None:
        found.append(form.end)
    row = np.full(form.length, form.pad, np.int64)
    row[: len(found)] = found[: form.length]
    return row


def pieces(text: str, form: Text) -> list[str]:
    """The sentence in pieces, before they become numbers."""
    text = unicodedata.normalize("NFC", text)
    if form.lower:
        text = text.lower()
    if form.level == "characters":
        return list(text)
    found = words(text)
    if form.level == "words":
        return found
    ranks = _ranks(form.merges)
    return [piece for word in found for piece in _merged(word, ranks)]


def words(text: str) -> list[str]:
    """The words and signs of a text, without the spaces between them."""
    found, run = [], ""
    for c in text:
        if c in _JOINERS or unicodedata.category(c)[0] in "LMN":
            run += c
            continue
        if run:
            found.append(run)
            run = ""
        if not c.isspace():
            found.append(c)
    return [*found, run] if run else found


END = "\u2581"
"""What stands behind the last character of a word in BPE, so that an ending is a piece of its
own."""


def _merged(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """Byte pair encoding on characters: again and again, the pair that was merged first in
    training (Sennrich et al. 2016, algorithm 1)."""
    parts = [*word[:-1], word[-1] + END]
    while len(parts) > 1:
        pairs = {(a, b) for a, b in zip(parts, parts[1:], strict=False)}
        best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        joined, i = [], 0
        while i < len(parts):
            if tuple(parts[i : i + 2]) == best:
                joined.append(parts[i] + parts[i + 1])
                i += 2
            else:
                joined.append(parts[i])
                i += 1
        parts = joined
    return parts


@lru_cache(8)
def _places(vocabulary: tuple[str, ...]) -> dict[str, int]:
    return {word: i for i, word in enumerate(vocabulary)}


@lru_cache(8)
def _ranks(merges: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], int]:
    return {pair: i for i, pair in enumerate(merges)}
