"""Sentences by key: one TOML file per area and language, `<lang>/<area>.toml`.

A key is `area.section.name`; its template has `{placeholders}` in the style of `str.format`.
A third language is one more folder.
"""

from __future__ import annotations

import linecache
import os
import sys
import warnings
from functools import cache
from types import FrameType
from typing import Any, NamedTuple

_HERE = os.path.dirname(os.path.abspath(__file__))


def _areas(folder: str) -> list[str]:
    """The TOML files of a language."""
    return sorted(f for f in os.listdir(folder) if f.endswith(".toml"))


LANGUAGES: tuple[str, ...] = tuple(
    sorted(f.name for f in os.scandir(_HERE) if f.is_dir() and _areas(f.path))
)
_chosen: str | None = None


@cache
def catalogue(lang: str) -> dict[str, str]:
    """All sentences of one language, flat: {"errors.shape.linear": "..."}."""
    import tomllib  # not needed until something is said

    flat: dict[str, str] = {}
    for area in _areas(os.path.join(_HERE, lang)):
        with open(os.path.join(_HERE, lang, area), "rb") as file:
            _flatten(tomllib.load(file), area.removesuffix(".toml"), flat)
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
    import locale

    place = locale.getlocale()[0] or os.environ.get("LANG", "")
    return "bn" if place.lower().startswith(("bn", "bengali", "bangla")) else "en"


def t(key: str, lang: str | None = None, /, **values: object) -> str:
    """The sentence `key` in `lang` (default: the language in force) with its values put in.

    Values that are themselves a `Message` speak the same language as the sentence around them.
    """
    lang = language() if lang is None else check_language(lang)
    spoken = {k: _spoken(v, lang) for k, v in values.items()}
    return catalogue(lang)[key].format(**spoken)


def _spoken(value: object, lang: str) -> object:
    """A value as a sentence shows it; a shape is drawn as a plain tuple."""
    if isinstance(value, Message):
        return value.text(lang)
    if hasattr(value, "counted"):  # Count: asked by what it does, since bundling imports no package
        return value.counted(lang)
    return tuple(value) if isinstance(value, tuple) else value


class Message:
    """A sentence that chooses its language when it is read, so that an error raised
    in the engine is shown in Bangla on a Bangla page and in English in an English one.

    `place` is the user's own line from which it was said, where there is one; `str` ends with it.
    """

    __slots__ = ("key", "place", "values")

    def __init__(self, key: str, values: dict[str, object], place: Place | None = None):
        self.key = key
        self.values = values
        inner = (v.place for v in values.values() if isinstance(v, Message) and v.place)
        self.place: Place | None = next(inner, place)

    def text(self, lang: str) -> str:
        return t(self.key, lang, **self.values)

    def __str__(self) -> str:
        told = self.text(language())
        if self.place is None or not (code := self.place.code):
            return told
        file = t("errors.lang.cell") if self.place.in_notebook else self.place.file
        return f"{told}\n{t('errors.lang.place', code=code, file=file, line=self.place.line)}"

    __repr__ = __str__


class Place(NamedTuple):
    """A line of somebody's program."""

    file: str
    line: int

    @property
    def code(self) -> str:
        return linecache.getline(self.file, self.line).strip()

    @property
    def in_notebook(self) -> bool:
        """Whether it is a notebook's cell: its file has a name that says nothing to anybody."""
        return os.path.basename(os.path.dirname(self.file)).startswith("ipykernel_")


@cache
def _libraries() -> tuple[str, ...]:
    """Where the code of others lies, and Gobhir's."""
    import sysconfig

    installed = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    return (os.path.dirname(_HERE), "<frozen", *map(sysconfig.get_path, installed))


def place() -> Place | None:
    """The innermost line on the way here that belongs neither to Gobhir nor to a library."""
    frame: FrameType | None = sys._getframe(1)
    libraries = _libraries()
    while frame is not None:
        if not frame.f_code.co_filename.startswith(libraries):
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def say(key: str, /, **values: object) -> Message:
    """A lazily rendered sentence: `raise ValueError(say("errors.lang.unknown", ...))`."""
    return Message(key, values, place() if key.startswith("errors.") else None)


_warned: dict[str, dict[Any, Any]] = {}


def warn(message: Message, category: type[Warning] = UserWarning) -> None:
    """Warn, as `warnings.warn` does, about the user's own line."""
    told, where = message.text(language()), message.place or place()
    if where is None:
        warnings.warn(told, category, stacklevel=2)
    else:
        seen = _warned.setdefault(where.file, {})
        warnings.warn_explicit(told, category, where.file, where.line, registry=seen)
