"""Digits in prose. What a learner counts is written in the language's own digits;
what is computed, typed or plotted stays in ASCII (so this is called by hand, where it fits)."""

from __future__ import annotations

_BANGLA = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


def digits(number: object, lang: str) -> str:
    """`digits(9, "bn") == "৯"`, `digits(9, "en") == "9"`."""
    text = str(number)
    return text.translate(_BANGLA) if lang == "bn" else text


def counted(number: int, lang: str) -> str:
    """A count, with its thousands (in Bangla from a lakh on: lakhs) apart."""
    text = f"{number:,}"
    if lang == "bn" and number >= 100_000:
        front, back = str(number)[:-3], str(number)[-3:]
        pairs = [front[max(0, i - 2) : i] for i in range(len(front), 0, -2)][::-1]
        text = ",".join([*pairs, back])
    return digits(text, lang)


class Count(int):
    """A number in a sentence that says how many there are: it is written as `counted` does, in
    whichever language the sentence is read."""

    def counted(self, lang: str) -> str:
        """How it is written in that language."""
        return counted(self, lang)
