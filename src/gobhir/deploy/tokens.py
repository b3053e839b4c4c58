"""From a sentence to the numbers of its pieces, as a file's description says.

Splitting into words goes by what Unicode says of a letter: a word is a run of letters, marks (the
vowel signs of Bangla are marks), digits and joiners; any other sign that is not a space is a word
of its own, with the marks behind it.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np

from gobhir.deploy.about import Text
from gobhir.lang import Count, Message, say

_JOINERS = "\u200c\u200d"
_SKINS = "".join(map(chr, range(0x1F3FB, 0x1F400)))


def numbers(text: str, form: Text) -> np.ndarray:
    """The numbers of a sentence's pieces, (length), int64: cut off or filled up with `pad`."""
    found = [form.begin] if form.begin is not None else []
    places = _places(form.vocabulary)
    found += [places.get(p, form.unknown) for p in pieces(text, form)[: room(form)]]
    if form.end is not None:
        found.append(form.end)
    row = np.full(form.length, form.pad, np.int64)
    row[: len(found)] = found[: form.length]
    return row


def room(form: Text) -> int:
    """How many pieces of a sentence are read."""
    return max(form.length - (form.begin is not None) - (form.end is not None), 0)


def note(text: str, form: Text) -> Message | None:
    """What one has to know about an answer to this text: that not one piece of it is known, or that
    its end was cut off. None where there is nothing."""
    cut, places = pieces(text, form), _places(form.vocabulary)
    if not any(piece in places for piece in cut[: room(form)]):
        return say("deploy.text.unknown")
    if len(cut) > room(form):
        return say("deploy.text.cut", count=Count(room(form)), all=Count(len(cut)))
    return None


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
    """The words and signs of a text, without the spaces between them. A mark or a joiner stays with
    what it stands behind, also with a sign: an emoji of several parts is one."""
    found: list[str] = []
    before = ""  # what the next character may join: "word", "sign", or nothing
    for c in text:
        kind = unicodedata.category(c)[0]
        if c.isspace() or c == END:
            before = ""
            continue
        mark = kind == "M" or c in _JOINERS
        letter = kind in "LN"
        built = before == "sign" and not letter and (c in _SKINS or found[-1][-1] == _JOINERS[1])
        if (before and mark) or (before == "word" and letter) or built:
            found[-1] += c
        else:
            found.append(c)
        if not mark or not before:
            before = "word" if letter or mark else "sign"
    return found


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
