"""A reading as a sheet of quantities in the order in which a person works them out, each with its
rule; and worlds, in which some numbers are as someone wrote them and some rules are bent.

`check` compares what stands on paper with such worlds; a worksheet is the sheet with blanks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Index, Name, Num, Sym, indices, transform
from gobhir.derivation.places import Joined, Rearranged, Reshaped
from gobhir.derivation.rounding import Rounder, decimal, decimals, evaluate, objects, result
from gobhir.engine import Update
from gobhir.engine.op import Family
from gobhir.explain.pages.clipping import Clipping, clipping
from gobhir.explain.pages.update import assignments
from gobhir.explain.quantity import Quantity, element, size
from gobhir.explain.reading import Reading

Partial = Mapping[Index, Decimal]
"""Some elements of a quantity."""


@dataclass(eq=False)
class Entry:
    """One quantity of the sheet. expr: its rule, over other entries' names; None for what was
    given. phase as in a Step; of: the parameter that was updated or pulled for."""

    sym: Sym
    expr: Expr | None
    phase: str
    given: str = ""
    record: Any = None
    of: Quantity | None = None
    order: int = 0

    @property
    def name(self) -> Name:
        return self.sym.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.sym.shape

    @property
    def new(self) -> bool:
        """Whether it is a value after the update."""
        return "new" in self.name.index

    def at(self, index: Index) -> Sym:
        out = self.sym.at(index)
        assert isinstance(out, Sym)
        return out


class Sheet:
    """All entries of a reading, in order. What has no rule is taken as given."""

    def __init__(self, reading: Reading):
        self.reading = reading
        self.entries: list[Entry] = []
        self._by_sym: dict[int, tuple[Sym, Entry]] = {}
        self._by_name: dict[Name, tuple[Entry, Index]] = {}
        self._needs: dict[Entry, list[Entry]] = {}
        self._upstream: dict[Entry, set[Entry]] = {}
        r = reading
        for q in r.quantities.values():
            if q.given:
                self._add(q.sym, None, "start", given=q.given)
        boundary = r.run.boundary
        for q in r.computed:
            phase = "forward" if q.record is None or q.record.order <= boundary else "loss"
            for helper in r.helpers.get(q.record, ()):  # type: ignore[arg-type]  # or None
                self._add(helper.sym, helper.expr, phase, record=q.record)
            self._add(q.sym, q.expr, phase, record=q.record)
        for p in r.pulled:
            self._add(p.sym, p.expr, "backward", record=p.record, of=p.of)
        updates = [u for u in r.run.tape.updates if u.parameter in r.pulled_of and u.rule]
        clip = clipping(r, updates) if updates else Clipping()
        for u in updates:
            self._add_update(u, clip)

    def _add(self, sym: Sym, expr: Expr | None, phase: str, **more: Any) -> Entry:
        entry = Entry(sym, expr, phase, order=len(self.entries), **more)
        self.entries.append(entry)
        self._known_as(sym, entry)
        for i in indices(entry.shape):
            self._by_name.setdefault(entry.at(i).name, (entry, i))
        return entry

    def _known_as(self, sym: Sym, entry: Entry) -> None:
        self._by_sym[id(sym)] = sym, entry  # kept, so that its id stays its own

    def _add_update(self, u: Update, clip: Clipping) -> None:
        """The rule's assignments; what they set is called new, to tell it from what was."""
        q = self.reading.quantities[u.parameter]
        rule = [target for target, _ in (*clip.rule, *u.rule)]
        for k, (sym, expr, _) in enumerate(assignments(self.reading, u, clip)):
            for e in expr.walk():
                if isinstance(e, Sym) and id(e) not in self._by_sym and not e.shape:
                    self._setting(e)
            n = sym.name
            name = n if n.base.endswith("hat") else replace(n, index=("new", *n.index))
            last = rule[k] not in rule[k + 1 :]  # AdamW sets w twice
            phase = "update" if last else "between"
            self._known_as(sym, self._add(Sym(name, sym.value), expr, phase, of=q))

    def _setting(self, e: Sym) -> None:
        """eta, the betas, ...: one entry for all parameters."""
        known = self._by_name.get(e.name)
        if known is not None and known[0].given:
            self._known_as(e, known[0])
        elif known is None:
            self._add(e, None, "start", given="setting").order = -1

    # -- finding one's way ----

    def of(self, e: Expr) -> tuple[Entry, Index | None] | None:
        """The entry that this name stands for, and which element of it (None: all)."""
        if not isinstance(e, Sym):
            return None
        known = self._by_sym.get(id(e))
        if known is not None:
            return known[1], None
        return None if e.shape else self._by_name.get(e.name)  # an element, named by its place

    def called(self, name: Name) -> Entry | None:
        """The entry of this very name."""
        return next((e for e in self.entries if e.name == name), None)

    def needs(self, entry: Entry) -> list[Entry]:
        """What the entry's rule reads."""
        if entry not in self._needs:
            found = [self.of(n) for n in entry.expr.walk()] if entry.expr is not None else []
            self._needs[entry] = list(dict.fromkeys(f[0] for f in found if f is not None))
        return self._needs[entry]

    def parameters(self, entry: Entry) -> list[Entry]:
        """Those of them that are weights or biases."""
        return [e for e in self.needs(entry) if e.given == "parameter"]

    def upstream(self, entry: Entry) -> set[Entry]:
        """Everything that the entry's value depends on."""
        if entry not in self._upstream:
            found = set(self.needs(entry))
            self._upstream[entry] = found.union(*(self.upstream(e) for e in found))
        return self._upstream[entry]

    def activation(self, entry: Entry) -> Entry | None:
        """For a = f(z) in the network: the entry z. None for anything else."""
        elementwise = entry.record is not None and entry.record.op.family is Family.ELEMENTWISE
        if entry.phase != "forward" or entry.expr is None or not elementwise:
            return None
        needs = self.needs(entry)
        return needs[0] if len(needs) == 1 and needs[0].shape == entry.shape else None

    def updated(self, entry: Entry) -> Entry | None:
        """The parameter's value after the step."""
        found = [e for e in self.entries if e.new and e.of is not None and e.of.sym is entry.sym]
        own = (e for e in found if e.name.base == entry.name.base and e.phase == "update")
        return next(own, None)

    def asked(self, phases: Iterable[str] | None = None) -> list[Entry]:
        """What there is to work out, in order."""
        wanted = set(phases or ("forward", "loss", "backward", "update"))
        return [e for e in self.entries if e.phase in wanted and self._reckoned(e)]

    def _reckoned(self, entry: Entry) -> bool:
        """Whether there is something to work out: not where numbers only change places."""
        e = entry.expr
        while isinstance(e, Reshaped):
            e = e.body
        start = isinstance(e, Sym) and e.name == entry.name  # h<0> = h<0>
        return e is not None and not start and not isinstance(e, (Rearranged, Joined))


class World:
    """The values of a sheet's entries if these numbers are taken as written and these rules are
    bent. rounder: how every line is rounded; None keeps all digits."""

    def __init__(
        self,
        sheet: Sheet,
        rounder: Rounder | None = None,
        bent: Mapping[Entry, Expr] | None = None,
    ):
        self.sheet = sheet
        self.rounder = rounder
        self.bent = dict(bent or {})
        self.written: dict[Entry, dict[Index, Decimal]] = {}
        self._by_rule: dict[Entry, Any] = {}

    def but(self, bent: Mapping[Entry, Expr]) -> World:
        """The same world with further rules bent."""
        other = World(self.sheet, self.rounder, self.bent | dict(bent))
        other.written = {e: dict(numbers) for e, numbers in self.written.items()}
        untouched = min((e.order for e in bent), default=len(self.sheet.entries))
        other._by_rule = {e: v for e, v in self._by_rule.items() if e.order < untouched}
        return other

    def take(self, entry: Entry, numbers: Partial) -> None:
        """From now on these elements are as written."""
        if numbers:
            self.written.setdefault(entry, {}).update(numbers)

    def values(self, entry: Entry) -> Any:
        """A Decimal, or an object array of them: as written, else by the rules."""
        values, mine = self.by_rule(entry), self.written.get(entry)
        if not mine:
            return values
        if not entry.shape:
            return mine[()]
        values = values.copy()
        for i, v in mine.items():
            values[i] = v
        return values

    def by_rule(self, entry: Entry) -> Any:
        """The same, whatever was written for this entry itself."""
        if entry not in self._by_rule:
            self._by_rule[entry] = self._work_out(entry)
        return self._by_rule[entry]

    def value(self, entry: Entry, index: Index) -> Decimal:
        """One element by its rule."""
        return _one(self.by_rule(entry), index)

    def filled(self, expr: Expr) -> Expr:
        """The rule with this world's values behind its names."""

        def change(e: Expr) -> Expr | None:
            found = self.sheet.of(e)
            if found is None:
                return None
            entry, index = found
            values = self.values(entry)
            return Sym(e.name, values if index is None else _one(values, index))  # type: ignore[attr-defined]

        return transform(expr, change)

    def _work_out(self, entry: Entry) -> Any:
        expr = self.bent.get(entry, entry.expr)
        rounder = self.rounder
        if expr is None:  # as it was given, or as it is printed
            given = decimals(entry.sym.value) if entry.shape else decimal(entry.sym.value)
            if rounder is None or entry.given == "setting":
                return given
            return np.vectorize(rounder, otypes=[object])(given) if entry.shape else rounder(given)
        filled = self.filled(expr)
        trees = (element(filled, i, entry.shape) for i in indices(entry.shape))
        values = [evaluate(e) if rounder is None else result(e, rounder) for e in trees]
        return objects(values, entry.shape) if entry.shape else values[0]


def _one(values: Any, index: Index) -> Decimal:
    return values[index] if index else values


def count(entries: Iterable[Entry]) -> int:
    """How many numbers there are on these lines."""
    return sum(size(e.shape) for e in entries)


def square(e: Expr) -> bool:
    """Whether it is a matrix that could be read the other way round."""
    return len(e.shape) == 2 and e.shape[0] == e.shape[1] > 1


def ones(s: Sym) -> Num:
    """1 in the place of every number of s."""
    one = Decimal(1)
    return Num(np.full(s.shape, one, object) if s.shape else one)
