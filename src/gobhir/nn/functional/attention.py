"""Attention as a function. What it computes stands in engine/ops/attention.py.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.drawing import clash, marked
from gobhir.engine.functions.publish import check_operands
from gobhir.engine.ops import attention as ops
from gobhir.engine.ops.joining import cat
from gobhir.engine.ops.linear import linear, matmul
from gobhir.engine.ops.softmax import softmax
from gobhir.engine.tape import state
from gobhir.lang import say, warn
from gobhir.nn.functional.dropout import dropout

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale query key^T + mask) value. query: (..., L, E), key: (..., S, E), value:
    (..., S, Ev).

    attn_mask: broadcasts to (..., L, S); True where a query may look, or numbers to add to the
    scores. is_causal: query i sees keys 0 to i. scale: 1 / sqrt(E) unless given. enable_gqa: a
    head of key and value serves several heads of queries. dropout_p is applied always: pass 0.0
    outside training.
    """
    check_operands(query, key, value)
    _check_attention(query, key, value)
    if enable_gqa:
        key, value = _for_all_heads(key, query), _for_all_heads(value, query)
    _check_batches(query, key, value)
    if attn_mask is not None:
        _check_mask(query, key, attn_mask)
    mask = _to_add(attn_mask, query.dtype)
    if is_causal:
        causal = causal_mask(query.shape[-2], key.shape[-2], query.dtype)
        mask = causal if mask is None else mask + causal
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return _attend(query, key, value, mask, dropout_p, scale)


def _attend(q: Any, k: Any, v: Any, mask: Any, dropout_p: float, scale: float) -> Any:
    if dropout_p == 0 and state.tape is None:
        return ops.attention(q, k, v, mask, scale=scale)[0]
    # A tape is there to be read: piece by piece.
    return matmul(dropout(ops.weights(q, k, mask, scale), dropout_p), v)


def _attend_openly(
    q: Any, k: Any, v: Any, mask: Any, dropout_p: float, scale: float
) -> tuple[Any, Any]:
    """The same, with the weights to be shown, (N, heads, L, S). As in PyTorch a query that may
    see nothing gets NaN here, not 0."""
    scores = matmul(q * scale, k.mT)
    weights = softmax(scores if mask is None else scores + mask, dim=-1)
    weights = dropout(weights, dropout_p) if dropout_p else weights
    return matmul(weights, v), weights


def _check_attention(q: Tensor, k: Tensor, v: Tensor) -> None:
    shapes = {"q": q.shape, "k": k.shape, "v": v.shape}
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(say("errors.attention.dims", **shapes))
    if not q.dtype == k.dtype == v.dtype or q.dtype.kind != "f":
        raise RuntimeError(say("errors.attention.dtype", q=q.dtype, k=k.dtype, v=v.dtype))
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise RuntimeError(say("errors.attention.shapes", **shapes))


def _check_batches(q: Tensor, k: Tensor, v: Tensor) -> None:
    """What stands in front of positions and features must broadcast."""
    for other in (k, v):
        try:
            np.broadcast_shapes(q.shape[:-2], other.shape[:-2])
        except ValueError:
            drawn = clash(q.shape[:-2], other.shape[:-2])
            raise RuntimeError(say("errors.shape.broadcast", op="attention", **drawn)) from None


def _check_mask(q: Tensor, k: Tensor, mask: Tensor) -> None:
    if mask.dtype.kind != "b" and mask.dtype not in (q.dtype, np.float32):
        raise RuntimeError(say("errors.attention.mask_dtype", got=mask.dtype, want=q.dtype))
    scores = (*np.broadcast_shapes(q.shape[:-2], k.shape[:-2]), q.shape[-2], k.shape[-2])
    try:
        fits = np.broadcast_shapes(mask.shape, scores) == scores
    except ValueError:
        fits = False
    if not fits:
        drawn = clash(mask.shape, scores)
        raise RuntimeError(say("errors.shape.broadcast", op="attn_mask", **drawn))


def _for_all_heads(x: Tensor, query: Tensor) -> Tensor:
    """Each head of x as often as there are heads of queries for it."""
    heads, wanted = x.shape[-3], query.shape[-3]
    if wanted % heads:
        raise RuntimeError(say("errors.attention.gqa", heads=heads, queries=wanted))
    lead, rest = x.shape[:-2], x.shape[-2:]
    return x.unsqueeze(-3).expand(*lead, wanted // heads, *rest).reshape(*lead[:-1], wanted, *rest)


def _to_add(mask: Tensor | None, dtype: np.dtype) -> Any:
    """The mask as numbers to add: 0 where a query may look, -inf where not."""
    if mask is not None and mask.ndim < 2:
        mask = mask.reshape(1, mask.numel())
    if mask is None or mask.dtype.kind != "b":
        return mask if mask is None or mask.dtype == dtype else mask.to(dtype)
    return Tensor._wrap(np.where(mask.array, dtype.type(0), dtype.type(-np.inf)))


def causal_mask(L: int, S: int, dtype: np.dtype) -> Tensor:
    """0 where a query may look, at keys up to its own place, and -inf beyond: (L, S)."""
    future = np.arange(S) > np.arange(L)[:, None]
    return Tensor._wrap(np.where(future, dtype.type(-np.inf), dtype.type(0)))


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention in several heads, each on its own part of the features; see
    nn.MultiheadAttention. query: (L, N, E) or (L, E); key, value: (S, N, ...) or (S, ...)."""
    return attend_in_heads(
        query,
        key,
        value,
        embed_dim_to_check,
        num_heads,
        (q_proj_weight, k_proj_weight, v_proj_weight)
        if use_separate_proj_weight
        else in_proj_weight,
        in_proj_bias,
        (bias_k, bias_v),
        add_zero_attn,
        dropout_p if training else 0.0,
        (out_proj_weight, out_proj_bias),
        key_padding_mask,
        need_weights,
        attn_mask,
        (static_k, static_v),
        average_attn_weights,
        is_causal,
        batch_first=False,
    )


def attend_in_heads(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim: int,
    heads: int,
    in_weight: Any,
    in_bias: Tensor | None,
    bias_kv: tuple[Tensor | None, Tensor | None],
    add_zero_attn: bool,
    dropout_p: float,
    out_proj: tuple[Tensor, Tensor | None],
    key_padding_mask: Tensor | None,
    need_weights: bool,
    attn_mask: Tensor | None,
    static: tuple[Tensor | None, Tensor | None],
    average: bool,
    is_causal: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor | None]:
    """multi_head_attention_forward for both places of the batch; no dropout with dropout_p=0."""
    check_operands(query, key, value)
    batched = _check_heads(query, key, value, key_padding_mask, attn_mask, heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(say("errors.attention.causal_hint"))
    if not batched:
        same, at = query is key is value, 0 if batch_first else 1
        query = query.unsqueeze(at)
        key = query if same else key.unsqueeze(at)
        value = query if same else value.unsqueeze(at)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    N, L, S = _sizes(query, key, batch_first)
    _check_features(query, key, value, embed_dim, heads, in_weight)
    q, k, v = _project(query, key, value, in_weight, in_bias, heads, batch_first)
    E = q.shape[-1]
    if static[0] is not None:
        k = _static(static[0], N, heads, E)
    if static[1] is not None:
        v = _static(static[1], N, heads, E)
    if is_causal and key_padding_mask is None and not need_weights:
        mask: Any = causal_mask(L, S, q.dtype)
    else:
        mask = _merged(attn_mask, key_padding_mask, q.dtype, (N, heads, L, S))
    for extra in _extra_keys(bias_kv, add_zero_attn, k):
        k, v = cat(k, extra[0], dim=2), cat(v, extra[1], dim=2)
        if mask is not None:
            mask = cat(mask, Tensor._wrap(np.zeros((*mask.shape[:-1], 1), q.dtype)), dim=3)
    scale = 1 / math.sqrt(E)
    if need_weights:
        y, weights = _attend_openly(q, k, v, mask, dropout_p, scale)
    else:
        y, weights = _attend(q, k, v, mask, dropout_p, scale), None
    y = y.permute((0, 2, 1, 3) if batch_first else (2, 0, 1, 3))
    y = linear(y.reshape(*y.shape[:2], embed_dim), *out_proj)
    if weights is not None and average:
        weights = weights.mean(1)
    if not batched:
        y = y.squeeze(0 if batch_first else 1)
        weights = None if weights is None else weights.squeeze(0)
    return y, weights


def _sizes(query: Tensor, key: Tensor, batch_first: bool) -> tuple[int, int, int]:
    at = 1 if batch_first else 0
    return query.shape[1 - at], query.shape[at], key.shape[at]


def _project(
    query: Tensor, key: Tensor, value: Tensor, weight: Any, bias: Any, heads: int, batch_first: bool
) -> Any:
    """Queries, keys and values of all heads: (N, heads, L or S, E). What comes from the same
    tensor comes from one product."""
    options = {"heads": heads, "batch_first": batch_first}
    if not isinstance(weight, tuple):
        n = weight.shape[1]
        if query is key and key is value:
            return ops.split_heads(linear(query, weight, bias), parts=3, **options)
        if key is value:
            cut = (weight[:n], weight[n:]), (None, None) if bias is None else (bias[:n], bias[n:])
            (q_weight, kv_weight), (q_bias, kv_bias) = cut
            (q,) = ops.split_heads(linear(query, q_weight, q_bias), parts=1, **options)
            return q, *ops.split_heads(linear(key, kv_weight, kv_bias), parts=2, **options)
        weight = (weight[:n], weight[n : 2 * n], weight[2 * n :])
    rows = len(weight[0])
    biases = [None if bias is None else bias[i * rows : (i + 1) * rows] for i in range(3)]
    given = zip((query, key, value), weight, biases, strict=True)
    return [ops.split_heads(linear(x, w, b), parts=1, **options)[0] for x, w, b in given]


def _static(x: Tensor, N: int, heads: int, E: int) -> Tensor:
    """Keys or values that were computed before, (N * heads, S, E), by head."""
    if x.shape[0] != N * heads or x.shape[2] != E:
        raise AssertionError(say("errors.attention.static", want=(N * heads, "S", E), got=x.shape))
    return x.reshape(N, heads, x.shape[1], E)


def _extra_keys(bias_kv: Any, add_zero_attn: bool, k: Tensor) -> list[Any]:
    """Pairs of a key and a value that stand after all others: learned ones, and zeros."""
    N, heads, _, E = k.shape
    extra: list[Any] = []
    if bias_kv[0] is not None:
        extra.append([b.reshape(1, heads, 1, E).expand(N, heads, 1, E) for b in bias_kv])
    if add_zero_attn:
        extra.append([Tensor._wrap(np.zeros((N, heads, 1, E), k.dtype))] * 2)
    return extra


def canonical_mask(mask: Tensor | None, name: str, other: Tensor | None, dtype: np.dtype) -> Any:
    """A mask of True (not to be seen) and False as numbers to add; other numbers as they are."""
    if mask is None:
        return None
    if mask.dtype.kind not in "bf":
        raise AssertionError(say("errors.attention.mask_kind", name=name, dtype=mask.dtype))
    if other is not None and mask.dtype != other.dtype:
        warn(say("errors.attention.mixed_masks", name=name))
    if mask.dtype.kind == "f":
        return mask
    return Tensor._wrap(np.where(mask.array, dtype.type(-np.inf), dtype.type(0)))


def _merged(
    attn_mask: Any, key_padding_mask: Any, dtype: np.dtype, full: tuple[int, int, int, int]
) -> Any:
    """Both masks in one that broadcasts to `full` (N, heads, L, S), or None."""
    N, heads, L, S = full
    padding = canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, dtype)
    mask = canonical_mask(attn_mask, "attn_mask", None, dtype)
    if mask is not None:
        want = (L, S) if mask.ndim == 2 else (N * heads, L, S)
        if mask.shape != want:
            raise RuntimeError(say("errors.attention.mask_shape", want=want, got=mask.shape))
        mask = mask.reshape((1, 1, L, S) if mask.ndim == 2 else full)
    if padding is None:
        return mask
    if padding.shape != (N, S):
        want = (N, S)
        raise AssertionError(say("errors.attention.padding_shape", want=want, got=padding.shape))
    padding = padding.reshape(N, 1, 1, S)
    return padding if mask is None else mask + padding


def _check_heads(
    query: Tensor, key: Tensor, value: Tensor, padding: Any, mask: Any, heads: int
) -> bool:
    """Whether there is a batch. AssertionError where dimensions do not fit, as in PyTorch."""
    shapes = {"q": query.shape, "k": key.shape, "v": value.shape}
    if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
        raise AssertionError(say("errors.attention.batch_dims", **shapes))
    if padding is not None and padding.ndim != query.ndim - 1:
        dims = query.ndim - 1
        raise AssertionError(say("errors.attention.padding_dims", want=dims, got=padding.shape))
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(say("errors.attention.mask_dims", got=mask.shape))
    if mask is not None and query.ndim == 2 and mask.ndim == 3:
        want = (heads, query.shape[0], key.shape[0])
        if mask.shape != want:
            raise AssertionError(say("errors.attention.mask_shape", want=want, got=mask.shape))
    return query.ndim == 3


def _check_features(
    query: Tensor, key: Tensor, value: Tensor, embed_dim: int, heads: int, in_weight: Any
) -> None:
    shapes = {"q": query.shape, "k": key.shape, "v": value.shape}
    if query.shape[-1] != embed_dim:
        drawn = marked(query.shape, -1)
        raise AssertionError(say("errors.attention.features", want=embed_dim, shape=drawn))
    if embed_dim % heads:
        raise AssertionError(say("errors.attention.heads", features=embed_dim, heads=heads))
    separate = isinstance(in_weight, tuple)
    fits = key.shape[:2] == value.shape[:2] if separate else key.shape == value.shape
    if not fits:
        raise AssertionError(say("errors.attention.shapes", **shapes))
