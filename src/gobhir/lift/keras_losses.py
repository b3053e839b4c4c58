"""What a loss of Keras's computes, by the engine's own losses. Entries take the target, the answer,
what the loss was made with, and the reduction: "mean", "sum", or "none" for the losses one by one.

https://keras.io/api/losses/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gobhir
from gobhir.lift.keras_entries import loss, refuse
from gobhir.nn import functional as F


def weighed(
    known: Callable[..., Any], y: Any, answer: Any, weight: Any = None, mask: Any = None,
    by_weight: bool = False, reduction: str = "mean", **options: Any,
) -> Any:  # fmt: skip
    """Losses that do not count alike. weight: (B, ...), of each; mask: (B, ...), whether it counts
    at all; by_weight: the mean divides by the sum of the weights, not by the number that count."""
    refuse(answer.dim() < 2)
    each = known(y, answer, reduction="none", **options)
    places = answer.shape[:-1]
    if each.shape == answer.shape and answer.shape[-1] > 1:
        each = each.mean(-1)
    each = each if each.shape == places else each.reshape(places)
    parts = [_beside(each, w) for w in (mask, weight) if w is not None]
    total = each
    for w in parts:
        total = total * w
    if reduction == "sum":
        return total.sum()
    if by_weight:
        refuse(len(parts) > 1)
        return total.sum() / parts[0].sum()
    return total.mean() if mask is None else total.sum() / int(mask.sum())


def _beside(each: Any, w: Any) -> Any:
    """Weights of examples or of places in the shape of the losses."""
    whole = w.numel() == each.numel()
    shape = each.shape if whole else (*w.shape, *(1,) * (each.dim() - w.dim()))
    w = w if w.shape == shape else w.reshape(shape)
    return w.to(each.dtype)


def _like(y: Any, answer: Any) -> Any:
    """The target in the answer's shape and kind: (B) beside (B, 1)."""
    refuse(y.numel() != answer.numel())
    y = y if y.shape == answer.shape else y.reshape(answer.shape)
    return y if y.dtype == answer.dtype else y.to(answer.dtype)


def _reduced(each: Any, reduction: str) -> Any:
    return each if reduction == "none" else getattr(each, reduction)()


# -- of each number ----


@loss("mean_squared_error")
def _mse(y: Any, answer: Any, reduction: str = "mean") -> Any:
    return F.mse_loss(answer, _like(y, answer), reduction=reduction)


@loss("mean_absolute_error")
def _mae(y: Any, answer: Any, reduction: str = "mean") -> Any:
    return F.l1_loss(answer, _like(y, answer), reduction=reduction)


@loss("mean_absolute_percentage_error")
def _mape(y: Any, answer: Any, reduction: str = "mean") -> Any:
    y = _like(y, answer)
    return 100 * _reduced(gobhir.abs((y - answer) / y), reduction)


@loss("mean_squared_logarithmic_error")
def _msle(y: Any, answer: Any, reduction: str = "mean") -> Any:
    guess, wanted = (gobhir.log1p(gobhir.clamp(x, min=1e-7)) for x in (answer, _like(y, answer)))
    return F.mse_loss(guess, wanted, reduction=reduction)


@loss("huber")
def _huber(y: Any, answer: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
    return F.huber_loss(answer, _like(y, answer), delta=float(delta), reduction=reduction)


@loss("log_cosh")
def _log_cosh(y: Any, answer: Any, reduction: str = "mean") -> Any:
    return _reduced(gobhir.log(gobhir.cosh(answer - _like(y, answer))), reduction)


@loss("poisson")
def _poisson(y: Any, answer: Any, reduction: str = "mean") -> Any:
    known: Any = {"log_input": False, "eps": 1e-7, "reduction": reduction}
    return F.poisson_nll_loss(answer, _like(y, answer), **known)


@loss("hinge")
def _hinge(y: Any, answer: Any, reduction: str = "mean", power: int = 1) -> Any:
    """max(0, 1 - y answer), y being -1 or 1; 0 stands for -1 where there is no -1."""
    y = _like(y, answer)
    y = 2 * y - 1 if bool(((y == 0) | (y == 1)).all()) else y
    short = F.relu(1 - y * answer)
    return _reduced(short if power == 1 else short**power, reduction)


@loss("squared_hinge")
def _squared_hinge(y: Any, answer: Any, reduction: str = "mean") -> Any:
    return _hinge(y, answer, reduction, power=2)


@loss("binary_crossentropy")
def _binary(
    y: Any, answer: Any, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1, reduction: str = "mean",
) -> Any:  # fmt: skip
    y = _like(y, answer)
    y = y * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y
    kind = F.binary_cross_entropy_with_logits if from_logits else F.binary_cross_entropy
    return kind(answer, y, reduction=reduction)


# -- of each row of classes ----


def _rows(answer: Any) -> Any:
    return answer if answer.dim() == 2 else answer.reshape(-1, answer.shape[-1])


@loss("sparse_categorical_crossentropy")
def _sparse_categorical(
    y: Any, answer: Any, from_logits: bool = False, ignore_class: Any = None,
    axis: int = -1, reduction: str = "mean",
) -> Any:  # fmt: skip
    refuse(axis not in (-1, answer.dim() - 1) or ignore_class is not None)
    classes, rows = (y if y.dim() == 1 else y.reshape(-1)).long(), _rows(answer)
    if from_logits:
        return F.cross_entropy(rows, classes, reduction=reduction)
    return F.nll_loss(gobhir.log(rows), classes, reduction=reduction)


@loss("categorical_crossentropy")
def _categorical(
    y: Any, answer: Any, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1, reduction: str = "mean",
) -> Any:  # fmt: skip
    refuse(axis not in (-1, answer.dim() - 1))
    y, rows, smooth = _rows(_like(y, answer)), _rows(answer), float(label_smoothing)
    if from_logits:
        return F.cross_entropy(rows, y, label_smoothing=smooth, reduction=reduction)
    y = y * (1 - smooth) + smooth / rows.shape[-1] if smooth else y
    return _reduced(-(y * gobhir.log(rows)).sum(-1), reduction)


@loss("kl_divergence")
def _kl(y: Any, answer: Any, reduction: str = "mean") -> Any:
    y, rows = (gobhir.clamp(_rows(x), 1e-7, 1.0) for x in (_like(y, answer), answer))
    return _reduced((y * gobhir.log(y / rows)).sum(-1), reduction)


@loss("cosine_similarity")
def _cosine(y: Any, answer: Any, axis: int = -1, reduction: str = "mean") -> Any:
    refuse(axis not in (-1, answer.dim() - 1))
    return -_reduced(F.cosine_similarity(answer, _like(y, answer), -1), reduction)
