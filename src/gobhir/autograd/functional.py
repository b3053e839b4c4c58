"""Whole Jacobians and Hessians, and their products with vectors.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.backward import grad
from gobhir.engine.functions.joining import stack
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

Several = Tensor | tuple[Tensor, ...]


def jacobian(
    func: Callable[..., Any],
    inputs: Several,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
) -> Any:
    """d func(inputs) / d inputs. A result of shape s and an input of shape t give s + t; nested
    tuples (results, then inputs) where there are several."""
    xs = _ready(inputs, create_graph)
    answer = func(*xs)
    outs = _several(answer)
    table = []
    for out in outs:
        columns: list[list[Tensor]] = [[] for _ in xs]
        for k in range(out.array.size):
            one = np.zeros(out.shape, out.dtype)
            one.reshape(-1)[k] = 1
            got: tuple[Any, ...] = (None,) * len(xs)
            if out.requires_grad:
                above = Tensor._wrap(one)
                more = {"retain_graph": True, "create_graph": create_graph, "allow_unused": True}
                got = grad(out, xs, above, **more)
            for column, g, x in zip(columns, got, xs, strict=True):
                column.append(_or_zeros(g, x, strict))
        table.append(tuple(_stacked(c, out, x) for c, x in zip(columns, xs, strict=True)))
    rows = [row if isinstance(inputs, tuple) else row[0] for row in table]
    return tuple(rows) if isinstance(answer, tuple) else rows[0]


def hessian(
    func: Callable[..., Any],
    inputs: Several,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
) -> Any:
    """The second derivatives of a func whose result is one number."""

    def slope(*xs: Tensor) -> Any:
        out = _single(func(*xs))
        first = grad(out, xs, create_graph=True, allow_unused=True)
        return _filled(first, xs, strict, inputs)

    return jacobian(slope, inputs, create_graph, strict)


def vjp(
    func: Callable[..., Any],
    inputs: Several,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """(func(inputs), v @ Jacobian): what backward() computes."""
    xs = _ready(inputs, create_graph)
    answer = func(*xs)
    outs = _several(answer)
    got = grad(outs, xs, _vectors(v, outs), create_graph=create_graph, allow_unused=True)
    return _finished(answer, create_graph), _filled(got, xs, strict, inputs)


def jvp(
    func: Callable[..., Any],
    inputs: Several,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """(func(inputs), Jacobian @ v): how the result moves when the inputs move along v. By the
    gradient of the gradient (Townsend, A new trick for calculating Jacobian vector products)."""
    xs = _ready(inputs, create_graph)
    vs = _vectors(v, xs)
    answer = func(*xs)
    outs = _several(answer)
    dummies = tuple(Tensor._wrap(np.zeros(o.shape, o.dtype)).requires_grad_() for o in outs)
    first = grad(outs, xs, dummies, create_graph=True, allow_unused=True)
    got = _second(first, vs, dummies, create_graph)
    return _finished(answer, create_graph), _filled(got, outs, strict, answer)


def hvp(
    func: Callable[..., Any],
    inputs: Several,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """(func(inputs), Hessian @ v) of a func whose result is one number, at the cost of about two
    backward passes (Pearlmutter, Fast exact multiplication by the Hessian, 1994)."""
    xs = _ready(inputs, create_graph)
    out = _single(func(*xs))
    vs = _vectors(v, xs)
    first = grad(out, xs, create_graph=True, allow_unused=True)
    got = _second(first, vs, xs, create_graph)
    return _finished(out, create_graph), _filled(got, xs, strict, inputs)


vhp = hvp  # the Hessian is symmetric


def _several(given: Several) -> tuple[Tensor, ...]:
    return given if isinstance(given, tuple) else (given,)


def _ready(inputs: Several, create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as leaves of their own; under create_graph, still tied to where they came from."""
    xs = _several(inputs)
    if create_graph:
        return tuple(
            x.view(*x.shape) if x.requires_grad else x.detach().requires_grad_() for x in xs
        )
    return tuple(x.detach().clone().requires_grad_() for x in xs)


def _vectors(v: Any, like: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].array.size != 1:
            raise RuntimeError(say("errors.functional.vector"))
        return (Tensor._wrap(np.ones(like[0].shape, like[0].dtype)),)
    vs = _several(v)
    for got, want in zip(vs, like, strict=True):
        if got.shape != want.shape:
            shapes = {"got": tuple(got.shape), "want": tuple(want.shape)}
            raise RuntimeError(say("errors.functional.vector_shape", **shapes))
    return vs


def _single(out: Tensor) -> Tensor:
    if out.array.size != 1:
        raise RuntimeError(say("errors.functional.single", shape=tuple(out.shape)))
    return out


def _second(
    first: tuple[Any, ...], vs: tuple[Tensor, ...], of: tuple[Tensor, ...], create_graph: bool
) -> tuple[Any, ...]:
    """The gradients of (first * vs).sum() with respect to `of`."""
    used = [(g, v) for g, v in zip(first, vs, strict=True) if g is not None and g.requires_grad]
    if not used:
        return (None,) * len(of)
    gs, ws = zip(*used, strict=True)
    return grad(gs, of, ws, create_graph=create_graph, allow_unused=True)


def _filled(got: tuple[Any, ...], like: tuple[Tensor, ...], strict: bool, given: Any) -> Any:
    """Zeros where there is no gradient; a tuple only where `given` was one."""
    found = tuple(_or_zeros(g, x, strict) for g, x in zip(got, like, strict=True))
    return found if isinstance(given, tuple) else found[0]


def _or_zeros(g: Tensor | None, x: Tensor, strict: bool) -> Tensor:
    if g is None and strict:
        raise RuntimeError(say("errors.backward.unused"))
    return Tensor._wrap(np.zeros(x.shape, x.dtype)) if g is None else g


def _stacked(column: list[Tensor], out: Tensor, x: Tensor) -> Tensor:
    if not column:
        return Tensor._wrap(np.zeros((*out.shape, *x.shape), x.dtype))
    return stack(column).reshape(*out.shape, *x.shape)


def _finished(answer: Any, create_graph: bool) -> Any:
    if create_graph:
        return answer
    return tuple(a.detach() for a in answer) if isinstance(answer, tuple) else answer.detach()
