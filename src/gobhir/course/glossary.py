"""The glossary: how each term is written in Bangla, and where it first stands in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from gobhir.course.plan import Text, course_folder, read_toml

BENGALI = "\u0980-\u09ff\u200d"


@dataclass(frozen=True)
class Term:
    """`kind` is B (a Bangla word), T (transliterated) or L (stays Latin). `variants` are spellings
    the house does not use; `day` is the day that introduces the term."""

    id: str
    en: str
    bn: str
    kind: str
    variants: tuple[str, ...]
    meaning: Text
    day: int
    formula: str = ""
    picture: str = ""
    """An expression that makes a moving picture, as in a lesson's widget block."""

    def name(self, lang: str) -> str:
        return self.bn if lang == "bn" else self.en

    def gloss(self, lang: str) -> str:
        """What a reader sees on the term: its name in the other language, and what it means."""
        return f"{self.name('en' if lang == 'bn' else 'bn')}: {self.meaning[lang]}"


@cache
def glossary() -> tuple[Term, ...]:
    """All terms of course/glossary.toml."""
    return tuple(
        Term(
            id=raw["id"],
            en=raw["en"],
            bn=raw["bn"],
            kind=raw["class"],
            variants=tuple(raw.get("bn_variants", ())),
            meaning=raw["meaning"],
            day=raw["day"],
            formula=raw.get("formula", ""),
            picture=raw.get("picture", ""),
        )
        for raw in read_toml(course_folder() / "glossary.toml")["term"]
    )


@cache
def avoid() -> dict[str, str]:
    """Bangla words the house does not use, each with what it uses: {"প্রশিক্ষণ": "ট্রেনিং"}."""
    words: dict[str, str] = read_toml(course_folder() / "glossary.toml")["avoid"]
    return words


@cache
def _pattern(lang: str) -> tuple[re.Pattern[str], dict[str, Term]]:
    """One expression that finds any term, the longest first; a Bangla term may carry a suffix."""
    by_name = {term.name(lang).lower(): term for term in glossary()}
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    if lang == "bn":
        return re.compile(f"(?<![{BENGALI}\\w])({names})([{BENGALI}]*)", re.IGNORECASE), by_name
    return re.compile(f"(?<![\\w])({names})(s?)(?![\\w])", re.IGNORECASE), by_name


def find_terms(text: str, lang: str) -> list[tuple[int, int, Term]]:
    """(start, end, term) of every term in a text, suffix included, from left to right."""
    pattern, by_name = _pattern(lang)
    return [
        (m.start(), m.end(), by_name[m.group(1).lower()])
        for m in pattern.finditer(text)
        if m.group().lower() != "means"  # the verb
    ]
