"""Names that a folder, an address and a database can all have, in any script."""

from __future__ import annotations

import unicodedata

LONGEST = 60
"""Letters: at most 240 bytes of the 255 that file systems take, with room for `.wanted`."""


def composed(text: str) -> str:
    """Unicode's normal form C: what looks the same is the same name, and the same folder."""
    return unicodedata.normalize("NFC", text)


def is_name(text: str) -> bool:
    """Whether it is one: letters of any script with their marks, digits, - and _."""
    return 0 < len(text) <= LONGEST and all(_fits(text, k) for k in range(len(text)))


def as_name(text: str) -> str:
    """A name like the text; "" where nothing of it is left."""
    short = composed(text)[: LONGEST - 10]  # others of that name get a number behind it
    return "".join(c if _fits(short, k) else "-" for k, c in enumerate(short))


def _fits(text: str, k: int) -> bool:
    kind = unicodedata.category(text[k])
    if kind.startswith("M"):
        return k > 0
    if text[k] in "\u200c\u200d":  # which shape a conjunct has, as in র‍্যাব: beside its virama
        return any(unicodedata.combining(c) == 9 for c in text[max(k - 1, 0) : k + 2])
    return kind.startswith("L") or kind == "Nd" or text[k] in "-_"
