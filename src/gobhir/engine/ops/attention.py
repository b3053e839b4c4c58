"""Attention: every query looks at all keys, and takes in the values by how well they fit.

Source: Vaswani et al., Attention is all you need (2017), equation 1. `weights` is the simple
variant, in pieces that a derivation shows one by one; Attention does the same in few passes.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import where
from gobhir.engine.ops.indexing import plain
from gobhir.engine.ops.joining import stack
from gobhir.engine.ops.linear import matmul
from gobhir.engine.ops.memo import memo, remembered
from gobhir.engine.ops.reductions import sum
from gobhir.engine.ops.softmax import softmax
from gobhir.engine.tensor import Tensor

SHORT = 100
"""Rows of so many numbers at most are short: measured."""


class Attention(Op):
    """y = softmax(scale q k^T + mask) v. q: (..., L, E), k: (..., S, E), v: (..., S, Ev),
    y: (..., L, Ev). mask: None, or numbers that broadcast to (..., L, S) and are added to the
    scores, -inf where nothing is to be seen. A query that may see nothing gets 0.

    Gives y, and what the pullback wants to see again: the weights, keys by queries, because
    numbers under one another are added up faster than numbers side by side.
    """

    family = Family.ATTENTION
    formula = "softmax(scale * q @ k.T + mask) @ v"
    result = "y"
    example = (
        [
            np.array([[1.0, 0.0], [0.0, 2.0]]),
            np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 2.0]]),
            np.array([[10.0], [20.0], [30.0]]),
            None,
        ],
        {"scale": 1.0},
    )
    memos = 1

    def forward(q, k, v, mask=None, *, scale):
        p = _keys_by_queries(k, q * scale)
        if mask is not None:
            np.add(p, np.ascontiguousarray(mask.mT), out=p)
        # A finite number where all are -inf, so that nothing but 0 comes of it.
        lowest = np.finfo(p.dtype).min
        np.subtract(p, p.max(axis=-2, keepdims=True, initial=lowest), out=p)
        np.exp(p, out=p)
        # The highest score adds 1, so only a sum of zeros is below.
        np.multiply(p, 1 / np.maximum(p.sum(axis=-2, keepdims=True), 1), out=p)
        return _product(p.mT, v, q), memo(p)

    def vjps(d, out, q, k, v, mask=None, *, scale):
        if isinstance(q, Tensor):
            return _pieces(d[0], q, k, v, mask, scale)
        d, y, p = d[0], out[0], remembered(out[1], q.dtype)
        ds = _keys_by_queries(v, d)
        np.subtract(ds, np.ascontiguousarray((d * y).sum(axis=-1))[..., None, :], out=ds)
        np.multiply(ds, p, out=ds)
        dq, dk = _product(ds.mT, k, q), _product(ds, q, k)
        return dq * scale, dk * scale, _product(p, d, v), ds.mT


def _keys_by_queries(k, q):
    """k q^T. Short rows lie beside those of the other heads: along one long row, numbers that stand
    under one another are soon added up."""
    if q.ndim < 4 or q.shape[-2] > SHORT:
        return np.matmul(k, q.mT)
    *outer, heads = np.broadcast_shapes(k.shape[:-2], q.shape[:-2])
    out = np.empty((*outer, k.shape[-2], heads, q.shape[-2]), np.result_type(k, q))
    return np.matmul(k, q.mT, out=out.swapaxes(-2, -3))


def _product(a, b, like):
    """a @ b, in the memory order of `like` where it has that shape: heads that lie beside one
    another stay so, and nothing need be copied to merge them."""
    if a.shape[:-2] == b.shape[:-2] and (*a.shape[:-1], b.shape[-1]) == like.shape:
        return np.matmul(a, b, out=np.empty_like(like))
    return np.matmul(a, b)


def weights(q, k, mask, scale):
    """How much each query takes of each value: softmax(scale q k^T + mask), (..., L, S)."""
    scores = matmul(q * scale, k.mT)
    if mask is None:
        return softmax(scores, dim=-1)
    scores = scores + mask
    blind = np.isneginf(plain(scores)).all(axis=-1, keepdims=True)
    if not blind.any():
        return softmax(scores, dim=-1)
    return where(blind, 0.0, softmax(where(blind, 0.0, scores), dim=-1))


def _pieces(d, q, k, v, mask, scale):
    """The gradients once more, in pieces that can be differentiated."""
    p = weights(q, k, mask, scale)
    dp = matmul(d, v.mT)
    ds = p * (dp - sum(dp * p, dim=-1, keepdim=True))
    return matmul(ds, k) * scale, matmul(ds.mT, q) * scale, matmul(p.mT, d), ds


class SplitHeads(Op):
    """What one product gave for queries, keys and values of all heads, taken apart without
    copying: x: (A, B, parts * heads * E) becomes `parts` tensors (N, heads, L, E), where N and L
    are A and B, or B and A where the batch comes second."""

    family = Family.REARRANGEMENT
    formula = "x"
    local = "1"
    shape_only = True
    example = ([np.arange(8.0).reshape(1, 2, 4)], {"parts": 2, "heads": 2, "batch_first": True})

    def forward(x, *, parts, heads, batch_first):
        A, B, n = x.shape
        split = x.reshape(A, B, parts, heads, n // (parts * heads))
        split = split.transpose((2, 0, 3, 1, 4) if batch_first else (2, 1, 3, 0, 4))
        return tuple(split)

    def vjp(d, out, x, *, parts, heads, batch_first):
        if isinstance(x, Tensor):
            joined = stack(*d, dim=0).permute((1, 3, 0, 2, 4) if batch_first else (3, 1, 0, 2, 4))
            return joined.reshape(x.shape)
        joined = np.empty((*x.shape[:2], parts, heads, d[0].shape[-1]), x.dtype)
        for k, part in enumerate(d):
            joined[:, :, k] = part.transpose((0, 2, 1, 3) if batch_first else (2, 0, 1, 3))
        return joined.reshape(x.shape)


attention = function(Attention)
split_heads = function(SplitHeads)
