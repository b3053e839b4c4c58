"""A worksheet of several steps: each goes on from the numbers that stand at the end of the one
before, on the paper as they are printed in the key, in a check as the student wrote them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.derivation.step import Count, Line, Piece, Say, Section, Step
from gobhir.engine.tape import no_grad
from gobhir.explain.checking.answers import Paper, Row, placed
from gobhir.explain.checking.check import Report, check_page
from gobhir.explain.checking.marking import Answers
from gobhir.explain.checking.sheet import Entry, Sheet
from gobhir.explain.checking.written import plain
from gobhir.explain.explanation import Explanation, explain
from gobhir.explain.worksheets.worksheet import Worksheet, settings

_PREFIX = re.compile(r"(?:s|step|ধাপ) ?(\d) ?[.:] ?", re.IGNORECASE)


@dataclass(frozen=True)
class Later(Worksheet):
    """The paper of a later step. before: that of the step before it."""

    before: Worksheet | None = None
    at: int = 2

    @property
    def round(self) -> int:
        return self.at

    @property
    def new_settings(self) -> list[Line]:
        """Settings that this step's lines read and those before did not, such as t = 2."""
        assert self.before is not None
        known = {_told(line) for line in settings(self.before.sheet)}
        return [line for line in settings(self.sheet) if _told(line) not in known]

    @cached_property
    def explanation(self) -> Explanation:
        assert self.before is not None
        return carried_on(self.before, self.before.sheet, {})


def later(first: Worksheet) -> list[Worksheet]:
    """The papers of all steps."""
    papers = [first]
    for k in range(2, first.rounds + 1):
        made = {name: getattr(first, name) for name in Worksheet.__dataclass_fields__}
        papers.append(Later(**made, before=papers[-1], at=k))
    return papers


def carried_on(before: Worksheet, sheet: Sheet, written: Answers) -> Explanation:
    """The step after this one. written: which of its last numbers are not the sheet's own."""
    e = before.example()
    for _ in range(before.round):  # so that the optimizer has its state
        e.optimizer.zero_grad()
        e.loss(e.model(e.x), e.y).backward()
        e.optimizer.step()
    e.optimizer.zero_grad()
    parameters = dict(e.model.named_parameters())
    reading = sheet.reading
    with no_grad():
        for u in reading.run.tape.updates:
            p = parameters[reading.run.parameters[u.parameter]]
            q = reading.quantities[u.parameter]
            for entry in sheet.entries:
                if entry.of is not None and entry.of is q and entry.new and entry.phase == "update":
                    base = entry.name.base
                    kept = e.optimizer.state.get(p, {}).get(e.optimizer.names.get(base, ""))
                    target = p if base == entry.of.name.base else kept
                    if target is not None:
                        target.array[...] = _numbers(entry, written).reshape(target.shape)
    return explain(e.model, e.x, e.y, e.loss, e.optimizer, mode="hand", reference="differences")


def _numbers(entry: Entry, written: Answers) -> np.ndarray:
    values = np.array(entry.sym.value, object).astype(float)
    for (e, index), w in written.items():
        if e is entry:
            values[index] = float(w.value)
    return values


def check(papers: Sequence[Worksheet], paper: Paper, name: str) -> Report:
    """All steps of a filled paper, marked; each from the numbers that were written before it."""
    reports: list[Report] = []
    sheet = papers[0].sheet
    for k, each in enumerate(papers, 1):
        mine = Paper(_of_round(paper.rows, k))
        reports.append(check_page(sheet.reading, mine, each.steps, name))
        if k < len(papers):
            written = placed(mine, sheet)
            try:
                sheet = Sheet(carried_on(each, sheet, written).reading)
            except ValueError:  # nothing can be worked out from what was written
                sheet = papers[k].sheet
    steps = []
    for k, report in enumerate(reports, 1):
        (step,) = report.sections[0].steps
        title = Say("worksheet.round.title", {"n": Count(k)})
        steps.append(replace(step, id=f"check.{k}", pieces=(title, *step.pieces)))
    return Report(
        reports[0].title,
        (),
        (Section("backward", tuple(steps)),),
        "hand",
        tuple(m for r in reports for m in r.marks),
        sum(r.points for r in reports),
        sum(r.out_of for r in reports),
    )


def _of_round(rows: Sequence[Row], round: int) -> list[Row]:
    """The rows of one step; a name without a number is of the first."""
    out = []
    for row in rows:
        found = _PREFIX.match(plain(row.name))
        if (int(found[1]) if found else 1) == round:
            name = plain(row.name)[found.end() :] if found else row.name
            out.append(Row(name, row.value, row.where))
    return out


def _told(line: Line) -> tuple[Any, str]:
    return line.left, str(line.result)


def introduced(section: Section, paper: Later) -> Section:
    """The first section of a later step, with a sentence that says where it goes on from."""
    said = Say("worksheet.round.goes_on", {"n": Count(paper.round)})
    pieces: tuple[Piece, ...] = (said, *paper.new_settings)
    head = Step(f"round.{paper.round}", "worksheet", section.phase, "", "", {}, pieces)
    return Section(section.phase, (head, *section.steps))
