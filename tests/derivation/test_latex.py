"""How expressions and names are written in LaTeX, and that what is written means the same."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings

from gobhir.derivation.arrays import MatMul, SumOver, Transposed
from gobhir.derivation.expression import (
    Cases,
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
from gobhir.derivation.latex import latex
from gobhir.derivation.places import Rearranged, Spread
from gobhir.derivation.rounding import decimals, evaluate
from tests.calculator import value
from tests.derivation.drawn import expressions
from tests.latex import Node, negative, read


def num(text: str) -> Num:
    return Num(Decimal(text))


def sym(name: Name, *shape: int) -> Sym:
    return Sym(name, np.full(shape, Decimal(0), object) if shape else Decimal(0))


X, W = sym(Name("x"), 3), sym(Name("W", 1, element="w"), 4, 3)
A, DELTA = sym(Name("a", 1), 4), sym(Name("delta", 2))
YHAT, Y, ETA = sym(Name("yhat")), sym(Name("y")), sym(Name("eta"))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (Name("W", 1), "W^{(1)}"),
        (Name("w", 1, (2, 3)), "w^{(1)}_{23}"),
        (Name("w", 1, (2, 13)), "w^{(1)}_{2,13}"),
        (Name("w", index=("j", "i")), "w_{ji}"),
        (Name("delta", 2), r"\delta^{(2)}"),
        (Name("yhat"), r"\hat y"),
        (Name("yhat", index=(2,)), r"\hat y_{2}"),
        (Name("m_hat", 1, (2, 3)), r"\hat m^{(1)}_{23}"),
        (Name("beta1"), r"\beta_{1}"),
        (Name("W", "encoder.fc1"), r"W^{(\mathrm{encoder.fc1})}"),
        (Name("running_mean"), r"\mathrm{running\_mean}"),
        (Name("w", 1, (2, 3)).d(), r"\frac{\partial L}{\partial w^{(1)}_{23}}"),
        (Name("a", by=Name("z", 1)), r"\frac{\partial a}{\partial z^{(1)}}"),
        (Name("W", 1, ("new",)), r"W^{(1)}_{\text{new}}"),
        (Name("dots"), r"\cdots"),
    ],
)
def test_names(name: Name, written: str) -> None:
    assert latex(name, "en") == written


def test_a_derivative_in_a_sentence_stands_on_one_line() -> None:
    assert latex(Name("w", 1, (2, 3)).d(), inline=True) == r"\partial L/\partial w^{(1)}_{23}"


def test_words_in_an_index_speak_the_language_of_the_page() -> None:
    assert latex(Name("W", 1, ("new",)), "bn") == r"W^{(1)}_{\text{নতুন}}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0.5987", "0.5987"),
        ("-0.08400", "-0.08400"),
        ("0.0001", "0.0001"),
        ("0.00001234", r"1.234\times10^{-5}"),
        ("999999", "999999"),
        ("1234000", r"1.234000\times10^{6}"),
        ("1E+3", "1000"),
        ("-0", "0"),
        ("Infinity", r"\infty"),
        ("NaN", r"\text{NaN}"),
    ],
)
def test_numbers(value: str, written: str) -> None:
    assert latex(num(value)) == written


EXPRESSIONS: list[tuple[Expr, str]] = [
    (
        Sum((Product((num("0.4"), num("0.5987"))), Product((num("-0.7"), num("0.4182"))))),
        "0.4(0.5987) + (-0.7)(0.4182)",
    ),
    (Sum((num("0.10"), num("-0.04"), Negative(num("-0.5")))), "0.10 - 0.04 - (-0.5)"),
    (
        Product((num("-0.3632"), Product((num("0.6368"), num("0.3632"))))),
        r"(-0.3632) \cdot (0.6368)(0.3632)",
    ),
    (
        Product((MatMul(Transposed(W), DELTA), A, Sum((number(1), Negative(A))))),
        r"\left({W^{(1)}}^{\top}\,\delta^{(2)}\right) \odot a^{(1)}"
        r" \odot \left(1 - a^{(1)}\right)",
    ),
    (MatMul(W, X), "W^{(1)}x"),
    (
        Product((num("-0.084"), Num(decimals([0.5, 0.25])))),
        r"-0.084\,\begin{bmatrix}0.5\\0.25\end{bmatrix}",
    ),
    (Transposed(Num(decimals([0.5, 0.25]))), r"\begin{bmatrix}0.5&0.25\end{bmatrix}"),
    (Power(Sum((YHAT, Negative(Y))), number(2)), r"(\hat y - y)^{2}"),
    (Power(sym(Name("a", 1, (2,))), number(2)), r"\left(a^{(1)}_{2}\right)^{2}"),
    (Product((number("0.5"), Power(num("-0.3632"), number(2)))), "0.5(-0.3632)^{2}"),
    (Product((number("0.5"), Power(num("0.3632"), number(2)))), r"0.5 \cdot 0.3632^{2}"),
    (
        Fraction(number(1), Sum((number(1), Function("exp", (Negative(num("0.40")),))))),
        r"\frac{1}{1 + e^{-0.40}}",
    ),
    (Function("log", (num("0.5"),)), r"\ln(0.5)"),
    (Function("max", (number(0), sym(Name("z")))), r"\max(0, z)"),
    (Function("abs", (Sum((YHAT, Negative(Y))),)), r"\left\lvert \hat y - y\right\rvert"),
    (Function("leaky_relu", (sym(Name("z")),)), r"\operatorname{LeakyReLU}(z)"),
    (
        Cases(">", X, number(0), X, number(0)),
        r"\begin{cases}x & x > 0\\0 & x \le 0\end{cases}",
    ),
    (
        Product((Labelled(num("-0.36"), YHAT), Labelled(num("0.23"), sym(Name("y").d())))),
        r"\underbrace{(-0.36)}_{\hat y} \cdot \underbrace{0.23}_{\partial L/\partial y}",
    ),
    (
        SumOver(Product((X, Function("log", (sym(Name("q"), 3),)))), (0,)),
        r"\sum_{i=1}^{3} x_{i} \cdot \ln(q_{i})",
    ),
    (
        SumOver(sym(Name("Delta", 1, element="delta"), 2, 3), (0,)),
        r"\sum_{i=1}^{2} \delta^{(1)}_{i}",
    ),
    (Spread(X, (2, 3)), "x"),
    (Rearranged(X, "reshape", np.arange(3)), r"\operatorname{reshape}\!\left(x\right)"),
    (Sum((W, Product((ETA, sym(Name("v"), 4, 3))))), r"W^{(1)} + \eta\,v"),
    (Product((ETA, sym(Name("v")))), r"\eta v"),
    (Negative(Sum((num("1"), num("2")))), "-(1 + 2)"),
]


@pytest.mark.parametrize(("expression", "written"), EXPRESSIONS, ids=[w for _, w in EXPRESSIONS])
def test_expressions(expression: Expr, written: str) -> None:
    assert latex(expression) == written


def test_a_large_matrix_is_folded() -> None:
    written = latex(Num(decimals(np.arange(100).reshape(10, 10))))
    rows = written.removeprefix(r"\begin{bmatrix}").removesuffix(r"\end{bmatrix}").split(r"\\")
    assert rows[0] == r"0&1&2&\cdots&9"
    assert rows[3] == r"\vdots&\vdots&\vdots&\ddots&\vdots"
    assert rows[4] == r"90&91&92&\cdots&99"
    assert len(rows) == 5


def test_a_long_sum_under_a_fraction_takes_several_rows_and_says_the_same() -> None:
    terms = tuple(Product((num(f"0.12{k}4"), num(f"-0.98{k}6"))) for k in range(9))
    whole = Fraction(Sum(terms), num("9"))
    written = latex(whole)
    assert written.count(r"\\") == 2
    assert tree(read(written)) == tree(expected(whole))


def test_rows_stand_within_rows_and_are_read_so() -> None:
    inner = Fraction(Sum(tuple(num(f"0.12{k}456789") for k in range(9))), num("9"))
    whole = Fraction(
        Sum(tuple(Product((num(f"0.98{k}654321"), inner)) for k in range(5))), num("7")
    )
    written = latex(whole)
    assert written.count(r"\begin{aligned}") > 1
    assert tree(read(written)) == tree(expected(whole))


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_what_is_written_means_the_same_and_keeps_its_groups(e: Expr) -> None:
    node = read(latex(e))
    assert tree(node) == tree(expected(e))
    meant = evaluate(e)
    assume(meant.is_finite())
    assert abs(value(node) - meant) <= abs(meant) * Decimal("1e-20") + Decimal("1e-25")


def tree(e: Node) -> object:
    """Kinds, names and numbers, nothing else."""
    what = e.what.normalize() if isinstance(e.what, Decimal) else e.what
    return (e.kind, what, *(tree(p) for p in e.parts))


def expected(e: Expr) -> Node:
    """The same tree, made without writing and reading."""
    parts = tuple(expected(c) for c in e.children)
    match e:
        case Num():
            return Node("number", what=e.value)
        case Labelled():
            return parts[0]
        case Negative():
            return negative(parts[0])
        case Function():
            return Node("function", parts, e.name)
    return Node(type(e).__name__.lower(), parts)
