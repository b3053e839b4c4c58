"""Whole numbers as vectors: one-hot rows, rows of a table, and bags of such rows.

What a table lookup computes stands in engine/ops/embedding.py.
"""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.ops import embedding as ops
from gobhir.engine.ops.choosing import where
from gobhir.engine.tape import state
from gobhir.lang import say
from gobhir.nn.functional.kinds import only_floating

__all__ = ["embedding", "embedding_bag", "one_hot"]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Labels (...) as rows of zeros with a single 1: (..., num_classes), int64."""
    labels = as_operand(tensor).array
    if labels.dtype != np.int64 or labels.size and labels.min() < 0:
        raise RuntimeError(say("errors.nn.one_hot", dtype=labels.dtype))
    if num_classes == -1 and not labels.size:
        raise RuntimeError(say("errors.embedding.one_hot_empty"))
    classes = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and labels.max() >= classes:
        top = int(labels.max())
        raise RuntimeError(say("errors.loss.label", label=top, last=classes - 1, classes=classes))
    return Tensor._wrap((labels[..., None] == np.arange(classes)).astype(np.int64))


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """weight[input], a row for every number. input: whole numbers (...), weight: (rows, features).

    padding_idx: a row without gradient. max_norm: rows that are asked for and longer are cut to
    this length first, in place. sparse is accepted; gradients are dense here all the same.
    """
    as_operand(input)
    if weight.ndim != 2:
        raise RuntimeError(say("errors.embedding.table", shape=weight.shape))
    rows = padding_row(padding_idx, len(weight))
    if max_norm is not None:
        _shorten(weight, input.array, max_norm, norm_type)
    options = {
        "padding_idx": rows,
        "scale_grad_by_freq": scale_grad_by_freq,
        "max_norm": max_norm,
    }
    return ops.embedding(input, weight, **options)


def padding_row(padding_idx: int | None, rows: int) -> int | None:
    """The row counted from the front. AssertionError when there is no such row, as in PyTorch."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(say("errors.embedding.padding", index=padding_idx, rows=rows))
    return padding_idx % rows


def _shorten(weight: Tensor, x: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Cut the rows that are asked for down to the length max_norm."""
    rows = np.unique(x)
    if x.dtype.kind not in "iu" or rows.size and not (rows[0] >= 0 and rows[-1] < len(weight)):
        return  # the lookup says what is wrong
    found = weight.array[rows]
    lengths = np.linalg.norm(found, norm_type, axis=1, keepdims=True)
    factor = np.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1)
    if not (factor < 1).any():
        return
    with nullcontext() if state.tape is None else state.tape.rewriting(weight):
        weight.array[rows] = (found * factor).astype(weight.dtype)
    weight._changed("embedding_renorm_")


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of each bag: (bags, features).

    input: (bags, numbers), or (numbers) with offsets, where each bag begins (and the last ends,
    with include_last_offset). per_sample_weights: what each row is multiplied by, mode "sum" only.
    Rows padding_idx do not count. Other arguments as for embedding.
    """
    x, weights, offsets = _bag_input(input, weight, offsets, per_sample_weights)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(say("errors.embedding.mode", mode=mode))
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError(say("errors.embedding.max"))
    if weights is not None and mode != "sum":
        raise NotImplementedError(say("errors.embedding.weights_sum", mode=mode))
    if weights is not None and weights.dtype != weight.dtype:
        kinds = {"x": weight.dtype, "y": weights.dtype}
        raise RuntimeError(say("errors.loss.same_dtype", **kinds))
    only_floating(weight, "embedding_bag")
    padding = padding_row(padding_idx, len(weight))
    which, bags = _bag_of_each(offsets.array, x.numel(), include_last_offset)
    if padding is not None:
        kept = np.flatnonzero(x.array != padding)
        x, which = Tensor._wrap(x.array[kept]), which[kept]
        weights = None if weights is None else weights[kept]
    try:
        found = embedding(x, weight, None, max_norm, norm_type, scale_grad_by_freq)
    except IndexError as trouble:
        raise RuntimeError(*trouble.args) from None  # the type that PyTorch raises here
    if mode == "max":
        return _bag_maximum(found, which, bags)
    if weights is not None:
        found = found * weights.unsqueeze(1)
    total = ops.add_rows(found, which, rows=bags)
    if mode == "sum":
        return total
    sizes = np.maximum(np.bincount(which, minlength=bags), 1)[:, None]
    return total / Tensor._wrap(sizes.astype(weight.dtype))


def _bag_input(
    input: Tensor, weight: Tensor, offsets: Tensor | None, weights: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor]:
    """input and weights in one row, and where each bag begins."""
    as_operand(input)
    if weights is not None and weights.shape != input.shape:
        shapes = {"x": input.shape, "weight": weights.shape}
        raise ValueError(say("errors.embedding.weights_shape", **shapes))
    if weight.ndim != 2:
        raise ValueError(say("errors.embedding.table", shape=weight.shape))
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(say("errors.embedding.no_offsets"))
        bags, n = input.shape
        flat = None if weights is None else weights.reshape(-1)
        return input.reshape(-1), flat, Tensor._wrap(np.arange(bags) * n)
    if input.ndim != 1:
        raise ValueError(say("errors.embedding.bag_dims", shape=input.shape))
    if offsets is None or offsets.ndim != 1:
        raise ValueError(say("errors.embedding.offsets"))
    at = offsets.array
    if at.size and (at[0] != 0 or at[-1] > len(input) or (np.diff(at) < 0).any()):
        raise RuntimeError(say("errors.embedding.offsets_order", last=len(input)))
    return input, weights, offsets


def _bag_of_each(offsets: np.ndarray, count: int, with_end: bool) -> tuple[np.ndarray, int]:
    """The bag in which each number lies, and how many bags there are."""
    starts = offsets[:-1] if with_end else offsets
    return np.searchsorted(starts, np.arange(count), side="right") - 1, len(starts)


def _bag_maximum(found: Tensor, which: np.ndarray, bags: int) -> Tensor:
    """The largest number of each feature in each bag; 0 for an empty bag."""
    n, features = found.shape
    sizes = np.bincount(which, minlength=bags)
    filled = np.flatnonzero(sizes)
    first = np.zeros((bags, features), np.int64)
    if n:
        starts = (np.cumsum(sizes) - sizes)[filled]
        largest = np.zeros((bags, features), found.dtype)
        largest[filled] = np.maximum.reduceat(found.array, starts, axis=0)
        places = np.where(found.array == largest[which], np.arange(n)[:, None], n)
        first[filled] = np.minimum.reduceat(places, starts, axis=0)
        chosen = found[first, np.arange(features)]
        return where((sizes > 0)[:, None], chosen, found.dtype.type(0))
    return Tensor._wrap(np.zeros((bags, features), found.dtype))
