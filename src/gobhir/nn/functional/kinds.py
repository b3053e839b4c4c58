"""For which kinds of numbers a function is."""

from __future__ import annotations

from gobhir.engine import Tensor
from gobhir.engine.dtypes import default_dtype
from gobhir.engine.tape import state
from gobhir.lang import say


def only_floating(x: Tensor, name: str, more: str = "") -> None:
    """NotImplementedError unless x is floating, or of a kind in `more`: of b (bool), i (integer),
    u (unsigned)."""
    kind = x.dtype.kind
    if kind != "f" and kind not in more:
        raise NotImplementedError(say("errors.dtype.not_for", op=name, dtype=x.dtype))


def constant(function: str, **given: Tensor | None) -> None:
    """RuntimeError where autograd asks for the gradient of what has none in this function."""
    for name, x in given.items():
        if x is not None and x.requires_grad and state.grad_enabled:
            raise RuntimeError(say("errors.nn.constant", function=function, name=name))


def floating(x: Tensor, name: str) -> Tensor:
    """x, whole numbers as floating ones, for losses that PyTorch makes of ops which do that."""
    only_floating(x, name, "iu")
    return x if x.dtype.kind == "f" else x.to(default_dtype())
