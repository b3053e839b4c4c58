"""Areas under curves: Riemann's sums, trapezoids, Simpson, and by throwing dice (Monte Carlo)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Function, Name, number
from gobhir.derivation.signs import Operator
from gobhir.lang import say
from gobhir.mathematics.board import Board, cell, page
from gobhir.mathematics.functions import put, value
from gobhir.mathematics.limits import one_letter
from gobhir.mathematics.numbers import Number, floats, written
from gobhir.mathematics.signs import added, letter, minus, times

WEIGHTS: dict[str, Callable[[int], Sequence[float]]] = {
    "left": lambda n: [1] * n + [0],
    "right": lambda n: [0] + [1] * n,
    "trapezoid": lambda n: [0.5] + [1] * (n - 1) + [0.5],
    "simpson": lambda n: [(1 if i in (0, n) else 4 if i % 2 else 2) / 3 for i in range(n + 1)],
}
"""How often each of the n + 1 values counts, times the width."""
MOST = 12
"""Strips that are still worked out on the page."""


def _between(board: Board, a: Any, b: Any) -> tuple[Number, Number]:
    low, high = board.number(a, "a"), board.number(b, "b")
    if not low < high:
        raise ValueError(say("errors.maths.bounds", a=f"{float(low):g}", b=f"{float(high):g}"))
    return low, high


@page
def integrate(board: Board, f: str, a: Any, b: Any, n: int = 4) -> float:
    """The area under f from a to b, by n strips: left, right and middle sums, trapezoids and
    Simpson's rule, worked out; then with more and more strips. n: even, at most 12. The result:
    the area, from Gauss's rule on many strips. ValueError where f has no value in between."""
    tree, by = one_letter(f)
    if not isinstance(n, int) or n < 2 or n % 2 or n > MOST:
        raise ValueError(say("errors.maths.strips", found=str(n), most=MOST))
    low, high = _between(board, a, b)
    board.formula(Function("f", (letter(by),)), tree)
    start, end = board.decide((floats(low), floats(high)))
    inside = value(tree, {by: np.linspace(start, end, 1001)})
    if not np.isfinite(inside).all():
        where = np.linspace(start, end, 1001)[~np.isfinite(inside)][0]
        raise ValueError(say("errors.maths.no_value", where=f"{by} = {where:g}"))
    board.say("maths.integral.strips", count=n)
    h: Number = board.line(Name("h"), Fraction(minus(written(high), written(low)), number(n)))
    points = [
        board.value(added([written(low), times(number(i), written(h))])) for i in range(n + 1)
    ]
    heights = [board.value(put(tree, {by: p})) for p in points]
    board.say("maths.integral.heights")
    board.table(
        [None, letter(by, "i"), Function("f", (letter(by, "i"),))],
        [[number(i), p, y] for i, (p, y) in enumerate(zip(points, heights, strict=True))],
    )
    board.section("maths.head.sums")
    for rule in ("left", "right"):
        board.say(f"maths.integral.{rule}")  # keys: maths.integral.left, maths.integral.right
        kept = heights[:-1] if rule == "left" else heights[1:]
        board.line(Name("S", index=(rule,)), times(written(h), added(map(written, kept))))
    board.say("maths.integral.middle")
    middles = [
        board.value(Fraction(added((written(p), written(q))), number(2)))
        for p, q in zip(points, points[1:], strict=False)
    ]
    middle = [board.value(put(tree, {by: p})) for p in middles]
    board.line(Name("S", index=("mid",)), times(written(h), added(map(written, middle))))
    board.say("maths.integral.trapezoid")
    ends = Fraction(added((written(heights[0]), written(heights[-1]))), number(2))
    board.line(Name("T"), times(written(h), added([ends, *map(written, heights[1:-1])])))
    board.say("maths.integral.simpson")
    odd, even = added(map(written, heights[1:-1:2])), [written(y) for y in heights[2:-1:2]]
    terms: list[Expr] = [written(heights[0]), times(number(4), odd)]
    if even:
        terms.append(times(number(2), added(even)))
    third = Fraction(written(h), number(3))
    board.line(Name("P"), times(third, added([*terms, written(heights[-1])])))
    board.section("maths.head.more")
    board.say("maths.integral.more")
    truth = fine(tree, by, start, end)
    rows = []
    for count in (4, 8, 16, 32, 64, 128):
        found = sums(tree, by, start, end, count)
        rows.append([number(count), *(cell(abs(found[k] - truth)) for k in found)])
    board.table([letter("n"), *(letter("e", i + 1) for i in range(5))], rows)
    board.say("maths.integral.orders")
    board.formula(Operator(tree, "int", Name(by), (written(low), written(high))), cell(truth))
    return truth


def sums(tree: Expr, by: str, a: float, b: float, n: int) -> dict[str, float]:
    """All five sums with n strips."""
    x = np.linspace(a, b, n + 1)
    y = value(tree, {by: x}) * np.ones_like(x)
    h = (b - a) / n
    found = {rule: float(h * np.dot(weights(n), y)) for rule, weights in WEIGHTS.items()}
    middle = float(h * np.sum(value(tree, {by: (x[1:] + x[:-1]) / 2}) * np.ones(n)))
    return {
        "left": found["left"],
        "right": found["right"],
        "middle": middle,
        "trapezoid": found["trapezoid"],
        "simpson": found["simpson"],
    }


def fine(tree: Expr, by: str, a: float, b: float) -> float:
    """The area by Gauss and Legendre's rule of ten points on 200 strips."""
    nodes, weights = np.polynomial.legendre.leggauss(10)
    edges = np.linspace(a, b, 201)
    half = (edges[1:] - edges[:-1]) / 2
    x = (edges[1:] + edges[:-1])[:, None] / 2 + half[:, None] * nodes
    return float(np.sum(half[:, None] * weights * value(tree, {by: x})))


@page
def monte_carlo(
    board: Board, f: str, a: Any, b: Any, n: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The area under f from a to b by chance: n points drawn evenly between, the mean of f there
    times the width; and how far off that may be. The result: the area and its standard error."""
    tree, by = one_letter(f)
    if not isinstance(n, int) or n < 2:
        raise ValueError(say("errors.maths.draws", found=str(n)))
    low, high = _between(board, a, b)
    start, end = board.decide((floats(low), floats(high)))
    board.formula(Function("f", (letter(by),)), tree)
    board.say("maths.chance.idea")
    x = np.random.default_rng(seed).uniform(start, end, n)
    y = value(tree, {by: x}) * np.ones(n)
    if not np.isfinite(y).all():
        where = x[~np.isfinite(y)][0]
        raise ValueError(say("errors.maths.no_value", where=f"{by} = {where:g}"))
    board.say("maths.chance.first")
    board.table(
        [None, letter(by, "i"), Function("f", (letter(by, "i"),))],
        [[number(i + 1), float(x[i]), float(y[i])] for i in range(min(5, n))],
    )
    board.section("maths.head.estimate")
    board.say("maths.chance.mean", count=n)
    mean, spread = board.cut(float(y.mean())), board.cut(float(y.std(ddof=1)))
    board.formula(Name("m"), written(mean))
    board.formula(Name("s"), written(spread))
    board.say("maths.chance.area")
    width = minus(written(high), written(low))
    area = board.line(Name("I"), times(width, written(mean)))
    board.say("maths.chance.error")
    error = board.line(
        Name("SE"), times(width, Fraction(written(spread), Function("sqrt", (number(n),))))
    )
    board.section("maths.head.more")
    board.say("maths.chance.more")
    truth = fine(tree, by, start, end)
    rows = []
    for count in (10, 100, 1000, 10000):
        drawn = np.random.default_rng(seed).uniform(start, end, count)
        at = value(tree, {by: drawn}) * np.ones(count)
        found = (end - start) * at.mean()
        rows.append(
            [
                number(count),
                float(found),
                float((end - start) * at.std(ddof=1) / sqrt(count)),
                float(abs(found - truth)),
            ]
        )
    board.table([letter("n"), letter("I"), letter("SE"), letter("e")], rows)
    board.say("maths.chance.slow")
    return area, error
