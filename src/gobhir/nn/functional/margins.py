"""Losses with a margin: what is right by more than the margin costs nothing more.

Those of one element stand in engine/ops/margins.py; the others are put together here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.functions.publish import check_operands
from gobhir.engine.ops import margins
from gobhir.engine.ops.choosing import where
from gobhir.lang import say
from gobhir.nn.functional.activations import logsigmoid
from gobhir.nn.functional.distance import pairwise_distance
from gobhir.nn.functional.kinds import constant, floating, only_floating
from gobhir.nn.functional.reduction import chosen, reduced

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    return margins.hinge_embedding_loss(input, target, margin=margin, reduction=reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """ln(1 + e^(-target input)); targets are 1 or -1."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    constant("soft_margin_loss", target=target)
    if input.shape != target.shape and (input + target).shape != input.shape:
        raise RuntimeError(say("errors.loss.same_shape", x=input.shape, y=target.shape))
    return margins.soft_margin_loss(input, target, reduction=reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - target (input1 - input2)); targets are 1 or -1."""
    check_operands(input1, input2, target)
    reduction = chosen(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        shapes = {"a": input1.shape, "b": input2.shape, "c": target.shape}
        raise RuntimeError(say("errors.loss.dims", **shapes))
    x1, x2, y = (floating(t, "margin_ranking_loss") for t in (input1, input2, target))
    return margins.margin_ranking_loss(x1, x2, y, margin=margin, reduction=reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """For every wrong class, how far the right one's score is from exceeding its score by the
    margin, to the power p, times the right class's weight; the mean over classes. input: (N,
    classes) or (classes), target: (N) or one class."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    constant("multi_margin_loss", weight=weight)
    if p not in (1, 2):
        raise ValueError(say("errors.loss.power", p=p))
    if weight is not None and weight.ndim != 1:
        raise ValueError(say("errors.loss.class_weight", classes="C", got=weight.shape))
    only_floating(input, "multi_margin_loss")
    x, y = _rows(input), target.array.reshape(-1)
    N, classes = x.shape
    if target.ndim > 1 or len(y) != N:
        want = (N,) if input.ndim == 2 else ()
        values = {"x": input.shape, "y": target.shape, "want": want}
        raise RuntimeError(say("errors.loss.labels_shape", **values))
    if y.dtype != np.int64:
        raise RuntimeError(say("errors.loss.labels_dtype", dtype=y.dtype))
    _check_range(y, classes)
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(say("errors.loss.class_weight", classes=classes, got=weight.shape))
    missing = margin - x[np.arange(N), y].reshape(N, 1) + x
    counts = (missing.array > 0) & (np.arange(classes) != y[:, None])
    missing = where(counts, missing, x.dtype.type(0))
    each = missing if p == 1 else missing * missing
    if weight is not None:
        each = each * weight[y].reshape(N, 1)
    each = each.sum(1) / classes
    return reduced(each if target.ndim else each.squeeze(0), reduction)


def _rows(input: Tensor) -> Tensor:
    """(N, classes); a single example is a batch of one."""
    if input.ndim > 2 or 0 in input.shape[-1:]:
        raise RuntimeError(say("errors.loss.rows", shape=input.shape))
    return input if input.ndim == 2 else input.reshape(1, input.numel())


def _check_range(labels: np.ndarray, classes: int, low: int = 0) -> None:
    wrong = labels[(labels < low) | (labels >= classes)]
    if wrong.size:
        values = {"label": wrong.flat[0], "last": classes - 1, "classes": classes}
        raise RuntimeError(say("errors.loss.label", **values))


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """For every pair of a right and a wrong class, how far the right one's score is from
    exceeding the wrong one's by 1; divided by the number of classes. input, target: (N, classes)
    or (classes); in each row of target the right classes stand in front, and -1 ends them."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    only_floating(input, "multilabel_margin_loss")
    x = _rows(input)
    N, classes = x.shape
    if target.shape != input.shape:
        raise RuntimeError(say("errors.loss.same_shape", x=input.shape, y=target.shape))
    labels = target.array.reshape(N, classes)
    if labels.dtype != np.int64:
        raise RuntimeError(say("errors.loss.labels_dtype", dtype=labels.dtype))
    _check_range(labels, classes, -1)
    listed = np.cumprod(labels >= 0, axis=1).astype(bool)
    labels = np.where(listed, labels, 0)
    right = ((labels[:, :, None] == np.arange(classes)) & listed[:, :, None]).any(1)
    scores = x[np.arange(N)[:, None], labels]
    missing = 1 - scores.reshape(N, classes, 1) + x.reshape(N, 1, classes)
    counts = (missing.array > 0) & listed[:, :, None] & ~right[:, None, :]
    each = where(counts, missing, x.dtype.type(0)).sum((1, 2)) / classes
    return reduced(each if input.ndim == 2 else each.squeeze(0), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of every class (the last dimension) with sigmoid(input), their mean."""
    reduction = chosen(reduction, size_average, reduce)
    each: Any = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    each = each if weight is None else each * weight
    return reduced(each.sum(input.ndim - 1) / input.shape[-1], reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cosine where target is 1, max(0, cosine - margin) where it is -1. input1, input2: (N,
    features) or (features), target: (N) or one number."""
    check_operands(input1, input2, target)
    reduction = chosen(reduction, size_average, reduce)
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        shapes = {"a": input1.shape, "b": input2.shape, "c": target.shape}
        raise RuntimeError(say("errors.loss.cosine_dims", **shapes))
    tiny = 1e-12
    squares = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine: Any = (input1 * input2).sum(-1) / squares.sqrt()
    zero = cosine.dtype.type(0)
    apart = _above_zero(cosine - margin)
    each = where(target.array == 1, 1 - cosine, zero) + where(target.array == -1, apart, zero)
    return reduced(each, reduction)


def _above_zero(x: Tensor) -> Tensor:
    """max(0, x), with slope 1 at 0 as in PyTorch's clamp."""
    return where(x.array >= 0, x, x.dtype.type(0))


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + |anchor - positive| - |anchor - negative|), distances by the p-norm along
    the last dimension. swap: the negative's distance is the smaller of those to anchor and to
    positive (Balntas et al., 2016)."""
    reduction = chosen(reduction, size_average, reduce)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    options: Any = {"margin": margin, "swap": swap, "reduction": reduction}
    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, **options
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_loss with any distance of two tensors, pairwise_distance unless given."""
    check_operands(anchor, positive, negative)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(say("errors.loss.reduction", reduction=reduction))
    if margin <= 0:
        raise ValueError(say("errors.loss.margin", margin=margin))
    if not anchor.ndim == positive.ndim == negative.ndim:
        shapes = {"a": anchor.shape, "b": positive.shape, "c": negative.shape}
        raise RuntimeError(say("errors.loss.dims", **shapes))
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced(_above_zero(margin + near - far), reduction)
