"""The catalogue: datasets.toml, read once into typed entries."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gobhir.lang import say

CATALOGUE = Path(__file__).with_name("datasets.toml")
Text = dict[str, str]
"""A text in every language: {"bn": ..., "en": ...}."""


@dataclass(frozen=True)
class File:
    """One file of a data set. `name`: its path inside the set's folder; `size`: bytes; `urls`:
    where it lies in the net by itself, the best place first."""

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tree:
    """Many small files, with one checksum: that of the files' own checksums in hexadecimal,
    joined in the order of their paths. `parts`: the folders and files that belong to it."""

    parts: tuple[str, ...]
    count: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Archive:
    """A zip, wheel, tar or deb in the net. `members`: file of the set -> path inside."""

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    members: dict[str, str]


@dataclass(frozen=True)
class Package:
    """A Python package that brings the files along, in its folder `inside`, and reads them."""

    name: str
    module: str
    inside: str


@dataclass(frozen=True)
class Entry:
    """A data set's card.

    kind: table, images, texts, series, weights or files, which says what a Dataset of it offers.
    folder: its folder's name under GOBHIR_DATA and under the learner's `data`.
    source: a page to read about it; licence: its name, empty where none is stated; cite: whom to
    name.
    reader, options: how its files are read (see readers). labels: what stands in the files for
    each class. next_best: the data set to take where this one cannot be had.
    places: folders where a system's own package puts it, or "module:folder" of a Python package.
    """

    name: str
    kind: str
    what: Text
    folder: str
    source: str
    licence: str
    cite: str
    reader: str
    next_best: str
    options: dict[str, Any] = field(default_factory=dict)
    note: Text = field(default_factory=dict)
    classes: tuple[Text, ...] = ()
    labels: tuple[str, ...] = ()
    package: Package | None = None
    places: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    archives: tuple[Archive, ...] = ()
    tree: Tree | None = None

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.size for file in self.files) + (self.tree.size if self.tree else 0)

    @property
    def can_be_fetched(self) -> bool:
        """Whether every file has an address, by itself or in an archive."""
        packed = {name for archive in self.archives for name in archive.members}
        return not self.tree and all(file.urls or file.name in packed for file in self.files)


@cache
def catalogue() -> dict[str, Entry]:
    """All data sets by name, in the catalogue's order."""
    tables = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in tables.items()}


def entry(name: str) -> Entry:
    """The data set `name`, or a ValueError with the names there are."""
    found = catalogue().get(name)
    if found is None:
        known = ", ".join(catalogue())
        close = [card.name for card in catalogue().values() if card.folder == name]
        close = close or difflib.get_close_matches(name, catalogue(), n=1)
        if close:
            told = {"name": name, "close": ", ".join(close), "known": known}
            raise ValueError(say("datasets.unknown_close", **told))
        raise ValueError(say("datasets.unknown", name=name, known=known))
    return found


def _entry(name: str, table: dict[str, Any]) -> Entry:
    many: dict[str, Any] = {"file": File, "archive": Archive}
    one: dict[str, Any] = {"package": Package, "tree": Tree}
    values: dict[str, Any] = {"name": name}
    for key, value in table.items():
        if key in many:
            values[f"{key}s"] = tuple(many[key](**_frozen(item)) for item in value)
        elif key in one:
            values[key] = one[key](**_frozen(value))
        else:
            values |= _frozen({key: value})
    return Entry(**values)


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
