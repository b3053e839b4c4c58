"""Covariance, and areas under sampled curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.functions.publish import as_operand, function, of_tensor
from gobhir.engine.functions.shapes import place
from gobhir.engine.ops.linear import matmul
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@of_tensor
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Covariances of the rows of `input`, each row a variable, each column an observation: (n, m)
    to (n, n); of a vector its variance. fweights: how often each observation was made, aweights:
    how much it counts."""
    if input.ndim > 2 or input.dtype == bool:
        raise RuntimeError(say("errors.linalg.cov", x=input.array.shape, dtype=input.dtype))
    x = input if input.dtype.kind == "f" else input.float()
    x = x.reshape(1, -1) if x.ndim < 2 else x
    if not x.array.size:
        return Tensor._wrap(np.full((x.array.shape[0],) * 2, np.nan, x.dtype)).squeeze()
    weights: Any = None
    for w in (fweights, aweights):
        if w is not None:
            if as_operand(w).ndim > 1 or w.numel() != x.array.shape[1]:
                raise RuntimeError(say("errors.linalg.cov_weights", want=x.array.shape[1]))
            if w.dtype.kind not in ("iu" if w is fweights else "f") or (w.array < 0).any():
                raise RuntimeError(say("errors.linalg.cov_kinds"))
            weights = w if weights is None else weights * w
    if weights is None:
        total: Any = x.array.shape[1]
        mean, freedom = x.mean(1, keepdim=True), total - correction
        apart = x - mean
        product = matmul(apart, apart.mT)
    else:
        total = weights.sum()
        mean = (x * weights).sum(1, keepdim=True) / total
        if aweights is None or not correction:
            freedom = total - correction
        else:
            freedom = total - correction * (weights * aweights).sum() / total
        apart = x - mean
        product = matmul(apart * weights, apart.mT)
    if isinstance(freedom, Tensor):
        out = product / freedom.clamp(min=0)
    else:
        out = product / Tensor._wrap(np.asarray(max(freedom, 0), x.dtype))
    return out.squeeze()


@of_tensor
def corrcoef(input: Any) -> Any:
    """Correlations of the rows of `input`: covariances over the product of standard deviations,
    between -1 and 1."""
    c = cov(input)
    if not c.ndim:
        return c / c
    deviation = c.diagonal().sqrt()
    out = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return out.clamp(-1, 1)


@function
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The area under samples y along `dim`, in trapezoids between points x, or dx (1) apart."""
    return _areas(y, x, dx, dim).sum(dim)


@function
def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """`trapezoid` under its older name."""
    return trapezoid(y, x, dx=dx, dim=dim)


@function
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The areas under samples y up to each point but the first."""
    return _areas(y, x, dx, dim).cumsum(dim)


def _areas(y: Any, x: Any, dx: Any, dim: int) -> Any:
    y = as_operand(y)
    if y.dtype == bool:
        raise RuntimeError(say("errors.dtype.not_for", op="trapezoid", dtype=y.dtype))
    if x is not None and dx is not None:
        raise RuntimeError(say("errors.linalg.trapezoid"))
    at = place(dim, y.ndim)
    before, after = (_cut(y, at, s) for s in (slice(None, -1), slice(1, None)))
    width: Any = 1.0 if dx is None else dx
    if x is not None:
        points = as_operand(x)
        if points.ndim == 1:
            points = points.reshape(-1, *(1,) * (y.ndim - 1 - at))
        along = at - y.ndim
        length = points.array.shape[along]
        if length != y.array.shape[at]:
            raise RuntimeError(say("errors.linalg.trapezoid_points", x=length, y=y.array.shape[at]))
        place_of_x = points.ndim + along
        width = _cut(points, place_of_x, slice(1, None)) - _cut(points, place_of_x, slice(None, -1))
    return (before + after) * width / 2.0


def _cut(x: Any, dim: int, part: slice) -> Any:
    return x[(slice(None),) * dim + (part,)]


@function
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of a vector, one a column, highest first: x^(N-1), ..., x, 1."""
    x = as_operand(x)
    if x.ndim != 1:
        raise RuntimeError(say("errors.shape.vector_wanted", x=x.array.shape))
    out = linalg_vander(x, N=N)
    return out if increasing else out.flip(1)


def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    """Powers of the vectors along the last dimension, one a column: 1, x, x^2, ..., x^(N-1)."""
    x = as_operand(x)
    if x.dtype == bool:
        raise RuntimeError(say("errors.dtype.not_for", op="vander", dtype=x.dtype))
    x = x.reshape(1) if not x.ndim else x
    x = x if x.dtype.kind == "f" else x.long()
    count = x.array.shape[-1] if N is None else N
    if count < 0:
        raise RuntimeError(say("errors.shape.steps", steps=count))
    return x.unsqueeze(-1) ** Tensor._wrap(np.arange(count).astype(x.dtype))
