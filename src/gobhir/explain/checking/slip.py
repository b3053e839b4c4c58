"""What a slip is: a mistake that people make in a hand calculation, as a bent rule.

A slip takes an entry's rule and bends it as the mistake would: the slope is left out, the updated
weight is read too early. Applied to a sheet, everything after it follows from the wrong number; so
a slip is found in any network. Collected from forum questions and corrected course assignments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gobhir.derivation.expression import Expr, Negative, Sum, Sym, transform
from gobhir.explain.checking.sheet import Entry, Sheet

Bend = Callable[[Entry, Sheet], Iterator[Expr | None]]
Change = Callable[[Expr], Expr | None]


@dataclass(frozen=True)
class Slip:
    """name: its sentence is `check.slip.<name>`. bend: the ways in which it can turn an entry's
    rule; none where it cannot happen."""

    name: str
    bend: Bend

    def rules(self, entry: Entry, sheet: Sheet) -> list[Expr]:
        """The bent rules of this entry, those that are really bent."""
        found = [] if entry.expr is None else self.bend(entry, sheet)
        return [e for e in found if e is not None and e is not entry.expr]


SLIPS: list[Slip] = []
"""The likelier ones first."""
# keys: check.slip.*


def slip(bend: Bend) -> Bend:
    """Enters a slip under the name of its function."""
    SLIPS.append(Slip(bend.__name__, bend))
    return bend


def changed(e: Expr | None, change: Change) -> Expr | None:
    """The rule with this change somewhere; None where it changed nothing."""
    out = None if e is None else transform(e, change)
    return None if out is e else out


def kind_of(kind: type[Expr], then: Callable[..., Expr | None]) -> Change:
    return lambda e: then(e) if isinstance(e, kind) else None


def back(entry: Entry) -> bool:
    return entry.phase == "backward"


def exchanged(e: Expr | None, old: Sym, new: Expr) -> Expr | None:
    """The rule with `new` wherever the very name `old` stands."""
    return changed(e, lambda n: new if n is old else None)


def put(entry: Entry, sheet: Sheet, old: Entry, new: Expr) -> Expr | None:
    """The entry's rule with `new` wherever the whole of another entry is read."""

    def change(e: Expr) -> Expr | None:
        found = sheet.of(e)
        return new if found is not None and found[0] is old and found[1] is None else None

    return changed(entry.expr, change)


def dropped(e: Expr | None, away: Callable[[Expr], bool]) -> Expr | None:
    """The rule without those terms of its sum; None where none, or all, would go."""

    def fewer(n: Expr) -> Expr | None:
        if not isinstance(n, Sum):
            return None
        kept = tuple(t for t in n.terms if not away(t.body if isinstance(t, Negative) else t))
        if len(kept) == len(n.terms) or not kept:
            return None
        return kept[0] if len(kept) == 1 else Sum(kept)

    return changed(e, fewer)
