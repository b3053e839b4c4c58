"""Sentences of a page: a catalogue's template with mathematics, counts and other sentences in it,
and the little Markdown that templates use: **strong**, *emphasis*, `code`, $formula$."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from gobhir.derivation.expression import Expr, Name, Num
from gobhir.derivation.rounding import decimal, significant
from gobhir.derivation.step import Count, Line, Say, Table
from gobhir.lang import digits, t

Mathematics = Callable[[Expr | Name], str]
"""How an expression stands inside a sentence of this kind of page."""

# keys: rules.title.*


def sentence(s: Say, lang: str, mathematics: Mathematics) -> str:
    """The sentence in `lang`."""
    return t(s.key, lang, **{k: value(v, lang, mathematics) for k, v in s.values.items()})


def value(v: Any, lang: str, mathematics: Mathematics) -> str:
    """One value of a sentence, or a cell of a table."""
    match v:
        case None:
            return ""
        case Say():
            return sentence(v, lang, mathematics)
        case Count():
            return digits(v.value, lang)
        case Expr() | Name():
            return mathematics(v)
        case Decimal():
            return mathematics(Num(v))
        case float() | np.floating():
            return mathematics(Num(decimal(v)))
    return str(v)


def heading(phase: str, number: int, lang: str, mathematics: Mathematics) -> str:
    """The title of a section, numbered in the language's digits; pages other than a training
    step's say its key themselves."""
    key = phase if "." in phase else f"rules.title.{phase}"
    return f"{digits(number, lang)}. {sentence(Say(key), lang, mathematics)}"


def notes(piece: Line | Table, mode: str, lang: str, mathematics: Mathematics) -> list[str]:
    """The quiet remarks after a line: its own, and how far it is from the exact value."""
    out = []
    if isinstance(piece, Line) and piece.note is not None:
        out.append(sentence(piece.note, lang, mathematics))
    if isinstance(piece, Line) and piece.marked:
        out.append(t("page.marked", lang))
    off = piece.error if mode == "hand" else None
    if off is not None and np.isfinite(off) and off > 1e-14:
        amount = mathematics(Num(significant(decimal(off), 1)))
        if isinstance(piece, Line) and piece.exact is not None and np.ndim(piece.exact) == 0:
            exact = mathematics(Num(_as_far_as(piece.exact, off)))
            out.append(t("page.drift.one", lang, exact=exact, off=amount))
        else:
            out.append(t("page.drift.most", lang, off=amount))
    return out


def _as_far_as(exact: Any, off: float) -> Decimal:
    """The exact value with the digits that show the difference, one more for good measure."""
    x = decimal(np.asarray(exact, dtype=float)[()])
    places = decimal(off).adjusted() - 1
    return significant(x, min(max(x.adjusted() - places + 1, 4), 12)) if x else x


# -- the Markdown inside a sentence --------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """A part of a sentence: plain text, code or a formula in LaTeX (`text`), or emphasis over
    further parts (`inside`)."""

    kind: Literal["text", "code", "formula", "strong", "emphasis"]
    text: str = ""
    inside: tuple[Span, ...] = ()


_MARKS = re.compile(r"`([^`]+)`|\$([^$]+)\$|\*\*(.+?)\*\*|\*(?!\s)(.+?)(?<!\s)\*")


def spans(markdown: str) -> tuple[Span, ...]:
    """The parts of a sentence in order."""
    return tuple(_spans(markdown))


def _spans(markdown: str) -> Iterator[Span]:
    end = 0
    for m in _MARKS.finditer(markdown):
        if m.start() > end:
            yield Span("text", markdown[end : m.start()])
        code, formula, strong, emphasis = m.groups()
        if code is not None:
            yield Span("code", code)
        elif formula is not None:
            yield Span("formula", formula)
        elif strong is not None:
            yield Span("strong", inside=spans(strong))
        else:
            yield Span("emphasis", inside=spans(emphasis))
        end = m.end()
    if end < len(markdown):
        yield Span("text", markdown[end:])
