"""Who is the same as whom: rows that are copies, or nearly, get the same number; as `groups` of a
split they then stay on one side, and no model is praised for what it has seen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from gobhir.lang import say


def content(one: Any) -> bytes:
    """What a row is, as bytes: of a text its letters (in Unicode's NFC form), of a number its
    digits, of an array its type, shape and numbers. TypeError for anything else."""
    if isinstance(one, str):
        return unicodedata.normalize("NFC", one).encode("utf-8", "surrogatepass")
    if isinstance(one, bytes):
        return one
    if isinstance(one, (int, np.integer)):
        return str(int(one)).encode()
    if isinstance(one, np.ndarray):
        return f"{one.dtype} {one.shape} ".encode() + np.ascontiguousarray(one).tobytes()
    if isinstance(one, (float, np.floating)):
        return repr(float(one)).encode()
    if isinstance(one, (tuple, list)):
        parts = [content(part) for part in one]
        return b"".join(str(len(part)).encode() + b":" + part for part in parts)
    raise TypeError(say("evaluation.bad.content", type=type(one).__name__))


def same(items: Iterable[Any], key: Callable[[Any], Any] | None = None) -> np.ndarray:
    """A number for each item, (n,); copies have the same one. key: what is compared instead of the
    item itself, such as `normalised`."""
    seen: dict[bytes, int] = {}
    found = [
        seen.setdefault(blake2b(content(key(one) if key else one)).digest(), len(seen))
        for one in items
    ]
    return np.array(found, int)


def normalised(text: str) -> str:
    """A text without what hardly changes its meaning: capitals, punctuation and signs, invisible
    characters, runs of spaces, compatibility forms. Of a text of signs alone these stay."""
    text = unicodedata.normalize("NFKC", text).casefold()
    seen = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    words = "".join(" " if unicodedata.category(c)[0] in "PSZ" else c for c in seen)
    return " ".join((words if words.strip() else seen).split())


def near(texts: Sequence[str], alike: float = 0.8, *, size: int = 5, seed: int = 0) -> np.ndarray:
    """As `same` of normalised texts, but texts that share at least `alike` of their pieces (runs of
    `size` characters; Jaccard similarity) are copies as well, and so are copies' copies.

    Candidates are found by MinHash (Broder 1997, 128 hashes in bands of 4) and then compared in
    full. A pair at 0.8 is missed less than once in a million times, one at 0.6 once in a hundred.
    """
    if not 0.5 <= alike <= 1:
        raise ValueError(say("evaluation.bad.alike", value=alike))
    copy = same(texts, normalised)
    firsts = np.unique(copy, return_index=True)[1]
    pieces = [_pieces(normalised(texts[row]), size) for row in firsts]
    chain = _Chain(len(pieces))
    draw = np.random.default_rng(seed)
    # Multiplied by odd numbers modulo 2^64: the smallest result is one piece, drawn by chance.
    factor = draw.integers(2**63, size=(128, 1), dtype=np.uint64) * 2 + 1
    least = np.empty((len(pieces), 128), np.uint64)
    for row, own in enumerate(pieces):
        mixed = own * factor
        least[row] = (mixed ^ (mixed >> np.uint64(32))).min(1)
    for band in range(0, 128, 4):
        seen: dict[bytes, list[int]] = {}
        for row, own in enumerate(pieces):
            others = seen.setdefault(least[row, band : band + 4].tobytes(), [])
            for other in others:
                apart = chain.end(row) != chain.end(other)
                if apart and _jaccard(own, pieces[other]) >= alike:
                    chain.join(row, other)
            others.append(row)
    ends = np.array([chain.end(row) for row in range(len(pieces))], int)
    return np.unique(ends[copy], return_inverse=True)[1]


def joined(one: Any, other: Any) -> np.ndarray:
    """Groups that keep together whatever either of two groupings keeps together: copies (`same`)
    and, say, writers."""
    first, second = (np.unique(np.asarray(g), return_inverse=True)[1] for g in (one, other))
    if first.shape != second.shape:
        said = {"what": "groups", "shape": second.shape, "count": len(first)}
        raise ValueError(say("evaluation.bad.column", **said))
    count = int(first.max(initial=-1)) + 1
    chain = _Chain(count + int(second.max(initial=-1)) + 1)
    for a, b in set(zip(first.tolist(), second.tolist(), strict=True)):
        chain.join(a, count + b)
    return np.unique([chain.end(a) for a in first.tolist()], return_inverse=True)[1]


def _pieces(text: str, size: int) -> np.ndarray:
    """The text's different pieces, as hashes, sorted."""
    parts = {text[i : i + size] for i in range(max(1, len(text) - size + 1))}
    hashes = b"".join(blake2b(part.encode(), digest_size=8).digest() for part in parts)
    return np.sort(np.frombuffer(hashes, np.uint64))


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)


class _Chain:
    """Who hangs together with whom (union-find)."""

    def __init__(self, count: int):
        self.next = list(range(count))

    def end(self, i: int) -> int:
        while self.next[i] != i:
            self.next[i] = i = self.next[self.next[i]]
        return i

    def join(self, i: int, j: int) -> None:
        a, b = sorted((self.end(i), self.end(j)))
        self.next[b] = a
