"""The normal distribution, of one number and of several that hang together."""

from __future__ import annotations

import math
from typing import Any

from gobhir import linalg
from gobhir.distributions.distribution import Distribution, LocationScale
from gobhir.engine import Tensor
from gobhir.engine.creation import ones, zeros
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.random import normal
from gobhir.engine.tape import no_grad
from gobhir.lang import say


class Normal(LocationScale):
    """exp(-((x - loc) / scale)**2 / 2) / (scale sqrt(2 pi)): the bell curve around loc."""

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.loc + noise(self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        half = (value - self.loc) ** 2 / (2 * self.scale**2)
        return -half - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        return 0.5 * (1 + ((value - self.loc) / self.scale / math.sqrt(2)).erf())

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()


class MultivariateNormal(Distribution):
    """Normal numbers that hang together: loc (..., k), and one of covariance_matrix,
    precision_matrix (its inverse) and scale_tril (its lower Cholesky factor), (..., k, k)."""

    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        names = ("covariance_matrix", "precision_matrix", "scale_tril")
        all_of_them = (covariance_matrix, precision_matrix, scale_tril)
        given = {n: m for n, m in zip(names, all_of_them, strict=True) if m is not None}
        if loc.ndim < 1 or len(given) != 1:
            raise ValueError(say("errors.distributions.covariance"))
        ((name, matrix),) = given.items()
        batch = FUNCTIONS["broadcast_shapes"](matrix.shape[:-2], loc.shape[:-1])
        matrix = matrix.expand(batch + matrix.shape[-2:])
        self.loc = loc.expand((*batch, loc.shape[-1]))
        super().__init__(
            batch, self.loc.shape[-1:], validate_args, parameters={"loc": self.loc, name: matrix}
        )
        if name == "scale_tril":
            self._tril = matrix
        else:
            self._tril = linalg.cholesky(
                matrix if name == "covariance_matrix" else linalg.inv(matrix)
            )

    def _demand(self, name: str, value: Any) -> str:
        if name == "scale_tril":
            lower = bool(value.tril().eq(value).all())
            return "" if lower and bool((value.diagonal(0, -2, -1) > 0).all()) else "lower, > 0"
        if name != "loc":
            try:
                symmetric = FUNCTIONS["allclose"](value, value.mT, atol=1e-6)
                linalg.cholesky(value.detach())
            except RuntimeError:
                symmetric = False
            return "" if symmetric else "positive-definite"
        return super()._demand(name, value)

    def __getattr__(self, name: str) -> Any:
        if name == "scale_tril":
            return self._tril
        if name == "covariance_matrix":
            return self._tril @ self._tril.mT
        if name == "precision_matrix":
            return linalg.inv(self.covariance_matrix)
        raise AttributeError(name)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self._tril.pow(2).sum(-1).expand(self._extended_shape())

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = noise(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._tril @ drawn.unsqueeze(-1)).squeeze(-1)

    def _log_volume(self) -> Tensor:
        """Half the logarithm of the covariance's determinant."""
        return self._tril.diagonal(0, -2, -1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        away = (value - self.loc).unsqueeze(-1)
        square = linalg.solve_triangular(self._tril, away, upper=False).squeeze(-1).pow(2).sum(-1)
        k = self._event_shape[0]
        return -0.5 * (k * math.log(2 * math.pi) + square) - self._log_volume()

    def entropy(self) -> Tensor:
        k = self._event_shape[0]
        return 0.5 * k * (1 + math.log(2 * math.pi)) + self._log_volume()


def noise(shape: Any, like: Tensor) -> Tensor:
    """Normal numbers of mean 0 and variance 1."""
    return normal(zeros(shape, dtype=like.dtype), ones(shape, dtype=like.dtype))
