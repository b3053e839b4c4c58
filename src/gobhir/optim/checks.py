"""Settings that make no sense, refused with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gobhir.engine import Tensor
from gobhir.lang import say


def check_range(
    name: str, value: Any, low: float = 0.0, below: float = float("inf"), most: float | None = None
) -> None:
    """ValueError unless low <= value < below (or value <= most); NaN is refused too. A Tensor
    must have one element."""
    if isinstance(value, Tensor):
        if value.numel() != 1:
            raise ValueError(say("errors.optim.one_element", name=name, shape=value.shape))
        value = value.item()
    if most is not None:
        if not low <= value <= most:
            raise ValueError(
                say("errors.optim.between", name=name, low=low, high=most, value=value)
            )
    elif not low <= value < below:
        if below == float("inf"):
            raise ValueError(say("errors.optim.negative", name=name, value=value))
        raise ValueError(say("errors.optim.below", name=name, low=low, high=below, value=value))


def check_betas(betas: Any) -> None:
    """ValueError unless every beta lies in [0, 1)."""
    for i, beta in enumerate(betas):
        check_range(f"betas[{i}]", beta, below=1.0)


def check_run(settings: Mapping[str, Any]) -> None:
    """foreach and fused say how PyTorch runs the same step: there is nothing to refuse but both
    at once. NotImplementedError for what Gobhir cannot honour."""
    for name in ("differentiable", "capturable"):
        if settings.get(name):
            raise NotImplementedError(say(f"errors.optim.{name}"))  # keys: errors.optim.*
    if settings.get("fused") and settings.get("foreach"):
        raise RuntimeError(say("errors.optim.fused_foreach"))
