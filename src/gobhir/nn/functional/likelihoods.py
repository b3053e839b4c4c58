"""Losses that are the negative logarithm of a probability. What each computes stands in
engine/ops/likelihoods.py and engine/ops/ctc.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import as_tensor
from gobhir.engine.functions.publish import check_operands
from gobhir.engine.ops import ctc, likelihoods
from gobhir.lang import say
from gobhir.nn.functional.kinds import constant, floating, only_floating
from gobhir.nn.functional.reduction import chosen

__all__ = ["ctc_loss", "gaussian_nll_loss", "nll_loss", "poisson_nll_loss"]


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability `input` of the right class; see engine.ops.likelihoods.NLLLoss."""
    check_operands(input, target)
    constant("nll_loss", weight=weight)
    reduction = chosen(reduction, size_average, reduce)
    options: Any = {"ignore_index": ignore_index, "reduction": reduction}
    return likelihoods.nll_loss(input, target, weight, **options)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the count `target`; see engine.ops.likelihoods."""
    check_operands(input, target)
    reduction = chosen(reduction, size_average, reduce)
    options: Any = {"log_input": log_input, "full": full, "eps": eps}
    x, y = (floating(t, "poisson_nll_loss") for t in (input, target))
    return likelihoods.poisson_nll_loss(x, y, reduction=reduction, **options)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of `target` under a normal distribution of mean `input` and
    variance `var`: of input's shape, or with 1 or nothing for the last size."""
    check_operands(input, target)
    if isinstance(var, float):
        var = Tensor._wrap(np.full(input.shape, var, input.dtype))
    if not isinstance(var, Tensor):
        raise TypeError(say("errors.tensor.wanted", type=type(var).__name__))
    if (var.array < 0).any():
        raise ValueError(say("errors.loss.variance", low=var.array.min()))
    if var.shape != input.shape:
        differ = [(n, m) for n, m in zip(input.shape, var.shape, strict=False) if n != m]
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif var.ndim != input.ndim or sum(m for _, m in differ) != 1:
            raise ValueError(say("errors.loss.variance_shape", x=input.shape, var=var.shape))
    options: Any = {"full": full, "eps": eps, "reduction": reduction}
    return likelihoods.gaussian_nll_loss(input, target, var, **options)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-probability of a sequence of labels somewhere in a longer sequence; see
    engine.ops.ctc.CTCLoss.

    log_probs: (T, N, classes), or (T, classes) for a single sequence. targets: (N, S), or all
    labels end to end. input_lengths, target_lengths: (N). zero_infinity: labels that do not fit
    into the steps cost 0 instead of infinity.
    """
    check_operands(log_probs, targets)
    only_floating(log_probs, "ctc_loss")
    batched = log_probs.ndim == 3
    s = log_probs if batched else log_probs.unsqueeze(1)
    if log_probs.ndim not in (2, 3):
        raise RuntimeError(say("errors.loss.ctc_scores", shape=log_probs.shape, dtype=s.dtype))
    T, N, classes = s.shape
    if not 0 <= blank < classes:
        raise RuntimeError(say("errors.loss.ctc_blank", blank=blank, classes=classes))
    lengths = [_lengths(given, N) for given in (input_lengths, target_lengths)]
    if lengths[0].size and lengths[0].max() > T:
        raise RuntimeError(say("errors.loss.ctc_steps", length=lengths[0].max(), steps=T))
    y = _label_rows(targets.array, lengths[1], N, classes)
    given = [Tensor._wrap(a) for a in (y, *lengths)]
    options: Any = {"blank": blank, "reduction": reduction, "zero_infinity": zero_infinity}
    out = ctc.ctc_loss(s, *given, **options)
    return out if batched or reduction != "none" else out.squeeze(0)


def _lengths(given: Any, N: int) -> np.ndarray:
    lengths = np.atleast_1d(as_tensor(given).array)
    if lengths.dtype.kind not in "iu":
        raise RuntimeError(say("errors.loss.ctc_lengths_dtype", dtype=lengths.dtype))
    if lengths.shape != (N,):
        raise RuntimeError(say("errors.loss.ctc_lengths", batch=N, got=lengths.shape))
    if lengths.size and lengths.min() < 0:
        raise RuntimeError(say("errors.loss.ctc_negative", length=lengths.min()))
    return lengths.astype(np.int64)


def _label_rows(labels: np.ndarray, lengths: np.ndarray, N: int, classes: int) -> np.ndarray:
    """The labels of each sequence in a row of its own; what does not count is 0."""
    longest = int(lengths.max(initial=0))
    counts = np.arange(longest) < lengths[:, None]
    if labels.dtype.kind not in "iu":
        raise RuntimeError(say("errors.loss.labels_dtype", dtype=labels.dtype))
    if labels.ndim == 1:
        if len(labels) < lengths.sum():
            want = int(lengths.sum())
            raise RuntimeError(say("errors.loss.ctc_targets", want=want, got=len(labels)))
        rows = np.zeros((N, longest), np.int64)
        rows[counts] = labels[: lengths.sum()]
    else:
        if labels.ndim != 2 or len(labels) != N or labels.shape[1] < longest:
            values = {"batch": N, "longest": longest, "got": labels.shape}
            raise RuntimeError(say("errors.loss.ctc_rows", **values))
        rows = np.where(counts, labels[:, :longest], 0)
    if rows.size and (rows.min() < 0 or rows.max() >= classes):
        wrong = rows[(rows < 0) | (rows >= classes)].flat[0]
        values = {"label": wrong, "last": classes - 1, "classes": classes}
        raise RuntimeError(say("errors.loss.label", **values))
    return rows
