"""Rules about the Bangla: letters, spelling, terms and their English, length of sentences."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gobhir.course.glossary import BENGALI, Term, avoid, find_terms, glossary
from gobhir.course.lesson import Lesson
from gobhir.course.rubric.finding import Finding, at, leaves, words
from gobhir.course.rubric.reading import Line, lines_of

SENTENCE = 14
EMOJI = "🙂🎉💡📌✅❌⚠🔁☂🌧"
ENGLISH_SIGNS = (
    "\\n\\x20-\\x7e\u00a0-\u017f"  # Latin, with the signs of Latin-1 (×, ±, ½ ...)
    "\u0370-\u03ff\u1f00-\u1fff"  # Greek
    "\u2010-\u2027\u2030-\u205e\u2070-\u209f\u2100-\u218f"  # punctuation, small digits, letter-like
    "\u2190-\u22ff\u2460-\u2473\u25a0-\u25ff\u2713\u2717\u27f5-\u27ff\u2a00-\u2aff\ufe0f" + EMOJI
)
BANGLA_SIGNS = ENGLISH_SIGNS + "\u0980-\u09ff\u0964"


def normal_form(lesson: Lesson) -> Iterator[Finding]:
    """All files are in Unicode's form NFC (`gobhir dev check --fix` makes them so)."""
    for file in lesson_files(lesson):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if unicodedata.normalize("NFC", line) != line:
                yield Finding(file, number, "nfc", "not in normal form NFC")


def lesson_files(lesson: Lesson) -> list[Path]:
    names = ("lesson.md", "exercises.toml", "quiz.toml")
    return [lesson.folder / name for name in names if (lesson.folder / name).exists()]


def scripts(lesson: Lesson) -> Iterator[Finding]:
    """No letter of another script; a joiner only in র‍্য; English without Bangla letters."""
    for file, line, lang, text in _all_texts(lesson):
        signs = BANGLA_SIGNS if lang == "bn" else ENGLISH_SIGNS
        plain = text.replace("র\u200d্য", "র্য")
        for sign in sorted(set(re.sub(f"[{signs}]", "", plain))):
            name = unicodedata.name(sign, "?")
            yield Finding(file, line, "script", f"U+{ord(sign):04X} {name} in {lang}")


def _all_texts(lesson: Lesson) -> Iterator[tuple[Path, int, str, str]]:
    """(file, line, language, text) of everything a reader sees, line by line."""
    for block in lesson.blocks:
        if block.lang:
            for number, line in enumerate(block.source.splitlines()):
                yield lesson.file, block.line + number, block.lang, line
    for leaf in leaves(lesson):
        for lang, text in leaf.text.items():
            yield leaf.file, leaf.line, lang, text


@cache
def _variants() -> tuple[re.Pattern[str], dict[str, Term]]:
    by_variant = {variant: term for term in glossary() for variant in term.variants}
    names = "|".join(re.escape(v) for v in sorted(by_variant, key=len, reverse=True))
    return re.compile(f"(?<![{BENGALI}])({names})"), by_variant


@cache
def _avoided() -> re.Pattern[str]:
    names = "|".join(re.escape(word) for word in avoid())
    return re.compile(f"(?<![{BENGALI}'])({names})(?![{BENGALI}'])")


def spelling(lesson: Lesson) -> Iterator[Finding]:
    """Terms are spelt as the glossary spells them, and the words it avoids are avoided."""
    variants, by_variant = _variants()
    for file, line, lang, text in _all_texts(lesson):
        if lang != "bn":
            continue
        for match in variants.finditer(text):
            term = by_variant[match.group(1)]
            yield Finding(file, line, "spelling", f"{match.group(1)}: the house writes {term.bn}")
        for match in _avoided().finditer(text):
            word = match.group(1)
            yield Finding(file, line, "spelling", f"{word}: the house says {avoid()[word]}")


def _prose(lesson: Lesson) -> Iterator[tuple[int, Line]]:
    """(block line, line) of the Bangla a reader reads on end: no headings, no tables."""
    for block in lesson.blocks:
        if block.lang == "bn":
            for line in lines_of(block.source):
                if line.kind in ("p", "li", "blockquote"):
                    yield block.line, line


def glosses(lesson: Lesson) -> Iterator[Finding]:
    """Every transliterated term has its English in brackets once, where it first stands."""
    met: set[str] = set()
    for at_line, line in _prose(lesson):
        for start, end, term in find_terms(line.text, "bn"):
            if term.kind != "T":
                continue
            glossed = _is_glossed(line.text[end:], term)
            place = at_line + line.line + line.text.count("\n", 0, start)
            if term.id not in met and not glossed:
                message = f"{term.bn}: ({term.en}) is missing at its first use"
                yield Finding(lesson.file, place, "gloss", message)
            if term.id in met and glossed:
                message = f"{term.bn}: ({term.en}) is said again"
                yield Finding(lesson.file, place, "gloss", message)
            met.add(term.id)


def _is_glossed(after: str, term: Term) -> bool:
    """`লেয়ার (layer)`, `লেয়ারের (layer)`, also `আউটপুট লেয়ার (output layer)`."""
    pattern = rf"[{BENGALI}]*(?:[ -][{BENGALI}]+){{0,2}}\s*\(([^)]*)\)"
    match = re.match(pattern, after)
    return match is not None and bool(
        re.search(rf"\b{re.escape(term.en)}", match[1], re.IGNORECASE)
    )


def sentences(lesson: Lesson) -> Iterator[Finding]:
    """Half of the Bangla sentences have at most 14 words."""
    lengths = []
    for _, line in _prose(lesson):
        lengths += [n for part in re.split(r"[।?!:\n]", line.text) if (n := len(words(part)))]
    if lengths and (median := statistics.median(lengths)) > SENTENCE:
        message = f"the median Bangla sentence has {median:g} words, at most {SENTENCE}"
        yield at(lesson, None, "sentence", message)


def translated(lesson: Lesson) -> Iterator[Finding]:
    """No Bangla paragraph is still in English."""
    for at_line, line in _prose(lesson):
        latin = len(re.findall(r"[A-Za-z]", line.text))
        bangla = len(re.findall(f"[{BENGALI}]", line.text))
        if latin > 20 and latin > bangla:
            message = "more Latin than Bangla letters"
            yield Finding(lesson.file, at_line + line.line, "translated", message)


def unwritten(lesson: Lesson) -> Iterator[Finding]:
    """No text is left to be written."""
    for file, line, _, text in _all_texts(lesson):
        if re.search(r"\bTODO\b(?!\()", text):
            yield Finding(file, line, "unwritten", "TODO stands where a text is to be")


RULES = (unwritten, normal_form, scripts, spelling, glosses, sentences, translated)
