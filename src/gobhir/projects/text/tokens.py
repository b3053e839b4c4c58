"""From sentences to pieces that have numbers: a vocabulary of characters, of words, or of what lies
between them and is learned here by byte pair encoding (BPE).

Cutting itself is deploy/tokens.py: the service cuts by the same lines. What is learned here is its
vocabulary, a `Text`.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gobhir.deploy import Text
from gobhir.deploy.tokens import END, numbers, pieces, words
from gobhir.lang import say

SPECIAL = ("<pad>", "<unknown>")
"""What fills up a short sentence, and what stands for a piece that is not in the vocabulary."""
PAD, UNKNOWN = 0, 1

Pair = tuple[str, str]


def learn(
    texts: Iterable[str], level: str, size: int, length: int = 64, lower: bool = True
) -> Text:
    """A vocabulary of at most `size` pieces, learned from the training texts alone.

    level: "characters", "words" (the most frequent ones), or "bpe": the characters, and what
    comes of merging. length: at how many pieces a text is cut off. ValueError where the texts are
    empty.
    """
    if level == "bpe":
        plain = Text("words", vocabulary=SPECIAL, lower=lower)
        counts = Counter(word for text in texts for word in pieces(text, plain))
        if not counts:
            raise ValueError(say("text.bad.nothing"))
        alphabet = _ranked(Counter(c for w, n in counts.items() for c in _split(w) * n))
        alphabet = alphabet[: size - len(SPECIAL)]
        pairs = tuple(merges(counts, size - len(SPECIAL) - len(alphabet)))
        known = dict.fromkeys([*SPECIAL, *alphabet, *(a + b for a, b in pairs)])
        return Text(level, tuple(known), pairs, length, PAD, UNKNOWN, lower=lower)
    plain = Text(level, vocabulary=SPECIAL, lower=lower)
    found = _ranked(Counter(piece for text in texts for piece in pieces(text, plain)))
    if not found:
        raise ValueError(say("text.bad.nothing"))
    vocabulary = (*SPECIAL, *found[: size - len(SPECIAL)])
    return Text(level, vocabulary, (), length, PAD, UNKNOWN, lower=lower)


def merges(counts: Mapping[str, int], most: int) -> list[Pair]:
    """Byte pair encoding: the most frequent pair of neighbours becomes one piece, at most `most`
    times, and only pairs that occur twice or more. Of equally frequent pairs the first by alphabet.

    counts: how often each word occurs. Pieces do not reach from word to word; END stands behind
    the last character. Source: Sennrich, Haddow, Birch (2016), https://arxiv.org/abs/1508.07909,
    algorithm 1. It counts all pairs anew for each merge; here only words that hold the merged pair
    are looked at again, so that thousands of merges take seconds.
    """
    texts = [_split(word) for word in counts]
    often = list(counts.values())
    total: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, parts in enumerate(texts):
        for pair in zip(parts, parts[1:], strict=False):
            total[pair] += often[i]
            where[pair].add(i)
    # A heap of claims; one that is out of date is thrown away when it comes up.
    heap = [(-n, pair) for pair, n in total.items()]
    heapq.heapify(heap)
    found: list[Pair] = []
    while heap and len(found) < most:
        claim, best = heapq.heappop(heap)
        if -claim != total[best]:
            continue
        if total[best] < 2:
            break
        found.append(best)
        changed: set[Pair] = set()
        for i in where.pop(best):
            old, new = texts[i], merged(texts[i], best)
            for parts, sign in ((old, -1), (new, 1)):
                for pair in zip(parts, parts[1:], strict=False):
                    total[pair] += sign * often[i]
                    changed.add(pair)
                    if sign == 1:
                        where[pair].add(i)
            texts[i] = new
        del total[best]
        for pair in changed - {best}:
            heapq.heappush(heap, (-total[pair], pair))
    return found


def merged(parts: Sequence[str], pair: Pair) -> list[str]:
    """The pieces, with each occurrence of the pair, from left to right, made one."""
    joined: list[str] = []
    for part in parts:
        # A piece that has just been made is longer than the pair's first, so it is not taken twice.
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def joined(found: Sequence[str], form: Text) -> str:
    """The sentence that was cut into these pieces, as far as pieces tell: capitals and the kind of
    spaces are forgotten, and between words and signs there is one space."""
    if form.level == "characters":
        return "".join(found)
    if form.level == "words":
        return " ".join(found)
    return "".join(p.removesuffix(END) + " " if p.endswith(END) else p for p in found).rstrip(" ")


def rows(texts: Sequence[str], form: Text) -> np.ndarray:
    """(texts, length), int64: the numbers of each text's pieces."""
    out = np.full((len(texts), form.length), form.pad, np.int64)
    for i, text in enumerate(texts):
        out[i] = numbers(text, form)
    return out


def _split(word: str) -> list[str]:
    return [*word[:-1], word[-1] + END]


def _ranked(counts: Counter[str]) -> list[str]:
    """The most frequent first; of equally frequent ones the first by alphabet."""
    return sorted(counts, key=lambda piece: (-counts[piece], piece))


__all__ = ["END", "joined", "learn", "merged", "merges", "pieces", "rows", "words"]
