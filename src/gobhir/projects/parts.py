"""What results are made of: numbers, mistakes, charts, tables, what was learned from, and what only
its makers can say. Results (results.py) holds them, page.py and card.py show them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gobhir.datasets.catalogue import Entry
from gobhir.evaluation import Estimate
from gobhir.evaluation.calibration import Reliability
from gobhir.lang import Message

Words = str | dict[str, str] | Message
Cell = Words | int | float | Estimate


def words(text: Words, lang: str) -> str:
    """The text in this language."""
    if isinstance(text, Message):
        return text.text(lang)
    return text[lang] if isinstance(text, dict) else text


@dataclass
class Model:
    """One model, or baseline, and its numbers on the test. name: what it is called; seconds: how
    long it learned, where that is known."""

    name: Words
    numbers: dict[str, Estimate]
    seconds: float | None = None


@dataclass
class Mistake:
    """One example that went wrong. It is seen as a picture (PNG), read as a text, or as a row of a
    table. sure: how sure the model was of `given`."""

    true: Words
    given: Words
    sure: float | None = None
    picture: bytes | None = None
    text: str | None = None
    row: dict[str, str] | None = None


@dataclass
class Calibration:
    """How sure and how right on the test; after: with the temperature fitted on the validation."""

    before: Reliability
    after: Reliability | None = None
    temperature: float | None = None


@dataclass
class Table:
    """A table of the project's own. The first cell of a row is its name; numbers may be Estimates,
    and `number` says of what ("accuracy" is shown in percent)."""

    title: Words
    head: list[Words]
    rows: list[list[Any]]
    about: Words = ""
    number: str = ""


@dataclass
class Picture:
    """A picture of the project's own (PNG)."""

    title: Words
    png: bytes
    about: Words = ""


@dataclass
class Series:
    """A line of a chart: its label, places from left to right, and heights."""

    label: Words
    x: list[float]
    y: list[float]


@dataclass
class Chart:
    """A chart of the project's own, at most six lines: a forecast beside the truth, say, or
    accuracy against how much was learned from. along: what stands below it."""

    title: Words
    lines: list[Series]
    along: Words
    about: Words = ""


@dataclass
class Data:
    """What was learned from. parts: how many examples each part of the split has; split: how it was
    divided, in words; what, note: the data set's card."""

    name: Words
    source: str
    licence: str
    cite: str
    parts: dict[str, int]
    what: Words = ""
    split: Words = ""
    note: Words = ""

    @classmethod
    def of(cls, card: Entry, parts: Mapping[str, int], split: Words = "") -> Self:
        """From the catalogue of data sets."""
        said = (card.source, card.licence, card.cite)
        return cls(card.name, *said, dict(parts), card.what, split, card.note or "")


@dataclass
class Card:
    """What only its makers can say of a model (Mitchell et al. 2019, https://arxiv.org/abs/1810.03993):
    what it is for, what it is not for, where it fails, how it is run."""

    purpose: Words
    not_for: list[Words]
    limits: list[Words]
    run: list[str]
    model: Words = ""
    licence: str = "MIT"


def png(pixels: np.ndarray) -> bytes:
    """Bytes from 0 to 255, (H, W) or (H, W, 3), as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
