"""The functions of formulas in decimals: the digits of Python's own, and identities beyond."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal, localcontext

import pytest

from gobhir.derivation.functions import FUNCTIONS, PI

KNOWN: dict[str, tuple[Callable[..., float], list[float]]] = {
    "sin": (math.sin, [-9.0, -1.5, 0.0, 0.3, 3.14159, 20.0]),
    "cos": (math.cos, [-9.0, -1.5, 0.0, 0.3, 3.14159, 20.0]),
    "tan": (math.tan, [-1.5, 0.0, 0.3, 2.0]),
    "asin": (math.asin, [-1.0, -0.3, 0.0, 0.99, 1.0]),
    "acos": (math.acos, [-1.0, -0.3, 0.0, 0.99, 1.0]),
    "atan": (math.atan, [-40.0, -1.0, 0.0, 0.2, 3.0]),
    "tanh": (math.tanh, [-50.0, -1.0, 0.0, 0.2]),
    "erf": (math.erf, [-11.0, -2.0, 0.0, 1e-3, 0.5, 3.0]),
    "lgamma": (math.lgamma, [-2.5, 0.1, 1.0, 2.0, 7.5, 60.0]),
    "floor": (math.floor, [-1.5, 2.5]),
    "ceil": (math.ceil, [-1.5, 2.5]),
    "round": (round, [-1.5, 0.5, 2.5, 2.6]),
}


@pytest.fixture(autouse=True)
def forty_digits():
    with localcontext(Context(prec=40, traps=[])):
        yield


def f(name: str, *values: float | Decimal) -> Decimal:
    return FUNCTIONS[name](*(v if isinstance(v, Decimal) else Decimal(repr(v)) for v in values))


@pytest.mark.parametrize("name", KNOWN)
def test_beside_python(name: str) -> None:
    theirs, points = KNOWN[name]
    for x in points:
        assert float(f(name, x)) == pytest.approx(theirs(x), rel=1e-14, abs=1e-15), x


def test_to_thirty_digits() -> None:
    near = Decimal("1e-30")
    for x in (Decimal("0.3"), Decimal("1.7"), Decimal("-2.4")):
        assert abs(f("sin", x) ** 2 + f("cos", x) ** 2 - 1) < near
        assert abs(f("tan", f("atan", x)) - x) < near
        assert abs(f("digamma", x + 1) - f("digamma", x) - 1 / x) < near
        assert abs(f("polygamma", 1, x + 1) - f("polygamma", 1, x) + 1 / x**2) < near
        assert abs(f("erf", f("erfinv", x / 3)) - x / 3) < near
    assert abs(f("lgamma", Decimal("0.5")) - PI.ln() / 2) < near
    assert abs(f("polygamma", 1, 1) - PI**2 / 6) < near


def test_angles_of_points() -> None:
    for y in (-2.0, 0.0, 0.5):
        for x in (-1.0, 0.0, 3.0):
            assert float(f("atan2", y, x)) == pytest.approx(math.atan2(y, x), abs=1e-15)


def test_beyond_the_ordinary() -> None:
    assert f("erfinv", 1) == Decimal("Infinity") and f("erfinv", 2).is_nan()
    assert f("log", 0) == Decimal("-Infinity") and f("log", -1).is_nan() and f("sqrt", -1).is_nan()
    assert f("lgamma", -1) == Decimal("Infinity") and f("digamma", -1).is_nan()
    assert f("sin", Decimal("Infinity")).is_nan()
