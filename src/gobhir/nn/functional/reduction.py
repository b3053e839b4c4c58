"""How the losses of all elements become one number."""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.lang import say, warn


def chosen(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """The reduction; size_average and reduce are how it was said before PyTorch 1.0. ValueError
    for one that there is not."""
    if size_average is None and reduce is None:
        if reduction not in ("none", "mean", "sum"):
            raise ValueError(say("errors.loss.reduction", reduction=reduction))
        return reduction
    if isinstance(size_average, Tensor) or isinstance(reduce, Tensor):
        raise RuntimeError(say("errors.loss.not_made"))
    reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
    warn(say("errors.loss.legacy", reduction=reduction))
    return reduction


def reduced(each: Tensor, reduction: str) -> Any:
    """The mean or the sum of all losses, or the losses as they are. ValueError for another wish."""
    if reduction == "none":
        return each
    if reduction not in ("mean", "sum"):
        raise ValueError(say("errors.loss.reduction", reduction=reduction))
    return each.mean() if reduction == "mean" else each.sum()
