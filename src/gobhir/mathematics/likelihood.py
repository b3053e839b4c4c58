"""What the data make most likely, what many throws come to, and how surprising a message is:
maximum likelihood, the two great laws of chance, entropy and its relatives."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Function, Name, number
from gobhir.derivation.formula import negative
from gobhir.derivation.rounding import objects
from gobhir.derivation.signs import Operator
from gobhir.lang import say
from gobhir.mathematics.board import Board, page
from gobhir.mathematics.chances import shares
from gobhir.mathematics.functions import value
from gobhir.mathematics.numbers import Number, floats, written
from gobhir.mathematics.rules import Rules
from gobhir.mathematics.signs import added, elements, letter, minus, squared, times
from gobhir.mathematics.statistics import center

DIE = np.arange(1, 7)


@page
def likelihood_bernoulli(board: Board, data: Any) -> Number:
    """The chance of success that makes these throws (zeros and ones) most likely: derived, and
    checked beside its neighbours. The result: that chance."""
    x = board.data(data, "data", "x")
    if any(v not in (0, 1) for v in x):
        raise ValueError(say("errors.maths.zeros_and_ones"))
    n, k = len(x), int(sum(map(int, x)))
    if k in (0, n):
        raise ValueError(say("errors.maths.both_outcomes"))
    board.say("maths.likelihood.throws", n=n, k=k)
    p = letter("p")
    log = _log_of_throws(number(k), number(n - k), p)
    board.say("maths.likelihood.log")
    board.formula(Function("l", (p,)), log)
    board.section("maths.head.rules")
    board.say("maths.likelihood.slope")
    board.formula(Operator(Function("l", (p,)), "d", Name("p")), Rules("p").derive(log), number(0))
    board.say("maths.likelihood.solved")
    best: Number = board.line(
        Name("phat"), Fraction(number(k), number(n)), Fraction(letter("k"), letter("n"))
    )
    board.section("maths.head.check")
    board.say("maths.likelihood.neighbours")
    here = k / n
    near = [here + d * min(here, 1 - here) for d in (0.0, -0.5, -0.1, 0.1, 0.5)]
    rows = [[float(q), float(value(log, {"p": q}))] for q in near]
    board.table([p, Function("l", (p,))], rows)
    return best


def _log_of_throws(k: Expr, rest: Expr, p: Expr) -> Expr:
    log = Function("log", (p,)), Function("log", (minus(number(1), p),))
    return added((times(k, log[0]), times(rest, log[1])))


@page
def likelihood_normal(board: Board, data: Any) -> np.ndarray:
    """The mean and variance of the normal curve that makes the data most likely: derived, and
    checked beside their neighbours. The result: both."""
    x = board.data(data, "data", "x")
    if len(set(x)) < 2:
        raise ValueError(say("errors.maths.no_spread"))
    n = len(x)
    board.say("maths.likelihood.bell")
    mu, v, log = letter("m"), letter("v"), _log_of_bell(x)
    board.formula(Function("l", (mu, v)), log)
    board.section("maths.head.mean")
    board.say("maths.likelihood.by_mean")
    slope = Fraction(added([minus(written(u), mu) for u in x]), v)
    board.formula(Operator(Function("l", (mu, v)), "partial", Name("m")), slope, number(0))
    board.say("maths.likelihood.mean")
    best = center(board, x, "x", "m")
    board.section("maths.head.spread")
    board.say("maths.likelihood.by_variance")
    half = negative(Fraction(number(n), times(number(2), v)))
    bend = added((half, Fraction(_squares(x), times(number(2), squared(v)))))
    board.formula(Operator(Function("l", (mu, v)), "partial", Name("v")), bend, number(0))
    board.say("maths.likelihood.variance")
    total = added([squared(minus(written(u), written(best))) for u in x])
    spread: Number = board.line(Name("v"), Fraction(total, number(n)))
    board.section("maths.head.check")
    board.say("maths.likelihood.neighbours")
    a, b = floats(best), floats(spread)
    near = [(a, b), (a + 0.1 * sqrt(b), b), (a - 0.1 * sqrt(b), b), (a, 1.1 * b), (a, 0.9 * b)]
    rows = [[m, w, float(value(log, {"m": m, "v": w}))] for m, w in near]
    board.table([mu, v, Function("l", (mu, v))], rows)
    return objects([best, spread], (2,))


def _log_of_bell(x: np.ndarray) -> Expr:
    """The log-likelihood of mean m and variance v."""
    scale = Function("log", (times(number(2), Function("pi", ()), letter("v")),))
    half = Fraction(number(len(x)), number(2))
    far = Fraction(_squares(x), times(number(2), letter("v")))
    return added((negative(times(half, scale)), negative(far)))


def _squares(x: np.ndarray) -> Expr:
    return added([squared(minus(written(u), letter("m"))) for u in x])


# -- many throws ---------------------------------------------------------------------------------


@page
def large_numbers(board: Board, throws: int = 10000, seed: int = 0) -> float:
    """The law of large numbers: the mean of more and more throws of a die comes to rest at its
    expectation. The result: the mean of all of them."""
    size = _many(throws, "throws")
    board.say("maths.laws.die")
    board.line(letter("E"), Fraction(added(map(number, DIE.tolist())), number(6)))
    board.section("maths.head.rounds")
    drawn = np.random.default_rng(seed).integers(1, 7, size)
    means = np.cumsum(drawn) / np.arange(1, size + 1)
    board.say("maths.laws.means", seed=str(seed))
    kept = sorted({k for e in range(8) for k in (10**e, 3 * 10**e) if k < size} | {size})
    rows = [[number(k), float(means[k - 1]), float(abs(means[k - 1] - 3.5))] for k in kept]
    board.table([letter("n"), letter("m"), letter("e")], rows)
    board.say("maths.laws.rest")
    return float(means[-1])


@page
def central_limit(
    board: Board, n: int = 30, repeats: int = 5000, seed: int = 0
) -> tuple[float, float]:
    """The central limit theorem: the means of n throws of a die, drawn again and again, lie on a
    bell curve, though a die has no bell. The result: mean and standard deviation of these means."""
    size, count = _many(n, "n"), _many(repeats, "repeats")
    _many(size * count, "n * repeats")
    board.say("maths.laws.one_die")
    sigma = board.line(Name("sigma"), Function("sqrt", (Fraction(number(35), number(12)),)))
    board.say("maths.laws.shrinks", n=size)
    board.line(Name("SE"), Fraction(written(sigma), Function("sqrt", (number(size),))))
    board.section("maths.head.samples")
    means = np.random.default_rng(seed).integers(1, 7, (count, size)).mean(axis=1)
    board.say("maths.laws.drawn", count=count, n=size, seed=str(seed))
    mean, spread = float(means.mean()), float(means.std(ddof=1))
    board.formula(Name("m"), written(board.cut(mean)))
    board.formula(Name("s"), written(board.cut(spread)))
    board.section("maths.head.rule")
    board.say("maths.laws.bell")
    error = sqrt(35 / 12 / size)
    rows = [
        [number(k), float(np.mean(np.abs(means - 3.5) <= k * error)), erf(k / sqrt(2))]
        for k in (1, 2, 3)
    ]
    board.table([letter("k"), letter("P", "drawn"), letter("P", "bell")], rows)
    return mean, spread


def _many(n: Any, name: str) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or not 2 <= n <= 10**6:
        raise ValueError(say("errors.maths.many", name=name, found=str(n)))
    return n


# -- information ---------------------------------------------------------------------------------


@page
def entropy(board: Board, p: Any) -> Number:
    """How surprising what happens is on average, in nats: H = - sum of p ln p. p: chances that sum
    to 1. The result: H."""
    x = shares(board, p, "p")
    board.say("maths.entropy.idea")
    found: Number = _summed(board, "H", "p", x, "p", x)
    _in_bits(board, "H", found)
    board.say("maths.entropy.most", count=len(x))
    board.line(letter("H", "max"), Function("log", (number(len(x)),)))
    return found


@page
def cross_entropy(board: Board, p: Any, q: Any) -> Number:
    """How surprising it is for someone who believes in q while p is true: - sum of p ln q, the
    loss of a classifier. The result: in nats."""
    x, y = _two(board, p, q)
    board.say("maths.entropy.cross")
    found = _summed(board, "H", "p", x, "q", y)
    _in_bits(board, "H", found)
    board.say("maths.entropy.loss")
    return found


@page
def kl(board: Board, p: Any, q: Any) -> Number:
    """How far the belief q is from the truth p: the sum of p ln (p/q), Kullback and Leibler's
    divergence. The result: in nats."""
    x, y = _two(board, p, q)
    board.say("maths.entropy.kl")
    terms = zip(elements("p", x), elements("q", y), strict=True)
    kept = [times(a, Function("log", (Fraction(a, b),))) for a, b in terms if a.value != 0]
    found: Number = board.line(letter("D"), added(kept))
    board.section("maths.head.check")
    board.say("maths.entropy.difference")
    cross = _summed(board, "C", "p", x, "q", y)
    own = _summed(board, "H", "p", x, "p", x)
    board.line(letter("D"), minus(written(cross), written(own)), minus(letter("C"), letter("H")))
    return found


def _two(board: Board, p: Any, q: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = shares(board, p, "p"), shares(board, q, "q")
    if len(x) != len(y):
        raise ValueError(say("errors.maths.lengths", a=len(x), b=len(y)))
    if any(a != 0 and b == 0 for a, b in zip(x, y, strict=True)):
        raise ValueError(say("errors.maths.impossible"))
    return x, y


def _summed(board: Board, left: str, one: str, x: np.ndarray, other: str, y: np.ndarray) -> Number:
    """Write - sum of x ln y; what never happens counts nothing."""
    pairs = zip(elements(one, x), elements(other, y), strict=True)
    kept = [times(a, Function("log", (b,))) for a, b in pairs if a.value != 0]
    found: Number = board.line(letter(left), negative(added(kept)))
    return found


def _in_bits(board: Board, left: str, nats: Number) -> None:
    board.say("maths.entropy.bits")
    board.line(letter(left, "bit"), Fraction(written(nats), Function("log", (number(2),))))
