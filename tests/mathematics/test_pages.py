"""The pages as things to keep and to ask for: every way out, every page in the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gobhir import mathematics as m
from gobhir.derivation import schema
from gobhir.derivation.step import Derivation
from gobhir.lang import LANGUAGES, catalogue
from gobhir.mathematics.typed import listed, typed

EXAMPLES = {
    "solve": ["[[2,1],[1,3]]", "[3,5]"],
    "inverse": ["[[2,1],[5,3]]"],
    "determinant": ["[[0.5,1],[2,3]]"],
    "rank": ["[[1,2],[2,4]]"],
    "dot": ["[1,2]", "[3,4]"],
    "norms": ["[3,-4]"],
    "matmul": ["[[1,2],[3,4]]", "[[1],[2]]"],
    "project": ["[2,3]", "[1,1]"],
    "least_squares": ["[[1,0],[1,1],[1,2]]", "[6,0,0]"],
    "qr": ["[[1,2],[3,4]]"],
    "eigen": ["[[2,1],[1,2]]"],
    "power_iteration": ["[[2,1],[1,3]]"],
    "qr_iteration": ["[[2,1],[1,3]]"],
    "svd": ["[[3,0],[4,5]]"],
    "derivative": ["x**2*sin(3*x)", "at=1"],
    "gradient": ["x**2*y", "[1,2]"],
    "jacobian": ["['x*y','x+y']"],
    "hessian": ["x**2*y", "[1,2]"],
    "chain": ["sigmoid(w*x)", "{'w': 0.5, 'x': 2}"],
    "limit": ["sin(x)/x", "0"],
    "numerical_derivative": ["x**2", "1"],
    "taylor": ["exp(x)", "n=3"],
    "integrate": ["x**2", "0", "1"],
    "monte_carlo": ["x**2", "0", "1", "n=50"],
    "mean": ["[1,2,4]"],
    "variance": ["[1,2,4]"],
    "standardize": ["[60,70,80]"],
    "why_sample": ["[1,3]"],
    "covariance": ["[1,2,3]", "[2,1,5]"],
    "z_score": ["176", "170", "6"],
    "bernoulli": ["0.3"],
    "binomial": ["4", "0.3", "2"],
    "poisson": ["2", "1"],
    "uniform": ["0", "2", "1"],
    "normal": ["0", "1", "-1"],
    "exponential": ["0.5", "1"],
    "expectation": ["[1,2]", "[0.5,0.5]"],
    "bayes": ["0.01", "0.9", "0.95"],
    "likelihood_bernoulli": ["[1,0,1]"],
    "likelihood_normal": ["[1,2,4]"],
    "large_numbers": ["100"],
    "central_limit": ["10", "200"],
    "entropy": ["[0.5,0.5]"],
    "cross_entropy": ["[1,0]", "[0.7,0.3]"],
    "kl": ["[0.7,0.3]", "[0.5,0.5]"],
}


def test_there_is_an_example_of_every_page() -> None:
    assert set(EXAMPLES) == set(m.SUBJECTS)
    assert set(EXAMPLES) <= set(m.__all__)
    text = listed(80)
    assert all(f"    {name} " in text for name in EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_is_data_and_comes_back(name: str) -> None:
    page = typed(name, EXAMPLES[name])
    for lang in LANGUAGES:
        text = page.to_text(lang)
        assert catalogue(lang)[f"maths.title.{name}"].split("$")[0] in text
        assert "{" not in text.replace("{w", "")
    again = Derivation.from_json(page.to_json())
    assert again.to_markdown("bn") == page.to_markdown("bn")


def test_the_schema_knows_these_pages() -> None:
    check = jsonschema_rs.Draft202012Validator(schema.schema())
    page = m.jacobian(["x**2"])  # with a matrix of expressions, and a sign of calculus
    check.validate(json.loads(page.to_json("en")))


@pytest.mark.parametrize("suffix", [".html", ".slides.html", ".md", ".tex", ".json"])
def test_a_page_is_saved(tmp_path: Path, suffix: str) -> None:
    for name in ("inverse", "limit", "integrate"):
        path = tmp_path / f"{name}{suffix}"
        typed(name, EXAMPLES[name]).save(path, "bn")
        assert path.stat().st_size > 500


def test_where_four_digits_take_everything_away_more_are_written() -> None:
    page = m.inverse([[1, 1.00001], [1, 1.00002]])
    assert "at most 7 significant" in page.to_text("en") and "৭টা" in page.to_text("bn")
    assert page.result.round(3).tolist() == [[100002, -100001], [-100000, 100000]]
    assert "at most 4 significant" in m.inverse([[0.5, 1], [2, 3.5]]).to_text("en")
    assert "significant" not in m.inverse([[1, 1], [2, 3]]).to_text("en")


def test_bangla_digits_may_be_typed() -> None:
    assert typed("inverse", ["[[২,১],[৫,৩]]"]).result.tolist() == [[3, -1], [-5, 2]]
    assert typed("derivative", ["x^২", "at=৩"]).result == 6


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("invers", [], "inverse"),
        ("solve", ["[[1]]"], r"solve\(a, b\)"),
        ("taylor", ["exp(x)", "m=3"], r"n=4"),
        ("inverse", ["--det"], "--det"),
    ],
)
def test_what_cannot_be_asked_is_said(name: str, words: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        typed(name, words)
