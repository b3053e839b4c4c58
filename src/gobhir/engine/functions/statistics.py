"""Covariance, and areas under sampled curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import Dims, Number, on_tensor
from gobhir.engine.functions.joining import cat
from gobhir.engine.functions.publish import as_operand, function, of_tensor
from gobhir.engine.functions.shapes import place
from gobhir.engine.ops.linear import matmul
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@of_tensor
def cov(
    input: Any,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Any:
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
@on_tensor
def trapezoid(y: Any, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Any:
    """The area under samples y along `dim`, in trapezoids between points x, or dx (1) apart."""
    return _areas(y, x, dx, dim).sum(dim)


@function
@on_tensor
def trapz(y: Any, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Any:
    """`trapezoid` under its older name."""
    return trapezoid(y, x, dx=dx, dim=dim)


@function
@on_tensor
def cumulative_trapezoid(
    y: Any, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Any:
    """The areas under samples y up to each point but the first."""
    return _areas(y, x, dx, dim).cumsum(dim)


def _areas(y: Any, x: Any, dx: Any, dim: int) -> Any:
    if y.dtype == bool:
        raise RuntimeError(say("errors.dtype.not_for", op="trapezoid", dtype=y.dtype))
    if x is not None and dx is not None:
        raise RuntimeError(say("errors.linalg.trapezoid"))
    at = place(dim, y.ndim)
    before, after = (_cut(y, at, s) for s in (slice(None, -1), slice(1, None)))
    width: Any = 1.0 if dx is None else dx
    if x is not None:
        length, many = x.array.size, y.array.shape[at]
        if x.ndim == 1 and length != many:
            raise RuntimeError(say("errors.linalg.trapezoid_points", x=length, y=many))
        if x.ndim == 1:
            x = x.reshape(-1, *(1,) * (y.ndim - 1 - at))
        x = x.reshape((1,) * (y.ndim - x.ndim) + x.array.shape)
        width = _cut(x, at, slice(1, None)) - _cut(x, at, slice(None, -1))
    return (before + after) * width / 2.0


def _cut(x: Any, dim: int, part: slice) -> Any:
    return x[(slice(None),) * dim + (part,)]


@function
@on_tensor
def gradient(
    input: Any, *, spacing: Any = None, dim: Dims | None = None, edge_order: int = 1
) -> Any:
    """Slopes of samples along each of `dim` (all dimensions when None), one tensor a dimension:
    central differences within, one-sided ones at both ends (of edge_order 1 or 2). spacing: how
    far apart the samples are (1), one number or one a dimension; or where they are, a tensor a
    dimension. https://docs.pytorch.org/docs/stable/generated/torch.gradient.html
    """
    x = input
    dims = range(x.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    along = [place(d, x.ndim) for d in dims]
    if x.dtype.kind in "ub":
        raise RuntimeError(say("errors.dtype.not_for", op="gradient", dtype=x.dtype))
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(along)
    if len(steps) != len(along) or len(set(along)) < len(along) or edge_order not in (1, 2):
        raise RuntimeError(say("errors.linalg.gradient", x=x.array.shape, n=len(along)))
    if any(x.array.shape[d] <= edge_order for d in along):
        raise RuntimeError(say("errors.linalg.gradient_short", x=x.array.shape, n=edge_order + 1))
    return tuple(_slopes(x, d, step, edge_order) for d, step in zip(along, steps, strict=True))


def _slopes(y: Any, at: int, step: Any, edge_order: int) -> Any:
    """Source: Fornberg, Generation of Finite Difference Formulas on Arbitrarily Spaced Grids
    (1988)."""
    many = y.array.shape[at]
    x = np.arange(many) * step if isinstance(step, (int, float)) else np.asarray(step)
    gap = np.diff(x).astype(y.dtype if y.dtype.kind == "f" else np.float32)
    before, after = gap[:-1], gap[1:]
    weights = [
        -after / (before * (before + after)),
        (after - before) / (before * after),
        before / (after * (before + after)),
    ]
    parts = []
    for k, w in enumerate(weights):
        shape = [-1 if d == at else 1 for d in range(y.ndim)]
        parts.append(_cut(y, at, slice(k, many - 2 + k)) * Tensor._wrap(w.reshape(shape)))
    middle = parts[0] + parts[1] + parts[2]
    first, last = _end(y, at, gap, 1, edge_order), _end(y, at, gap[::-1], -1, edge_order)
    return cat([first, middle, last], at)


def _end(y: Any, at: int, gap: np.ndarray, sign: int, edge_order: int) -> Any:
    """The slope at the first sample (sign 1) or the last one (-1), gap[0] from its neighbour."""
    many = y.array.shape[at]
    places = range(3) if sign > 0 else range(many - 1, many - 4, -1)
    here, near, far = (_cut(y, at, slice(k, k + 1)) for k in places)
    a = gap[0]
    if edge_order == 1:
        return (near - here) * (sign / a)
    b = gap[1]
    return sign * (
        here * (-(2 * a + b) / (a * (a + b)))
        + near * ((a + b) / (a * b))
        - far * (a / (b * (a + b)))
    )


@function
@on_tensor
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of a vector, one a column, highest first: x^(N-1), ..., x, 1."""
    if x.ndim != 1:
        raise RuntimeError(say("errors.shape.vector_wanted", x=x.array.shape))
    out = linalg_vander(x.long() if x.dtype == bool else x, N=N)
    return out if increasing else out.flip(1)


@on_tensor
def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    """Powers of the vectors along the last dimension, one a column: 1, x, x^2, ..., x^(N-1)."""
    if x.dtype == bool:
        raise RuntimeError(say("errors.dtype.not_for", op="vander", dtype=x.dtype))
    x = x.reshape(1) if not x.ndim else x
    x = x if x.dtype.kind == "f" else x.long()
    count = x.array.shape[-1] if N is None else N
    if count < 0:
        raise RuntimeError(say("errors.shape.steps", steps=count))
    return x.unsqueeze(-1) ** Tensor._wrap(np.arange(count).astype(x.dtype))
