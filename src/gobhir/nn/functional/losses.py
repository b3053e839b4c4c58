"""Losses. What each computes stands in engine/ops/losses.py and engine/ops/cross_entropy.py."""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.functions.publish import check_operands
from gobhir.engine.ops import cross_entropy as classes
from gobhir.engine.ops import losses
from gobhir.engine.ops.linear import linear
from gobhir.lang import say, warn
from gobhir.nn.functional.kinds import constant
from gobhir.nn.functional.reduction import chosen, reduced

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "linear_cross_entropy",
    "mse_loss",
    "smooth_l1_loss",
]


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Mean of (input - target)^2; see engine.ops.losses.MSELoss."""
    reduction = chosen(reduction, size_average, reduce)
    return _by_element(losses.mse_loss, input, target, weight, reduction, divisor=weight)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Mean of |input - target|; see engine.ops.losses.L1Loss. Whole numbers give whole numbers."""
    reduction = chosen(reduction, size_average, reduce)
    check_operands(input, target)
    if weight is None and input.dtype.kind in "iu" and target.dtype.kind in "iu":
        return reduced((input - target).abs(), reduction)
    return _by_element(losses.l1_loss, input, target, weight, reduction, divisor=weight)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Squared error within delta of the target, absolute beyond; see engine.ops.losses."""
    return _by_element(losses.huber_loss, input, target, weight, reduction, delta=delta)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Huber loss divided by beta; with beta = 0 it is l1_loss."""
    reduction = chosen(reduction, size_average, reduce)
    _compare_shapes(input, target)
    if beta == 0:
        return losses.l1_loss(input, target, reduction=reduction)
    return losses.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-ln of the probability given to what happened; see engine.ops.losses.BCELoss."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    constant("binary_cross_entropy", weight=weight)
    if weight is None:
        return losses.binary_cross_entropy(input, target, reduction=reduction)
    each = losses.binary_cross_entropy(input, target, reduction="none")
    return _weighted(each, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(input); see engine.ops.losses.BCEWithLogitsLoss."""
    check_operands(input, target)
    if input.dtype.kind == "f" and target.dtype.kind != "f":
        raise RuntimeError(say("errors.loss.same_dtype", x=input.dtype, y=target.dtype))
    constant("binary_cross_entropy_with_logits", weight=weight, pos_weight=pos_weight)
    reduction = chosen(reduction, size_average, reduce)

    def loss(reduction: str) -> Tensor:
        if pos_weight is None:
            return losses.binary_cross_entropy_with_logits(input, target, reduction=reduction)
        weighted = losses.weighted_binary_cross_entropy_with_logits
        return weighted(input, target, pos_weight, reduction=reduction)

    return loss(reduction) if weight is None else _weighted(loss("none"), weight, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-ln of softmax(input)'s probability for the right class; see engine.ops.cross_entropy."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    if ignore_index >= 0 and target.dtype.kind == "f" and target.shape == input.shape:
        raise RuntimeError(say("errors.loss.ignore_shares"))
    options: Any = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    shares = target.dtype.kind == "f" and target.shape == input.shape
    if weight is not None and weight.requires_grad and shares:
        # PyTorch has this gradient for probabilities only, not for class numbers.
        at = min(input.ndim - 1, 1)
        weighed = target * (1 - label_smoothing) + label_smoothing / input.shape[at]
        weighed = weighed * weight.reshape(-1, *(1,) * (input.ndim - at - 1))
        return reduced(-(weighed * input.log_softmax(at)).sum(at), reduction)
    constant("cross_entropy", weight=weight)
    return classes.cross_entropy(input, target, weight, reduction=reduction, **options)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy of linear(input, linear_weight, linear_bias). input: (N, in) or (in);
    linear_weight: (classes, in), or (classes, *sizes, in) for a score at each of several places;
    linear_bias: (classes, *sizes). options: how PyTorch would run it, nothing here."""
    sizes = linear_weight.shape[:-1]
    fits = 1 <= input.ndim <= 2 <= linear_weight.ndim and (input.ndim == 2 or len(sizes) == 1)
    if not fits or input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(say("errors.shape.linear_loss", x=input.shape, w=linear_weight.shape))
    if linear_bias is not None and linear_bias.shape != sizes:
        raise RuntimeError(say("errors.conv.bias", got=linear_bias.shape, want=tuple(sizes)))
    flat = linear_weight.reshape(-1, input.shape[-1])
    scores = linear(input, flat, None if linear_bias is None else linear_bias.reshape(-1))
    scores = scores.reshape(*input.shape[:-1], *sizes)
    if target.shape == scores.shape and ignore_index is not None:
        raise RuntimeError(say("errors.loss.ignore_shares"))
    ignored = -100 if ignore_index is None else ignore_index
    kind: Any = {"ignore_index": ignored, "label_smoothing": label_smoothing}
    return cross_entropy(scores, target, weight, reduction=reduction, **kind)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Divergence from log-probabilities `input` to `target`; see engine.ops.losses.KLDivLoss."""
    check_operands(input, target)
    for x in (input, target):
        if x.dtype.kind != "f":
            raise RuntimeError(say("errors.loss.dtype", dtype=x.dtype))
    if size_average is not None or reduce is not None:
        reduction = chosen(reduction, size_average, reduce)
    elif reduction == "mean":
        warn(say("errors.nn.kl_mean"))
    loss = losses.log_target_kl_div if log_target else losses.kl_div
    return loss(input, target, reduction=reduction)


def _by_element(
    loss: Any,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    divisor: Tensor | None = None,
    **settings: Any,
) -> Tensor:
    """The loss of every element, times its weight where there is one, reduced."""
    _compare_shapes(input, target)
    if weight is None:
        return loss(input, target, reduction=reduction, **settings)
    if weight.shape != input.shape:
        raise ValueError(say("errors.loss.weight_shape", x=input.shape, weight=weight.shape))
    each = loss(input, target, reduction="none", **settings)
    return _weighted(each, weight, reduction, divisor)


def _weighted(
    each: Tensor, weight: Tensor, reduction: str, divisor: Tensor | None = None
) -> Tensor:
    """Each element's loss times its weight, reduced; the mean divides by the sum of `divisor`,
    where one is given."""
    product: Any = each * weight
    if reduction == "mean" and divisor is not None:
        return product.sum() / divisor.sum()
    return reduced(product, reduction)


def _compare_shapes(input: Tensor, target: Tensor) -> None:
    check_operands(input, target)
    if input.shape != target.shape:
        warn(say("errors.loss.broadcasts", x=input.shape, y=target.shape))
