"""A student's numbers held against a sheet: which are right, which follow rightly from an earlier
mistake, which is the first wrong one, and which slips explain it.

A number is right when some honest way of calculating leads to it within half a unit of the last
digit that was written: from the numbers as written before it, or from those still in the
calculator; with all digits, or rounded on the way as this student rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from statistics import median_low

from gobhir.derivation.expression import Expr, Index, Negative, Sum, indices
from gobhir.derivation.rounding import Rounder, evaluate, significant
from gobhir.explain.checking.sheet import Entry, Sheet, World
from gobhir.explain.checking.slips import SLIPS, Slip
from gobhir.explain.checking.written import Written
from gobhir.explain.quantity import element

Place = tuple[Entry, Index]
Answers = Mapping[Place, Written]

RIGHT, FOLLOWS, ROUNDED, WRONG = "right", "follows", "rounded", "wrong"
HALF = Decimal("0.500001")
SLACK = Decimal("1.5")
"""So many units in the last digit are still a matter of rounding, in a number of three digits."""
FAR = Decimal(50)
"""Units of disagreement after which a bent rule is not looked at more closely."""
FEWEST = 2
"""Digits that a number needs before it says anything."""


@dataclass(frozen=True)
class Guess:
    """What a wrong number may come from: a slip by its name (`check.slip.<name>`), the entries at
    which the rule was bent, and, where one term is at fault, that term."""

    name: str
    at: tuple[Entry, ...] = ()
    term: Expr | None = None


@dataclass(frozen=True, eq=False)
class Mark:
    """One written number, judged. due: what it should have been, from the numbers before it."""

    place: Place
    written: Written
    status: str
    due: Decimal
    guesses: tuple[Guess, ...] = ()


@dataclass(eq=False)
class _Range:
    """From the least to the greatest that honest calculation gives."""

    values: list[Decimal]

    def reaches(self, w: Written, units: Decimal = HALF) -> bool:
        """Whether the number is in it, up to so many units of its last digit."""
        known = [v for v in self.values if v.is_finite()]
        room = w.unit * units
        return bool(known) and min(known) - room <= w.value <= max(known) + room


@dataclass(frozen=True, eq=False)
class _Bent:
    """A guess at work. rules: the bent ones; score: how well it fits the whole sheet; places:
    which of the wrong numbers of this line it leads to."""

    guess: Guess
    rules: dict[Entry, Expr]
    score: int
    places: set[Place]


@dataclass(eq=False)
class Marking:
    """All written numbers of a sheet, judged in order."""

    sheet: Sheet
    answers: Answers
    marks: list[Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        rounders = [None, _own_rounder(self.answers.values()), significant]
        self._truth = [World(self.sheet, r) for r in rounders]
        self._paper = [World(self.sheet, r) for r in rounders]
        self._memory = self._truth
        self._tainted: set[Entry] = set()
        for entry in self.sheet.entries:
            self._mark_entry(entry)

    @property
    def first_wrong(self) -> Mark | None:
        return next((m for m in self.marks if m.status == WRONG), None)

    def line(self, place: Place, world: int = -1) -> Expr:
        """The right rule for this element, over the numbers that were written before it."""
        entry, index = place
        assert entry.expr is not None
        return element(self._paper[world].filled(entry.expr), index, entry.shape)

    # -- one entry ----

    def _mark_entry(self, entry: Entry) -> None:
        mine = {i: w for i in indices(entry.shape) if (w := self.answers.get((entry, i)))}
        tainted = any(e in self._tainted for e in self.sheet.needs(entry))
        found = [self._mark((entry, i), w, tainted) for i, w in mine.items()]
        wrong = [m for m in found if m.status == WRONG]
        if wrong:
            guesses = self._explain(entry, wrong, found)
            found = [replace(m, guesses=guesses.get(m.place, ())) for m in found]
        self.marks += found
        if (
            wrong
            or any(m.status == FOLLOWS for m in found)
            or tainted
            and len(mine) < len(list(indices(entry.shape)))
        ):
            self._tainted.add(entry)
        numbers = {i: w.value for i, w in mine.items()}
        bent = entry in self._memory[0].bent
        kept = {m.place[1]: m.written.value for m in found if m.status == WRONG and not bent}
        for world in self._paper:
            world.take(entry, numbers)
        if kept and self._memory is self._truth:
            self._memory = [w.but({}) for w in self._truth]
        for world in self._memory:
            world.take(entry, kept)

    def _mark(self, place: Place, w: Written, tainted: bool) -> Mark:
        entry, index = place
        due = self._paper[0].value(entry, index)
        truth = _Range([world.value(entry, index) for world in self._truth])
        follow = _Range([v.value(entry, index) for v in (*self._paper, *self._memory)])
        if truth.reaches(w) and not (tainted and _coarse(w, truth)):
            status = _coarse(w, truth) or RIGHT
        elif follow.reaches(w):
            status = _coarse(w, follow) or (FOLLOWS if tainted else RIGHT)
        elif _rounding(w, follow) or (not tainted and _rounding(w, truth)):
            status = ROUNDED
        else:
            status = WRONG
        return Mark(place, w, status, due)

    # -- why it is wrong ----

    def _explain(
        self, entry: Entry, wrong: list[Mark], found: list[Mark]
    ) -> dict[Place, tuple[Guess, ...]]:
        """For each wrong element the slips that explain it, of several those that explain most of
        the sheet. One in a line that was not written down is taken over for what comes after."""
        if entry.expr is None:
            return {m.place: (Guess("copied"),) for m in wrong}
        out = {}
        bent = self._bent(entry, wrong)
        for m in wrong:
            fits = [b for b in bent if m.place in b.places]
            most = max((b.score for b in fits), default=0)
            best = [b for b in fits if b.score == most]
            out[m.place] = tuple(_once([b.guess for b in best] or list(self._of_one(m, found))))
            if best:
                self._adopt(entry, best[0].rules, found)
        return out

    def _adopt(self, entry: Entry, rules: dict[Entry, Expr], found: list[Mark]) -> None:
        """What comes after is worked out by the bent rules: in lines that are not on paper, and,
        if this one was bent as a whole, by whoever still has it in the calculator."""
        hidden = {e: rule for e, rule in rules.items() if e is not entry}
        self._tainted |= hidden.keys()
        self._paper = [w.but(hidden) for w in self._paper]
        worlds = [w.but(rules) for w in self._memory]
        whole = all(_reached(worlds, m.place, m.written) for m in found)
        self._memory = worlds if whole else [w.but(hidden) for w in self._memory]

    def _bent(self, entry: Entry, wrong: list[Mark]) -> list[_Bent]:
        """The bent rules that lead to wrong numbers here, exactly or up to careless rounding."""
        found = list(self._leading(entry, wrong, HALF))
        explained = {p for b in found for p in b.places}
        rest = [m for m in wrong if m.place not in explained and m.written.digits > FEWEST]
        return found + (list(self._leading(entry, rest, SLACK)) if rest else [])

    def _leading(self, entry: Entry, wrong: list[Mark], units: Decimal) -> Iterator[_Bent]:
        wrong = [m for m in wrong if m.written.digits >= FEWEST or m.written.value == 0]
        for slip in SLIPS:
            for at, rules in self._ways(slip, entry):
                first = self._paper[0].but(rules)
                near = [m for m in wrong if _reached([first], m.place, m.written, FAR)]
                if not near:
                    continue
                worlds = [first, *(w.but(rules) for w in (*self._paper[1:], *self._memory))]
                places = {m.place for m in near if _reached(worlds, m.place, m.written, units)}
                if places:
                    score = self._score(rules, entry)
                    yield _Bent(Guess(slip.name, at), rules, score, places)

    def _ways(
        self, slip: Slip, entry: Entry
    ) -> Iterator[tuple[tuple[Entry, ...], dict[Entry, Expr]]]:
        """The slip here; at one line before this that was not written down; everywhere."""
        hidden = self._hidden(entry)
        ways = {e: slip.rules(e, self.sheet) for e in (entry, *hidden)}
        for e, rules in ways.items():
            for rule in rules:
                yield (e,), {e: rule}
        bending = [e for e, rules in ways.items() if rules]
        if len(bending) > 1:
            for k in range(max(len(ways[e]) for e in bending)):
                yield tuple(bending), {e: ways[e][min(k, len(ways[e]) - 1)] for e in bending}

    def _hidden(self, entry: Entry) -> list[Entry]:
        """Entries before this one of which nothing is on paper, back to what is."""
        out: dict[Entry, None] = {}
        todo = list(self.sheet.needs(entry))
        while todo:
            e = todo.pop(0)
            written = any((e, i) in self.answers for i in indices(e.shape))
            if e.expr is not None and not written and e not in out:
                out[e] = None
                todo += self.sheet.needs(e)
        return list(out)

    def _score(self, rules: dict[Entry, Expr], entry: Entry) -> int:
        """How many of the numbers from this line on the bent rules lead to, less those that they
        do not."""
        worlds = [w.but(rules) for w in self._paper]
        later = [p for p in self.answers if p[0].order >= entry.order]
        affected = [p for p in later if p[0] in rules or self.sheet.upstream(p[0]) & rules.keys()]
        return sum(1 if _reached(worlds, p, self.answers[p]) else -1 for p in affected)

    def _of_one(self, m: Mark, found: list[Mark]) -> Iterator[Guess]:
        """Slips in a single number: a term, a sign, a digit, a place."""
        entry, index = m.place
        if m.written.digits < FEWEST:
            return  # too little to go by
        yield from _in_a_term(self.line(m.place, 0), m.written)
        due = [v.value(entry, index) for v in (*self._paper, *self._memory)]
        if _Range([-v for v in due]).reaches(m.written):
            yield Guess("lost_sign")
        for shift in (-3, -2, -1, 1, 2, 3):
            if _Range([v.scaleb(shift) for v in due]).reaches(m.written) and any(due):
                yield Guess("decimal_point")
                break
        if any(_digits_exchanged(m.written, v) for v in due):
            yield Guess("digits_exchanged")
        others = (i for i in indices(entry.shape) if i != index)
        if any(_Range([v.value(entry, i) for v in self._paper]).reaches(m.written) for i in others):
            yield Guess("neighbour")


def _reached(worlds: Iterable[World], place: Place, w: Written, units: Decimal = HALF) -> bool:
    return _Range([world.value(*place) for world in worlds]).reaches(w, units)


def _once(guesses: list[Guess]) -> list[Guess]:
    """Each slip by its nearest place only."""
    return list({g.name: g for g in reversed(guesses)}.values())[::-1]


def _in_a_term(e: Expr, w: Written) -> Iterator[Guess]:
    """A sum of which one term has the other sign, or is missing."""
    sums = [n for n in e.walk() if isinstance(n, Sum)]
    if not sums or sums[0] is not e:
        return
    whole = evaluate(e)
    for t in e.terms:
        part = evaluate(t)
        if part and _Range([whole - 2 * part]).reaches(w):
            yield Guess("term_sign", term=t.body if isinstance(t, Negative) else t)
        if part and _Range([whole - part]).reaches(w):
            yield Guess("term_missing", term=t.body if isinstance(t, Negative) else t)


# -- digits ----


def _own_rounder(numbers: Iterable[Written]) -> Rounder:
    """How this student rounds: to as many decimals, if they are always the same, else to as many
    significant digits as usual."""
    rounded = [w for w in numbers if w.digits >= FEWEST]
    if not rounded:
        return significant
    places = {w.places for w in rounded}
    if len(rounded) > 3 and len(places) == 1 and (p := places.pop()) > 1:
        unit = Decimal(1).scaleb(-p)
        return lambda x: _cut_at(x, unit, ROUND_HALF_UP) or x
    digits = median_low(w.digits for w in rounded)
    return lambda x: significant(x, digits)


def _coarse(w: Written, reach: _Range) -> str | None:
    """Too few digits to say anything: 0.1 for 0.14; and 0 is no rounding of 0.04."""
    exact = any(v == w.value for v in reach.values)
    if w.digits >= FEWEST or exact or _tiny(w, reach):
        return None
    return WRONG if w.digits == 0 and w.places < FEWEST else ROUNDED


def _tiny(w: Written, reach: _Range) -> bool:
    """0 for what is 0 up to rounding."""
    return w.value == 0 and all(abs(v) < Decimal("1e-12") for v in reach.values)


def _rounding(w: Written, reach: _Range) -> bool:
    """Off by a unit in the last digit, or cut off where it should have been rounded."""
    if w.digits > FEWEST and reach.reaches(w, SLACK):
        return True
    cut = (_cut_at(v, w.unit, ROUND_DOWN) for v in reach.values)
    return w.digits >= FEWEST and any(v == w.value for v in cut)


def _cut_at(x: Decimal, unit: Decimal, how: str) -> Decimal | None:
    """x with its last digit at `unit`; None where there would be too many digits."""
    small = x.is_finite() and x.adjusted() - unit.adjusted() < 25
    return x.quantize(unit, how) if small else None


def _digits_exchanged(w: Written, due: Decimal) -> bool:
    """5439 for 5349."""
    rounded = _cut_at(due, w.unit, ROUND_HALF_UP)
    if rounded is None:
        return False
    a, b = (format(v, "f") for v in (rounded, w.value))
    if len(a) != len(b):
        return False
    apart = [i for i, (c, d) in enumerate(zip(a, b, strict=True)) if c != d]
    return len(apart) == 2 and a[apart[0]] == b[apart[1]] and a[apart[1]] == b[apart[0]]
