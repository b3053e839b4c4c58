"""What data say: mean, median, variance (and why n - 1), covariance and correlation, z-scores."""

from __future__ import annotations

from itertools import product as all_of
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Function, Name, number
from gobhir.derivation.rounding import objects
from gobhir.lang import say
from gobhir.mathematics.board import Board, page
from gobhir.mathematics.numbers import Number, written
from gobhir.mathematics.signs import (
    added,
    elements,
    letter,
    minus,
    named,
    row,
    sqrt,
    squared,
    times,
)

MOST_SAMPLES = 36
"""Samples that are still listed one by one."""


def center(board: Board, x: np.ndarray, base: str, called: str = "mu") -> Number:
    """Write the mean of the values."""
    shape = Fraction(added(elements(base, x)), letter("n"))
    total = Fraction(added(map(written, x)), number(len(x)))
    found: Number = board.line(Name(called), total, shape)
    return found


@page
def mean(board: Board, data: Any) -> Number:
    """The mean (the sum shared out evenly) and the median (the one in the middle). The result: the
    mean."""
    x = board.data(data, "data", "x")
    board.say("maths.mean.idea", count=len(x))
    found = center(board, x, "x")
    board.section("maths.head.median")
    board.say("maths.mean.sorted")
    ordered = objects(sorted(x), (len(x),))
    board.formula(None, row(map(written, ordered)))
    half = len(x) // 2
    if len(x) % 2:
        board.say("maths.mean.middle", place=half + 1)
        board.formula(Name("M"), written(ordered[half]))
    else:
        board.say("maths.mean.two_middles")
        pair = added((written(ordered[half - 1]), written(ordered[half])))
        board.line(Name("M"), Fraction(pair, number(2)))
    board.say("maths.mean.outlier")
    return found


@page
def variance(board: Board, data: Any, sample: bool = False) -> Number:
    """How widely the values are spread: the mean squared distance from their mean, and its root,
    the standard deviation. sample: the result is that of a sample, divided by n - 1, else that of
    the whole population; the page shows both."""
    x = board.data(data, "data", "x")
    if len(x) < 2:
        raise ValueError(say("errors.maths.two_values", name="data"))
    board.say("maths.variance.mean")
    mu = center(board, x, "x")
    squares = _squares(board, x, mu)
    whole = added(map(written, squares))
    board.section("maths.head.population")
    board.say("maths.variance.population", count=len(x))
    shares = Fraction(letter("S"), letter("n"))
    total = board.line(Name("S"), whole)
    found = board.line(_power("sigma"), Fraction(named("S", total), number(len(x))), shares)
    board.line(Name("sigma"), sqrt(written(found)))
    board.section("maths.head.sample")
    board.say("maths.variance.sample", count=len(x) - 1)
    below = minus(letter("n"), number(1))
    of_sample = Fraction(named("S", total), number(len(x) - 1))
    guessed = board.line(_power("s"), of_sample, Fraction(letter("S"), below))
    board.line(Name("s"), sqrt(written(guessed)))
    return guessed if sample else found


def _power(base: str) -> Expr:
    return squared(letter(base))


def _squares(board: Board, x: np.ndarray, mu: Number) -> list[Number]:
    """Write how far each value is from the mean, and the square of that."""
    board.say("maths.variance.distances")
    far = [board.value(minus(written(v), written(mu))) for v in x]
    squares = [board.value(squared(written(d))) for d in far]
    distance = minus(letter("x", "i"), letter("mu"))
    found = zip(range(1, len(x) + 1), x, far, squares, strict=True)
    head = [None, letter("x", "i"), distance, squared(distance)]
    board.table(head, [[number(i), *r] for i, *r in found])
    return squares


@page
def why_sample(board: Board, population: Any, n: int = 2) -> np.ndarray:
    """Why the variance of a sample is divided by n - 1: all samples of n values (with putting back)
    from a tiny population, and the mean of their variances, divided by n and by n - 1. The result:
    the population's variance and those two means."""
    x = board.data(population, "population", "x")
    if not isinstance(n, int) or n < 2 or len(x) ** n > MOST_SAMPLES or len(x) < 2:
        raise ValueError(say("errors.maths.samples", most=MOST_SAMPLES))
    board.say("maths.why.truth")
    mu = center(board, x, "x")
    total = added(squared(minus(written(v), written(mu))) for v in x)
    truth: Number = board.line(_power("sigma"), Fraction(total, number(len(x))))
    board.section("maths.head.samples")
    board.say("maths.why.all", count=len(x) ** n, size=n)
    rows: list[list[Any]] = []
    by_n: list[Number] = []
    by_less: list[Number] = []
    for sample in all_of(x, repeat=n):
        m = board.value(Fraction(added(map(written, sample)), number(n)))
        spread = board.value(added([squared(minus(written(v), written(m))) for v in sample]))
        by_n.append(board.value(Fraction(written(spread), number(n))))
        by_less.append(board.value(Fraction(written(spread), number(n - 1))))
        rows.append([number(len(rows) + 1), *sample, m, by_n[-1], by_less[-1]])
    of_n = Fraction(letter("S"), letter("n"))
    of_less = Fraction(letter("S"), minus(letter("n"), number(1)))
    drawn = [letter("x", i + 1) for i in range(n)]
    board.table([None, *drawn, letter("m"), of_n, of_less], rows)
    board.section("maths.head.means")
    board.say("maths.why.means")
    out = [truth]
    for left, values in ((letter("a"), by_n), (letter("b"), by_less)):
        whole = added(map(written, values))
        out.append(board.line(left, Fraction(whole, number(len(values)))))
    board.say("maths.why.so")
    return objects(out, (3,))


@page
def covariance(board: Board, x: Any, y: Any) -> np.ndarray:
    """Whether two things rise together: covariance (of a sample, divided by n - 1) and correlation,
    which lies between -1 and 1. The result: both."""
    a, b = board.data(x, "x", "x"), board.data(y, "y", "y")
    if len(a) != len(b):
        raise ValueError(say("errors.maths.lengths", a=len(a), b=len(b)))
    if len(a) < 2:
        raise ValueError(say("errors.maths.two_values", name="x"))
    board.say("maths.covariance.means")
    mx, my = center(board, a, "x", "m"), center(board, b, "y", "k")
    board.say("maths.covariance.idea")
    dx = [board.value(minus(written(v), written(mx))) for v in a]
    dy = [board.value(minus(written(v), written(my))) for v in b]
    both = [board.value(times(written(u), written(v))) for u, v in zip(dx, dy, strict=True)]
    left, right = minus(letter("x", "i"), letter("m")), minus(letter("y", "i"), letter("k"))
    head = [None, left, right, times(left, right)]
    rows = zip(range(1, len(a) + 1), dx, dy, both, strict=True)
    board.table(head, [[number(i), *r] for i, *r in rows])
    n = number(len(a) - 1)
    cov = board.line(Name("c"), Fraction(added(map(written, both)), n))
    board.section("maths.head.correlation")
    board.say("maths.covariance.spreads")
    sizes = []
    for base, d in (("x", dx), ("y", dy)):
        under = Fraction(added([squared(written(v)) for v in d]), n)
        sizes.append(board.line(Name("s", index=(base,)), sqrt(under)))
    if board.decide(any(s == 0 for s in sizes)):
        raise ValueError(say("errors.maths.no_spread"))
    board.say("maths.covariance.correlation")
    general = Fraction(letter("c"), times(letter("s", "x"), letter("s", "y")))
    put_in = Fraction(written(cov), times(*map(written, sizes)))
    r = board.line(Name("r"), put_in, general)
    far = board.decide(
        "strong" if abs(float(r)) > 0.7 else "weak" if abs(float(r)) < 0.3 else "some"
    )
    board.say(f"maths.covariance.{far}")
    # keys: maths.covariance.strong, maths.covariance.weak, maths.covariance.some
    return objects([cov, r], (2,))


@page
def standardize(board: Board, data: Any, sample: bool = False) -> np.ndarray:
    """All z-scores of the data: the mean taken away, divided by the standard deviation (sample: by
    that of a sample). What is left has mean 0 and standard deviation 1. The result: it."""
    x = board.data(data, "data", "x")
    if len(set(x)) < 2:
        raise ValueError(say("errors.maths.no_spread"))
    board.say("maths.variance.mean")
    mu = center(board, x, "x")
    squares = added(map(written, _squares(board, x, mu)))
    board.say("maths.standardize.sample" if sample else "maths.standardize.population")
    count = number(len(x) - 1 if sample else len(x))
    sigma = board.line(Name("sigma"), sqrt(Fraction(squares, count)))
    board.section("maths.head.scores")
    board.say("maths.standardize.each")
    far = [board.value(minus(written(v), written(mu))) for v in x]
    z = [board.value(Fraction(written(d), written(sigma))) for d in far]
    score = Fraction(minus(letter("x", "i"), letter("mu")), letter("sigma"))
    rows = [[number(i + 1), *r] for i, r in enumerate(zip(x, z, strict=True))]
    board.table([None, letter("x", "i"), score], rows)
    board.section("maths.head.check")
    board.say("maths.standardize.check")
    board.line(Name("mu"), Fraction(added(map(written, z)), number(len(x))))
    board.line(Name("sigma"), sqrt(Fraction(added([squared(written(v)) for v in z]), count)))
    return objects(z, (len(x),))


@page
def z_score(board: Board, x: Any, mean: Any, sd: Any) -> Number:
    """How many standard deviations x lies from the mean, and, on a normal curve, what share lies
    below it. sd > 0. The result: z."""
    value, mu, sigma = (board.number(v, k) for v, k in ((x, "x"), (mean, "mean"), (sd, "sd")))
    if not sigma > 0:
        raise ValueError(say("errors.maths.positive", name="sd", found=f"{float(sigma):g}"))
    board.say("maths.z.idea")
    general = Fraction(minus(letter("x"), letter("mu")), letter("sigma"))
    put_in = Fraction(minus(written(value), written(mu)), written(sigma))
    z: Number = board.line(Name("z"), put_in, general)
    board.section("maths.head.share")
    board.say("maths.z.share")
    share = below(written(z))
    board.line(Function("P", (letter("z"),)), share, below(letter("z")))
    return z


def below(z: Expr) -> Expr:
    """The share of a normal curve below z, by the error function."""
    inside = Fraction(z, sqrt(number(2)))
    return Fraction(added((number(1), Function("erf", (inside,)))), number(2))
