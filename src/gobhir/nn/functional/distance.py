"""How far apart, or how alike in direction, pairs of vectors are."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import on_tensor
from gobhir.engine.dtypes import promoted
from gobhir.engine.functions.norms import pdist
from gobhir.engine.functions.publish import function
from gobhir.engine.functions.shapes import place
from gobhir.lang import say

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


@function
@on_tensor
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension. x1, x2: (..., features), shapes that
    broadcast."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


@function
@on_tensor
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (|x1| |x2|) along `dim`, between -1 and 1; lengths below eps count as eps."""
    kind = promoted([x1.array, x2.array])
    if kind.kind != "f":
        raise NotImplementedError(say("errors.dtype.not_for", op="cosine_similarity", dtype=kind))
    place(dim, max(x1.ndim, x2.ndim))
    x1, x2 = x1.to(kind), x2.to(kind)
    shape = np.broadcast_shapes(x1.shape, x2.shape) if _fit(x1, x2) else (x1 + x2).shape
    a, b = x1.expand(shape), x2.expand(shape)
    return ((a / _length(a, dim, eps)) * (b / _length(b, dim, eps))).sum(dim)


def _fit(x1: Tensor, x2: Tensor) -> bool:
    try:
        np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        return False  # the sum of the two says what is wrong
    return True


def _length(x: Tensor, dim: int, eps: float) -> Any:
    length: Any = x.norm(2, dim, True)
    # The gradient is that of the length itself, below eps too.
    return length + Tensor._wrap(np.maximum(length.dtype.type(eps) - length.array, 0))
