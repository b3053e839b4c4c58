"""Calculus by hand against SymPy and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir import mathematics as m
from gobhir.mathematics.functions import parse, source, value
from gobhir.mathematics.rules import derivative, simplified
from tests.mathematics.reader import sound

KNOWN: dict[str, Any] = {
    "sigmoid": lambda u: 1 / (1 + sympy.exp(-u)),
    "relu": lambda u: sympy.Max(0, u),
    "ln": sympy.log,
    "abs": lambda u: sympy.sqrt(u**2),
    **{k: sympy.Symbol(k) for k in "xy"},
}

LEAF = st.sampled_from(["x", "x", "2", "3", "0.5"])


def grown(inner: Any) -> Any:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: f"({p[0]} + {p[1]})"),
        pairs.map(lambda p: f"({p[0]} - {p[1]})"),
        pairs.map(lambda p: f"({p[0]}) * ({p[1]})"),
        pairs.map(lambda p: f"({p[0]}) / (1 + ({p[1]})**2)"),
        st.tuples(inner, st.integers(2, 4)).map(lambda p: f"({p[0]})**{p[1]}"),
        st.tuples(st.sampled_from(["sin", "cos", "tanh", "sigmoid", "exp", "atan"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        inner.map(lambda u: f"ln(2 + ({u})**2)"),
        inner.map(lambda u: f"sqrt(1 + ({u})**2)"),
    )


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAF, grown, max_leaves=5))
def test_derivatives_of_anything(text: str) -> None:
    tree = parse(text)
    x = sympy.Symbol("x")
    expected = sympy.sympify(text, locals=KNOWN)
    slope = sympy.diff(expected, x)
    found = derivative(tree, "x")
    again = parse(source(found))
    for at in (-0.7, 0.4):
        truth = complex(slope.evalf(subs={x: at}))
        if not abs(truth) < 1e6:
            continue
        assert float(value(found, {"x": at})) == pytest.approx(truth.real, rel=1e-6, abs=1e-9)
        assert float(value(again, {"x": at})) == pytest.approx(truth.real, rel=1e-6, abs=1e-9)
        whole = float(value(simplified(tree), {"x": at}))
        assert whole == pytest.approx(float(value(tree, {"x": at})), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x**2*sin(3*x)", 1),
        ("sigmoid(2*x - 1)", 0.3),
        ("relu(x)*abs(x - 2)", 1),
        ("x**x", 2),
        ("2**x/(1 + x)", 3),
        ("tan(x) + asin(x/2) - acos(x/3) + ln(x)", 0.5),
        ("e**(x^2) + pi*x", 0.5),
        ("7", 1),
        ("x", 4),
    ],
)
def test_a_page_of_rules(text: str, at: float) -> None:
    page = m.derivative(text, at)
    tree = sympy.sympify(text.replace("^", "**").replace("e**", "E**"), locals=KNOWN)
    truth = tree.diff(sympy.Symbol("x")).subs(sympy.Symbol("x"), at).doit()
    assert page.result == pytest.approx(float(truth), rel=1e-9)
    sound(page)


def test_several_letters() -> None:
    x, y = sympy.symbols("x y")
    f = x**2 * y + sympy.exp(x * y)
    at = {x: 1.5, y: -0.5}
    text, point = "x**2*y + exp(x*y)", [1.5, -0.5]
    gradient = [float(f.diff(v).subs(at)) for v in (x, y)]
    for page in (m.gradient(text, point), m.chain(text, {"x": 1.5, "y": -0.5})):
        np.testing.assert_allclose(page.result, gradient, rtol=1e-9)
        sound(page)
    page = m.hessian(text, point)
    truth = np.array(sympy.hessian(f, (x, y)).subs(at), float)
    np.testing.assert_allclose(page.result, truth, rtol=1e-9)
    sound(page)
    page = m.jacobian(["x*y", "x + y**2"], point)
    np.testing.assert_allclose(page.result, [[-0.5, 1.5], [1, -1]])
    assert m.gradient("x*y").result == ("y", "x")
    sound(page)


@pytest.mark.parametrize(
    ("text", "to", "truth"),
    [
        ("sin(x)/x", 0, 1),
        ("(x**2 - 1)/(x - 1)", 1, 2),
        ("(1 - cos(x))/x**2", 0, 0.5),
        ("x/exp(x)", "inf", 0),
        ("(2*x**2 + 1)/(x**2 - 3)", "inf", 2),
        ("(1 + 1/x)**x", "inf", np.e),
        ("1/x**2", 0, np.inf),
        ("x**2 + 1", 3, 10),
        ("sqrt(x)", 0, 0),
    ],
)
def test_limits(text: str, to: Any, truth: float) -> None:
    page = m.limit(text, to)
    assert page.result == pytest.approx(truth, rel=1e-5, abs=1e-9)
    sound(page)


def test_taylor_and_small_steps() -> None:
    page = m.taylor("exp(x)*cos(x)", 0, 4)
    series = sympy.series(sympy.exp(KNOWN["x"]) * sympy.cos(KNOWN["x"]), KNOWN["x"], 0, 5)
    truth = [float(series.removeO().coeff(KNOWN["x"], k)) for k in range(5)]
    np.testing.assert_allclose(page.result, truth, atol=1e-12)
    sound(page)
    page = m.numerical_derivative("sin(x)", 1)
    assert page.result == pytest.approx(np.cos(1), abs=1e-9)
    sound(page)


@pytest.mark.parametrize(
    ("text", "a", "b", "truth"),
    [("x**2", 0, 1, 1 / 3), ("sin(x)", 0, np.pi, 2), ("1/x", 1, 2.5, np.log(2.5))],
)
def test_areas(text: str, a: float, b: float, truth: float) -> None:
    page = m.integrate(text, a, b, 6)
    assert page.result == pytest.approx(truth, rel=1e-10)
    sound(page)
    page = m.monte_carlo(text, a, b, 4000, seed=3)
    area, error = page.result
    assert abs(area - truth) < 4 * error
    sound(page)


def test_sums_are_those_of_numpy() -> None:
    from gobhir.mathematics.integrals import sums

    x = np.linspace(0, 1, 9)
    found = sums(parse("exp(x)"), "x", 0, 1, 8)
    assert found["trapezoid"] == pytest.approx(np.trapezoid(np.exp(x), x))
    assert found["left"] == pytest.approx(np.exp(x[:-1]).sum() / 8)
    assert found["simpson"] == pytest.approx(np.e - 1, abs=1e-5)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: m.derivative("x**2*"), r"x\*\*2\*\n {8}\^"),
        (lambda: m.derivative("3x"), r" {5}\^"),
        (lambda: m.derivative("x^2 + foo(x)"), r"'foo'"),
        (lambda: m.derivative("x*y"), "x, y"),
        (lambda: m.derivative("__import__('os')"), "not known"),
        (lambda: m.derivative("relu(x)", 0), "corner"),
        (lambda: m.derivative("sqrt(x)", 0), "no finite slope"),
        (lambda: m.derivative("1/x", 0), "no value"),
        (lambda: m.limit("1/x", 0), "-inf"),
        (lambda: m.limit("abs(x)/x", 0), "from the left it goes to -1"),
        (lambda: m.limit("sin(1/x)", 0), "come to rest"),
        (lambda: m.integrate("1/x", -1, 1), "x = 0"),
        (lambda: m.integrate("x", 0, 1, 3), "even"),
        (lambda: m.integrate("x", 1, 0), "smaller"),
        (lambda: m.gradient("x*y", [1]), "x, y"),
        (lambda: m.taylor("x", 0, 99), "12"),
    ],
)
def test_errors_say_what_to_do(ask: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ask()
