"""Why is this number this number? The roads from one weight to the loss, stretch by stretch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product as cartesian
from typing import Any

import numpy as np

from gobhir.derivation.arrays import each_term
from gobhir.derivation.expression import (
    Expr,
    Index,
    Labelled,
    Name,
    Negative,
    Num,
    Product,
    Sum,
    Sym,
    indices,
)
from gobhir.derivation.rounding import evaluate, result, significant, substituted
from gobhir.derivation.step import Count, Line, Piece, Say, Step
from gobhir.explain.pages.lines import element_line, scalar_line
from gobhir.explain.quantity import Pulled, element, size
from gobhir.explain.reading import Reading

MOST_ROADS = 512
LONGEST = 40
"""So many gradients one after the other are a road that somebody may still follow."""
MANY = 10_000
"""In a step of more numbers than this nobody need count: there are too many roads."""
TERMS = 4
"""How many terms of a sum `why` lists one by one."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """One factor of a road: its value on the page, and what stands under its brace."""

    value: Decimal
    label: Expr


class Map:
    """Which gradient an element's name belongs to, so that a road can be followed."""

    def __init__(self, r: Reading):
        self.reading = r
        self._places: dict[Name, tuple[Pulled, Index]] = {}
        for p in r.pulled:
            if p.record is not None and size(p.shape) <= 4096:
                for i in indices(p.shape):
                    sym = p.sym.at(i)
                    assert isinstance(sym, Sym)
                    self._places[sym.name] = (p, i)

    def place(self, e: Expr) -> tuple[Pulled, Index] | None:
        """The gradient and the position that this name stands for, if it is one."""
        return self._places.get(e.name) if isinstance(e, Sym) else None

    def leads_on(self, e: Expr) -> bool:
        return any(self.place(n) is not None for n in e.walk())

    def roads(self, e: Expr) -> list[list[Stretch]]:
        """All products of stretches whose sum is e."""
        found = self.place(e)
        if found is not None:
            p, i = found
            assert p.expr is not None
            return self.roads(element(p.expr, i, p.shape))
        if not self.leads_on(e):
            return [self._atoms(e)]
        match e:
            case Labelled():
                return self.roads(e.body)
            case Sum():
                return [road for t in e.terms for road in self.roads(t)]
            case Product():
                # From the loss towards the weight: what leads on comes first.
                parts = [self.roads(t) for t in sorted(e.terms, key=lambda t: not self.leads_on(t))]
                return [[s for part in choice for s in part] for choice in cartesian(*parts)]
            case Negative():
                minus = Stretch(Decimal(-1), Num(Decimal(-1), None, True))
                return [[minus, *road] for road in self.roads(e.body)]
        return [[Stretch(self._value(e), e)]]

    def _atoms(self, e: Expr) -> list[Stretch]:
        if isinstance(e, Product) and not isinstance(e, Labelled):
            return [s for t in e.terms for s in self._atoms(t)]
        if isinstance(e, Labelled):
            label = e.label
            named = isinstance(label, Sym) and label.name.by is not None
            return [Stretch(self._value(e.body), label if named else e.body)]
        return [Stretch(self._value(e), e)]

    def _value(self, e: Expr) -> Decimal:
        return result(e, self.reading.rounder)


def count_roads(r: Reading, p: Pulled) -> int:
    """How many roads there are, without walking them all; above MOST_ROADS no longer exactly, and
    a road that is too long counts as too many."""
    places = Map(r)
    known: dict[Any, int] = {}

    def count(e: Expr, passed: int) -> int:
        found = places.place(e)
        if found is not None:
            q, i = found
            key = (id(q), i)
            if key not in known:
                assert q.expr is not None
                far = passed >= LONGEST
                known[key] = (
                    MOST_ROADS + 1 if far else count(element(q.expr, i, q.shape), passed + 1)
                )
            return known[key]
        if not places.leads_on(e):
            return 1
        if isinstance(e, Sum):
            out = 0
            for t in each_term(e):
                out += count(t, passed)
                if out > MOST_ROADS:  # and nothing that comes makes it fewer
                    break
            return out
        out = 1
        for c in e.children:
            out *= count(c, passed)
        return out

    assert p.expr is not None
    return count(element(p.expr, (0,) * len(p.shape), p.shape), 0)


def road_line(p: Pulled, index: Index, road: list[Stretch], mode: str, left: bool = True) -> Line:
    """The road as a product with a brace under every factor."""
    chain = Product(tuple(Labelled(Num(s.value), s.label) for s in road))
    name = p.sym.at(index) if left else None
    exact = float(np.asarray(p.exact)[index]) if left else None
    return scalar_line(name, chain, mode, exact, keep_braces=True)


def weigh(road: list[Stretch]) -> Decimal:
    """The product of its stretches."""
    out = Decimal(1)
    for s in road:
        out *= s.value
    return out


def all_the_way(r: Reading, p: Pulled, index: Index) -> Step | None:
    """The page's step "one number, all the way": the only road, or the greatest of several."""
    assert p.expr is not None and p.of is not None
    if not any(q.record is not None for q in r.pulled):
        return None
    if r.run.numbers > MANY or count_roads(r, p) > MOST_ROADS:
        return None
    roads = Map(r).roads(element(p.expr, index, p.shape))
    if not all(stretch.value.is_finite() for road in roads for stretch in road):
        return None  # a logarithm of 0, which the loss keeps finite and a product does not
    roads.sort(key=lambda road: -abs(weigh(road)))
    first = roads[0]
    number = Num(significant(result(element(p.expr, index, p.shape), r.rounder)))
    values = {"name": p.sym.at(index), "value": number, "stretches": Count(len(first))}
    pieces: list[Piece]
    if not weigh(first):
        pieces = [Say("rules.road.closed", {**values, "count": Count(len(roads))})]
    elif len(roads) == 1:
        pieces = [Say("rules.road.only", values), road_line(p, index, first, r.mode)]
    else:
        share = _percent(weigh(first), [weigh(road) for road in roads])
        counted = {**values, "count": Count(len(roads)), "share": share}
        pieces = [Say("rules.road.many", counted), road_line(p, index, first, r.mode, left=False)]
    slopes = sum(_is_slope_of(r, s, "sigmoid") for s in first)
    if slopes >= 2:
        pieces.append(Say("rules.road.sigmoid_slopes", {"count": Count(slopes)}))
    return Step("backward.road", "road", "backward", "", p.layer, {}, tuple(pieces))


def _percent(part: Decimal, parts: list[Decimal]) -> str:
    whole = sum((abs(x) for x in parts), Decimal(0))
    return f"{float(abs(part) / whole):.0%}" if whole else "0%"


def _is_slope_of(r: Reading, s: Stretch, op: str) -> bool:
    if not (isinstance(s.label, Sym) and s.label.name.by is not None):
        return False
    base, layer = s.label.name.base, s.label.name.layer
    return any(
        q.record is not None
        and q.record.op.name == op
        and (q.name.element or q.name.base, q.name.layer) == (base, layer)
        for q in r.computed
    )


def drill(r: Reading, p: Pulled, index: Index) -> Iterator[Step]:
    """`why`, one layer at a time: the line of the number, the terms of the sum inside it, then
    the same question for the greatest term, until the loss."""
    places = Map(r)
    here: tuple[Pulled, Index] | None = (p, index)
    depth = 0
    while here is not None:
        q, i = here
        assert q.expr is not None
        line = element_line(q, i, r.mode)
        pieces: list[Piece] = [Say("rules.why.line", {"name": q.sym.at(i)}), line]
        if line.result == 0:
            pieces.append(_why_zero(q, i))
        terms = _terms(element(q.expr, i, q.shape), places)
        if len(terms) > 1:
            pieces += _listed(terms, r, "examples" if q.record is None else "terms")
        yield Step(f"why.{depth}", "why", "backward", "", q.layer, {}, tuple(pieces))
        here = _next(terms, places)
        depth += 1


def _terms(e: Expr, places: Map) -> list[Expr]:
    """The terms of the sum through which the gradient arrives, greatest first."""
    for n in e.walk():
        if isinstance(n, Sum) and places.leads_on(n):
            return sorted(n.terms, key=lambda t: -abs(evaluate(substituted(t))))
    found = [n for n in e.walk() if places.place(n) is not None]
    return found[:1]


# keys: rules.why.examples, rules.why.terms


def _listed(terms: list[Expr], r: Reading, of: str) -> list[Piece]:
    values = [result(t, r.rounder) for t in terms]
    out: list[Piece] = [Say(f"rules.why.{of}", {"count": Count(len(terms))})]
    out += [scalar_line(None, t, r.mode) for t in terms[:TERMS]]
    shown = sum((abs(v) for v in values[:TERMS]), Decimal(0))
    whole = sum((abs(v) for v in values), Decimal(0))
    if len(terms) > TERMS and whole:
        rest = Num(significant(sum(values[TERMS:], Decimal(0))))
        share = f"{float(shown / whole):.0%}"
        left = Count(len(terms) - TERMS)
        out.append(Say("rules.why.rest", {"count": left, "rest": rest, "share": share}))
    return out


def _next(terms: list[Expr], places: Map) -> tuple[Pulled, Index] | None:
    for n in terms[0].walk() if terms else ():
        found = places.place(n)
        if found is not None:
            return found
    return None


def _why_zero(q: Pulled, i: Index) -> Say:
    """Which factor made the gradient exactly zero."""
    assert q.expr is not None
    e = element(q.expr, i, q.shape)
    for n in e.walk():
        slope = n.label if isinstance(n, Labelled) else None
        if not (isinstance(slope, Sym) and slope.name.by is not None):
            continue
        if evaluate(substituted(n.children[0])) == 0:
            return Say("rules.why.zero_slope", {"slope": slope})
    for n in e.walk():
        if isinstance(n, Sym) and evaluate(n) == 0:
            return Say("rules.why.zero_factor", {"factor": n})
    return Say("rules.why.zero")
