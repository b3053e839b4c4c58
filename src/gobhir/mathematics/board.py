"""The board on which a page of mathematics is worked out.

An algorithm writes what it does on a board, line by line, and gets each line's number back to go
on with. It is run twice: in full precision, and then as a pupil does it, with four significant
digits (more where four would not do), every number from those printed before it. The first run
decides (which pivot, how many rounds), the second follows; so the lines correspond, and each knows
how far it is from the exact value. What is whole is worked out in fractions and is exact in both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction as Ratio
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np

from gobhir.derivation.expression import Expr, Function, Name, Num, Sym, transform
from gobhir.derivation.rounding import DIGITS, Rounder, decimal, objects, significant, stages
from gobhir.derivation.step import (
    Count,
    Derivation,
    Fold,
    Line,
    Piece,
    Say,
    Section,
    Step,
    Table,
)
from gobhir.mathematics.numbers import (
    LARGEST,
    Number,
    as_decimal,
    exact_stages,
    floats,
    is_short,
    is_whole,
    laid_out,
    read,
    read_array,
    root,
    written,
)
from gobhir.mathematics.numbers import exact as exact_value

P = ParamSpec("P")
MORE_DIGITS = (DIGITS, 7, 10, 14)
"""How many significant digits are tried, one after the other."""


@dataclass(frozen=True, eq=False, repr=False)
class Worked(Derivation):
    """A page of mathematics. result: what was asked for, as a program wants it: a float, an array
    or a tuple of them, in full precision."""

    result: Any = field(default=None)


class Board:
    """A page in the making. Keys of sentences are whole ("maths.rows.swap")."""

    def __init__(self, subject: str, rounder: Rounder, decided: list[Any] | None = None):
        self.subject = subject
        self.rounder = rounder
        self.whole = True
        """Whether all numbers that were given are whole or fractions."""
        self._following = decided is not None
        self.decided: list[Any] = [] if decided is None else list(decided)
        self._sections: list[tuple[str, list[list[Piece]]]] = [("start", [[]])]
        self._folds: list[list[Piece]] = []

    # -- what is given ---------------------------------------------------------------------------

    def number(self, value: Any, name: str) -> Number:
        """A number that was given."""
        return self._taken(objects([read(value, name)], (1,)))[0]

    def vector(self, values: Any, name: str, base: str | None = None) -> np.ndarray:
        """A vector that was given, and a line that shows it."""
        return self._given(self._taken(read_array(values, name, 1)), base or name)

    def data(self, values: Any, name: str, base: str) -> np.ndarray:
        """Numbers that were given, and a line that shows them side by side."""
        x = self._taken(read_array(values, name, 1))
        self.formula(Name(base), laid_out(x.reshape(1, -1)))
        return x

    def matrix(self, values: Any, name: str, base: str | None = None) -> np.ndarray:
        """A matrix that was given, and a line that shows it."""
        return self._given(self._taken(read_array(values, name, 2)), base or name)

    def _taken(self, values: np.ndarray) -> np.ndarray:
        if max(values.shape) > LARGEST or not all(map(is_short, values.flat)):
            self.whole = False
        if self.whole:
            return values
        cut = [self.rounder(as_decimal(v)) for v in values.flat]
        return objects(cut, values.shape)

    def _given(self, values: np.ndarray, name: str) -> np.ndarray:
        self.show(Name(name), values)
        return values

    # -- working ---------------------------------------------------------------------------------

    def value(self, e: Expr) -> Number:
        """What a line with this tree comes to, without writing it."""
        return _short(self._stages(e)[1])

    def line(self, left: Name | Expr | None, e: Expr, *first: Expr, note: Say | None = None) -> Any:
        """Write left = first = ... = e = numbers = ... = result; the result, to go on with."""
        chain, result = self._stages(e)
        shown = (*first, transform(e, _shown), *chain)
        exact = float(result) if isinstance(result, Decimal) else None
        self.write(Line(left, shown, None, exact, note=note))
        return _short(result)

    def _stages(self, e: Expr) -> tuple[tuple[Expr, ...], Number]:
        if self.whole and (body := _square(e)) is not None and is_whole(body):
            under = exact_value(body)
            if (found := root(under)) is not None:
                before = [Function("sqrt", (s,)) for s in exact_stages(body)]
                return (*before, written(found)), found
        if self.whole and is_whole(e):
            found = exact_value(e)
            return exact_stages(e), found
        chain = stages(transform(e, _as_decimals), self.rounder)
        last = chain[-1]
        assert isinstance(last, Num)
        return chain[1:], last.value

    def cut(self, x: float) -> Number:
        """A number that was computed elsewhere, as this board writes it."""
        return self.rounder(decimal(x))

    def decide(self, choice: Any) -> Any:
        """What the run in full precision chose here; a function is called in that run only."""
        if self._following:
            return self.decided.pop(0)
        self.decided.append(choice() if callable(choice) else choice)
        return self.decided[-1]

    def zero(self, x: Number, beside: Number | int = 1) -> bool:
        """Whether this is 0, but for the last of many digits."""
        return bool(self.decide(abs(as_decimal(x)) <= Decimal("1e-20") * abs(as_decimal(beside))))

    # -- writing ---------------------------------------------------------------------------------

    def write(self, piece: Piece) -> None:
        (self._folds or self._sections[-1][1])[-1].append(piece)

    @contextmanager
    def folded(self, heading: Say, when: bool = True) -> Iterator[None]:
        """What is written meanwhile stays closed under this heading."""
        if not when:
            yield
            return
        self._folds.append([])
        yield
        pieces = tuple(self._folds.pop())
        self.write(Fold(heading, pieces))

    def say(self, key: str, **values: Any) -> None:
        """A sentence, which begins a new step; whole numbers in it count things."""
        if self._sections[-1][1][-1] and not self._folds:
            self._sections[-1][1].append([])
        self.write(told(key, **values))

    def section(self, key: str) -> None:
        """A heading."""
        self._sections.append((key, [[]]))

    def formula(self, left: Name | Expr | None, *shown: Expr, arrow: bool = False) -> None:
        """A line in which nothing is worked out here."""
        self.write(Line(left, shown, arrow=arrow))

    def show(self, left: Name | Expr | None, values: np.ndarray, *first: Expr) -> None:
        """A vector or a matrix."""
        self.formula(left, *first, laid_out(values))

    def table(self, head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> None:
        self.write(Table(tuple(map(cell, head)), tuple(tuple(map(cell, r)) for r in rows)))

    def sections(self) -> tuple[Section, ...]:
        made = []
        for phase, groups in self._sections:
            parts = [g for g in groups if g]
            steps = tuple(
                Step(f"{phase}.{i}", self.subject, phase, self.subject, "", {}, tuple(g))
                for i, g in enumerate(parts)
            )
            made += [Section(phase, steps)] if steps else []
        return tuple(made)


def told(key: str, **values: Any) -> Say:
    """A sentence; whole numbers of Python's count things."""
    return Say(key, {k: cell(v) for k, v in values.items()})


def cell(v: Any) -> Any:
    """A value of a sentence or a table, as its classes know it; a float is cut to four digits."""
    if isinstance(v, bool):
        return str(v)
    if isinstance(v, int):
        return Count(v)
    if isinstance(v, Ratio):
        return written(v)
    if isinstance(v, float):
        return Num(_short(significant(decimal(v))))
    return Num(v) if isinstance(v, Decimal) else v


def _short(x: Number) -> Number:
    """90 for 90.00, to go on with."""
    whole = isinstance(x, Decimal) and x.is_finite() and x == x.to_integral_value()
    return Decimal(int(x)) if whole else x


def _shown(n: Expr) -> Expr | None:
    """Names with decimals for values: a page as data knows no other numbers."""
    return Sym(n.name, as_decimal(n.value)) if isinstance(n, Sym) else None


def _as_decimals(n: Expr) -> Expr | None:
    if isinstance(n, Sym) and isinstance(n.value, Ratio):
        whole = n.value.denominator == 1
        return Sym(n.name, as_decimal(n.value)) if whole else written(n.value)
    return None


def _square(e: Expr) -> Expr | None:
    """What stands under the root, where the whole is a root."""
    return e.arguments[0] if isinstance(e, Function) and e.name == "sqrt" else None


# -- from a board to a page ----------------------------------------------------------------------

SUBJECTS: dict[str, Callable[..., Worked]] = {}
"""All pages by name."""


def page(algorithm: Callable[Concatenate[Board, P], Any]) -> Callable[P, Worked]:
    """Make of what an algorithm writes on a board the public function that gives the page."""
    name = algorithm.__name__.strip("_")

    @wraps(algorithm)
    def worked(*args: P.args, **kwargs: P.kwargs) -> Worked:
        first = Board(name, lambda x: x)
        result = algorithm(first, *args, **kwargs)
        board, digits = _by_hand(name, algorithm, (args, kwargs), first.decided, result)
        pairs = iter(zip(_lines(first.sections()), _lines(board.sections()), strict=True))
        sections = tuple(
            replace(s, steps=tuple(replace(k, pieces=_held(k.pieces, pairs)) for k in s.steps))
            for s in board.sections()
        )
        rounded = any(line.error is not None for s in sections for k in s.steps for line in k.lines)
        told_before = (told("maths.hand", digits=digits),)
        intro = told_before if rounded or not board.whole else ()
        return Worked(Say(f"maths.title.{name}"), intro, sections, "hand", _plain(result))
        # keys: maths.title.*

    shown = inspect.signature(algorithm)
    without = list(shown.parameters.values())[1:]
    worked.__signature__ = shown.replace(parameters=without, return_annotation=Worked)  # type: ignore[attr-defined]
    SUBJECTS[name] = worked
    return worked


def _by_hand(
    name: str, algorithm: Callable[..., Any], given: Any, decided: list[Any], result: Any
) -> tuple[Board, int]:
    """The board with as few digits as tell the truth: where rounding takes away what the
    calculation stands on, a pupil has to write down more of them."""
    for digits in MORE_DIGITS:
        board = Board(name, partial(significant, digits=digits), decided)
        try:
            if _near(algorithm(board, *given[0], **given[1]), result):
                break
        except (ValueError, ArithmeticError):
            if digits == MORE_DIGITS[-1]:
                raise
    return board, digits


def _near(found: Any, result: Any) -> bool:
    """Whether two results agree to about one part in a hundred."""
    if isinstance(result, tuple):
        return all(map(_near, found, result))
    if isinstance(result, str):
        return bool(found == result)
    a, b = (np.atleast_1d(np.asarray(floats(x), float)) for x in (found, result))
    largest = float(np.abs(b[np.isfinite(b)]).max(initial=0))
    return bool(np.allclose(a, b, rtol=0.01, atol=0.01 * largest or 0.005))


def _lines(sections: Sequence[Section]) -> Iterator[Line]:
    for s in sections:
        for k in s.steps:
            yield from _inside(k.pieces)


def _inside(pieces: Sequence[Piece]) -> Iterator[Line]:
    for p in pieces:
        if isinstance(p, Fold):
            yield from _inside(p.pieces)
        elif isinstance(p, Line):
            yield p


def _held(pieces: Sequence[Piece], pairs: Iterator[tuple[Line, Line]]) -> tuple[Piece, ...]:
    """The pieces with each worked line held against the same line in full precision."""
    out: list[Piece] = []
    for p in pieces:
        if isinstance(p, Fold):
            p = replace(p, pieces=_held(p.pieces, pairs))
        elif isinstance(p, Line):
            precise = next(pairs)[0].exact
            if precise is not None and p.exact is not None:
                p = replace(p, exact=precise, error=abs(p.exact - precise))
            else:
                p = replace(p, exact=None)
        out.append(p)
    return tuple(out)


def _plain(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_plain, result))
    return floats(result)
