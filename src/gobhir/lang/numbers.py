"""Digits in prose. What a learner counts is written in the language's own digits;
what is computed, typed or plotted stays in ASCII (so this is called by hand, where it fits)."""

_BANGLA = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


def digits(number: object, lang: str) -> str:
    """`digits(9, "bn") == "৯"`, `digits(9, "en") == "9"`."""
    text = str(number)
    return text.translate(_BANGLA) if lang == "bn" else text
