"""`gobhir.check`: a hand calculation, held against the step that it is about. Which line is the
first wrong one, what it looks like, what it should be, and how much is right all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from gobhir.derivation.expression import Index, Num, Sym, indices
from gobhir.derivation.rounding import significant
from gobhir.derivation.step import Count, Derivation, Piece, Say, Section, Step, Table
from gobhir.explain.checking.answers import Paper, placed, read
from gobhir.explain.checking.marking import FOLLOWS, RIGHT, ROUNDED, WRONG, Guess, Mark, Marking
from gobhir.explain.checking.sheet import Entry, Sheet, count
from gobhir.explain.explanation import explain
from gobhir.explain.pages.lines import scalar_line
from gobhir.explain.quantity import size
from gobhir.explain.reading import Reading
from gobhir.lang import say

MOST_CHECKED = 5_000
"""Numbers of a step: nobody writes down more."""
MOST_TOLD = 3
"""Wrong lines that are gone through one by one; the table shows the others."""
MOST_LISTED = 6
"""Roundings that are listed one by one."""


@dataclass(frozen=True, eq=False)
class Report(Derivation):
    """A checked calculation, as a page. marks: every written number, judged, in the order of the
    calculation; first_wrong: the first of them that is wrong, or None; points, out_of: one for
    each number that is right, also where it follows from a wrong one, half for bad rounding."""

    marks: tuple[Mark, ...] = field(default=(), repr=False)
    points: float = 0
    out_of: int = 0

    @property
    def first_wrong(self) -> Mark | None:
        return next((m for m in self.marks if m.status == WRONG), None)

    @property
    def slips(self) -> tuple[str, ...]:
        """The names of the slips that explain the first wrong number."""
        first = self.first_wrong
        return () if first is None else tuple(g.name for g in first.guesses)

    @property
    def right(self) -> bool:
        """Whether something was written and nothing of it is wrong."""
        return bool(self.marks) and self.first_wrong is None


def check(
    answers: Any,
    model: Any = None,
    x: Any = None,
    y: Any = None,
    loss: Callable[..., Any] | None = None,
    optimizer: Any = None,
) -> Report:
    """A hand calculation of one training step, checked.

    answers: a dict {"z1_1": 0.14, "delta2": "-0.0368", "W1": [[...], ...]}, the path of a CSV file
    or notebook, or text with lines "z1_1 = 0.14". Names are read leniently; "0.530" says more
    than 0.53, so text keeps its digits. model: a gobhir module with x, y, loss and optimizer as
    for `explain`; "4-4-1" or other sizes; or a worksheet's number, "2-2-1/sigmoid/half/7", which a
    worksheet's own file knows already.

    FileNotFoundError, ValueError, saying what was wrong and where.
    """
    paper = read(answers)
    model = model if model is not None else paper.worksheet
    if isinstance(model, str) and not model:
        raise ValueError(say("check.bad.nothing"))
    if isinstance(model, str) and "/" in model:
        from gobhir.explain.worksheets.worksheet import Worksheet

        return Worksheet.of(model).check(paper)
    report: Report = explain(model, x, y, loss, optimizer, reference="differences").check(paper)
    return report


def check_page(
    reading: Reading | None, paper: Paper, asked: Sequence[str] | None = None, name: str = ""
) -> Report:
    """What was written on `paper`, checked against this reading. asked: the phases that count."""
    quantities = () if reading is None else (*reading.computed, *reading.pulled)
    numbers = sum(size(q.shape) for q in quantities)
    if reading is None or numbers > MOST_CHECKED:
        raise ValueError(say("check.bad.too_large", most=MOST_CHECKED))
    sheet = Sheet(reading)
    marking = Marking(sheet, placed(paper, sheet))
    wanted = sheet.asked(asked)
    marks = [m for m in marking.marks if m.place[0] in wanted or m.status == WRONG]
    pieces = [*_summary(marks, name), *_mistakes(marking), *_roundings(marks)]
    points = sum((_worth(m) for m in marks), Decimal(0))
    out_of = count(wanted)
    if marks:
        pieces.append(_by_line(wanted, marks))
        pieces.append(Say("check.points.all", {"got": _points(points), "of": Count(out_of)}))
    section = Section("backward", (Step("check", "check", "check", "", "", {}, tuple(pieces)),))
    return Report(Say("check.title"), (), (section,), "hand", tuple(marks), float(points), out_of)


def _summary(marks: list[Mark], name: str) -> list[Piece]:
    fine = sum(m.status != WRONG for m in marks)
    key = "some" if fine < len(marks) else "right" if fine > 1 else "one_right"
    key = key if marks else "nothing"
    who: Any = name or Say("check.sum.numbers")
    values = {"name": who, "count": Count(len(marks)), "right": Count(fine)}
    # keys: check.sum.some, check.sum.right, check.sum.one_right, check.sum.nothing
    return [Say(f"check.sum.{key}", values)]


def _mistakes(marking: Marking) -> list[Piece]:
    """Every wrong line: what was written, what it looks like, what it should be."""
    out: list[Piece] = []
    wrong: dict[Entry, list[Mark]] = {}
    for m in marking.marks:
        if m.status == WRONG:
            wrong.setdefault(m.place[0], []).append(m)
    for k, (entry, group) in enumerate(wrong.items()):
        for some in _alike(group) if k < MOST_TOLD else ():
            out += _mistake(marking, entry, some, first=not out)
        if k == 0:
            later = sum(m.status == FOLLOWS for m in marking.marks)
            key = "one" if later == 1 else "some"
            # keys: check.follows.one, check.follows.some
            out += [Say(f"check.follows.{key}", {"count": Count(later)})] if later else []
    if len(wrong) > MOST_TOLD:
        out.append(Say("check.more", {"count": Count(len(wrong) - MOST_TOLD)}))
    lost = [m for group in wrong.values() for m in group if not m.guesses]
    if len(lost) > 3 and 2 * len(lost) > len(marking.marks):
        out.append(Say("check.other_network"))
    return out


def _alike(marks: list[Mark]) -> Iterable[list[Mark]]:
    """Wrong numbers of one line, by what explains them."""
    groups: dict[tuple[str, ...], list[Mark]] = {}
    for m in marks:
        own = any(g.term is not None for g in m.guesses) or not m.guesses
        key = tuple(g.name for g in m.guesses)
        groups.setdefault((*key, str(m.place[1])) if own else key, []).append(m)
    return groups.values()


def _mistake(marking: Marking, entry: Entry, marks: list[Mark], first: bool) -> list[Piece]:
    m = marks[0]
    entry, index = m.place
    name, written = called(entry, index), Num(m.written.value)
    values = {"name": name, "written": written, "line": _line(entry), "count": Count(len(marks))}
    key = "line" if len(marks) > 1 else "number"
    key = key if first else {"line": "line_again", "number": "again"}[key]
    out: list[Piece] = [Say(f"check.first.{key}", values)]
    # keys: check.first.line, check.first.number, check.first.line_again, check.first.again
    out += _guesses(m.guesses, entry)
    if entry.expr is None:
        return [*out, Say("check.line.given", {"name": name, "due": Num(m.due)})]
    if m.guesses:
        out.append(Say("check.line.due"))
    left = without_new(entry.at(index))
    return [*out, scalar_line(left, marking.line(m.place), "hand", arrow=entry.new)]


def without_new(s: Sym) -> Sym:
    """The name to which an update's arrow points."""
    return Sym(replace(s.name, index=tuple(i for i in s.name.index if i != "new")), s.value)


def called(entry: Entry, index: Index) -> Sym | Say:
    """A number's name in a sentence: a weight after the update is "the new w"."""
    return _new(entry.at(index)) if entry.new else entry.at(index)


def _line(entry: Entry) -> Sym | Say:
    return _new(entry.sym) if entry.new else entry.sym


def _new(s: Sym) -> Say:
    return Say("check.new", {"name": without_new(s)})


def _guesses(guesses: Sequence[Guess], entry: Entry) -> list[Piece]:
    if not guesses:
        return [Say("check.guess.none")]
    out: list[Piece] = []
    many = len(guesses) > 1
    if many:
        out.append(Say("check.guess.several", {"count": Count(len(guesses))}))
    for n, g in enumerate(guesses, 1):
        slip = Say(f"check.slip.{g.name}", {} if g.term is None else {"term": g.term})
        key = "check.guess.item" if many else "check.guess.one"
        out.append(Say(key, {"slip": slip, "n": Count(n)}))
        elsewhere = [e for e in g.at if e is not entry]
        if elsewhere:
            lines = _list([_line(e) for e in g.at])
            at = "everywhere" if len(g.at) > 1 else "hidden"
            # keys: check.guess.everywhere, check.guess.hidden
            out.append(Say(f"check.guess.{at}", {"lines": lines}))
    return out


def _list(names: list[Sym | Say]) -> Say:
    """Names with commas between them."""
    first, *others = names
    if not others:
        return Say("check.list.last", {"name": first})
    return Say("check.list.more", {"name": first, "others": _list(others)})


def _roundings(marks: list[Mark]) -> list[Piece]:
    rounded = [m for m in marks if m.status == ROUNDED]
    out: list[Piece] = []
    for m in rounded[:MOST_LISTED]:
        key = "check.rounding.more" if out else "check.rounding.one"
        due = Num(_to_compare(m))
        values = {"name": called(*m.place), "due": due, "written": Num(m.written.value)}
        out.append(Say(key, values))
    return out


def _to_compare(m: Mark) -> Decimal:
    """What was due, with a digit more than was written."""
    return significant(m.due, max(m.written.digits, 3) + 1)


# -- points ----


def _worth(m: Mark) -> Decimal:
    if m.place[0].expr is None:
        return Decimal(0)
    return {RIGHT: Decimal(1), FOLLOWS: Decimal(1), ROUNDED: Decimal("0.5")}.get(
        m.status, Decimal(0)
    )


def _points(points: Decimal) -> Count:
    whole, half = divmod(points, 1)
    if not half:
        return Count(int(whole))
    return Count(f"{int(whole) or ''}½")  # type: ignore[arg-type]  # a count with a half


def _by_line(wanted: list[Entry], marks: list[Mark]) -> Table:
    """Each line's points, and how it stands."""
    by_entry: dict[Entry, list[Mark]] = {}
    for m in marks:
        by_entry.setdefault(m.place[0], []).append(m)
    rows: list[tuple[Any, ...]] = []
    for entry in wanted:
        own = by_entry.get(entry, [])
        got = sum((_worth(m) for m in own), Decimal(0))
        of = len(list(indices(entry.shape)))
        states = Counter(m.status for m in own)
        worst = next((s for s in (WRONG, ROUNDED, FOLLOWS, RIGHT) if states[s]), "blank")
        # keys: check.mark.*
        points = Say("check.points.of", {"got": _points(got), "of": Count(of)})
        name: Any = entry.sym
        if entry.new:
            name = Say("check.updated", {"name": without_new(entry.sym)})
        mark = Say(f"check.mark.{worst}")
        if own and len(own) < of:
            mark = Say("check.mark.partly", {"mark": mark, "count": Count(of - len(own))})
        rows.append((mark, name, points))
    return Table((None, None, None), tuple(rows))
