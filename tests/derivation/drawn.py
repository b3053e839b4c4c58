"""Drawn expressions over numbers, for properties that hold for all of them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Labelled,
    Name,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    number,
)

LABEL = Sym(Name("a", 1, by=Name("z", 1)), Decimal(0))

decimals = st.builds(
    lambda digits, places, sign: Decimal((sign, tuple(map(int, str(digits))), -places)),
    st.integers(0, 9999),
    st.integers(0, 4),
    st.integers(0, 1),
).map(lambda x: x if x else Decimal(0))
numbers = st.builds(Num, decimals)


def _over(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Sum, several),
        st.builds(Product, several),
        st.builds(Negative, inner),
        st.builds(Fraction, inner, inner),
        st.builds(Power, inner, st.sampled_from([number(2), number(3)])),
        st.builds(
            lambda name, e: Function(name, (e,)),
            st.sampled_from(["tanh", "sigmoid", "abs"]),
            inner,
        ),
        st.builds(lambda a, b: Function("max", (a, b)), inner, inner),
        st.builds(lambda e: Labelled(e, LABEL), inner),
    )


expressions: st.SearchStrategy[Expr] = st.recursive(numbers, _over, max_leaves=12)
"""Any expression whose functions are defined everywhere."""

products = st.lists(numbers, min_size=2, max_size=3).map(lambda t: Product(tuple(t)))
sums = st.lists(st.one_of(products, numbers), min_size=2, max_size=6).map(lambda t: Sum(tuple(t)))


def slope(a: Expr) -> Expr:
    """a (1 - a)"""
    return Product((a, Sum((number(1), Negative(a)))))


def squashed(z: Expr) -> Expr:
    """1 / (1 + e^-z)"""
    return Fraction(number(1), Sum((number(1), Function("exp", (Negative(z),)))))


def half_square(p: Expr, y: Expr) -> Expr:
    """(p - y)^2 / 2"""
    return Product((number("0.5"), Power(Sum((p, Negative(y))), number(2))))


def step_down(w: Expr, lr: Expr, g: Expr) -> Expr:
    """w - lr g"""
    return Sum((w, Negative(Product((lr, g)))))


lines: st.SearchStrategy[Expr] = st.one_of(
    sums,
    products,
    st.builds(lambda a, b: Product((a, b)), products, products),
    st.builds(lambda blame, a: Product((blame, slope(a))), sums, numbers),
    st.builds(squashed, st.builds(Num, decimals.filter(lambda x: abs(x) < 50))),
    st.builds(half_square, numbers, numbers),
    st.builds(step_down, numbers, numbers, numbers),
)
"""The kinds of lines that pages are made of."""
