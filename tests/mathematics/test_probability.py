"""Statistics and probability by hand against NumPy, Python's statistics and PyTorch."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributions as td

from gobhir import mathematics as m
from gobhir.derivation.expression import Function
from gobhir.mathematics.functions import value, variables
from tests.mathematics.reader import sound

DATA = [2, 4, 4, 4, 5, 5, 7, 9.5]


def test_describing_data() -> None:
    page = m.mean(DATA)
    assert page.result == pytest.approx(np.mean(DATA))
    sound(page)
    for sample in (False, True):
        page = m.variance(DATA, sample=sample)
        assert page.result == pytest.approx(np.var(DATA, ddof=int(sample)))
        sound(page)
        page = m.standardize(DATA, sample)
        expected = (np.array(DATA) - np.mean(DATA)) / np.std(DATA, ddof=int(sample))
        np.testing.assert_allclose(page.result, expected)
        sound(page)
    y = [1, 3, 2, 5, 4, 6, 9, 8]
    page = m.covariance(DATA, y)
    expected = np.cov(DATA, y)[0, 1], np.corrcoef(DATA, y)[0, 1]
    np.testing.assert_allclose(page.result, expected)
    sound(page)
    page = m.z_score(176, 170, 6)
    assert page.result == 1
    assert "0.841" in page.to_text("en")
    sound(page)


def test_the_median_stands_on_the_page() -> None:
    assert "M = 3" in m.mean([10, 1, 3]).to_text("en")
    assert "= 7/2" in m.mean([10, 1, 3, 4]).to_text("en")


def test_why_a_sample_is_divided_by_less() -> None:
    page = m.why_sample([1, 2, 6], 2)
    truth, by_n, by_less = page.result
    assert truth == pytest.approx(np.var([1, 2, 6])) == by_less
    assert by_n == pytest.approx(truth / 2)
    sound(page)


@pytest.mark.parametrize(
    ("page", "peer", "at"),
    [
        (lambda: m.bernoulli(0.3, 1), td.Bernoulli(torch.tensor(0.3).double()), 1),
        (lambda: m.binomial(6, 0.3, 2), td.Binomial(6, torch.tensor(0.3).double()), 2),
        (lambda: m.poisson(2.5, 3), td.Poisson(torch.tensor(2.5).double()), 3),
        (lambda: m.uniform(1, 4, 2), td.Uniform(*torch.tensor([1.0, 4]).double()), 2),
        (lambda: m.normal(170, 6, 176), td.Normal(*torch.tensor([170.0, 6]).double()), 176),
        (lambda: m.exponential(0.5, 3), td.Exponential(torch.tensor(0.5).double()), 3),
    ],
)
def test_distributions(page: Any, peer: Any, at: int) -> None:
    made = page()
    density, share, mean, variance = made.result
    spot = torch.tensor(float(at)).double()
    assert density == pytest.approx(float(peer.log_prob(spot).exp()))
    discrete = peer.support.is_discrete
    counts = torch.arange(at + 1).double()
    expected = peer.log_prob(counts).exp().sum() if discrete else peer.cdf(spot)
    assert share == pytest.approx(float(expected))
    assert mean == pytest.approx(float(peer.mean)) and variance == pytest.approx(
        float(peer.variance)
    )
    sound(made)


def test_the_rule_of_68_95_997() -> None:
    told = m.normal(0, 1, 0).to_text("en")
    for k, shown in ((1, "0.682"), (2, "0.954"), (3, "0.997")):
        inside = NormalDist().cdf(k) - NormalDist().cdf(-k)
        assert shown in told and f"{inside:.4f}".startswith(shown)


def test_expectation_and_bayes() -> None:
    page = m.expectation([1, 2, 10], ["1/2", "1/3", "1/6"])
    mean = 0.5 + 2 / 3 + 10 / 6
    np.testing.assert_allclose(page.result, [mean, 0.5 + 4 / 3 + 100 / 6 - mean**2])
    sound(page)
    page = m.bayes(0.01, 0.9, 0.95)
    assert page.result == pytest.approx(0.009 / (0.009 + 0.99 * 0.05))
    sound(page)


def test_maximum_likelihood() -> None:
    page = m.likelihood_bernoulli([1, 0, 1, 1])
    assert page.result == 0.75
    sound(page)
    page = m.likelihood_normal([1, 2, 4.5])
    np.testing.assert_allclose(page.result, [np.mean([1, 2, 4.5]), np.var([1, 2, 4.5])])
    sound(page)


def test_slopes_of_the_likelihood_are_those_of_the_formula_above_them() -> None:
    """Written as a textbook has them, so held against differences of the formula itself."""
    for page in (m.likelihood_normal([1, 2, 4.5]), m.likelihood_bernoulli([1, 0, 1])):
        formula, *slopes = [
            line
            for step in page
            for line in step.lines
            if any(
                isinstance(n, Function) and n.name == "l"
                for n in getattr(line.left, "walk", tuple)()
            )
        ]
        at = dict.fromkeys(variables(formula.stages[0]), 0.7)
        assert len(slopes) == len(at)
        for line in slopes:
            by = line.left.letter.base
            up, down = (value(formula.stages[0], {**at, by: at[by] + s * 1e-5}) for s in (1, -1))
            assert value(line.stages[0], at) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_laws_of_many_throws() -> None:
    page = m.large_numbers(2000, seed=1)
    assert abs(page.result - 3.5) < 4 * math.sqrt(35 / 12 / 2000)
    sound(page)
    page = m.central_limit(30, 2000, seed=1)
    mean, spread = page.result
    assert abs(mean - 3.5) < 0.05 and spread == pytest.approx(math.sqrt(35 / 12 / 30), rel=0.1)
    assert (
        m.central_limit(30, 2000, seed=1).result == page.result != m.central_limit(30, 2000).result
    )
    sound(page)


def test_information() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    page = m.entropy(p)
    assert page.result == pytest.approx(-(p * np.log(p)).sum())
    sound(page)
    page = m.cross_entropy(p, q)
    assert page.result == pytest.approx(-(p * np.log(q)).sum())
    sound(page)
    page = m.kl(p, q)
    truth = td.kl_divergence(*(td.Categorical(torch.tensor(v)) for v in (p, q)))
    assert page.result == pytest.approx(float(truth))
    sound(page)
    assert m.cross_entropy([0, 1], [0.25, 0.75]).result == pytest.approx(-math.log(0.75))


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: m.variance([1]), "two values"),
        (lambda: m.why_sample(range(9), 3), "more than 36"),
        (lambda: m.covariance([1, 2], [3, 3]), "same"),
        (lambda: m.z_score(1, 2, 0), "larger than 0"),
        (lambda: m.binomial(5, 1.5, 2), "between 0 and 1"),
        (lambda: m.binomial(5, 0.5, 6), "0 to 5"),
        (lambda: m.expectation([1, 2], [0.5, 0.6]), "1.1"),
        (lambda: m.likelihood_bernoulli([1, 1]), "alike"),
        (lambda: m.likelihood_bernoulli([1, 2]), "zeros and ones"),
        (lambda: m.kl([0.5, 0.5], [1, 0]), "infinite"),
        (lambda: m.uniform(0, 1, 2), "x must lie"),
        (lambda: m.large_numbers(0), "1,000,000"),
    ],
)
def test_errors_say_what_to_do(ask: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ask()
