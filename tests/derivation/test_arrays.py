"""Nodes over arrays: one element's tree and many elements' floats say the same, and it is what
NumPy says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from gobhir.derivation.arrays import LONG, Extreme, LongSum, MatMul, SumOver, Transposed
from gobhir.derivation.expression import (
    Cases,
    Expr,
    Fraction,
    Function,
    Name,
    Negative,
    Power,
    Product,
    Sum,
    Sym,
    indices,
    number,
)
from gobhir.derivation.places import Rearranged, Reshaped, Scattered, Spread, Taken
from gobhir.derivation.rounding import evaluate

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2)), RNG.normal(size=(2, 3, 4))
V = RNG.uniform(0.5, 2.0, 4)
IMAGE = RNG.normal(size=(5, 6))
WHERE = np.array([[3, -1, 0], [11, 3, 5]])


def sym(values: np.ndarray, letter: str = "a") -> Sym:
    return Sym(Name(letter), values)


def windows(outside: Decimal = Decimal(0)) -> Taken:
    """Windows of 2 x 3 in an image with one row of padding: (rows, columns, 2, 3)."""
    rows = (np.arange(6)[:, None] + np.arange(2) - 1).reshape(6, 1, 2, 1)
    columns = (2 * np.arange(2)[:, None] + np.arange(3)).reshape(1, 2, 1, 3)
    return Taken(sym(IMAGE), "windows", (rows, columns), outside)


def seen(fill: float = 0.0) -> np.ndarray:
    framed = np.pad(IMAGE, ((1, 1), (0, 0)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(framed, (2, 3))[:, ::2][:, :2]


def scattered() -> np.ndarray:
    out = np.zeros(12)
    np.add.at(out, WHERE[WHERE >= 0], RNG_PART[WHERE >= 0])
    return out.reshape(3, 4)


RNG_PART = RNG.normal(size=(2, 3))

CASES: dict[str, tuple[Expr, Callable[[], Any]]] = {
    "product": (MatMul(sym(A), sym(B)), lambda: A @ B),
    "by a vector": (MatMul(sym(A), sym(V)), lambda: A @ V),
    "outer": (MatMul(sym(V), Transposed(sym(V))), lambda: np.outer(V, V)),
    "stacks": (MatMul(sym(C), sym(B)), lambda: C @ B),
    "stacks both": (MatMul(sym(C), Transposed(sym(C))), lambda: C @ C.swapaxes(1, 2)),
    "stack that broadcasts": (MatMul(sym(C[:1]), Transposed(sym(C))), lambda: C[:1] @ C.mT),
    "matrix by stack": (MatMul(sym(A), Transposed(sym(C))), lambda: A @ C.mT),
    "sum": (SumOver(sym(C), (0, 2)), lambda: C.sum((0, 2))),
    "sum kept": (SumOver(sym(C), (1,), True), lambda: C.sum(1, keepdims=True)),
    "largest": (Extreme(sym(C), (2,)), lambda: C.max(2)),
    "smallest": (Extreme(sym(C), (0, 1), True, "min"), lambda: C.min((0, 1), keepdims=True)),
    "spread": (Spread(sym(V), (3, 4)), lambda: np.broadcast_to(V, (3, 4))),
    "reshaped": (Reshaped(sym(C), (6, 4)), lambda: C.reshape(6, 4)),
    "rearranged": (
        Rearranged(sym(A), "x", WHERE),
        lambda: np.where(WHERE < 0, 0, A.ravel()[WHERE]),
    ),
    "scattered": (Scattered(sym(RNG_PART), "x", lambda: WHERE, (3, 4)), scattered),
    "windows": (windows(), seen),
    "window sums": (SumOver(windows(), (2, 3)), lambda: seen().sum((2, 3))),
    "window maxima": (
        Extreme(windows(Decimal("-Infinity")), (2, 3)),
        lambda: seen(-np.inf).max((2, 3)),
    ),
    "arithmetic": (
        Sum((Product((sym(A), sym(V))), Negative(Fraction(sym(A), Power(sym(V), number(2)))))),
        lambda: A * V - A / V**2,
    ),
    "functions": (
        Sum((Function("exp", (sym(A),)), Function("erf", (sym(A),)), Function("pi", ()))),
        lambda: np.exp(A) + np.vectorize(__import__("math").erf)(A) + np.pi,
    ),
    "cases": (Cases(">", sym(A), number(0), sym(A), number(0)), lambda: np.maximum(A, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_elements_and_floats_are_numpys(name: str) -> None:
    e, reference = CASES[name]
    expected = np.asarray(reference())
    assert e.shape == expected.shape
    at_once = e.floats(tuple(np.ogrid[tuple(map(slice, e.shape))]))
    assert np.broadcast_to(at_once, e.shape) == pytest.approx(expected, rel=1e-13, abs=1e-13)
    one_by_one = [float(evaluate(e.at(i))) for i in indices(e.shape)]
    assert one_by_one == pytest.approx(expected.ravel(), rel=1e-13, abs=1e-13)


def test_a_long_sum_makes_no_term_before_it_is_asked() -> None:
    made = []

    class Watched(Sym):
        def at(self, index: Any) -> Expr:
            made.append(index)
            return super().at(index)

    values = RNG.normal(size=(1, 50_000))
    e = SumOver(Watched(Name("a"), values), (1,)).at((0,))
    assert isinstance(e, LongSum) and not made
    top = e.largest(3)
    assert list(np.argsort(-np.abs(values[0]))[:3]) == top and not made
    assert float(evaluate(e)) == pytest.approx(values.sum())
    assert [float(evaluate(e.term(k))) for k in e.ends()] == [*values[0, :3], values[0, -1]]
    assert len(made) < 12


def test_up_to_a_limit_a_sum_has_its_terms() -> None:
    assert len(SumOver(sym(np.ones(LONG)), (0,)).at(()).children) == LONG
    assert isinstance(SumOver(sym(np.ones(LONG + 1)), (0,)).at(()), LongSum)
