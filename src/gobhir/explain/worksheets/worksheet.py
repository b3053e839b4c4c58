"""Worksheets: the derivation with blanks. A network whose numbers a calculator likes, drawn by
number, so that the number alone brings back the paper, its key, and what `check` holds it against.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gobhir import examples
from gobhir.derivation.chromium import print_to_pdf
from gobhir.derivation.expression import Name, Num, Sym, indices, without_labels
from gobhir.derivation.saving import keep
from gobhir.derivation.step import Count, Derivation, Line, Piece, Say, Section, Step
from gobhir.derivation.terminal import MEASURE, plain_page
from gobhir.explain.checking.answers import Paper, read, written_name
from gobhir.explain.checking.check import Report, check_page, without_new
from gobhir.explain.checking.sheet import Entry, Sheet, count
from gobhir.explain.checking.written import plain
from gobhir.explain.explanation import Explanation, explain
from gobhir.explain.pages.lines import scalar_line
from gobhir.explain.quantity import element, size
from gobhir.explain.worksheets.friendly import trouble
from gobhir.lang import say

STEPS = ("forward", "loss", "backward", "update")
MOST_NUMBERS = 200
"""Blanks of a paper: some eight pages."""
MOST_COPIES = 100
MOST_ROUNDS = 5
BLANK = "…" * 6
_DRAWS = 1000


@dataclass(frozen=True)
class Worksheet:
    """One paper. sizes: "2-2-1"; number: which one, the seed; steps: the phases that are asked;
    batch: so many examples; rounds: so many training steps, one after the other."""

    sizes: str
    number: int
    activation: str = "sigmoid"
    loss: str = "half"
    steps: tuple[str, ...] = STEPS
    optimizer: str = "sgd"
    batch: int = 1
    rounds: int = 1

    @classmethod
    def of(cls, id: str) -> Worksheet:
        """The paper with this id, as it is printed on it: "2-2-1/sigmoid/half/7"."""
        parts = plain(id).replace(" ", "").split("/")
        if len(parts) < 4 or not parts[3].isdecimal():
            raise ValueError(say("check.bad.worksheet", id=id))
        more: dict[str, Any] = {}
        for part in parts[4:]:
            counted = re.fullmatch(r"(batch|steps)(\d{1,2})", part)
            if part in examples.OPTIMIZERS:
                more["optimizer"] = part
            elif counted:
                more["batch" if counted[1] == "batch" else "rounds"] = int(counted[2])
            else:
                more["steps"] = steps_of(part)[0]
        return cls(parts[0], int(parts[3]), parts[1], parts[2], **more)

    def __str__(self) -> str:
        own = [self.optimizer] * (self.optimizer != "sgd")
        own += [f"batch{self.batch}"] * (self.batch > 1)
        own += [f"steps{self.rounds}"] * (self.rounds > 1)
        own += [] if self.steps == STEPS else ["+".join(self.steps)]
        return "/".join([self.sizes, self.activation, self.loss, str(self.number), *own])

    @property
    def id(self) -> str:
        """By which `check` knows it; "" for a paper that is no draw."""
        return str(self)

    @cached_property
    def explanation(self) -> Explanation:
        """The worked step: the answer key."""
        e = self.example()
        page = explain(e.model, e.x, e.y, e.loss, e.optimizer, mode="hand", reference="differences")
        if count(Sheet(page.reading).asked(self.steps)) * self.rounds > MOST_NUMBERS:
            raise ValueError(say("worksheet.bad.size", sizes=self.sizes, most=MOST_NUMBERS))
        return page

    def example(self) -> examples.Example:
        """The network as it is at first."""
        return self._drawn(self._draw)

    def _drawn(self, attempt: int) -> examples.Example:
        seed = self.number * _DRAWS + attempt
        return examples.network(
            self.sizes, self.activation, self.loss, self.optimizer, batch=self.batch, seed=seed
        )

    @cached_property
    def _draw(self) -> int:
        """The first draw whose numbers are friendly, or of many the friendliest."""
        best, least = 0, float("inf")
        for attempt in range(_DRAWS):
            e = self._drawn(attempt)
            if attempt == 0:
                self._check(e)
            found = trouble(e)
            if found < least:
                best, least = attempt, found
            if found == 0:
                break
        return best

    def _check(self, e: examples.Example) -> None:
        if sum(p.numel() for p in e.model.parameters()) > MOST_NUMBERS:
            raise ValueError(say("worksheet.bad.size", sizes=self.sizes, most=MOST_NUMBERS))
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise ValueError(say("worksheet.bad.rounds", count=self.rounds, most=MOST_ROUNDS))
        if self.rounds > 1 and self.steps != STEPS:
            raise ValueError(say("worksheet.bad.round_parts"))

    @property
    def round(self) -> int:
        """Which of the steps it is about."""
        return 1

    @cached_property
    def papers(self) -> list[Worksheet]:
        """One for each training step."""
        from gobhir.explain.worksheets.rounds import later

        return later(self)

    @cached_property
    def sheet(self) -> Sheet:
        return Sheet(self.explanation.reading)

    @property
    def prefix(self) -> str:
        """What stands before its names in a file: the number of a later step."""
        return "" if self.round == 1 else f"s{self.round}."

    @property
    def asked(self) -> list[Entry]:
        """The lines to fill, in order."""
        return self.sheet.asked(self.steps)

    def check(self, answers: Any) -> Report:
        """A filled paper, marked. answers: as `gobhir.check` takes them."""
        from gobhir.explain.worksheets import rounds

        paper = answers if isinstance(answers, Paper) else read(answers)
        if self.rounds > 1:
            return rounds.check(self.papers, paper, str(self))
        return check_page(self.explanation.reading, paper, self.steps, str(self))

    # -- as a page ----

    @property
    def givens(self) -> tuple[Piece, ...]:
        """What is printed at the top: the numbers, and how to read W."""
        pieces = self.explanation.sections[0].steps[0].pieces
        by_class = bool(self.target)  # which says more than its number, counted from 0
        given = (p for p in pieces if not (by_class and _is_target(p)))
        return (*given, *remembered(self.sheet))

    @property
    def target(self) -> tuple[Piece, ...]:
        """What a class as a target means for the lines that follow."""
        if self.loss != "cross_entropy":
            return ()
        (y,) = (e for e in self.sheet.entries if e.given == "target")
        said = []
        for k, value in enumerate(np.ravel(np.array(y.sym.value, object)), 1):
            right = int(value) + 1
            if self.batch == 1:
                one = Name("y", index=(right,))
                return (Say("worksheet.class", {"n": Count(right), "y": one}),)
            values = {"n": Count(right), "y": Name("y", index=(k, right)), "example": Count(k)}
            said.append(Say("worksheet.class_of", values))
        return tuple(said)

    def page(self, key: bool = False) -> Derivation:
        """The paper for a terminal, or its key."""
        about = {"number": str(self.number), "id": str(self), "count": Count(blanks(self))}
        title = Say("worksheet.key" if key else "worksheet.title", about)
        intro = () if key else (Say("worksheet.fields"), Say("worksheet.intro", about))
        given = (*self.givens, *self.target)
        start = Section("start", (Step("start", "start", "start", "", "", {}, given),))
        phases = [s for paper in self.papers for s in paper.sections(key)]
        return Derivation(title, intro, (start, *phases), "hand")

    def sections(self, key: bool) -> list[Section]:
        """The phases of this step alone."""
        from gobhir.explain.worksheets.rounds import Later, introduced

        first, *others = (self._section(phase, key) for phase in self.steps)
        return [introduced(first, self) if isinstance(self, Later) else first, *others]

    def _section(self, phase: str, key: bool) -> Section:
        steps = []
        for entry in self.asked:
            if entry.phase == phase:
                id = f"{phase}.{entry.order}"
                lines = tuple(self.lines(entry, key))
                steps.append(Step(id, "worksheet", phase, "", "", {}, lines))
        return Section(phase, tuple(steps))

    def lines(self, entry: Entry, key: bool = False) -> Iterator[Line]:
        """Each number of an entry: its formula and a blank, or the whole line with its numbers."""
        assert entry.expr is not None
        blank = Sym(Name(BLANK), Decimal(0))
        for i in indices(entry.shape):
            e = without_labels(element(entry.expr, i, entry.shape))
            name = without_new(entry.at(i))
            if key:
                yield scalar_line(name, e, "hand", arrow=entry.new)
            else:
                yield Line(name, (e, blank), arrow=entry.new)

    # -- to fill in on a computer ----

    def names(self) -> list[str]:
        """What the blanks are called in a file."""
        return [
            paper.prefix + written_name(e, i)
            for paper in self.papers
            for e in paper.asked
            for i in indices(e.shape)
        ]

    def to_csv(self, key: bool = False) -> str:
        """Name and value, a line each; the values blank, or filled in with the key."""
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["paper", str(self)])
        rows.writerow(["name", "value"])
        for paper in self.papers:
            for entry in paper.asked:
                for i in indices(entry.shape):
                    value = entry.sym.value[i] if i else entry.sym.value
                    name = paper.prefix + written_name(entry, i)
                    rows.writerow([name, str(value) if key else ""])
        return out.getvalue()

    def to_notebook(self, lang: str | None = None) -> str:
        """A notebook: the paper, a dict of blanks, and the cell that checks it."""
        rows = "".join(f'    "{name}": "",\n' for name in self.names())
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": self.page().to_markdown(lang)},
            _code(f'paper = "{self}"\nanswers = {{\n{rows}}}'),
            _code("import gobhir\n\ngobhir.check(answers, paper)"),
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": kernel}}
        return json.dumps({**book, "cells": cells}, ensure_ascii=False, indent=1) + "\n"


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }


def _is_target(p: Piece) -> bool:
    return isinstance(p, Line) and isinstance(p.left, Sym) and p.left.name.base == "y"


def settings(sheet: Sheet) -> list[Line]:
    """The settings that the update's lines read (but for eta, which is told with the weights)."""
    kept = {base for u in sheet.reading.run.tape.updates for base in u.before}
    return [line for line in remembered(sheet) if line.left.base not in kept]  # type: ignore[union-attr]


def remembered(sheet: Sheet) -> list[Line]:
    """What the update's lines read besides what the page begins with: settings, and what the
    optimizer remembers of each parameter from the steps before."""
    kept = {base for u in sheet.reading.run.tape.updates for base in u.before}
    found: dict[Name, Line] = {}
    for entry in sheet.asked(("update",)):
        assert entry.expr is not None and entry.of is not None
        of = entry.of.name
        for e in entry.expr.walk():
            known = sheet.of(e)
            setting = known is None or known[0].given == "setting"
            if isinstance(e, Sym) and setting and e.name.base != "eta":
                own = Name(e.name.base, of.layer, (of.element or of.base,))
                name = own if e.name.base in kept else e.name
                found.setdefault(name, Line(name, (Num(e.value),)))
    return list(found.values())


def steps_of(text: str) -> tuple[tuple[str, ...], int]:
    """ "forward,loss" as phases, in the order of the calculation, and "2" as how many steps."""
    parts = plain(text).replace("+", ",").replace(" ", "").split(",")
    rounds = next((int(w) for w in parts if w.isdecimal()), 1)
    wanted = [w for w in parts if not w.isdecimal()] or list(STEPS)
    unknown = [w for w in wanted if w not in STEPS]
    if unknown:
        raise ValueError(
            say("worksheet.bad.steps", name=unknown[0] or text, known=", ".join(STEPS))
        )
    return tuple(s for s in STEPS if s in wanted), rounds


def copied(sheet: Worksheet, copies: int) -> list[Worksheet]:
    """So many different papers, with the numbers that follow."""
    if not 1 <= copies <= MOST_COPIES:
        raise ValueError(say("worksheet.bad.copies", count=copies, most=MOST_COPIES))
    return [replace(sheet, number=sheet.number + k) for k in range(copies)]


# -- into a file ----

KEYS = ("with", "without", "only")
FILLED_IN = (".csv", ".ipynb")
SUFFIXES = (".html", ".pdf", ".txt", ".md", *FILLED_IN)


def text(sheets: Sequence[Worksheet], lang: str | None, key: str, width: int = MEASURE) -> str:
    """Papers, then keys, as plain text."""
    pages = [s.page(keyed) for keyed in _kinds(key) for s in sheets]
    return "\n\n".join(plain_page(p, lang, width) for p in pages)


def _kinds(key: str) -> list[bool]:
    if key not in KEYS:
        raise ValueError(say("worksheet.bad.key", name=key))
    return [keyed for keyed in (False, True) if key != ("without" if keyed else "only")]


def save(
    sheets: Sequence[Worksheet], path: Any, lang: str | None = None, key: str = "with"
) -> None:
    """Write the papers, and behind them their keys, as the file's name asks for: .html, .pdf,
    .txt, .md; one paper to fill in on a computer as .csv or .ipynb.

    ValueError for another suffix, OSError with a clear message where it cannot be written.
    """
    target = Path(path).expanduser()
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(say("worksheet.bad.suffix", path=str(path), known=", ".join(SUFFIXES)))
    if suffix in FILLED_IN and len(sheets) > 1:
        raise ValueError(say("worksheet.bad.one_only", suffix=suffix, count=len(sheets)))
    kinds, first = _kinds(key), sheets[0]

    def make() -> str | bytes:
        from gobhir.explain.worksheets.paper import print_page

        match suffix:
            case ".csv":
                return first.to_csv(key == "only")
            case ".ipynb":
                return first.to_notebook(lang)
            case ".txt":
                return text(sheets, lang, key)
            case ".md":
                pages = [s.page(keyed) for keyed in kinds for s in sheets]
                return "\n\n---\n\n".join(p.to_markdown(lang) for p in pages)
        page = print_page(sheets, lang, key)
        return print_to_pdf(page) if suffix == ".pdf" else page

    keep(target, make)


def blanks(sheet: Worksheet) -> int:
    """How many numbers are asked for."""
    return sum(size(e.shape) for paper in sheet.papers for e in paper.asked)
