"""Keras's layers that attend, by the engine's weights of attention: with any masks, with dropout of
the shares, and with the shares themselves as a second result."""

from __future__ import annotations

from typing import Any

import numpy as np

import gobhir
from gobhir.engine.ops.attention import split_heads
from gobhir.lift.keras_entries import layer, refuse
from gobhir.lift.keras_parts import backend
from gobhir.nn import functional as F

LOW = -1e30
"""What Keras adds on PyTorch where nothing may be seen: beside it no score counts."""
_DENSE = ("query", "key", "value", "output")


def _open(*masks: Any) -> np.ndarray | None:
    """Where all of these masks, (B or 1, T or 1, S or 1), are open."""
    found = None
    for mask in masks:
        if mask is not None:
            own = np.asarray(getattr(mask, "array", mask)).astype(bool)
            found = own if found is None else found & own
    return found


def _causal(asked: Any, q: Any, k: Any) -> np.ndarray | None:
    return np.tri(q.shape[-2], k.shape[-2], dtype=bool)[None] if asked else None


def _of_queries(mask: Any) -> Any:
    return None if mask is None else mask.unsqueeze(-1)


def _of_keys(mask: Any) -> Any:
    return None if mask is None else mask.unsqueeze(-2)


def _attended(
    q: Any, k: Any, v: Any, seen: np.ndarray | None, scale: float, rate: float, even: bool = True
) -> tuple[Any, Any, Any]:
    """What each query takes in, and its shares before and after dropout. seen: which keys a query
    may look at; one that may see none takes the same share of all (`even`) or nothing."""
    scores = gobhir.matmul(q if scale == 1 else q * scale, k.mT)
    if seen is None:
        seen = np.ones((1,) * scores.dim(), bool)
    blind = ~seen.any(-1, keepdims=True)
    if not seen.all():
        closed = np.where(blind, LOW if even and backend() == "torch" else 0.0, -np.inf)
        scores = scores + gobhir.tensor(np.where(seen, 0.0, closed))
    some = gobhir.tensor(~blind) if blind.any() else None
    if some is not None and even and backend() != "torch":
        scores = gobhir.where(some, scores, 0)
    shares = F.softmax(scores, -1)
    shares = shares if some is None or even else shares * some.to(shares.dtype)
    kept = F.dropout(shares, rate, True) if rate else shares
    return gobhir.matmul(kept, v), shares, kept


@layer(
    "MultiHeadAttention",
    weights=" ".join(f"{n}_{w}=_{n}_dense.{w}" for n in _DENSE for w in ("kernel", "bias")),
    settings="dropout=_dropout scale=_inverse_sqrt_key_dim sliding=_sliding_window gate=_use_gate",
)
def _multi_head(
    at: Any, query: Any, value: Any, key: Any = None, query_mask: Any = None,
    value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
    return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    **weights: Any,
) -> Any:  # fmt: skip
    refuse(bool(at.sliding) or bool(at.gate) or query.dim() != 3)

    def asked(name: str, x: Any) -> Any:
        kernel, bias = weights[f"{name}_kernel"], weights.get(f"{name}_bias")
        flat = kernel.reshape(kernel.shape[0], -1).T
        return F.linear(x, flat, None if bias is None else bias.reshape(-1))

    given = {"query": query, "key": value if key is None else key, "value": value}
    whole = [asked(name, x) for name, x in given.items()]
    count = weights["query_kernel"].shape[1]
    q, k, v = (split_heads(y, parts=1, heads=count, batch_first=True)[0] for y in whole)
    masks = (_of_queries(query_mask), _of_keys(value_mask), _of_keys(key_mask))
    seen = _open(*masks, attention_mask, _causal(use_causal_mask, q, k))
    if seen is not None and seen.ndim == 3:
        seen = seen[:, None]
    even = not at.dropout and not return_attention_scores
    rate = float(at.dropout) if training else 0.0
    out, shares, _ = _attended(q, k, v, seen, float(at.scale), rate, even)
    together = out.permute(0, 2, 1, 3).reshape(*query.shape[:2], -1)
    kernel = weights["output_kernel"]
    flat = kernel.reshape(-1, kernel.shape[-1]).T
    result = F.linear(together, flat, weights.get("output_bias"))
    return (result, shares) if return_attention_scores else result


@layer("Attention", weights="scale", settings="score_mode dropout")
def _attention(
    at: Any, given: Any, mask: Any = None, training: Any = None, scale: Any = None,
    return_attention_scores: bool = False, use_causal_mask: bool = False, **_: Any,
) -> Any:  # fmt: skip
    """Scores are dot products as they are, or times one learned number."""
    refuse(at.score_mode != "dot" or scale is not None)
    q, v, *more = given
    k = more[0] if more else v
    of_query, of_value = (mask[0], mask[1]) if mask else (None, None)
    seen = _open(_of_keys(of_value), _causal(use_causal_mask, q, k))
    rate = float(at.dropout) if training else 0.0
    out, _, kept = _attended(q, k, v, seen, 1.0, rate)
    out = out if of_query is None else out * _of_queries(of_query).to(out.dtype)
    return (out, kept) if return_attention_scores else out
