"""Parametrizations that are in use: weights with a direction and a length of their own, weights
that stretch nothing by more than 1.

Sources: Salimans and Kingma, Weight normalization (2016); Miyato et al., Spectral normalization
for generative adversarial networks (2018).
"""

from __future__ import annotations

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.tape import no_grad
from gobhir.lang import say
from gobhir.nn.functional import normalize
from gobhir.nn.init import normal_
from gobhir.nn.module import Module
from gobhir.nn.utils.orthogonal import orthogonal
from gobhir.nn.utils.parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """weight = g * v / |v|, |v| over all dimensions but dim (over all when None): the length g
    (original0) and the direction v (original1) learn by themselves. Returns the module."""
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """weight = original / its largest singular value, which power iterations follow: one (or
    n_power_iterations) at each reading in training. Returns the module.

    dim: which one counts as the rows of a matrix, the others as its columns: 0, but 1 for
    transposed convolutions.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        message = say("errors.nn.no_tensor", module=type(module).__name__, name=name)
        raise ValueError(message)
    rows = rows_of(module) if dim is None else dim
    spectral = _SpectralNorm(weight, n_power_iterations, rows, eps)
    return register_parametrization(module, name, spectral)


class _WeightNorm(Module):
    """length, direction -> weight."""

    def __init__(self, dim: int | None = 0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return with_length(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return length(weight, self.dim), weight


class _SpectralNorm(Module):
    """weight -> weight / its largest singular value. _u, _v: the singular vectors, as far as
    they are known."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ):
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(say("errors.nn.dim_range", dim=dim, shape=weight.shape))
        check_iterations(n_power_iterations)
        self.dim = dim % weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            for name, vector in zip(("_u", "_v"), start_vectors(matrix, eps), strict=True):
                self.register_buffer(name, vector)
            self._follow(matrix, 15)

    @no_grad()
    def _follow(self, matrix: Tensor, times: int) -> None:
        for _ in range(times):
            self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
            self._v.copy_(normalize(matrix.t() @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._follow(matrix, self.n_power_iterations)
        # Copies: the next reading overwrites them before backward() may have used them.
        return weight / stretch(matrix, self._u.clone(), self._v.clone())

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def length(v: Tensor, dim: int) -> Tensor:
    """The norm over all dimensions but dim (over all for -1), ready to be multiplied with."""
    if dim == -1:
        return (v**2).sum().sqrt()
    others = tuple(d for d in range(v.ndim) if d != dim)
    return (v**2).sum(others, keepdim=True).sqrt() if others else v.abs()


def with_length(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """v stretched or shrunk to length g."""
    return v * (g / length(v, dim))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Dimension dim as rows, the others together as columns."""
    if dim:
        weight = weight.permute(dim, *(d for d in range(weight.ndim) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def start_vectors(matrix: Tensor, eps: float) -> list[Tensor]:
    """Random vectors of length 1, as many numbers as the matrix has rows, and columns."""
    with no_grad():
        drawn = [normal_(Tensor._wrap(np.empty(n, matrix.dtype))) for n in matrix.shape]
        return [normalize(x, dim=0, eps=eps) for x in drawn]


def stretch(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """By how much the matrix stretches v in the direction of u: u W v."""
    return (u * (matrix @ v)).sum()


def rows_of(module: Module) -> int:
    """Which dimension of the module's weight counts its outputs."""
    return 1 if type(module).__name__.startswith("ConvTranspose") else 0


def check_iterations(count: int) -> None:
    """ValueError unless there is at least one."""
    if count <= 0:
        raise ValueError(say("errors.nn.power_iterations", count=count))
