"""The catalogues: the same sentences in both languages, every one of them in use, and nothing
in the Bangla that Bangla does not use. start.toml is read by start.py and has a test of its own."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache
from pathlib import Path

import pytest

from gobhir.lang import (
    LANGUAGES,
    Message,
    Place,
    catalogue,
    digits,
    language,
    say,
    t,
    use_language,
)

ROOT = Path(__file__).parents[2]
KEY = re.compile(r"""["'`]([a-z_]+(?:\.[a-z0-9_]+)+)["'`]""")
LISTED = re.compile(r"keys: ((?:[a-z_]+(?:\.[a-z0-9_*]+)+[, ]*)+)")
SAID = re.compile(r"""\b(?:say|t)\(\s*f?["']([a-z_]+\.[a-z0-9_.]+)["']""")


@cache
def python() -> str:
    """All of the package's Python."""
    files = (ROOT / "src" / "gobhir").rglob("*.py")
    return "\n".join(f.read_text(encoding="utf-8") for f in files)


@cache
def code() -> str:
    """All the code that could speak: Python, templates, JavaScript."""
    files = [*(ROOT / "src" / "gobhir").rglob("*.html"), *(ROOT / "frontend").glob("*.mjs")]
    for folder in ("src", "widgets"):
        files += (ROOT / "frontend" / folder).rglob("*.js")
    return python() + "\n".join(f.read_text(encoding="utf-8") for f in files)


@cache
def used() -> tuple[frozenset[str], tuple[str, ...]]:
    """Keys that stand literally in the code, and prefixes listed as `keys: area.section.*`."""
    listed = [key for found in LISTED.findall(code()) for key in re.split("[, ]+", found) if key]
    stars = tuple(p.removesuffix("*") for p in listed if p.endswith("*"))
    return frozenset(KEY.findall(code())) | frozenset(listed), stars


def areas(prefix: str) -> bool:
    return not prefix.startswith("start.")


def test_both_languages_say_the_same_things() -> None:
    assert LANGUAGES == ("bn", "en")
    assert set(catalogue("bn")) == set(catalogue("en"))


def test_both_languages_name_the_same_values() -> None:
    def values(key: str, lang: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(catalogue(lang)[key])} - {None}

    assert not [key for key in catalogue("en") if values(key, "bn") != values(key, "en")]


def test_every_sentence_is_in_use() -> None:
    literal, stars = used()
    idle = [
        key
        for key in catalogue("en")
        if areas(key) and key not in literal and not any(key.startswith(s) for s in stars)
    ]
    assert not idle


def test_every_sentence_that_is_said_exists() -> None:
    said = {key for key in SAID.findall(python()) if not key.endswith(".")}
    assert said
    assert not [key for key in sorted(said) if key not in catalogue("en")]


ALLOWED = re.compile(
    r"[\n -~"  # what a keyboard types
    r"\u0980-\u09ff\u0964"  # Bengali, and the full stop, which Unicode keeps with Devanagari
    r"\u0370-\u03ff\u0177"  # Greek, and y with a hat
    r"\u2190-\u22ff\u00d7\u00b7\u00b1\u00b2\u00b3\u00bd\u2070-\u209c\u1d62-\u1d6a"  # mathematics
    r"\u2018\u2019\u201c\u201d\u2013\u2026\u2500-\u257f\u25a0-\u25ff\u2713\u2717\u23f0-\u23ff"
    r"]"
)


def test_bangla_is_written_in_bangla() -> None:
    strange = {}
    for key, text in catalogue("bn").items():
        # The joiner stands only between ro and jo-phola: র‍্য, as in র‍্যান্ডম.
        rest = text.replace("\u09b0\u200d\u09cd\u09af", "")
        found = {f"{c} U+{ord(c):04X}" for c in rest if not ALLOWED.match(c)}
        if found or not unicodedata.is_normalized("NFC", text):
            strange[key] = found or "not NFC"
    assert not strange


def test_nothing_is_left_in_english() -> None:
    left = []
    for key, text in catalogue("en").items():
        words = re.sub(r"\{.*?\}|<.*?>|`.*?`|\$.*?\$|https?://\S+", "", text)
        if len(re.findall(r"[A-Za-z]{2,}", words)) > 3:
            bangla = re.search("[\u0980-\u09ff]", catalogue("bn")[key])
            left += [] if bangla else [key]
    assert not left


def test_the_language_follows_the_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOBHIR_LANG", "bn")
    assert language() == "bn"
    monkeypatch.setenv("GOBHIR_LANG", "en")
    assert language() == "en"
    try:
        use_language("bn")
        assert language() == "bn"
        with pytest.raises(ValueError, match="bn, en"):
            use_language("fr")
        assert language() == "bn"
    finally:
        use_language(None)


def test_a_message_is_in_the_language_of_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    message = Message("errors.lang.unknown", {"lang": "fr", "known": "bn, en"})
    assert message.text("bn") != message.text("en")
    for lang in LANGUAGES:
        monkeypatch.setenv("GOBHIR_LANG", lang)
        assert str(message) == message.text(lang) == t("errors.lang.unknown", **message.values)
    outer = say("errors.nn.in_layer", layer="x", trouble=message)
    assert message.text("bn") in outer.text("bn") and message.text("en") in outer.text("en")


def test_an_error_ends_with_the_users_line() -> None:
    message = say("errors.tensor.not_numbers", type="str")  # this line
    outer = say("errors.nn.in_layer", layer="x", trouble=message)
    for told in (str(message), str(outer)):
        last = told.splitlines()[-1]
        assert __file__ in last and last.endswith("# this line")
    assert "# this line" not in str(say("cli.help"))


def test_in_a_notebook_the_line_is_a_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = tmp_path / "ipykernel_7" / "12.py"
    cell.parent.mkdir()
    cell.write_text("x @ x\n", encoding="utf-8")
    told = Message("errors.lang.unknown", {"lang": "fr", "known": "bn, en"}, Place(str(cell), 1))
    monkeypatch.setenv("GOBHIR_LANG", "en")
    assert str(told).endswith("Line 1 of a notebook cell: x @ x")


def test_digits_for_counting() -> None:
    assert digits(2026, "bn") == "২০২৬" and digits(2026, "en") == "2026"
