"""Rounding as an algorithm: what hand mode and exact mode promise, for drawn lines."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    number,
)
from gobhir.derivation.places import Rearranged
from gobhir.derivation.rounding import (
    DIGITS,
    decimal,
    decimals,
    evaluate,
    reproducible,
    shown,
    significant,
    stages,
)
from tests.derivation.drawn import lines, numbers

finite = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9)


@pytest.mark.parametrize(
    ("x", "rounded"),
    [
        ("0.598688", "0.5987"),
        ("0.10", "0.10"),
        ("0.12345", "0.1235"),
        ("-0.12345", "-0.1235"),
        ("0.12344999", "0.1234"),
        ("99995", "1.000E+5"),
        ("0.099996", "0.1000"),
        ("-0.000", "0"),
        ("1234", "1234"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
    ],
)
def test_four_significant_digits(x: str, rounded: str) -> None:
    assert str(significant(Decimal(x))) == rounded


@given(finite, st.integers(1, 9))
def test_rounding_is_close_steady_and_odd(x: Decimal, digits: int) -> None:
    once = significant(x, digits)
    assert significant(once, digits) == once
    assert significant(-x, digits) == -once
    assert len(once.normalize().as_tuple().digits) <= digits
    if x:
        assert abs(once - x) * 2 <= Decimal(1).scaleb(x.adjusted() - digits + 1)


@given(finite, finite)
def test_rounding_keeps_the_order(x: Decimal, y: Decimal) -> None:
    low, high = sorted((x, y))
    assert significant(low) <= significant(high)


def test_a_machine_number_is_its_shortest_decimal() -> None:
    assert decimal(np.float32(0.1)) == Decimal("0.1")
    assert decimal(0.1 + 0.2) == Decimal("0.30000000000000004")
    assert decimal(np.float64(1e-20)) == Decimal("1E-20")
    assert decimal(np.int64(3)) == 3 and decimal(True) == 1
    assert decimals([[1.5]]).shape == (1, 1) and decimals(2.5) == Decimal("2.5")


@given(lines)
def test_by_hand_a_line_ends_in_one_number_of_four_digits(e: Expr) -> None:
    chain = stages(e, significant)
    last = chain[-1]
    assert isinstance(last, Num)
    assert significant(last.value) == last.value


@given(lines)
def test_by_hand_every_written_number_comes_from_written_numbers(e: Expr) -> None:
    for stage in stages(e, significant):
        for n in stage.walk():
            if isinstance(n, Num) and n.source is not None:
                assert n.value == significant(evaluate(n.source))


@given(lines)
def test_by_hand_stays_near_the_exact_value(e: Expr) -> None:
    """Not more than a few roundings away: each is half a unit of the fourth digit of the largest
    number on the line."""
    chain = stages(e, significant)
    written = [n for stage in chain for n in stage.walk() if isinstance(n, Num)]
    largest = max(abs(n.value) for n in written)
    assume(largest > 0)
    last = chain[-1]
    assert isinstance(last, Num)
    scale = max(largest, Decimal(1)) ** 3
    assert abs(last.value - evaluate(e)) <= scale * Decimal("0.0005") * len(written)


@given(lines)
def test_exactly_the_lines_that_do_not_come_out_are_marked(e: Expr) -> None:
    view = shown(stages(e, lambda x: x))
    assert reproducible(view.stages) is not view.marked
    last = view.stages[-1]
    assert isinstance(last, Num)
    assert last.value == significant(evaluate(e), DIGITS)


@given(numbers, numbers)
def test_a_difference_of_squares_that_cancels_is_still_right(a: Num, b: Num) -> None:
    e = Sum((Power(a, number(2)), Negative(Power(b, number(2)))))
    last = stages(e, lambda x: x)[-1]
    assert isinstance(last, Num)
    assert last.value == a.value**2 - b.value**2


def test_a_quotient_does_not_depend_on_the_working_precision() -> None:
    """(0.05 / 3) 3 is a tie; thirty digits of 0.01666... must not decide it."""
    e = Product((Fraction(Num(Decimal("0.00005")), number(3)), number(3)))
    assert evaluate(e) == Decimal("0.00005")


def test_too_large_and_undefined_numbers_do_not_stop_the_page() -> None:
    assert evaluate(Fraction(number(1), number(0))) == Decimal("Infinity")
    assert evaluate(Fraction(number(0), number(0))).is_nan()
    huge = Power(Num(Decimal("1E+600000")), number(3))
    assert evaluate(huge) == Decimal("Infinity")


def test_a_line_that_could_never_end_is_refused() -> None:
    with pytest.raises(TypeError, match="Rearranged"):
        stages(Product((Rearranged(number(2), "", np.zeros((), int)), number(3))), significant)
