"""Losses. What each computes stands in engine/ops/losses.py and engine/ops/cross_entropy.py."""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.ops import cross_entropy as classes
from gobhir.engine.ops import losses
from gobhir.lang import say
from gobhir.nn.functional.reduction import chosen, reduced
from gobhir.nn.functional.warning import warn

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
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
    _compare_shapes(input, target)
    if weight is None:
        return losses.mse_loss(input, target, reduction=reduction)
    each = losses.mse_loss(input, target, reduction="none")
    return _weighted(each, _same_size(weight, input), reduction, weight)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Mean of |input - target|; see engine.ops.losses.L1Loss."""
    reduction = chosen(reduction, size_average, reduce)
    _compare_shapes(input, target)
    if weight is None:
        return losses.l1_loss(input, target, reduction=reduction)
    each = losses.l1_loss(input, target, reduction="none")
    return _weighted(each, _same_size(weight, input), reduction, weight)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Squared error within delta of the target, absolute beyond; see engine.ops.losses."""
    _compare_shapes(input, target)
    if weight is None:
        return losses.huber_loss(input, target, reduction=reduction, delta=delta)
    each = losses.huber_loss(input, target, reduction="none", delta=delta)
    return _weighted(each, _same_size(weight, input), reduction)


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
    reduction = chosen(reduction, size_average, reduce)
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
    reduction = chosen(reduction, size_average, reduce)
    options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    return classes.cross_entropy(input, target, weight, reduction=reduction, **options)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Divergence from log-probabilities `input` to `target`; see engine.ops.losses.KLDivLoss."""
    if size_average is not None or reduce is not None:
        reduction = chosen(reduction, size_average, reduce)
    elif reduction == "mean":
        warn(say("errors.nn.kl_mean"))
    loss = losses.log_target_kl_div if log_target else losses.kl_div
    return loss(input, target, reduction=reduction)


def _weighted(
    each: Tensor, weight: Tensor, reduction: str, divisor: Tensor | None = None
) -> Tensor:
    """Each element's loss times its weight, reduced; the mean divides by the sum of `divisor`,
    where one is given."""
    product: Any = each * weight
    if reduction == "mean" and divisor is not None:
        return product.sum() / divisor.sum()
    return reduced(product, reduction)


def _same_size(weight: Tensor, input: Tensor) -> Tensor:
    if weight.shape != input.shape:
        raise ValueError(say("errors.loss.weight_shape", x=input.shape, weight=weight.shape))
    return weight


def _compare_shapes(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warn(say("errors.loss.broadcasts", x=input.shape, y=target.shape))
