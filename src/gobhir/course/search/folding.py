"""When two spellings are one: `fold` for letters, `skeleton` for sounds.

search.js in frontend/src/studio does the same to what is typed on the static site; a test holds the
two against each other.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SAME = str.maketrans(
    {
        **dict.fromkeys("\u200c\u200d\u0981\u09bc\u09cd", ""),  # joiners, ঁ, the nukta, the hasanta
        **{"ী": "ি", "ূ": "ু", "ণ": "ন", "শ": "স", "ষ": "স", "ৎ": "ত", "ঙ": "ং"},
        **{chr(0x09E6 + digit): str(digit) for digit in range(10)},
    }
)
_NO_LETTER = re.compile(r"[^a-z0-9\u00c0-\u024f\u0370-\u03ff\u0980-\u09ff]+")
_BANGLA = {
    **{"ক": "k", "খ": "k", "গ": "g", "ঘ": "g", "ং": "n", "চ": "c", "ছ": "c", "জ": "j", "ঝ": "j"},
    **{"ট": "t", "ঠ": "t", "ত": "t", "থ": "t", "ড": "d", "ঢ": "d", "দ": "d", "ধ": "d", "ন": "n"},
    **{"প": "p", "ফ": "p", "ব": "b", "ভ": "b", "ম": "m", "র": "r", "ল": "l", "স": "s", "য": ""},
}
_LATIN = (
    *(("tion", "sn"), ("sion", "sn"), ("ture", "cr"), ("ph", "p"), ("sh", "s"), ("th", "t")),
    *(("ck", "k"), ("ch", "C"), ("x", "ks"), ("qu", "ku"), ("ce", "s"), ("ci", "s"), ("cy", "s")),
    *(("c", "k"), ("C", "c"), ("q", "k"), ("f", "p"), ("v", "b"), ("w", ""), ("z", "j")),
)


def fold(text: str) -> str:
    """Words in lower case, separated by single spaces, in which letters that are often taken for
    one another are one: composed and decomposed, short and long i and u, the three s, the two n;
    Bangla digits become ASCII's."""
    plain = unicodedata.normalize("NFKC", text).lower().translate(_SAME)
    return _NO_LETTER.sub(" ", plain).strip()


@lru_cache(maxsize=1 << 16)
def skeleton(word: str) -> str:
    """The consonants of a folded word as they sound, in Latin letters: `backprop` and `ব্যাকপ্রপ`
    are both bkprp."""
    if any(letter in _BANGLA for letter in word):
        sounds = "".join(_BANGLA.get(letter, "") for letter in word)
    else:
        for spelled, sound in _LATIN:
            word = word.replace(spelled, sound)
        sounds = re.sub(r"[^bcdgjklmnprst]", "", word)
    return re.sub(r"(.)\1+", r"\1", sounds)
