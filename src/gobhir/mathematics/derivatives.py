"""Derivatives by rules, every rule named: of one letter, of several (gradient, Jacobian, Hessian),
and the chain rule as a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction as Ratio
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Function, Name, Sym, number
from gobhir.derivation.rounding import evaluate, objects
from gobhir.derivation.signs import Operator, grid
from gobhir.lang import say
from gobhir.mathematics.board import Board, cell, page
from gobhir.mathematics.functions import parse, put, source, value, variables
from gobhir.mathematics.numbers import Number, as_decimal, written
from gobhir.mathematics.rules import CORNERS, Rules, simplified
from gobhir.mathematics.signs import added, letter, minus, norm, sqrt, squared, times

STEP = Decimal("1e-4")


@page
def derivative(board: Board, f: str, at: Any = None) -> Any:
    """The derivative of a function of one letter, by rules, and its value at a point. f: such as
    "x**2*sin(3*x)". at: a number, or None. The result is the derivative's value, or without a
    point the derivative as text. ValueError for what cannot be read, or has no slope there."""
    tree = parse(f)
    names = variables(tree)
    if len(names) > 1:
        raise ValueError(say("errors.maths.one_letter", names=", ".join(names)))
    by = names[0] if names else "x"
    x = letter(by)
    board.formula(_of("f", x), tree)
    board.section("maths.head.rules")
    found = _by_rules(board, tree, by, "d")
    board.say("maths.derivative.so")
    board.formula(_of("f'", x), found)
    if at is None:
        return source(found)
    point = {by: board.number(at, "at")}
    smooth(tree, point)
    board.section("maths.head.point")
    board.say("maths.derivative.point", letter=x, value=point[by])
    slope: Number = board.line(_of("f'", written(point[by])), put(found, point))
    board.say("maths.derivative.means")
    _wiggled(board, tree, by, point)
    return slope


def _of(name: str, x: Expr) -> Expr:
    return Function(name, (x,))


def _by_rules(board: Board, tree: Expr, by: str, sign: str) -> Expr:
    """Write the rules one by one, from the inside out; the derivative."""
    rules = Rules(by)
    found = rules.derive(tree)
    if not rules.used:
        constant = not variables(tree) or by not in variables(tree)
        board.say("maths.rule.constant" if constant else "maths.rule.itself", letter=letter(by))
        board.formula(Operator(tree, sign, Name(by)), found)
    for used in rules.used:
        board.say(f"maths.rule.{used.key}", letter=letter(by), **used.parts)
        # keys: maths.rule.*
        first = [] if source(used.raw) == source(used.result) else [used.raw]
        board.formula(Operator(used.of, sign, Name(by)), *first, used.result)
    return found


def smooth(tree: Expr, point: Mapping[str, Number]) -> None:
    """ValueError where the function has no value there, or a corner."""
    at = {k: float(v) for k, v in point.items()}
    where = ", ".join(f"{k} = {v:g}" for k, v in at.items())
    for n in tree.walk():
        if isinstance(n, Function) and n.name in CORNERS and value(n.arguments[-1], at) == 0:
            told = {"max": "relu"}.get(n.name, n.name)
            raise ValueError(say("errors.maths.corner", function=told, where=where))
    names = variables(tree)
    if not np.isfinite(value(tree, at)):
        raise ValueError(say("errors.maths.no_value", where=where))
    if not all(np.isfinite(value(Rules(k).derive(tree), at)) for k in names):
        raise ValueError(say("errors.maths.no_slope", where=where))


def precise(tree: Expr, point: Mapping[str, Number | Decimal]) -> Decimal:
    """The function's value to many digits."""
    return evaluate(put(tree, {k: as_decimal(v) for k, v in point.items()}))


def _wiggled(board: Board, tree: Expr, by: str, point: Mapping[str, Number]) -> None:
    """The same slope by moving a little to both sides."""
    at = {k: as_decimal(v) for k, v in point.items()}
    up, down = (precise(tree, {**at, by: at[by] + s * STEP}) for s in (1, -1))
    board.section("maths.head.check")
    board.say("maths.derivative.wiggle")
    x, h = letter(by), letter("h")
    general = Fraction(minus(_of("f", added((x, h))), _of("f", minus(x, h))), times(number(2), h))
    board.formula(general, cell((up - down) / (2 * STEP)))


# -- of several letters --------------------------------------------------------------------------


def _point(board: Board, at: Any, names: Sequence[str]) -> dict[str, Number] | None:
    """Where: {"x": 1, "y": 2}, or the values in the letters' order."""
    if at is None:
        return None
    given = at if isinstance(at, Mapping) else dict(zip(names, _values(at, names), strict=True))
    if set(given) != set(names):
        raise ValueError(say("errors.maths.point", names=", ".join(names), found=str(at)))
    return {k: board.number(given[k], k) for k in names}


def _values(at: Any, names: Sequence[str]) -> Sequence[Any]:
    values = list(at) if np.ndim(at) or isinstance(at, (list, tuple)) else [at]
    if len(values) != len(names):
        raise ValueError(say("errors.maths.point", names=", ".join(names), found=str(at)))
    return values


@page
def gradient(board: Board, f: str, at: Any = None) -> Any:
    """The partial derivatives of a function of several letters, and at a point the direction in
    which it rises most steeply. f: such as "x**2 + 3*x*y". at: values in alphabetical order of the
    letters, or {"x": 1, "y": 2}. The result: the gradient there, or the derivatives as texts."""
    tree = parse(f)
    names = variables(tree) or ["x"]
    board.formula(_of_all("f", names), tree)
    board.say("maths.gradient.idea")
    parts = []
    board.section("maths.head.partial")
    for by in names:
        board.say("maths.gradient.by", letter=letter(by))
        parts.append(_by_rules(board, tree, by, "partial"))
    board.section("maths.head.gradient")
    board.say("maths.gradient.all")
    nabla = _gradient_of("f")
    board.formula(nabla, grid([[p] for p in parts]))
    point = _point(board, at, names)
    if point is None:
        return tuple(map(source, parts))
    smooth(tree, point)
    board.say("maths.gradient.point", **_where(point))
    values = [
        board.line(Name("f", by=Name(by)), put(p, point))
        for by, p in zip(names, parts, strict=True)
    ]
    board.formula(nabla, grid([[written(v)] for v in values]))
    if not any(values):
        board.say("maths.gradient.flat")
    else:
        board.say("maths.gradient.steepest")
        board.line(norm(nabla), sqrt(added([squared(written(v)) for v in values])))
    return objects(values, (len(values),))


def _where(point: Mapping[str, Number]) -> dict[str, str]:
    return {"where": ", ".join(f"{k} = {float(v):g}" for k, v in point.items())}


def _of_all(name: str, names: Sequence[str]) -> Expr:
    return Function(name, tuple(map(letter, names)))


def _gradient_of(name: str) -> Expr:
    return times(letter("nabla"), letter(name))


@page
def jacobian(board: Board, f: Sequence[str], at: Any = None) -> Any:
    """All partial derivatives of several functions: a row for each function, a column for each
    letter. f: such as ["x*y", "x + y**2"]. at: as for gradient."""
    listed = [f] if isinstance(f, str) else list(f)
    trees = [parse(t) for t in listed]
    names = variables(*trees) or ["x"]
    for i, tree in enumerate(trees):
        board.formula(letter("f", i + 1), tree)
    board.say("maths.jacobian.idea")
    board.section("maths.head.rows")
    rows = []
    for i, tree in enumerate(trees):
        board.say("maths.jacobian.row", which=letter("f", i + 1))
        rows.append([_by_rules(board, tree, by, "partial") for by in names])
    return _together(board, trees, names, rows, at, "J")


@page
def hessian(board: Board, f: str, at: Any = None) -> Any:
    """All second derivatives: how the slope itself changes. f, at: as for gradient."""
    tree = parse(f)
    names = variables(tree) or ["x"]
    board.formula(_of_all("f", names), tree)
    board.say("maths.hessian.idea")
    board.section("maths.head.rows")
    rows = []
    for by in names:
        board.say("maths.gradient.by", letter=letter(by))
        first = _by_rules(board, tree, by, "partial")
        board.say("maths.hessian.again")
        rows.append([_by_rules(board, first, other, "partial") for other in names])
    return _together(board, [tree], names, rows, at, "H")


def _together(
    board: Board,
    trees: Sequence[Expr],
    names: Sequence[str],
    rows: Sequence[Sequence[Expr]],
    at: Any,
    called: str,
) -> Any:
    """Write the matrix of derivatives, and its values at a point."""
    board.section("maths.head.together")
    board.say(f"maths.{'jacobian' if called == 'J' else 'hessian'}.all")
    # keys: maths.jacobian.all, maths.hessian.all
    board.formula(Name(called), grid(rows))
    point = _point(board, at, names)
    if point is None:
        return tuple(tuple(map(source, row)) for row in rows)
    for tree in trees:
        smooth(tree, {k: point[k] for k in variables(tree)})
    board.say("maths.gradient.point", **_where(point))
    values = [[board.value(put(d, point)) for d in row] for row in rows]
    board.formula(Name(called), grid([[*map(written, row)] for row in values]))
    return objects([v for row in values for v in row], (len(rows), len(names)))


# -- the chain rule as a graph -------------------------------------------------------------------


@page
def chain(board: Board, f: str, at: Any) -> np.ndarray:
    """The chain rule as a graph: each small operation by itself, the values forward, then the
    slopes backward, and where several ways meet, their sum. f, at: as for gradient. The result: the
    slope by each letter."""
    tree = simplified(parse(f))
    names = variables(tree)
    if not names:
        raise ValueError(say("errors.maths.no_letter", text=str(f)))
    point = _point(board, at, names)
    assert point is not None
    smooth(tree, point)
    board.formula(_of_all("f", names), tree)
    nodes = _Graph(names)
    nodes.add(tree)
    if not nodes.found:
        board.say("maths.rule.itself", letter=letter(names[0]))
        return objects([Ratio(1)], (1,))
    board.section("maths.head.forward")
    board.say("maths.chain.forward")
    known: dict[str, Number] = dict(point)
    for name, e in nodes.found.items():
        known[name] = board.line(Name(name), put(e, known))
    board.section("maths.head.backward")
    board.say("maths.chain.backward", last=letter([*nodes.found][-1]))
    slopes: dict[str, Number] = {[*nodes.found][-1]: Ratio(1)}
    for name in reversed([*names, *nodes.found][:-1]):
        above = [k for k, e in nodes.found.items() if name in variables(e)]
        if len(above) > 1:
            board.say("maths.chain.meet", count=len(above), which=letter(name))
        local = {k: put(Rules(name).derive(nodes.found[k]), known) for k in above}
        way = added([times(Sym(_by(Name("f"), k).name, slopes[k]), local[k]) for k in above])
        general = [times(_by(Name("f"), k), _by(Name(k), name)) for k in above]
        slopes[name] = board.line(Name("f", by=Name(name)), way, added(general))
    return objects([slopes[k] for k in names], (len(names),))


def _by(above: Name, below: str) -> Sym:
    """How fast one operation grows with another."""
    return Sym(Name(above.base, by=Name(below)), Decimal(0))


class _Graph:
    """The small operations of a function, each once: u1 = 3 x, u2 = sin(u1), ..."""

    def __init__(self, names: Sequence[str]):
        self.found: dict[str, Expr] = {}
        self._seen: dict[str, str] = {}
        self._letter = next(c for c in "uvwzqst" if not any(k[0] == c for k in names))

    def add(self, e: Expr) -> Expr:
        """The letter that stands for e."""
        if not e.children or not variables(e):
            return e
        parts = e.rebuild(tuple(self.add(c) for c in e.children))
        if source(e) not in self._seen:
            name = f"{self._letter}{len(self.found) + 1}"
            self._seen[source(e)] = name
            self.found[name] = parts
        return Sym(Name(self._seen[source(e)]), Decimal(0))
