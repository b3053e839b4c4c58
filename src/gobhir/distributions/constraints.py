"""Which numbers are meant: for distributions of one's own, and to ask what a distribution draws.

    class Triangle(Distribution):
        arg_constraints = {"width": constraints.positive}
        support = constraints.real

`constraints.positive.check(x)` says of each number (or event) of x whether it is one of them.
https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.constraints
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gobhir import linalg
from gobhir.engine import Tensor
from gobhir.engine.creation import full

__all__ = [
    "Constraint",
    "boolean",
    "dependent",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "real",
    "real_vector",
    "simplex",
    "square",
    "symmetric",
    "unit_interval",
]


class Constraint:
    """`check(value)`: which of the numbers, or with event_dim which of the events of so many
    last dimensions, are allowed. is_discrete: whether these are single numbers, as 0, 1, 2."""

    def __init__(
        self,
        name: str,
        check: Callable[[Any], Tensor],
        event_dim: int = 0,
        is_discrete: bool = False,
    ):
        self._name, self._inside = name, check
        self.event_dim, self.is_discrete = event_dim, is_discrete

    def check(self, value: Tensor) -> Tensor:
        return self._inside(value)

    def __repr__(self) -> str:
        return self._name


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """From lower_bound to upper_bound, both allowed."""
    name = f"Interval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    return Constraint(name, lambda x: (x >= lower_bound) & (x <= upper_bound))


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """From lower_bound on, below upper_bound."""
    name = f"HalfOpenInterval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    return Constraint(name, lambda x: (x >= lower_bound) & (x < upper_bound))


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Whole numbers from lower_bound to upper_bound, both allowed."""
    name = f"IntegerInterval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    inside = interval(lower_bound, upper_bound).check
    return Constraint(name, lambda x: (x % 1 == 0) & inside(x), is_discrete=True)


def greater_than(lower_bound: Any) -> Constraint:
    """Above lower_bound."""
    return Constraint(f"GreaterThan(lower_bound={lower_bound})", lambda x: x > lower_bound)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """lower_bound or above."""
    return Constraint(f"GreaterThanEq(lower_bound={lower_bound})", lambda x: x >= lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Below upper_bound."""
    return Constraint(f"LessThan(upper_bound={upper_bound})", lambda x: x < upper_bound)


def independent(base_constraint: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """base_constraint for each number of an event of so many more dimensions."""
    count = reinterpreted_batch_ndims

    def check(x: Tensor) -> Tensor:
        inside: Tensor = base_constraint.check(x)
        return inside.reshape((*inside.shape[: inside.ndim - count], -1)).all(-1)

    event_dim = base_constraint.event_dim + count
    name = f"Independent({base_constraint}, {count})"
    return Constraint(name, check, event_dim, base_constraint.is_discrete)


def _whole_from(least: int) -> Constraint:
    name = f"IntegerGreaterThan(lower_bound={least})"
    return Constraint(name, lambda x: (x % 1 == 0) & (x >= least), is_discrete=True)


def _of_matrices(name: str, check: Callable[[Tensor], Tensor]) -> Constraint:
    return Constraint(name, check, event_dim=2)


def _all_of(x: Tensor) -> Tensor:
    """Of each matrix, whether all is True."""
    return x.all(-1).all(-1)


def _symmetric(x: Tensor) -> Tensor:
    return _all_of((x - x.mT).abs() <= 1e-6 + 1e-5 * x.abs())


def _lower(x: Tensor) -> Tensor:
    return _all_of(x.tril() == x)


real = Constraint("Real()", lambda x: x == x)
real_vector = independent(real, 1)
boolean = Constraint("Boolean()", lambda x: (x == 0) | (x == 1), is_discrete=True)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
nonnegative_integer, positive_integer = _whole_from(0), _whole_from(1)
one_hot = Constraint(
    "OneHot()", lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1), 1, True
)
simplex = Constraint(
    "Simplex()", lambda x: (x >= 0).all(-1) & ((x.sum(-1) - 1).abs() < 1e-6), event_dim=1
)
lower_triangular = _of_matrices("LowerTriangular()", _lower)
lower_cholesky = _of_matrices(
    "LowerCholesky()", lambda x: _lower(x) & (x.diagonal(0, -2, -1) > 0).all(-1)
)
square = _of_matrices(
    "Square()", lambda x: full(x.shape[:-2], x.shape[-1] == x.shape[-2], dtype=bool)
)
symmetric = _of_matrices("Symmetric()", _symmetric)
positive_definite = _of_matrices(
    "PositiveDefinite()", lambda x: _symmetric(x) & (linalg.cholesky_ex(x).info == 0)
)
dependent = Constraint("Dependent()", lambda x: x == x)
"""Stands for what depends on the distribution's parameters; it is not checked."""


def is_dependent(constraint: Any) -> bool:
    """Whether this is `dependent`."""
    return constraint is dependent
