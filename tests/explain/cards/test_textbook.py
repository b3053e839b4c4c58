"""Formulas of the cards as textbooks print them."""

from __future__ import annotations

import pytest

from gobhir.explain.cards.textbook import equation, words

WRITTEN = {
    "x @ W.T + b": "x Wᵀ + b",
    "1 / (1 + exp(-z))": "1/(1 + e^(−z))",
    "-x / y**2": "−x/y²",
    "-value * a / b**2": "−value · a/b²",
    "2 * x * y": "2xy",
    "a * b * 2": "a · b · 2",
    "x * noise": "x · noise",
    "p * (1 - p)": "p(1 − p)",
    "a - (b - c)": "a − (b − c)",
    "a / (b * c)": "a/(bc)",
    "(a / b) ** 2": "(a/b)²",
    "sqrt(2 / pi)": "√(2/π)",
    "sqrt(x)": "√x",
    "floor(x / y)": "⌊x/y⌋",
    "abs(x) ** p": "|x|^p",
    "exp(beta * z)": "e^(βz)",
    "polygamma(n + 1, x)": "ψ⁽ⁿ⁺¹⁾(x)",
    "inv(A).T @ d": "(A⁻¹)ᵀ d",
    "-out.T @ d": "−outᵀ d",
    "z[t] * h[t - 1]": "zₜhₜ₋₁",
    "W[x]": "W[x]",
    "exp(z) / sum(exp(z))": "e^z/(Σ e^z)",
    "sum(x) / N": "Σ x/N",
    "sum((x - sum(x) / N)**2) / (N - 1)": "Σ (x − x̄)²/(N − 1)",
    "x if x > 0 else 0": "⎧ x   x > 0\n    ⎩ 0   x ≤ 0",
    "1 if here else 0": "⎧ 1   here\n    ⎩ 0   otherwise",
    "0 if x < 0 else (1 if x > 1 else x)": "    ⎧ 0   x < 0\na = ⎨ 1   x > 1\n    ⎩ x   otherwise",
    "y + (1 if x > 0 else 0)": "y + ⎛⎧ 1   x > 0⎞\n        ⎝⎩ 0   x ≤ 0⎠",
}


@pytest.mark.parametrize("formula", WRITTEN)
def test_a_formula_as_it_is_written(formula: str) -> None:
    written = WRITTEN[formula]
    assert equation("a", formula, "en") == (written if "a = " in written else f"a = {written}")


def test_the_last_case_speaks_the_language() -> None:
    assert "না হলে" in equation("a", "1 if here else 0", "bn")


def test_elementwise_products_of_a_memory_have_their_sign() -> None:
    assert equation("c", "f * c + i * g", "en", "⊙") == "c = f ⊙ c + i ⊙ g"
    assert equation("out", "sum(D * C)", "en") == "out = Σ D ⊙ C"  # D C is another product


def test_the_gradient_has_its_name() -> None:
    assert equation("g", "d @ W", "en", d="∂L/∂z") == "g = ∂L/∂z W"
    assert equation("g", "d.T @ x", "en", d="∂L/∂z") == "g = (∂L/∂z)ᵀ x"


def test_the_words_of_a_formula() -> None:
    assert words("scale * q @ k.T + mask") == ["scale", "q", "k", "mask"]
