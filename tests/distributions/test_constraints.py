"""What numbers are meant, and distributions of one's own that say so, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import numbers

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
ROWS = np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [-1.0, 2.0, 0.0], [np.nan, 1.0, 0.0]])
MATRICES = np.array(
    [[[1.0, 0.0], [2.0, 3.0]], [[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]], [[0, 0], [1, 0]]]
)
ASKED = [
    *("c.real", "c.positive", "c.nonnegative", "c.unit_interval", "c.boolean", "c.real_vector"),
    *("c.nonnegative_integer", "c.positive_integer", "c.simplex", "c.one_hot"),
    *("c.interval(-1.0, 0.5)", "c.half_open_interval(0.0, 1.0)", "c.integer_interval(0, 1)"),
    *("c.greater_than(0.5)", "c.greater_than_eq(0.5)", "c.less_than(0.5)"),
    "c.independent(c.positive, 1)",
]


@pytest.mark.parametrize("code", ASKED)
def test_numbers_and_rows(code: str) -> None:
    mine, theirs = (eval(code, {"c": t.distributions.constraints}) for t in (gobhir, torch))
    got, want = mine.check(gobhir.tensor(ROWS)), theirs.check(torch.tensor(ROWS))
    assert got.tolist() == want.tolist()
    assert (mine.event_dim, mine.is_discrete) == (theirs.event_dim, theirs.is_discrete)
    assert repr(mine) == repr(theirs) or "Integer" in repr(mine) or "Independent" in repr(mine)


@pytest.mark.parametrize(
    "name", ["lower_cholesky", "lower_triangular", "square", "symmetric", "positive_definite"]
)
def test_matrices(name: str) -> None:
    mine, theirs = (getattr(t.distributions.constraints, name) for t in (gobhir, torch))
    # PyTorch takes any symmetric matrix for positive definite that stands beside one that is not.
    every = MATRICES[1:3] if name == "positive_definite" else MATRICES
    for shown in (every, numbers(2, (2, 3, 3))):
        got, want = mine.check(gobhir.tensor(shown)), theirs.check(torch.tensor(shown))
        assert got.tolist() == want.tolist()
    assert mine.event_dim == theirs.event_dim == 2
    if name == "square":
        assert mine.check(gobhir.ones(2, 2, 3)).tolist() == [False, False]


@BOTH
def test_a_distribution_of_ones_own(t: Any) -> None:
    d, c = t.distributions, t.distributions.constraints

    class Triangle(d.Distribution):
        arg_constraints = {"width": c.positive, "anything": c.dependent}
        support = c.unit_interval
        has_rsample = True

        def __init__(self, width: Any, validate_args: Any = None) -> None:
            (self.width,) = d.utils.broadcast_all(width)
            super().__init__(self.width.shape, validate_args=validate_args)

        def log_prob(self, value: Any) -> Any:
            if self._validate_args:
                self._validate_sample(value)
            return value.log() / self.width

    with pytest.raises(ValueError):
        Triangle(t.tensor([1.0, -1.0]))
    Triangle(t.tensor([1.0, -1.0]), validate_args=False)
    mine = Triangle(t.tensor([1.0, 2.0]))
    assert mine.log_prob(t.tensor([1.0, 1.0])).tolist() == [0, 0]
    with pytest.raises(ValueError):
        mine.log_prob(t.tensor([1.0, 2.0]))
    assert c.is_dependent(c.dependent) and not c.is_dependent(c.real)


@BOTH
@pytest.mark.parametrize(
    ("code", "inside", "outside"),
    [
        ("d.Normal(0.0, 1.0)", -3.0, float("nan")),
        ("d.Exponential(1.0)", 0.5, -0.5),
        ("d.Bernoulli(0.5)", 1.0, 0.5),
        ("d.Poisson(2.0)", 4.0, 1.5),
        ("d.Beta(1.0, 2.0)", 0.5, 1.5),
    ],
)
def test_what_can_be_drawn(t: Any, code: str, inside: float, outside: float) -> None:
    support = eval(code, {"d": t.distributions}).support
    assert bool(support.check(t.tensor(inside))) and not bool(support.check(t.tensor(outside)))
