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
    try:
        low <= value  # noqa: B015  a text, say, cannot be compared
    except TypeError:
        raise TypeError(say("errors.optim.number", name=name, value=repr(value))) from None
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
    _check_pair(betas)
    for i, beta in enumerate(betas):
        check_range(f"betas[{i}]", beta, below=1.0)


def _check_pair(betas: Any) -> None:
    if not isinstance(betas, (tuple, list)):
        raise TypeError(say("errors.optim.two_betas", betas=betas))


def check_tensors(lr: Any, betas: Any, foreach: bool) -> None:
    """ValueError where lr and betas are given as Tensors in a way that PyTorch refuses, or betas
    as whole numbers."""
    _check_pair(betas)
    kinds = [isinstance(beta, Tensor) for beta in betas]
    if any(isinstance(beta, int) for beta in betas):
        raise ValueError(say("errors.optim.betas_float", betas=betas))
    if len(set(kinds)) > 1:
        raise ValueError(say("errors.optim.betas_both", betas=betas))
    for name, given in (("lr", isinstance(lr, Tensor)), ("betas", any(kinds))):
        if given and foreach:
            raise ValueError(say("errors.optim.tensor_foreach", name=name))


def check_run(settings: Mapping[str, Any]) -> None:
    """foreach and fused say how PyTorch runs the same step: RuntimeError only where it refuses
    them together."""
    if settings.get("fused") and settings.get("differentiable"):
        raise RuntimeError(say("errors.optim.differentiable"))
    if settings.get("fused") and settings.get("foreach"):
        raise RuntimeError(say("errors.optim.fused_foreach"))


def check_step(settings: Mapping[str, Any], learns: bool) -> None:
    """Errors, as in PyTorch only when the step is taken, for what cannot be honoured: a step that
    is differentiable, where the parameter learns; one for CUDA graphs."""
    if settings.get("differentiable") and learns:
        raise RuntimeError(say("errors.optim.differentiable"))
    if settings.get("capturable"):
        raise AssertionError(say("errors.optim.capturable"))
