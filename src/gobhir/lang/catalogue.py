"""Sentences by key: one TOML file per area and language, `<lang>/<area>.toml`.

A key is `area.section.name`; its template has `{placeholders}` in the style of `str.format`.
A third language is one more folder.
"""

from __future__ import annotations

import locale
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
LANGUAGES: tuple[str, ...] = tuple(sorted(p.name for p in _HERE.iterdir() if any(p.glob("*.toml"))))
_chosen: str | None = None


@cache
def catalogue(lang: str) -> dict[str, str]:
    """All sentences of one language, flat: {"errors.shape.linear": "..."}."""
    flat: dict[str, str] = {}
    for file in sorted((_HERE / lang).glob("*.toml")):
        _flatten(tomllib.loads(file.read_text(encoding="utf-8")), file.stem, flat)
    return flat


def _flatten(table: dict[str, Any], prefix: str, into: dict[str, str]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            _flatten(value, key, into)
        else:
            into[key] = value.strip("\n")


def check_language(lang: str) -> str:
    """`lang` itself, or a ValueError that names the languages there are."""
    if lang not in LANGUAGES:
        raise ValueError(say("errors.lang.unknown", lang=lang, known=", ".join(LANGUAGES)))
    return lang


def use_language(lang: str | None) -> None:
    """Choose the language of messages and pages; None goes back to the surroundings' choice."""
    global _chosen
    _chosen = None if lang is None else check_language(lang)


def language() -> str:
    """The language in force: what `use_language` chose, else GOBHIR_LANG, else the locale's."""
    if _chosen is not None:
        return _chosen
    wish = os.environ.get("GOBHIR_LANG", "").lower()
    if wish in LANGUAGES:
        return wish
    place = locale.getlocale()[0] or os.environ.get("LANG", "")
    return "bn" if place.lower().startswith(("bn", "bengali", "bangla")) else "en"


def t(key: str, lang: str | None = None, /, **values: object) -> str:
    """The sentence `key` in `lang` (default: the language in force) with its values put in.

    Values that are themselves a `Message` speak the same language as the sentence around them.
    """
    lang = language() if lang is None else check_language(lang)
    spoken = {k: v.text(lang) if isinstance(v, Message) else v for k, v in values.items()}
    return catalogue(lang)[key].format(**spoken)


class Message:
    """A sentence that chooses its language when it is read, so that an error raised
    in the engine is shown in Bangla on a Bangla page and in English in an English one."""

    __slots__ = ("key", "values")

    def __init__(self, key: str, values: dict[str, object]):
        self.key = key
        self.values = values

    def text(self, lang: str) -> str:
        return t(self.key, lang, **self.values)

    def __str__(self) -> str:
        return self.text(language())

    __repr__ = __str__


def say(key: str, /, **values: object) -> Message:
    """A lazily rendered sentence: `raise ValueError(say("errors.lang.unknown", ...))`."""
    return Message(key, values)
