"""Expressions in plain Unicode: names, matrices over several lines, and formulas in sentences."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given

from gobhir.derivation.arrays import Transposed
from gobhir.derivation.expression import (
    Fraction,
    Function,
    Labelled,
    Name,
    Negative,
    Num,
    Product,
    Sum,
    Sym,
    number,
)
from gobhir.derivation.rounding import decimals
from gobhir.derivation.text import Box, box, plain, text, width
from tests.derivation.drawn import expressions


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (Name("w", 1, (2, 3)), "w⁽¹⁾₂₃"),
        (Name("w", 1, (2, 13)), "w⁽¹⁾₂,₁₃"),
        (Name("yhat"), "ŷ"),
        (Name("m_hat", 1), "m̂⁽¹⁾"),
        (Name("delta", 2).d(), "∂L/∂δ⁽²⁾"),
        (Name("a", 1, (2,), by=Name("z", 1, (2,))), "∂a⁽¹⁾₂/∂z⁽¹⁾₂"),
        (Name("W", "encoder.fc1"), "W[encoder.fc1]"),
        (Name("beta1"), "β₁"),
    ],
)
def test_names(name: Name, written: str) -> None:
    assert text(name) == written


def test_a_matrix_stands_beside_what_comes_before_it() -> None:
    rows = Num(decimals([[0.2, -0.4], [0.7, 0.3], [1, 10]]))
    written = str(box(Name("W")) + " = " + box(rows))
    assert written.splitlines() == [
        "    ⎡0.2  −0.4⎤",
        "W = ⎢0.7   0.3⎥",
        "    ⎣  1    10⎦",
    ]


def test_a_row_and_a_column() -> None:
    values = Num(decimals([0.5, -0.25]))
    assert text(Transposed(values)) == "[0.5  −0.25]"
    assert text(values).splitlines() == ["⎡  0.5⎤", "⎣−0.25⎦"]


def test_braces_stand_under_their_factors() -> None:
    slope = Sym(Name("a", by=Name("z")), Decimal(0))
    e = Product((Labelled(Num(Decimal("-0.5")), slope), Labelled(Num(Decimal("0.25")), slope)))
    assert text(e).splitlines() == ["(−0.5) · 0.25", "╰─┬──╯   ╰─┬─╯", "∂a/∂z    ∂a/∂z"]


def test_fractions_and_functions_stand_on_one_line() -> None:
    z = Num(Decimal("0.40"))
    e = Fraction(number(1), Sum((number(1), Function("exp", (Negative(z),)))))
    assert text(e) == "1/(1 + e^(−0.40))"
    assert text(Function("log", (z,))) == "ln(0.40)"


@given(expressions)
def test_every_line_of_a_picture_is_as_wide_as_the_others(e) -> None:  # type: ignore[no-untyped-def]
    drawn = box(e)
    assert {width(line) for line in drawn.lines} == {drawn.width}
    assert 0 <= drawn.base < drawn.height
    assert "\\" not in text(e) and "{" not in text(e)


def test_boxes_of_different_heights_stand_on_one_line() -> None:
    tall = Box(("a", "b", "c"), 1)
    assert (tall + "x" + Box(("1", "2"), 0)).lines == ("a  ", "bx1", "c 2")


@pytest.mark.parametrize(
    ("tex", "written"),
    [
        (r"\partial L/\partial z^{(2)}", "∂L/∂z⁽²⁾"),
        (r"\tfrac12(\hat y-y)^2", "½(ŷ−y)²"),
        (r"w_{ji}", "wⱼᵢ"),
        (r"\odot", "⊙"),
        (r"-\eta\lVert\nabla L\rVert^2", "−η‖∇L‖²"),
        (r"0.25^{10}\approx 10^{-6}", "0.25¹⁰≈10⁻⁶"),
        (r"\frac{L(w+h)-L(w-h)}{2h}", "(L(w+h)−L(w−h))/2h"),
        (r"\sigma'(z)", "σ′(z)"),
        (r"a\,\left(1 - a\right)", "a (1 − a)"),
    ],
)
def test_formulas_in_sentences(tex: str, written: str) -> None:
    assert plain(tex) == written


def test_a_large_matrix_is_folded_in_both_directions() -> None:
    written = text(Num(decimals(np.eye(12))))
    assert written.splitlines()[3] == "⎢⋮  ⋮  ⋮  ⋱  ⋮⎥"
    assert len(written.splitlines()) == 5
