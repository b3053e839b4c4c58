"""What people write for a number and for a name, leniently read: 0.53, ০.৫৩, 5.3×10⁻³, ½; z1,
z^(1)_2, δ₁, dL/dw12, W1[0,1]. Many spellings of the same thing come out as one."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gobhir.derivation.letters import GREEK

MOST_DIGITS = 7
"""Closer agreement is never asked for: the last digits of a machine number are noise."""


@dataclass(frozen=True)
class Written:
    """A number as it stands on paper. places: decimals of its last digit; digits: how many of
    them are significant."""

    value: Decimal
    places: int
    digits: int

    @property
    def unit(self) -> Decimal:
        """One in the last written place."""
        return Decimal(1).scaleb(-self.places)


def plain(text: str) -> str:
    """Without typography: raised and lowered signs on the line, Bangla digits and every kind of
    minus as on a keyboard."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}]", "-", text)
    digits = "".join(str(unicodedata.decimal(c, c)) for c in text)
    return re.sub("[×·⋅]", "*", digits).strip()


_NUMBER = re.compile(
    r"([+-]?) ?(\d*)(?:[.,](\d*))?(?: ?(?:[eE]|\* ?10 ?\^? ?)\(?([+-]?\d{1,3})\)?)?"
)


_FRACTION = re.compile(r"([+-]?) ?(?:(\d{1,9}) +)?(\d{1,18}) ?[/\u2044] ?(\d{1,18})")


def _fraction(text: str) -> Written | None:
    """3/8, -1 1/2: a number with all its digits, or as many as are ever asked for."""
    found = _FRACTION.fullmatch(text)
    if found is None or not int(found[4]):
        return None
    value = int(found[2] or 0) + Decimal(found[3]) / int(found[4])
    value = -value if found[1] == "-" else value
    exact = value.as_tuple()
    if len(exact.digits) > MOST_DIGITS or not value:
        return Written(value, MOST_DIGITS - 1 - value.adjusted(), MOST_DIGITS)
    return Written(value, -int(exact.exponent), len(exact.digits))


def number(what: Any) -> Written | None:
    """The number that this text (or Python number) is; None where it is none."""
    if hasattr(what, "item") and getattr(what, "size", 1) == 1:
        what = what.item()
    if isinstance(what, bool) or (isinstance(what, float) and not math.isfinite(what)):
        return None
    text = str(what) if isinstance(what, (int, float, Decimal)) else what
    found = _NUMBER.fullmatch(plain(text)) if isinstance(text, str) else None
    if found is None or not (found[2] or found[3]):
        return _fraction(plain(text)) if isinstance(text, str) else None
    after, power = found[3] or "", int(found[4] or 0)
    digits, places = len((found[2] + after).lstrip("0")), len(after) - power
    noise = max(digits - MOST_DIGITS, 0)
    value = Decimal(f"{found[1]}{found[2] or 0}{'.' if after else ''}{after}").scaleb(power)
    return Written(value, places - noise, digits - noise)


@dataclass(frozen=True)
class Spelling:
    """A name as written, in the one form that all its spellings share: z^(1)_2 and z₁₂ are "z12".

    new: the value after the update was meant. position: what stood in brackets, [0, 1], which
    counts from 0 as in Python.
    """

    key: str
    new: bool
    position: tuple[int, ...] | None


_GREEK = {sign: word for word, sign in GREEK.items()} | {"ε": "epsilon", "∂": "d"}
_NEW = re.compile(r"_?(?:new|next|নতুন)_?|['’′+*]+$")


def spelling(text: str) -> Spelling:
    """The name's common form."""
    name = plain(text)
    position = None
    bracket = re.search(r"\[([\d,\s-]+)\]\s*$", name)
    if bracket is not None:
        position = tuple(int(n) for n in re.findall(r"-?\d+", bracket[1]))
        name = name[: bracket.start()]
    name = timed(name)
    name = re.sub(r"\\(?:hat|widehat){?\s*(\\?\w)\s*}?", r"\1hat", name)
    name = re.sub(r"\\(?:partial)\b", "d", name)
    name = re.sub(r"\\(?:d?frac|text|mathrm|left|right)\b", "", name)
    name = "".join(_GREEK.get(c, c) for c in unicodedata.normalize("NFD", name))
    name = unicodedata.normalize("NFC", name.replace("\u0302", "hat"))
    new = _NEW.search(name) is not None
    return Spelling(squeezed(_NEW.sub("", name)), new, position)


def timed(name: str) -> str:
    """A time step in its brackets as letters: h<2> is not h2, the second element of h."""
    return re.sub(r"[⟨<]\s*(\d+)\s*[⟩>]", r"t\1", name)


def squeezed(name: str) -> str:
    """Letters and digits only, small."""
    return re.sub(r"[^\w]|_", "", name).lower()
