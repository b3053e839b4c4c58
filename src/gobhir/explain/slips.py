"""The slips that people make in a hand calculation, as bent rules.

A slip takes an entry's rule and bends it as the mistake would: the slope is left out, the updated
weight is read too early. Applied to a sheet, everything after it follows from the wrong number; so
a slip is found in any network. Collected from forum questions and corrected course assignments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gobhir.derivation.arrays import SumOver, Transposed
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Labelled,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    number,
    transform,
)
from gobhir.derivation.formula import read
from gobhir.engine.op import Family
from gobhir.explain.sheet import Entry, Sheet, ones, square

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


def _changed(e: Expr | None, change: Change) -> Expr | None:
    """The rule with this change somewhere; None where it changed nothing."""
    out = None if e is None else transform(e, change)
    return None if out is e else out


def _is(kind: type[Expr], then: Callable[..., Expr | None]) -> Change:
    return lambda e: then(e) if isinstance(e, kind) else None


def _back(entry: Entry) -> bool:
    return entry.phase == "backward"


# -- the slope of an activation ----


def _slope(then: Callable[[Labelled, Entry, Entry], Expr | None]) -> Bend:
    """A slip in the factor da/dz. then: what takes its place, from the factor, a and z."""

    def bend(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
        def change(e: Expr) -> Expr | None:
            if not isinstance(e, Labelled) or not isinstance(e.label, Sym):
                return None
            n = e.label.name
            if n.by is None:
                return None
            a = next((c for c in sheet.entries if _same_name(c, e.label)), None)
            z = None if a is None else sheet.activation(a)
            return None if a is None or z is None else then(e, a, z)

        if _back(entry):
            yield _changed(entry.expr, change)

    return bend


def _same_name(entry: Entry, label: Sym) -> bool:
    a, b = entry.name, label.name
    return (a.base, a.layer, a.index) == (b.base, b.layer, b.index) and not a.partial


def _exchanged(e: Expr | None, old: Sym, new: Expr) -> Expr | None:
    return _changed(e, lambda n: new if n is old else None)


@slip
def no_slope(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    yield from _slope(lambda e, a, z: number(1))(entry, sheet)


@slip
def slope_of_input(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    yield from _slope(lambda e, a, z: _exchanged(e.body, a.sym, z.sym))(entry, sheet)


@slip
def slope_twice(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def squashed_again(e: Labelled, a: Entry, z: Entry) -> Expr | None:
        again = None if a.expr is None else _exchanged(a.expr, z.sym, a.sym)
        return None if again is None else _exchanged(e.body, a.sym, again)

    yield from _slope(squashed_again)(entry, sheet)


@slip
def value_for_slope(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    yield from _slope(lambda e, a, z: a.sym)(entry, sheet)


@slip
def half_slope(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def part(e: Labelled, a: Entry, z: Entry) -> Expr | None:
        if isinstance(e.body, Product):  # a (1 - a): the first factor left out
            return Product(e.body.terms[1:])
        return None

    yield from _slope(part)(entry, sheet)
    without_square = _is(Power, lambda p: p.left)
    yield from _slope(lambda e, a, z: _changed(e.body, without_square))(entry, sheet)


_OTHERS = {
    "sigmoid": ("1 / (1 + exp(-z))", "a * (1 - a)"),
    "tanh": ("tanh(z)", "1 - a ** 2"),
    "relu": ("max(0, z)", "1 if z > 0 else 0"),
}


@slip
def other_slope(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    for op, (_, slope) in _OTHERS.items():
        if op == "relu":  # 1 where the unit is alive: the slope left out
            continue

        def theirs(
            e: Labelled, a: Entry, z: Entry, op: str = op, slope: str = slope
        ) -> Expr | None:
            own = a.record.op.name == op
            return None if own else read(slope, {"a": a.sym, "z": z.sym})

        yield from _slope(theirs)(entry, sheet)


# -- signs and factors ----


@slip
def sign(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if entry.phase in ("loss", "backward") and entry.expr is not None:
        yield Negative(entry.expr)


@slip
def factor_two(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if entry.expr is not None and _near_target(entry, sheet):
        yield Product((number(2), entry.expr))
        yield Fraction(entry.expr, number(2))


def _near_target(entry: Entry, sheet: Sheet) -> bool:
    """The loss, and the first gradient behind it."""
    if not _back(entry):
        return entry.phase == "loss"
    return entry.expr is not None and any(_is_target(e, sheet) for e in entry.expr.walk())


def _is_target(e: Expr, sheet: Sheet) -> bool:
    """y, or the row of a 1 and zeros that stands for it."""
    found = sheet.of(e)
    given = found is not None and found[0].given == "target"
    return given or (isinstance(e, Sym) and e.name.base.lower() == "y")


@slip
def no_square(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    without = _is(Power, lambda p: p.left)
    yield _changed(entry.expr, without) if entry.phase == "loss" else None


@slip
def no_mean(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def undivided(e: Fraction) -> Expr | None:
        n = e.right
        return e.left if isinstance(n, Num) and n.constant and n.value > 1 else None

    if entry.phase in ("loss", "backward"):
        yield _changed(entry.expr, _is(Fraction, undivided))


@slip
def averaged(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """A sum over the examples, divided once more by their number."""
    rows = [e.shape[0] for e in sheet.needs(entry) if len(e.shape) >= 2 and _back(e)]
    if _of_weight(entry) and rows and rows[0] > 1 and entry.expr is not None:
        yield Fraction(entry.expr, number(rows[0]))


@slip
def no_target(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def left(e: Sum) -> Expr | None:
        kept = tuple(
            t for t in e.terms if not (isinstance(t, Negative) and _is_target(t.body, sheet))
        )
        return kept[0] if len(kept) == 1 and len(e.terms) == 2 else None

    if entry.phase in ("loss", "backward"):
        yield _changed(entry.expr, _is(Sum, left))


# -- what goes into a weighted sum ----


def _weighted(entry: Entry) -> bool:
    """Whether this is a layer's weighted sum."""
    r = entry.record
    return not _back(entry) and r is not None and r.op.family is Family.LINEAR


def _of_weight(entry: Entry) -> bool:
    """Whether this is the gradient of a parameter."""
    return _back(entry) and entry.of is not None and entry.of.given == "parameter"


@slip
def no_bias(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def without(e: Sum) -> Expr | None:
        kept = [t for t in e.terms if not any(t is p.sym for p in sheet.parameters(entry))]
        return kept[0] if len(kept) == 1 and len(e.terms) > 1 else None

    if _weighted(entry):
        yield _changed(entry.expr, _is(Sum, without))


@slip
def transposed(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    matrices = [p.sym for p in sheet.parameters(entry) if square(p.sym)]

    def turned(e: Expr) -> Expr | None:
        if isinstance(e, Transposed) and any(e.body is w for w in matrices):
            return e.body
        return Transposed(e) if any(e is w for w in matrices) else None

    if entry.phase in ("forward", "backward"):
        yield _changed(entry.expr, turned)
    if _of_weight(entry) and entry.expr is not None and square(entry.expr):
        yield Transposed(entry.expr)


@slip
def no_activation(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """z where a = f(z) is due: passed on, or taken for the gradient of the weights."""
    z = sheet.activation(entry)
    if z is not None:
        yield z.sym
    if _weighted(entry) or _of_weight(entry):
        for a in sheet.needs(entry):
            before = sheet.activation(a)
            if before is not None:
                yield _exchanged(entry.expr, a.sym, before.sym)


@slip
def input_again(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The network's input where the layer before should have been read."""
    inputs = [e for e in sheet.entries if e.given == "input"]
    for a in sheet.needs(entry):
        same = [x for x in inputs if x.shape == a.shape]
        due = sheet.activation(a) is not None and (_weighted(entry) or _of_weight(entry))
        if same and due:
            yield _exchanged(entry.expr, a.sym, same[0].sym)


@slip
def no_input(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The blame alone as the gradient of a weight."""
    if _of_weight(entry):
        for a in sheet.needs(entry):
            if a.phase in ("start", "forward"):
                yield _exchanged(entry.expr, a.sym, ones(a.sym))


@slip
def no_weight(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if _back(entry):
        for w in sheet.parameters(entry):
            yield _exchanged(entry.expr, w.sym, ones(w.sym))


@slip
def updated_too_early(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if _back(entry):
        for w in sheet.parameters(entry):
            new = sheet.updated(w)
            if new is not None and entry not in sheet.upstream(new):
                yield _exchanged(entry.expr, w.sym, new.sym)


# -- functions ----


@slip
def exponent_sign(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def positive(e: Function) -> Expr | None:
        (x,) = e.arguments[:1]
        return Function("exp", (x.body,)) if e.name == "exp" and isinstance(x, Negative) else None

    yield _changed(entry.expr, _is(Function, positive)) if entry.phase == "forward" else None


@slip
def other_activation(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    z = sheet.activation(entry)
    for op, (formula, _) in _OTHERS.items():
        if z is not None and entry.record.op.name != op:
            yield read(formula, {"z": z.sym})


@slip
def log_of_ten(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def common(e: Function) -> Expr | None:
        return Fraction(e, Function("log", (number(10),))) if e.name == "log" else None

    yield _changed(entry.expr, _is(Function, common)) if entry.phase == "loss" else None


@slip
def not_normalised(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def numerator(e: Fraction) -> Expr | None:
        summed = any(isinstance(n, SumOver) for n in e.right.walk())
        return e.left if summed and isinstance(e.left, Function) else None

    if entry.phase in ("forward", "loss"):
        yield _changed(entry.expr, _is(Fraction, numerator))


# -- the update ----


def _step(entry: Entry) -> Sum | None:
    """w - eta g, for the entry that is the new w."""
    own = entry.of is not None and entry.name.base == entry.of.name.base
    return entry.expr if own and entry.new and isinstance(entry.expr, Sum) else None


@slip
def uphill(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    e = _step(entry)
    if e is not None:
        terms = (t.body if isinstance(t, Negative) else t for t in e.terms)
        yield Sum(tuple(terms))


@slip
def no_rate(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    rate = _is(Sym, lambda s: number(1) if s.name.base == "eta" else None)
    yield _changed(_step(entry), rate)


@slip
def only_the_step(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    e = _step(entry)
    rest = [] if e is None or entry.of is None else [t for t in e.terms if t is not entry.of.sym]
    if e is not None and len(rest) == len(e.terms) - 1:
        yield Sum(tuple(rest))
        yield Negative(Sum(tuple(rest)))


@slip
def not_updated(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if _step(entry) is not None and entry.of is not None:
        yield entry.of.sym


@slip
def no_correction(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """Adam's moments without the correction for their start at 0."""
    if entry.phase == "update" and entry.name.base.endswith("hat"):
        yield _changed(entry.expr, _is(Fraction, lambda e: e.left))
