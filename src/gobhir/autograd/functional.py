"""Whole Jacobians and Hessians, and their products with vectors.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.backward import grad
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
    outs = answer if isinstance(answer, tuple) else (answer,)
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
        found = tuple(_or_zeros(g, x, strict) for g, x in zip(first, xs, strict=True))
        return found if isinstance(inputs, tuple) else found[0]

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
    outs = answer if isinstance(answer, tuple) else (answer,)
    vs = _vectors(v, outs)
    got = grad(outs, xs, vs, create_graph=create_graph, allow_unused=True)
    found = tuple(_or_zeros(g, x, strict) for g, x in zip(got, xs, strict=True))
    return _finished(answer, create_graph), found if isinstance(inputs, tuple) else found[0]


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
    outs = answer if isinstance(answer, tuple) else (answer,)
    dummies = tuple(Tensor._wrap(np.zeros(o.shape, o.dtype)).requires_grad_() for o in outs)
    first = grad(outs, xs, dummies, create_graph=True, allow_unused=True)
    used = [(g, w) for g, w in zip(first, vs, strict=True) if g is not None and g.requires_grad]
    if used:
        gs, ws = zip(*used, strict=True)
        got = grad(gs, dummies, ws, create_graph=create_graph, allow_unused=True)
    else:
        got = (None,) * len(dummies)
    found = tuple(_or_zeros(g, o, strict) for g, o in zip(got, outs, strict=True))
    return _finished(answer, create_graph), found if isinstance(answer, tuple) else found[0]


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
    used = [(g, w) for g, w in zip(first, vs, strict=True) if g is not None and g.requires_grad]
    got: tuple[Any, ...] = (None,) * len(xs)
    if used:
        gs, ws = zip(*used, strict=True)
        got = grad(gs, xs, ws, create_graph=create_graph, allow_unused=True)
    found = tuple(_or_zeros(g, x, strict) for g, x in zip(got, xs, strict=True))
    return _finished(out, create_graph), found if isinstance(inputs, tuple) else found[0]


vhp = hvp  # the Hessian is symmetric


def _ready(inputs: Several, create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as leaves of their own; under create_graph, still tied to where they came from."""
    xs = inputs if isinstance(inputs, tuple) else (inputs,)
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
    vs = v if isinstance(v, tuple) else (v,)
    for got, want in zip(vs, like, strict=True):
        if got.shape != want.shape:
            shapes = {"got": tuple(got.shape), "want": tuple(want.shape)}
            raise RuntimeError(say("errors.functional.vector_shape", **shapes))
    return vs


def _single(out: Tensor) -> Tensor:
    if out.array.size != 1:
        raise RuntimeError(say("errors.functional.single", shape=tuple(out.shape)))
    return out


def _or_zeros(g: Tensor | None, x: Tensor, strict: bool) -> Tensor:
    if g is None and strict:
        raise RuntimeError(say("errors.backward.unused"))
    return Tensor._wrap(np.zeros(x.shape, x.dtype)) if g is None else g


def _stacked(column: list[Tensor], out: Tensor, x: Tensor) -> Tensor:
    from gobhir.engine.functions import FUNCTIONS

    if not column:
        return Tensor._wrap(np.zeros((*out.shape, *x.shape), x.dtype))
    return FUNCTIONS["stack"](column).reshape(*out.shape, *x.shape)


def _finished(answer: Any, create_graph: bool) -> Any:
    if create_graph:
        return answer
    return tuple(a.detach() for a in answer) if isinstance(answer, tuple) else answer.detach()
