"""Slips in a plain network: slopes, signs and factors, what goes into a weighted sum, functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
)
from gobhir.derivation.formula import read
from gobhir.derivation.places import Rearranged
from gobhir.engine.op import Family
from gobhir.explain.checking.sheet import Entry, Sheet, ones, square
from gobhir.explain.checking.slip import Bend, back, changed, dropped, exchanged, kind_of, slip

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

        if back(entry):
            yield changed(entry.expr, change)

    return bend


def _same_name(entry: Entry, label: Sym) -> bool:
    a, b = entry.name, label.name
    return (a.base, a.layer, a.index) == (b.base, b.layer, b.index) and not a.partial


@slip
def no_slope(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    yield from _slope(lambda e, a, z: number(1))(entry, sheet)


@slip
def slope_of_input(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    yield from _slope(lambda e, a, z: exchanged(e.body, a.sym, z.sym))(entry, sheet)


@slip
def slope_twice(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def squashed_again(e: Labelled, a: Entry, z: Entry) -> Expr | None:
        again = None if a.expr is None else exchanged(a.expr, z.sym, a.sym)
        return None if again is None else exchanged(e.body, a.sym, again)

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
    without_square = kind_of(Power, lambda p: p.left)
    yield from _slope(lambda e, a, z: changed(e.body, without_square))(entry, sheet)


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
    if not back(entry):
        return entry.phase == "loss"
    return entry.expr is not None and any(_is_target(e, sheet) for e in entry.expr.walk())


def hot(e: Expr) -> bool:
    """Whether it is a row of a 1 and zeros that stands for a class."""
    return isinstance(e, Sym) and e.name.base.lower() == "y" and len(e.shape) > 0


def _is_target(e: Expr, sheet: Sheet) -> bool:
    """y, or the row of a 1 and zeros that stands for it."""
    found = sheet.of(e)
    given = found is not None and found[0].given == "target"
    return given or (isinstance(e, Sym) and e.name.base.lower() == "y")


@slip
def no_square(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    without = kind_of(Power, lambda p: p.left)
    yield changed(entry.expr, without) if entry.phase == "loss" else None


@slip
def no_mean(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def undivided(e: Fraction) -> Expr | None:
        n = e.right
        return e.left if isinstance(n, Num) and n.constant and n.value > 1 else None

    if entry.phase in ("loss", "backward"):
        yield changed(entry.expr, kind_of(Fraction, undivided))


@slip
def averaged(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """A sum over the examples, divided once more by their number."""
    rows = [e.shape[0] for e in sheet.needs(entry) if len(e.shape) >= 2 and back(e)]
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
        yield changed(entry.expr, kind_of(Sum, left))


# -- what goes into a weighted sum ----


def _weighted(entry: Entry) -> bool:
    """Whether this is a layer's weighted sum."""
    r = entry.record
    return not back(entry) and r is not None and r.op.family is Family.LINEAR


def _of_weight(entry: Entry) -> bool:
    """Whether this is the gradient of a parameter."""
    return back(entry) and entry.of is not None and entry.of.given == "parameter"


def _is_bias(e: Entry) -> bool:
    """A bias, or the part of one that a gate reads."""
    part = isinstance(e.expr, Rearranged)
    return (e.given == "parameter" or part) and e.name.base == "b" and len(e.shape) <= 1


@slip
def no_bias(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    biases = [e for e in sheet.needs(entry) if _is_bias(e)]

    def bias(t: Expr) -> bool:
        read = [n for n in t.walk() if isinstance(n, Sym)]
        of = [found[0] for n in read if (found := sheet.of(n)) is not None]
        return bool(of) and all(any(e is b for b in biases) for e in of)

    if biases and not back(entry) and entry.phase == "forward":
        yield dropped(entry.expr, bias)


@slip
def transposed(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    matrices = [p.sym for p in sheet.parameters(entry) if square(p.sym)]

    def turned(e: Expr) -> Expr | None:
        if isinstance(e, Transposed) and any(e.body is w for w in matrices):
            return e.body
        return Transposed(e) if any(e is w for w in matrices) else None

    if entry.phase in ("forward", "backward"):
        yield changed(entry.expr, turned)
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
                yield exchanged(entry.expr, a.sym, before.sym)


@slip
def input_again(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The network's input where the layer before should have been read."""
    inputs = [e for e in sheet.entries if e.given == "input"]
    for a in sheet.needs(entry):
        same = [x for x in inputs if x.shape == a.shape]
        due = sheet.activation(a) is not None and (_weighted(entry) or _of_weight(entry))
        if same and due:
            yield exchanged(entry.expr, a.sym, same[0].sym)


@slip
def no_input(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The blame alone as the gradient of a weight."""
    if _of_weight(entry):
        for a in sheet.needs(entry):
            if a.phase in ("start", "forward"):
                yield exchanged(entry.expr, a.sym, ones(a.sym))


@slip
def no_weight(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if back(entry):
        for w in sheet.parameters(entry):
            yield exchanged(entry.expr, w.sym, ones(w.sym))


@slip
def updated_too_early(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if back(entry):
        for w in sheet.parameters(entry):
            new = sheet.updated(w)
            if new is not None and entry not in sheet.upstream(new):
                yield exchanged(entry.expr, w.sym, new.sym)


# -- functions ----


@slip
def exponent_sign(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def positive(e: Function) -> Expr | None:
        (x,) = e.arguments[:1]
        return Function("exp", (x.body,)) if e.name == "exp" and isinstance(x, Negative) else None

    yield changed(entry.expr, kind_of(Function, positive)) if entry.phase == "forward" else None


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

    yield changed(entry.expr, kind_of(Function, common)) if entry.phase == "loss" else None


@slip
def not_normalised(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def numerator(e: Fraction) -> Expr | None:
        summed = any(isinstance(n, SumOver) for n in e.right.walk())
        return e.left if summed and isinstance(e.left, Function) else None

    if entry.phase in ("forward", "loss"):
        yield changed(entry.expr, kind_of(Fraction, numerator))
