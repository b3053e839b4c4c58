"""How a function gets its faces: `gobhir.exp(x)`, `x.exp()`, and `x.exp_()` where wanted.

Here and in the files beside it stands only how a function is called; what it computes stands in
engine/ops.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.arguments import on_tensor, type_name
from gobhir.engine.dtypes import of_python
from gobhir.engine.inplace import become, into
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

F = TypeVar("F", bound=Callable[..., Any])

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""What `gobhir.<name>` offers besides creation and random numbers."""


def function(f: F) -> F:
    """Offer f as `gobhir.f`."""
    FUNCTIONS[f.__name__] = f
    return f


def method(f: F) -> F:
    """Offer f as `x.f`."""
    setattr(Tensor, f.__name__, f)
    return f


def both(f: F) -> F:
    """Offer f as `gobhir.f` and as `x.f`."""
    return method(function(f))


def of_tensor(f: F) -> F:
    """Offer f as `gobhir.f` and as `x.f`, its arguments checked, the first of them a Tensor."""
    return both(on_tensor(f))


def of_sizes(f: F) -> F:
    """Offer f as `x.f(2, 3)` or `x.f((2, 3))`, and as `gobhir.f(x, (2, 3))`, where PyTorch wants
    the tuple."""
    f = method(on_tensor(f))

    @wraps(f)
    def with_tuple(*args: Any, **named: Any) -> Any:
        if len(args) > 1 and (len(args) > 2 or not isinstance(args[1], (tuple, list))):
            raise TypeError(say("errors.shape.tuple", function=f.__name__, sizes=args[1:]))
        return f(*args, **named)

    FUNCTIONS[f.__name__] = with_tuple
    return f


def takes_out(f: F) -> F:
    """Let f be called with `out`, a tensor (or as many as there are results) that takes the
    result, as PyTorch's functions can."""

    @wraps(f)
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        result = f(*args, **kwargs)
        return result if out is None else into(out, result)

    call.without_out = f  # type: ignore[attr-defined]  # for `checked`, which gives it itself
    return call  # type: ignore[return-value]


def in_place(f: F) -> F:
    """Offer f as `x.f_` too: what f computes from x, written into x."""

    def changed(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return become(self, changed.__name__, lambda x: f(x, *args, **kwargs))

    changed.__name__ = changed.__qualname__ = f.__name__ + "_"
    changed.__doc__ = f"{f.__name__}, in place."
    setattr(Tensor, changed.__name__, changed)
    return f


def alias(name: str, f: Callable[..., Any]) -> None:
    """Offer `gobhir.<name>` and `x.<name>` as another name of f, in place too where f is."""
    FUNCTIONS[name] = FUNCTIONS.get(f.__name__, f)
    setattr(Tensor, name, f)
    if hasattr(Tensor, f.__name__ + "_"):
        setattr(Tensor, name + "_", getattr(Tensor, f.__name__ + "_"))


def unary(op: Callable[..., Any], name: str | None = None, inplace: bool = True) -> Any:
    """Offer an op of one input, everywhere."""
    return _offered(of_one(op), name, inplace)


def of_one(op: Callable[..., Any]) -> Any:
    """The op as a function of one Tensor."""
    of = op.op  # type: ignore[attr-defined]  # apply.function keeps it

    def f(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        result = apply(of, as_operand(input))
        return result if out is None else into(out, result)

    return _named(f, op)


def binary(
    op: Callable[..., Any], name: str | None = None, inplace: bool = True, numbers: str = "other"
) -> Any:
    """Offer an op of two inputs, everywhere; numbers as `of_two` has it."""
    return _offered(of_two(op, numbers), name, inplace)


def of_two(op: Callable[..., Any], numbers: str = "other") -> Any:
    """The op as a function of two Tensors. numbers: "other" when only the second may be a Python
    number, "either" when one of the two may be, "both", "" when none."""
    of = op.op  # type: ignore[attr-defined]

    def f(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        if not isinstance(other, Tensor):
            other = number(other) if numbers else as_operand(other)
        if not isinstance(input, Tensor):
            fine = numbers == "both" or (numbers == "either" and isinstance(other, Tensor))
            input = number(input) if fine else as_operand(input)
            if not isinstance(other, Tensor):
                input = Tensor._wrap(np.asarray(input, of_python(input)))
        result = apply(of, input, other)
        return result if out is None else into(out, result)

    return _named(f, op)


def _named(f: Callable[..., Any], op: Callable[..., Any]) -> Any:
    f.__name__ = f.__qualname__ = op.__name__
    f.__doc__ = op.__doc__
    return f


def _offered(f: Callable[..., Any], name: str | None, inplace: bool) -> Any:
    f.__name__ = f.__qualname__ = name or f.__name__
    both(f)
    return in_place(f) if inplace else f


def as_operand(x: Any) -> Tensor:
    """x itself. TypeError when it is no Tensor (a number does in the second place only)."""
    if isinstance(x, Tensor):
        return x
    raise TypeError(say("errors.tensor.wanted", type=type_name(x)))


def check_operands(*inputs: Any) -> None:
    """TypeError unless all are Tensors."""
    for x in inputs:
        if not isinstance(x, Tensor):
            as_operand(x)


def number(x: Any) -> Any:
    """A Python number as it is, a NumPy value as a Tensor. TypeError for anything else."""
    if isinstance(x, (int, float)):
        return float(x) if isinstance(x, np.float64) else x
    if isinstance(x, (np.generic, np.ndarray)):
        return Tensor._wrap(np.asarray(x))
    raise TypeError(say("errors.tensor.wanted", type=type_name(x)))
