"""Chances: distributions (Bernoulli, binomial, Poisson, uniform, normal, exponential), expectation,
Bayes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erf, factorial, sqrt
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Function, Name, Sym, number
from gobhir.derivation.formula import read
from gobhir.derivation.rounding import objects
from gobhir.derivation.step import Say
from gobhir.lang import say
from gobhir.mathematics.board import Board, page
from gobhir.mathematics.numbers import Number, written
from gobhir.mathematics.signs import (
    added,
    elements,
    inner,
    letter,
    minus,
    named,
    squared,
    times,
)


@dataclass(frozen=True)
class Distribution:
    """Formulas in the letters of LETTERS. share: what lies up to x; of a discrete one it is a
    sum."""

    density: str
    mean: str
    variance: str
    share: str = ""


BERNOULLI = Distribution("p**k * (1 - p)**(1 - k)", "p", "p * (1 - p)")
BINOMIAL = Distribution("C * p**k * (1 - p)**(n - k)", "n * p", "n * p * (1 - p)")
POISSON = Distribution("rate**k * exp(-rate) / F", "rate", "rate")
UNIFORM = Distribution("1 / (b - a)", "(a + b) / 2", "(b - a)**2 / 12", "(x - a) / (b - a)")
NORMAL = Distribution(
    "exp(-((x - mu)**2 / (2 * sigma**2))) / (sigma * sqrt(2 * pi))",
    "mu",
    "sigma**2",
    "(1 + erf((x - mu) / (sigma * sqrt(2)))) / 2",
)
EXPONENTIAL = Distribution(
    "rate * exp(-(rate * x))", "1 / rate", "1 / rate**2", "1 - exp(-(rate * x))"
)
LETTERS = {"rate": Name("lambda")}
"""Letters whose name is no word of Python's."""


def _written(formula: str, known: Mapping[str, Number]) -> Expr:
    """The formula over these values by their letters."""
    return read(formula, {k: Sym(LETTERS.get(k, Name(k)), v) for k, v in known.items()})


def _worked(
    board: Board, d: Distribution, known: Mapping[str, Number], x: str, below: Number | None = None
) -> np.ndarray:
    """Write density, share, mean and variance; these four."""
    at = letter(x)
    board.section("maths.head.density")
    for name, value in known.items():
        board.formula(LETTERS.get(name, Name(name)), written(value))
    board.say("maths.chances.mass" if not d.share else "maths.chances.density")
    density = board.line(Function("p", (at,)), _written(d.density, known))
    if d.share:
        board.say("maths.chances.below")
        below = board.line(Function("F", (at,)), _written(d.share, known))
    board.section("maths.head.center")
    board.say("maths.chances.mean")
    mean = board.line(letter("E"), _written(d.mean, known))
    board.say("maths.chances.variance")
    spread = board.line(letter("V"), _written(d.variance, known))
    return objects([density, below, mean, spread], (4,))


def _share(board: Board, p: Any, name: str = "p") -> Number:
    found = board.number(p, name)
    if not 0 < found < 1:
        raise ValueError(say("errors.maths.chance", name=name, found=f"{float(found):g}"))
    return found


def _positive(board: Board, x: Any, name: str) -> Number:
    found = board.number(x, name)
    if not found > 0:
        raise ValueError(say("errors.maths.positive", name=name, found=f"{float(found):g}"))
    return found


def _counted(k: Any, name: str, most: int) -> int:
    if not isinstance(k, int) or isinstance(k, bool) or not 0 <= k <= most:
        raise ValueError(say("errors.maths.count", name=name, most=most, found=str(k)))
    return k


def _table(board: Board, d: Distribution, cases: list[dict[str, Number]], upto: int) -> Number:
    """Write the chances of the counts 0, 1, 2, ...; what they come to up to `upto`."""
    board.section("maths.head.table")
    board.say("maths.chances.table")
    rows, running = [], board.value(number(0))
    share = running
    for k, known in enumerate(cases):
        chance = board.value(_written(d.density, known))
        running = board.value(added((written(running), written(chance))))
        share = running if k == upto else share
        rows.append([number(k), chance, running])
    at = letter("k")
    board.table([at, Function("p", (at,)), Function("F", (at,))], rows)
    return share


@page
def bernoulli(board: Board, p: Any, k: int = 1) -> np.ndarray:
    """One throw that succeeds with chance p. k: 0 or 1. The result: the chance of k, that of at
    most k, mean and variance."""
    chance, found = _share(board, p), _counted(k, "k", 1)
    known = {"p": chance, "k": board.number(found, "k")}
    board.say("maths.chances.bernoulli", p=chance)
    cases = [{**known, "k": board.number(i, "k")} for i in range(2)]
    return _worked(board, BERNOULLI, known, "k", _table(board, BERNOULLI, cases, found))


@page
def binomial(board: Board, n: int, p: Any, k: int) -> np.ndarray:
    """How many of n throws succeed, each with chance p. The result: as for bernoulli."""
    size, chance = _counted(n, "n", 20), _share(board, p)
    found = _counted(k, "k", size)
    board.say("maths.chances.binomial", n=size, p=chance)

    def case(i: int) -> dict[str, Number]:
        ways = factorial(size) // (factorial(i) * factorial(size - i))
        parts = {"n": size, "k": i, "C": ways}
        return {"p": chance, **{name: board.number(v, name) for name, v in parts.items()}}

    board.say("maths.chances.ways", k=found, n=size)
    above, below = factorial(size), (factorial(found), factorial(size - found))
    board.line(Name("C"), Fraction(number(above), times(*map(number, below))))
    cases = [case(i) for i in range(size + 1)]
    return _worked(board, BINOMIAL, case(found), "k", _table(board, BINOMIAL, cases, found))


@page
def poisson(board: Board, rate: Any, k: int) -> np.ndarray:
    """How often something happens that happens `rate` times on average. The result: as for
    bernoulli."""
    average, found = _positive(board, rate, "rate"), _counted(k, "k", 20)
    board.say("maths.chances.poisson", rate=average)

    def case(i: int) -> dict[str, Number]:
        parts = {"k": i, "F": factorial(i)}
        return {"rate": average, **{name: board.number(v, name) for name, v in parts.items()}}

    board.say("maths.chances.factorial")
    board.formula(
        Name("F"), times(*map(number, range(1, max(found, 1) + 1))), number(factorial(found))
    )
    last = board.decide(max(found, min(20, int(float(average) + 4 * float(average) ** 0.5))))
    cases = [case(i) for i in range(last + 1)]
    return _worked(board, POISSON, case(found), "k", _table(board, POISSON, cases, found))


@page
def uniform(board: Board, a: Any, b: Any, x: Any) -> np.ndarray:
    """Anything from a to b, all equally likely. a <= x <= b. The result: density at x, the share
    up to x, mean and variance."""
    low, high, at = (board.number(v, k) for v, k in ((a, "a"), (b, "b"), (x, "x")))
    if not low < high or not low <= at <= high:
        raise ValueError(say("errors.maths.inside"))
    board.say("maths.chances.uniform")
    return _worked(board, UNIFORM, {"a": low, "b": high, "x": at}, "x")


@page
def normal(board: Board, mean: Any, sd: Any, x: Any) -> np.ndarray:
    """The bell curve, and its 68-95-99.7 rule. sd > 0. The result: as for uniform."""
    mu, sigma, at = board.number(mean, "mean"), _positive(board, sd, "sd"), board.number(x, "x")
    board.say("maths.chances.normal")
    found = _worked(board, NORMAL, {"mu": mu, "sigma": sigma, "x": at}, "x")
    board.section("maths.head.rule")
    board.say("maths.chances.rule")
    rows = []
    for k in (1, 2, 3):
        away = times(number(k), written(sigma))
        low, high = board.value(minus(written(mu), away)), board.value(added((written(mu), away)))
        rows.append([number(k), low, high, erf(k / sqrt(2))])
    ends = [sign((letter("mu"), times(letter("k"), letter("sigma")))) for sign in (_less, added)]
    board.table([letter("k"), *ends, letter("P")], rows)
    return found


def _less(pair: tuple[Expr, Expr]) -> Expr:
    return minus(*pair)


@page
def exponential(board: Board, rate: Any, x: Any) -> np.ndarray:
    """How long one waits for what happens `rate` times in a unit of time. x >= 0. The result: as
    for uniform."""
    average, at = _positive(board, rate, "rate"), board.number(x, "x")
    if at < 0:
        raise ValueError(say("errors.maths.inside"))
    board.say("maths.chances.exponential", rate=average)
    return _worked(board, EXPONENTIAL, {"rate": average, "x": at}, "x")


# -- expectation and Bayes -----------------------------------------------------------------------


def shares(board: Board, values: Any, name: str) -> np.ndarray:
    """Chances that sum to 1."""
    p = board.data(values, name, name)
    whole = sum(map(float, p))
    if any(v < 0 for v in p) or abs(whole - 1) > 2e-3:
        raise ValueError(say("errors.maths.shares", name=name, found=f"{whole:g}"))
    return p


@page
def expectation(board: Board, values: Any, chances: Any) -> np.ndarray:
    """What to expect on average, each value weighed by its chance, and the variance. The result:
    both."""
    x, p = board.data(values, "x", "x"), shares(board, chances, "p")
    if len(x) != len(p):
        raise ValueError(say("errors.maths.lengths", a=len(x), b=len(p)))
    board.say("maths.expectation.mean")
    mean = board.line(letter("E"), inner(elements("p", p), elements("x", x)))
    board.say("maths.expectation.square")
    squares = [squared(e) for e in elements("x", x)]
    second = board.line(letter("Q"), inner(elements("p", p), squares))
    board.say("maths.expectation.variance")
    spread = board.line(letter("V"), minus(named("Q", second), squared(named("E", mean))))
    return objects([mean, spread], (2,))


@page
def bayes(
    board: Board, prior: Any, sensitivity: Any, specificity: Any, people: int = 10000
) -> Number:
    """A test says yes: how likely is it true? prior: the share of the ill. sensitivity: the share
    of the ill whom the test finds. specificity: the share of the healthy whom it leaves alone. The
    result: the share of the ill among those with a positive test."""
    sick, found, spared = (
        _share(board, v, k)
        for v, k in ((prior, "prior"), (sensitivity, "sensitivity"), (specificity, "specificity"))
    )
    board.say("maths.bayes.given", people=people, prior=sick, found=found, spared=spared)
    well = board.value(minus(number(1), written(sick)))
    whole = number(_counted(people, "people", 10**9))
    ill = board.value(times(whole, written(sick)))
    healthy = board.value(minus(whole, written(ill)))
    hits = board.value(times(written(ill), written(found)))
    missed = board.value(minus(written(ill), written(hits)))
    right = board.value(times(written(healthy), written(spared)))
    alarms = board.value(minus(written(healthy), written(right)))
    board.section("maths.head.table")
    board.say("maths.bayes.table")
    both = [
        board.value(added((written(u), written(v)))) for u, v in ((hits, alarms), (missed, right))
    ]
    head = [None, Say("maths.bayes.positive"), Say("maths.bayes.negative")]
    board.table(
        head,
        [
            [Say("maths.bayes.ill"), hits, missed],
            [Say("maths.bayes.healthy"), alarms, right],
            [Say("maths.bayes.both"), *both],
        ],
    )
    board.say("maths.bayes.count")
    board.line(letter("P"), Fraction(written(hits), added((written(hits), written(alarms)))))
    board.section("maths.head.formula")
    board.say("maths.bayes.formula")
    false = board.value(minus(number(1), written(spared)))
    above = times(written(found), written(sick))
    result: Number = board.line(
        letter("P"), Fraction(above, added((above, times(written(false), written(well)))))
    )
    board.say("maths.bayes.why")
    return result
