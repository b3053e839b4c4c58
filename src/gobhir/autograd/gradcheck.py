"""Is a gradient right? Wiggle every number of every input, and compare.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#numerical-gradient-checking
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gobhir.engine.backward import grad
from gobhir.engine.creation import empty_like
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


class GradcheckError(RuntimeError):
    """The gradient and the finite difference disagree."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Whether func's gradients agree with (f(x + eps) - f(x - eps)) / (2 eps), entry by entry:
    |gradient - difference| <= atol + rtol |difference|. The inputs that require a gradient
    should be float64. GradcheckError (or False) where they do not agree; it names the entry."""
    try:
        _check(func, _listed(inputs), eps, atol, rtol, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """gradcheck of the gradients of func, as a function of the inputs and of the gradients that
    come from above (drawn between -1 and 1 where `grad_outputs` is left out)."""
    given = _listed(inputs)
    outs = _results(func(*given))
    if grad_outputs is None:
        above = [empty_like(o).uniform_(-1, 1) for o in outs]
    else:
        above = _listed(grad_outputs)
    above = [a.detach().clone().requires_grad_() for a in above]

    def first(*args: Any) -> Any:
        own, cotangents = args[: len(given)], args[len(given) :]
        wished = [x for x in own if _learns(x)]
        got = grad(_results(func(*own)), wished, cotangents, create_graph=True, allow_unused=True)
        return tuple(g for g in got if g is not None and g.requires_grad)

    more = {"eps": eps, "atol": atol, "rtol": rtol, "raise_exception": raise_exception}
    return gradcheck(first, [*given, *above], **more)  # type: ignore[arg-type]


def _check(
    func: Callable[..., Any], inputs: list[Any], eps: float, atol: float, rtol: float, again: float
) -> None:
    wished = [x for x in inputs if _learns(x)]
    if not wished:
        raise ValueError(say("errors.gradcheck.no_grad"))
    outs = _results(func(*inputs))
    for which, out in enumerate(outs):
        if out.requires_grad:
            _check_one(func, inputs, wished, which, eps, atol, rtol, again)


def _check_one(
    func: Callable[..., Any],
    inputs: list[Any],
    wished: list[Tensor],
    which: int,
    eps: float,
    atol: float,
    rtol: float,
    again: float,
) -> None:
    def value() -> np.ndarray:
        return _results(func(*inputs))[which].array.astype(np.float64)

    if np.abs(value() - value()).max(initial=0.0) > again:
        raise GradcheckError(say("errors.gradcheck.changes"))
    out = _results(func(*inputs))[which]
    rows = []
    for k in range(out.array.size):
        seed = np.zeros(out.shape, out.dtype)
        seed.reshape(-1)[k] = 1
        cotangent = Tensor._wrap(seed)
        rows.append(grad(out, wished, cotangent, retain_graph=True, allow_unused=True))
    for i, x in enumerate(wished):
        for j in range(x.array.size):
            at = np.unravel_index(j, x.shape)
            kept = x.array[at]
            x.array[at] = kept + eps
            above = value()
            x.array[at] = kept - eps
            below = value()
            x.array[at] = kept
            slopes = ((above - below) / (2 * eps)).reshape(-1)
            for k, slope in enumerate(slopes):
                g = rows[k][i]
                got = 0.0 if g is None else float(g.array[at])
                if not abs(got - slope) <= atol + rtol * abs(slope):
                    entry = {"input": i, "at": [int(n) for n in at], "output": which, "entry": k}
                    message = say("errors.gradcheck.differ", got=got, want=float(slope), **entry)
                    raise GradcheckError(message)


def _listed(inputs: Any) -> list[Any]:
    return [inputs] if isinstance(inputs, Tensor) else list(inputs)


def _results(answer: Any) -> list[Tensor]:
    return [answer] if isinstance(answer, Tensor) else list(answer)


def _learns(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad
