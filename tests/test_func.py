"""Gradients and Jacobians as functions, beside torch.func."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import numbers

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


def plain(x: Any) -> Any:
    """Tensors as arrays, in whatever holds them."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)(plain(v) for v in x)
    return x.detach().numpy() if hasattr(x, "detach") else x


def alike(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, dict):
        assert mine.keys() == theirs.keys()
        mine, theirs = list(mine.values()), list(theirs.values())
    if isinstance(theirs, (tuple, list)):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            alike(a, b)
        return
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
    assert np.shape(mine) == np.shape(theirs)


PROGRAMS = [
    "f.grad(lambda x: (x**3).sum())(x)",
    "f.grad(t.sin)(s)",
    "f.grad(f.grad(f.grad(t.sin)))(s)",
    "f.grad(lambda x, y: (x * y.exp()).sum(), argnums=1)(x, y)",
    "f.grad(lambda x, y: (x * y.exp()).sum(), argnums=(0, -1))(x, y)",
    "f.grad(lambda x, y: x.sum(), argnums=(0, 1))(x, y)",
    "f.grad(lambda x: ((x * 2).sum(), x * 3), has_aux=True)(x)",
    "f.grad_and_value(lambda x: (x**2).sum())(x)",
    "f.grad_and_value(lambda x: ((x**2).sum(), x), has_aux=True)(x)",
    "f.grad(lambda p, k: (p['a'] * p['b'][0] * k).sum())({'a': x, 'b': [y, x]}, 2.0)",
    "f.grad(lambda x, *, by: (x * by).sum())(x, by=3.0)",
    "f.grad(lambda x: (x * f.grad(lambda z: (z * x).prod())(x)).sum())(x)",
    "f.vjp(lambda x: x.exp(), x)[1](y)",
    "f.vjp(lambda x, y: (x * y, x.sum()), x, y)[1]((y, s))",
    "f.vjp(lambda x, y: (x * y, x.sum()), x, y)[0]",
    "f.vjp(lambda x: (x.sin(), x), x, has_aux=True)[2]",
    "f.jvp(lambda x: x**2, (x,), (y,))",
    "f.jvp(lambda x, y: (x * y, x.sum()), (x, y), (y, x))",
    "f.jvp(lambda x: (x.sin(), x.cos()), (x,), (y,), has_aux=True)",
    "f.grad(lambda x: f.jvp(lambda z: z**3, (x,), (y,))[1].sum())(x)",
    "f.jacrev(lambda x: x**2 * y)(x)",
    "f.jacrev(lambda x: (x**2, x.sum()))(x)",
    "f.jacrev(lambda p: {'o': p['a'].outer(p['b'])})({'a': x, 'b': y})",
    "f.jacrev(lambda x, y: x.outer(y), argnums=(0, 1))(x, y)",
    "f.jacrev(lambda x: (x.sin(), x), has_aux=True)(x)",
    "f.jacfwd(lambda x: m @ x)(x)",
    "f.hessian(lambda x: (m @ x).tanh().prod())(x)",
    "f.hessian(lambda x, y: (x * y).prod(), argnums=(0, 1))(x, y)",
    "f.jacrev(lambda x: t.ones(2, dtype=t.float64))(x)",
]


@pytest.mark.parametrize("code", PROGRAMS)
def test_programs(code: str) -> None:
    found = []
    for t in (gobhir, torch):
        names = {k: t.from_numpy(numbers(i, (3,), low=0.2)) for i, k in enumerate("xy", 2)}
        names |= {"m": t.from_numpy(numbers(5, (3, 3))), "s": t.tensor(0.7, dtype=t.float64)}
        answer = eval(code, {"t": t, "f": t.func, **names})
        found.append(plain(answer))
    alike(*found)


@BOTH
def test_what_stands_around_may_differentiate_too(t: Any) -> None:
    x, w = t.ones(3), t.full((3,), 2.0, requires_grad=True)
    slope = t.func.grad(lambda x: (x * x * w).sum())(x)
    assert slope.requires_grad
    slope.sum().backward()
    assert w.grad.tolist() == [2, 2, 2]
    again = t.func.grad(lambda x: (x**3).sum())(w)
    assert again.requires_grad and t.autograd.grad(again.sum(), w)[0].tolist() == [12, 12, 12]
    free = t.func.grad_and_value(lambda x: (x * x).sum())(x)
    assert not free[0].requires_grad and not free[1].requires_grad
    with t.no_grad():
        assert t.func.grad(lambda x: (x * x).sum())(x).tolist() == [2, 2, 2]


@BOTH
def test_a_network_as_a_function(t: Any) -> None:
    model = t.nn.Sequential(t.nn.Linear(2, 3), t.nn.Tanh(), t.nn.Linear(3, 1)).double()
    with t.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_(t.from_numpy(numbers(3 * k + 2, p.shape)))
    params = dict(model.named_parameters())
    x = t.from_numpy(numbers(5, (4, 2)))

    def loss(params: Any) -> Any:
        return (t.func.functional_call(model, params, (x,)) ** 2).mean()

    slopes = t.func.grad(loss)({k: v.detach() for k, v in params.items()})
    loss((params,)[0]).backward()
    for name, slope in slopes.items():
        np.testing.assert_allclose(slope, params[name].grad, rtol=1e-12)
    parts = [{k: v} for k, v in params.items()]
    assert t.func.functional_call(model, parts, (x,)).shape == (4, 1)


@BOTH
@pytest.mark.parametrize(
    "code",
    [
        "f.grad(lambda x: x * 2)(x)",
        "f.grad(lambda x: 3.0)(x)",
        "f.grad(lambda x: (x.sum(), 1))(x)",
        "f.grad(lambda x: x.sum(), argnums=5)(x)",
        "f.grad(lambda x: x.sum())(t.arange(3))",
        "f.vjp(lambda x: x.exp(), x)[1](x[:2])",
    ],
)
def test_refused(t: Any, code: str) -> None:
    with pytest.raises(RuntimeError):
        eval(code, {"t": t, "f": t.func, "x": t.ones(3)})
