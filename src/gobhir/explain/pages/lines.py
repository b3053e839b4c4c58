"""Lines of a page: one element with nothing skipped, or a whole matrix at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.arrays import LongSum
from gobhir.derivation.expression import (
    Cases,
    Expr,
    Index,
    Labelled,
    Leaf,
    Name,
    Num,
    Product,
    Sum,
    Sym,
    indices,
    total,
    transform,
    without_labels,
)
from gobhir.derivation.places import Joined, Rearranged, Reshaped, Scattered, Taken
from gobhir.derivation.rounding import (
    DIGITS,
    MOST_DIGITS,
    Rounder,
    decimal,
    decimals,
    each,
    evaluate,
    objects,
    reproducible,
    result,
    shown,
    significant,
    stages,
    substituted,
)
from gobhir.derivation.step import Count, Line, Say
from gobhir.explain.quantity import Quantity, element

WIDEST = 8
"""Rows or columns of a matrix that are still written out."""
MOST_SLOPES = 64
"""Slopes by cases that are worked out for a line of matrices."""
LONGEST = 12
"""Terms of a sum that are still written out (exact mode; hand mode writes all)."""


def inline(value: Any, digits: int = 4, of: Name | None = None) -> Num:
    """A number inside a sentence, or in a table; of: what it is the value of."""
    return Num(significant(decimals(value), digits), of=of)


def distance(shown_value: Any, exact: Any) -> float:
    """Largest absolute difference between what is printed and the engine's value."""
    a, b = (np.ravel(np.asarray(v, float)) for v in (shown_value, exact))
    apart = np.subtract(a, b, out=np.zeros_like(a), where=a != b)  # infinities may be equal
    return float(np.abs(apart).max(initial=0.0))


def off(q: Quantity, mode: str, lead: Index = ()) -> float | None:
    """How far the page's values of it are from the reference; None in exact mode where only the
    engine computed it: these are the engine's own numbers."""
    if mode == "exact" and q.reference is None:
        return None
    return distance(np.asarray(q.sym.value)[lead], np.asarray(q.truth)[lead])


def scalar_line(
    left: Name | Expr | None,
    expr: Expr,
    mode: str,
    exact: float | None = None,
    keep_braces: bool = False,
    arrow: bool = False,
    note: Say | None = None,
    first: Sequence[Expr] = (),
    truth: float | None = None,
) -> Line:
    """left = names = numbers = ... = result, for the tree of one number. truth: what the result is
    compared with, if not with `exact`.

    first: further forms to show before `expr`. keep_braces: the braces stay under the numbers.
    """
    rounder: Rounder = significant if mode == "hand" else lambda x: x
    if keep_braces:
        whole: tuple[Expr, ...] = (expr, Num(rounder(evaluate(expr)), without_labels(expr)))
    else:
        whole = stages(expr if mode == "hand" else _folded(expr), rounder)
    marked = False
    end = whole[-1]
    if exact is not None and isinstance(end, Num) and not end.value.is_finite():
        # The engine cuts ln 0 off, as PyTorch does; the textbook's formula has no value there.
        return Line(left, (*first, expr, Num(significant(decimal(exact)))), None, exact)
    if mode == "exact":
        view = shown(whole)
        whole, marked = view.stages, view.marked
    if not keep_braces and first and isinstance(first[-1], Product):
        whole = whole[1:]  # the chain rule's own line says what the names are
    assert isinstance(end, Num)
    # In exact mode of the result in full precision, not of the digits that are shown.
    error = None if exact is None else distance(end.value, exact if truth is None else truth)
    return Line(left, (*first, *whole), error, exact, marked, arrow, note)


def _folded(e: Expr) -> Expr:
    """A sum of very many terms with its middle as one number (written as dots among the names)."""

    def change(n: Expr) -> Expr | None:
        if isinstance(n, LongSum):
            ends = n.ends()
            hidden = float(n.values.sum() - n.values[ends].sum())
            first = [n.term(k) for k in ends]
            return Sum((*first[:-1], Sym(Name("dots"), decimal(hidden)), first[-1]))
        if isinstance(n, Sum) and any(isinstance(t, LongSum) for t in n.terms):
            return total(transform(t, change) for t in n.terms)
        if not isinstance(n, Sum) or len(n.terms) <= LONGEST:
            return None
        kept, rest = n.terms[:3], n.terms[3:-1]
        middle = sum((result(t, lambda x: x) for t in rest), Decimal(0))
        return Sum((*kept, Sym(Name("dots"), middle), n.terms[-1]))

    return transform(e, change)


def element_line(q: Quantity, index: Index, mode: str, **how: Any) -> Line:
    """The line of one element of a computed quantity."""
    assert q.expr is not None
    left = q.sym.at(index)
    exact = float(np.asarray(q.exact)[index])
    e = element(q.expr, index, q.shape)
    line = scalar_line(left, e, mode, exact, truth=float(np.asarray(q.truth)[index]), **how)
    if _by_cases(e) > 1:
        # Many terms by cases: the rule once, then the case that holds for each.
        return replace(line, stages=(q.expr, *line.stages[1:]))
    return line


def _by_cases(e: Expr) -> int:
    """How many cases there are in it; the terms of a long sum are all alike."""
    if isinstance(e, LongSum):
        return e.count * max((_by_cases(e.term(k)) for k in e.ends()), default=0)
    return isinstance(e, Cases) + sum(map(_by_cases, e.children))


def dots(e: Expr | None, index: Index, shape: tuple[int, ...]) -> list[Say]:
    """What the dots in a folded sum stand for, where there are any."""
    if e is None:
        return []
    longest = max(_lengths(element(e, index, shape)), default=0)
    return [Say("rules.fold.dots", {"count": Count(longest - 4)})] if longest > LONGEST else []


def _lengths(e: Expr) -> Iterator[int]:
    """How many terms each sum has."""
    if isinstance(e, LongSum):
        yield e.count
        return
    if isinstance(e, Sum):
        yield len(e.terms)
    for c in e.children:
        yield from _lengths(c)


def matrix_line(q: Quantity, mode: str, numbers: bool = True) -> Line:
    """q = names = matrices of numbers = result, all elements at once.

    numbers: put the operands' numbers in (left out where they would not fit on the page).
    """
    assert q.expr is not None
    symbolic = _without_cases(q.expr)
    by_cases = any(isinstance(n, Cases) for n in symbolic.walk())
    if not numbers or by_cases or not _fits(q):
        whole = Num(page_values(q.sym.value, mode))
        return Line(q.sym, (symbolic, whole), off(q, mode), q.exact)
    lines = [stages_of(element(q.expr, i, q.shape), mode) for i in indices(q.shape)]
    middle = _middle(lines, q.shape)
    before = middle
    if before is None:
        before = transform(_put_in(without_labels(symbolic)), _as_laid_out)
    sources = [substituted(line[0]) if middle is None else line[-2] for line in lines]
    if any(isinstance(n, _MOVED) and not _same_rows(n) for n in before.walk()):
        whole = Num(page_values(q.sym.value, mode))
        return Line(q.sym, (symbolic, whole), distance(q.sym.value, q.truth), q.exact)
    # The values as they will be printed: exact mode's come from the engine's own float64.
    pairs = [Num(v, e) for v, e in zip(np.ravel(q.sym.value), sources, strict=True)]
    last: Expr = Num(q.sym.value)
    marked = False
    if mode == "exact":
        digits = _digits_for(pairs)
        marked = digits is None
        before, last = _cut(before, digits or DIGITS), Num(_rounded(q.sym.value, DIGITS))
    chain = _distinct([symbolic, before, last])
    results = [line[-1].value for line in lines]  # type: ignore[attr-defined]  # lines end in Num
    return Line(q.sym, chain, distance(results, q.truth), q.exact, marked)


_MOVED = (Rearranged, Reshaped, Scattered, Taken, Joined)


def _as_laid_out(n: Expr) -> Expr | None:
    """Numbers that are laid out anew only by dimensions of size 1, as they stand in the result: a
    row of a batch of one is a column on the page."""
    if not _same_rows(n) or n.shape == n.children[0].shape:
        return None
    shape, (body,) = n.shape, n.children

    def change(m: Expr) -> Expr | None:
        fits = isinstance(m, Num) and m.shape == body.shape
        return Num(np.reshape(m.value, shape)[()]) if fits else None  # type: ignore[attr-defined]

    out = transform(body, change)
    return out if out.shape == shape else None


def _same_rows(n: Expr) -> bool:
    """Whether it is laid out anew only by dimensions of size 1, which nobody sees."""
    squeezed = ([k for k in e.shape if k > 1] for e in (n, *n.children))
    return isinstance(n, Reshaped) and next(squeezed) == next(squeezed)


def _put_in(e: Expr) -> Expr:
    """The line with numbers for names; numbers taken from other places stand there already."""

    def change(n: Expr) -> Expr | None:
        if isinstance(n, _MOVED) and n.shape:
            found = [n.at(i) for i in indices(n.shape)]
            if all(isinstance(f, Leaf) for f in found):
                return Num(objects([f.value for f in found], n.shape))  # type: ignore[attr-defined]
        return Num(n.value) if isinstance(n, Sym) else None

    return transform(e, change)


def _digits_for(pairs: list[Num]) -> int | None:
    """How many digits the numbers before the result need, so that every element comes out."""
    for digits in range(DIGITS, MOST_DIGITS + 1):
        if all(reproducible((_cut_pair(p, digits),)) for p in pairs):
            return digits
    return None


def _cut_pair(p: Num, digits: int) -> Num:
    assert p.source is not None
    return Num(significant(decimal(p.value)), _cut(p.source, digits))


def stages_of(e: Expr, mode: str) -> tuple[Expr, ...]:
    return stages(e, significant if mode == "hand" else lambda x: x)


def _cut(e: Expr, digits: int) -> Expr:
    def change(n: Expr) -> Expr | None:
        if isinstance(n, Num) and not n.constant:
            return Num(_rounded(n.value, digits))
        return None

    return transform(e, change)


def _rounded(value: Any, digits: int) -> Any:
    return each(lambda v: significant(decimal(v), digits), value)


def page_values(value: Any, mode: str) -> Any:
    if mode == "hand" or np.size(value) > 4096:
        return value
    return _rounded(value, DIGITS)


def _distinct(chain: list[Expr]) -> tuple[Expr, ...]:
    """Without stages that say the same as the one before (a bare name, then its number twice)."""
    out = [chain[0]]
    for e in chain[1:]:
        before = out[-1]
        same = (
            isinstance(e, Num)
            and isinstance(before, Num)
            and np.shape(e.value) == np.shape(before.value)
            and bool(np.all(np.equal(e.value, before.value)))
        )
        if not same:
            out.append(e)
    return tuple(out)


def _fits(q: Quantity) -> bool:
    """Whether every matrix on the line can be written out."""
    assert q.expr is not None
    arrays = [n.shape for n in q.expr.walk() if isinstance(n, (Sym, Num))]
    flat = all(len(n.shape) <= 2 for n in q.expr.walk())
    return flat and all(s <= WIDEST for shape in (*arrays, q.shape) for s in shape)


def _middle(lines: list[tuple[Expr, ...]], shape: tuple[int, ...]) -> Expr | None:
    """The stage before the last, assembled from the elements': (column) . (column), where all
    elements have such a stage."""
    if any(len(line) < 4 for line in lines):
        return None
    trees = [line[-2] for line in lines]
    stacked = _stack(trees, shape)
    flat_product = isinstance(stacked, Product) and all(
        isinstance(t, Num) and all(decimal(v).is_finite() for v in np.ravel(t.value))
        for t in stacked.terms
    )
    return stacked if flat_product else None


def _stack(trees: list[Expr], shape: tuple[int, ...]) -> Expr | None:
    """Trees of the same build, one for each element, as one tree over arrays."""
    first = trees[0]
    if any(type(t) is not type(first) or len(t.children) != len(first.children) for t in trees):
        return None
    if isinstance(first, Num):
        values = [t.value for t in trees]  # type: ignore[attr-defined]  # all Num, as just seen
        return Num(objects(values, shape))
    parts = [_stack([t.children[k] for t in trees], shape) for k in range(len(first.children))]
    if any(p is None for p in parts):
        return None
    return first.rebuild(tuple(p for p in parts if p is not None))


def _without_cases(e: Expr) -> Expr:
    """In a matrix line a slope by cases (ReLU's) is written by its name, da/dz, with its values."""

    def change(n: Expr) -> Expr | None:
        if isinstance(n, Labelled):
            if any(isinstance(m, Cases) for m in n.body.walk()):
                shape, named = n.label.shape, n.label
                assert isinstance(named, Sym)
                if np.prod(shape) > MOST_SLOPES:  # not written out, so not worked out either
                    return named
                slopes = [result(element(n.body, i, shape), significant) for i in indices(shape)]
                return Sym(named.name, objects(slopes, shape) if shape else slopes[0])
            return transform(n.body, change)
        return None

    return transform(e, change)


def chain_of_names(q: Quantity, expr: Expr, index: Index) -> Expr | None:
    """dL/da . da/dz with the formula of each factor under a brace: how the chain rule is first
    shown. None when the gradient is no product of two labelled factors."""
    e = element(expr, index, q.shape)
    if not isinstance(e, Product) or not all(isinstance(t, Labelled) for t in e.terms):
        return None
    return Product(tuple(Labelled(t.label, t.body) for t in e.terms))  # type: ignore[attr-defined]
