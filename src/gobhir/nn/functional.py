"""Layers and losses as plain functions, under the names of torch.nn.functional.

What each computes stands in engine/ops; here stands only how it is called.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.ops import activations, losses
from gobhir.engine.ops import cross_entropy as classes
from gobhir.engine.ops.linear import linear
from gobhir.lang import Message, say

sigmoid = activations.sigmoid
tanh = activations.tanh

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "one_hot",
    "relu",
    "sigmoid",
    "smooth_l1_loss",
    "softmax",
    "tanh",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, z), elementwise; always a new tensor."""
    return activations.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """z above 0, negative_slope * z below, elementwise; always a new tensor."""
    return activations.leaky_relu(input, negative_slope=negative_slope)


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """e^z / sum e^z along `dim`."""
    return input.softmax(_class_dim(input) if dim is None else dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """log(softmax) along `dim`."""
    return input.log_softmax(_class_dim(input) if dim is None else dim, dtype)


def _class_dim(z: Tensor) -> int:
    _warn(say("errors.nn.implicit_dim"))
    return 0 if z.ndim in (0, 1, 3) else 1


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Labels (...) as rows of zeros with a single 1: (..., num_classes), int64."""
    labels = tensor.array
    if labels.dtype != np.int64 or labels.size and labels.min() < 0:
        raise RuntimeError(say("errors.nn.one_hot", dtype=labels.dtype))
    classes = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and labels.max() >= classes:
        top = int(labels.max())
        raise RuntimeError(say("errors.loss.label", label=top, last=classes - 1, classes=classes))
    return Tensor._wrap((labels[..., None] == np.arange(classes)).astype(np.int64))


def mse_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Mean of (input - target)^2; see engine.ops.losses.MSELoss."""
    _compare_shapes(input, target)
    if weight is None:
        return losses.mse_loss(input, target, reduction=reduction)
    each = losses.mse_loss(input, target, reduction="none")
    return _weighted(each, _same_size(weight, input), reduction, weight)


def l1_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Mean of |input - target|; see engine.ops.losses.L1Loss."""
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
    input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Huber loss divided by beta; with beta = 0 it is l1_loss."""
    _compare_shapes(input, target)
    if beta == 0:
        return losses.l1_loss(input, target, reduction=reduction)
    return losses.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """-ln of the probability given to what happened; see engine.ops.losses.BCELoss."""
    if weight is None:
        return losses.binary_cross_entropy(input, target, reduction=reduction)
    each = losses.binary_cross_entropy(input, target, reduction="none")
    return _weighted(each, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(input); see engine.ops.losses.BCEWithLogitsLoss."""

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
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-ln of softmax(input)'s probability for the right class; see engine.ops.cross_entropy."""
    options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    return classes.cross_entropy(input, target, weight, reduction=reduction, **options)


def kl_div(
    input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """Divergence from log-probabilities `input` to `target`; see engine.ops.losses.KLDivLoss."""
    if reduction == "mean":
        _warn(say("errors.nn.kl_mean"))
    loss = losses.log_target_kl_div if log_target else losses.kl_div
    return loss(input, target, reduction=reduction)


def _weighted(
    each: Tensor, weight: Tensor, reduction: str, divisor: Tensor | None = None
) -> Tensor:
    """Each element's loss times its weight, reduced; the mean divides by the sum of `divisor`,
    where one is given."""
    product: Any = each * weight
    if reduction == "none":
        return product
    if reduction not in ("mean", "sum"):
        raise ValueError(say("errors.loss.reduction", reduction=reduction))
    if reduction == "mean" and divisor is None:
        return product.mean()
    return product.sum() if divisor is None or reduction == "sum" else product.sum() / divisor.sum()


def _same_size(weight: Tensor, input: Tensor) -> Tensor:
    if weight.shape != input.shape:
        raise ValueError(say("errors.loss.weight_shape", x=input.shape, weight=weight.shape))
    return weight


def _compare_shapes(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        _warn(say("errors.loss.broadcasts", x=input.shape, y=target.shape))


def _warn(message: Message) -> None:
    # Point at the first line outside of Gobhir: there the mistake stands.
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("gobhir."):
        frame, level = frame.f_back, level + 1
    warnings.warn(str(message), stacklevel=level)
