"""Worksheets: the derivation with blanks. A network whose numbers a calculator likes, drawn by
number, so that the number alone brings back the paper, its key, and what `check` holds it against.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gobhir import examples
from gobhir.derivation.chromium import print_to_pdf
from gobhir.derivation.expression import Name, Sym, indices, without_labels
from gobhir.derivation.saving import keep
from gobhir.derivation.step import Count, Derivation, Line, Piece, Say, Section, Step
from gobhir.derivation.terminal import MEASURE, plain_page
from gobhir.explain.answers import Paper, read, written_name
from gobhir.explain.check import Report, check_page, without_new
from gobhir.explain.explanation import Explanation, explain
from gobhir.explain.lines import scalar_line
from gobhir.explain.quantity import element, size
from gobhir.explain.sheet import Entry, Sheet
from gobhir.explain.written import plain
from gobhir.lang import say

STEPS = ("forward", "loss", "backward", "update")
MOST_NUMBERS = 200
"""Blanks of a paper: some eight pages."""
MOST_COPIES = 100
BLANK = "…" * 6
_DRAWS = 1000


@dataclass(frozen=True)
class Worksheet:
    """One paper. sizes: "2-2-1"; number: which one, the seed; steps: the phases that are asked."""

    sizes: str
    number: int
    activation: str = "sigmoid"
    loss: str = "half"
    steps: tuple[str, ...] = STEPS

    @classmethod
    def of(cls, id: str) -> Worksheet:
        """The paper with this id, as it is printed on it: "2-2-1/sigmoid/half/7"."""
        parts = plain(id).replace(" ", "").split("/")
        if len(parts) not in (4, 5) or not parts[3].isdecimal():
            raise ValueError(say("check.bad.worksheet", id=id))
        steps = steps_of(parts[4]) if len(parts) == 5 else STEPS
        return cls(parts[0], int(parts[3]), parts[1], parts[2], steps)

    def __str__(self) -> str:
        own = [] if self.steps == STEPS else ["+".join(self.steps)]
        return "/".join([self.sizes, self.activation, self.loss, str(self.number), *own])

    @cached_property
    def explanation(self) -> Explanation:
        """The worked step: the answer key. The first draw whose numbers are friendly, or of
        many the friendliest."""
        best: Explanation | None = None
        least = float("inf")
        for attempt in range(_DRAWS):
            e = examples.network(
                self.sizes, self.activation, self.loss, seed=self.number * _DRAWS + attempt
            )
            if best is None:
                self._check_size(e)
            trouble = _trouble(e)
            if trouble < least:
                least = trouble
                best = explain(
                    e.model, e.x, e.y, e.loss, e.optimizer, mode="hand", reference="differences"
                )
            if trouble == 0:
                break
        assert best is not None
        return best

    def _check_size(self, e: examples.Example) -> None:
        parameters = sum(p.numel() for p in e.model.parameters())
        blanks = 2 * parameters + 4 * sum(e.sizes[1:])
        if blanks > 2 * MOST_NUMBERS:
            raise ValueError(say("worksheet.bad.size", sizes=self.sizes, most=MOST_NUMBERS))

    @cached_property
    def sheet(self) -> Sheet:
        return Sheet(self.explanation.reading)

    @property
    def asked(self) -> list[Entry]:
        """The lines to fill, in order."""
        return self.sheet.asked(self.steps)

    def check(self, answers: Any) -> Report:
        """A filled paper, marked. answers: as `gobhir.check` takes them."""
        return check_page(
            self.explanation.reading,
            answers if isinstance(answers, Paper) else read(answers),
            self.steps,
            str(self),
        )

    # -- as a page ----

    @property
    def givens(self) -> tuple[Piece, ...]:
        """What is printed at the top: the numbers, and how to read W."""
        pieces = self.explanation.sections[0].steps[0].pieces
        by_class = bool(self.target)  # which says more than its number, counted from 0
        return tuple(p for p in pieces if not (by_class and _is_target(p)))

    @property
    def target(self) -> tuple[Piece, ...]:
        """What a class as a target means for the lines that follow."""
        if self.loss != "cross_entropy":
            return ()
        (y,) = (e for e in self.sheet.entries if e.given == "target")
        right = int(y.sym.value) + 1
        one = Name("y", index=(right,))
        return (Say("worksheet.class", {"n": Count(right), "y": one}),)

    def page(self, key: bool = False) -> Derivation:
        """The paper for a terminal, or its key."""
        about = {"number": str(self.number), "id": str(self), "count": Count(blanks(self))}
        title = Say("worksheet.key" if key else "worksheet.title", about)
        intro = () if key else (Say("worksheet.fields"), Say("worksheet.intro", about))
        given = (*self.givens, *self.target)
        start = Section("start", (Step("start", "start", "start", "", "", {}, given),))
        phases = [self._section(phase, key) for phase in self.steps]
        return Derivation(title, intro, (start, *phases), "hand")

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
        return [written_name(e, i) for e in self.asked for i in indices(e.shape)]

    def to_csv(self, key: bool = False) -> str:
        """Name and value, a line each; the values blank, or filled in with the key."""
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["paper", str(self)])
        rows.writerow(["name", "value"])
        for entry in self.asked:
            for i in indices(entry.shape):
                value = entry.sym.value[i] if i else entry.sym.value
                rows.writerow([written_name(entry, i), str(value) if key else ""])
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


def steps_of(text: str) -> tuple[str, ...]:
    """ "forward,loss" as phases, in the order of the calculation."""
    wanted = plain(text).replace("+", ",").replace(" ", "").split(",")
    unknown = [w for w in wanted if w not in STEPS]
    if unknown:
        raise ValueError(
            say("worksheet.bad.steps", name=unknown[0] or text, known=", ".join(STEPS))
        )
    return tuple(s for s in STEPS if s in wanted)


def copied(sheet: Worksheet, count: int) -> list[Worksheet]:
    """So many different papers, with the numbers that follow."""
    if not 1 <= count <= MOST_COPIES:
        raise ValueError(say("worksheet.bad.copies", count=count, most=MOST_COPIES))
    return [
        Worksheet(sheet.sizes, sheet.number + k, sheet.activation, sheet.loss, sheet.steps)
        for k in range(count)
    ]


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
        from gobhir.explain.paper import print_page

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


# -- friendly numbers ----

STEEPEST = 2.0
SMALLEST = 2e-3


def _trouble(e: examples.Example) -> float:
    """How unfriendly the numbers of this network are: 0 when every weighted sum is where its
    activation bends, no gradient vanishes beside the written digits, and no two neurons agree."""
    trouble = 0.0
    z, sums = e.x, []
    for part in e.model:
        z = part(z)
        if type(part).__name__ == "Linear":
            sums.append(z.detach().numpy())
    flat = np.concatenate([np.ravel(s) for s in sums])
    trouble += float(np.sum(np.abs(flat) > STEEPEST)) + float(np.sum(np.abs(flat) < 0.05))
    trouble += flat.size - len({round(float(v), 2) for v in flat})
    value = e.loss(z, e.y)
    value.backward()
    slopes = [p.grad for p in e.model.parameters() if p.grad is not None]
    grads = np.concatenate([np.ravel(g.numpy()) for g in slopes])
    dead = bool(np.any(flat < 0)) and "ReLU" in {type(part).__name__ for part in e.model}
    zero = int(np.sum(grads == 0)) if dead else 0
    if dead:  # one dead unit is a lesson, all of them are none
        trouble += float(zero > grads.size / 2)
    trouble += float(np.sum(np.abs(grads) < SMALLEST)) - zero + float(value.item() < SMALLEST)
    for p in e.model.parameters():
        small = np.ravel(p.detach().numpy())[:6]  # alike weights hide which one was read
        trouble += small.size - len(set(small.tolist()))
        p.grad = None
    return trouble


def blanks(sheet: Worksheet) -> int:
    """How many numbers are asked for."""
    return sum(size(e.shape) for e in sheet.asked)
