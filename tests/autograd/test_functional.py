"""Jacobians, Hessians and their products with vectors, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import both, numbers, same

X, Y = numbers(2, (3,)), numbers(5, (2, 2))
SCALAR = {
    "one": (lambda x: (x**3).sum() * x[0], [X]),
    "two": (lambda x, y: (x[:2] @ y).tanh().sum() * x.sum(), [X, Y]),
    "unused": (lambda x, y: (y**2).sum(), [X, Y]),
}
VECTOR = {
    "one": (lambda x: x[:2] * x.sum(), [X]),
    "two": (lambda x, y: y @ x[:2], [X, Y]),
    "several results": (lambda x: (x**2, x.sum()), [X]),
}


def compare(mine: Any, theirs: Any) -> None:
    if isinstance(theirs, tuple):
        assert isinstance(mine, tuple) and len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            compare(a, b)
    else:
        same(mine, theirs)


def run(name: str, f: Any, arrays: list[np.ndarray], *more: Any) -> None:
    answers = []
    for k, t in enumerate((gobhir, torch)):
        xs = tuple(both(a)[k] for a in arrays)
        vs = [tuple(both(a)[k] for a in v) for v in more]
        args = [x[0] if len(x) == 1 else x for x in (xs, *vs)]
        answers.append(getattr(t.autograd.functional, name)(f, *args))
    compare(*answers)


@pytest.mark.parametrize("case", VECTOR)
def test_jacobian(case: str) -> None:
    run("jacobian", *VECTOR[case])


@pytest.mark.parametrize("case", SCALAR)
def test_hessian_and_its_product(case: str) -> None:
    f, arrays = SCALAR[case]
    run("hessian", f, arrays)
    vs = [numbers(7 + i, a.shape) for i, a in enumerate(arrays)]
    run("hvp", f, arrays, vs)
    run("vhp", f, arrays, vs)


@pytest.mark.parametrize("case", VECTOR)
def test_products_with_the_jacobian(case: str) -> None:
    f, arrays = VECTOR[case]
    run("jvp", f, arrays, [numbers(7 + i, a.shape) for i, a in enumerate(arrays)])
    answer = f(*(torch.from_numpy(a) for a in arrays))
    outs = answer if isinstance(answer, tuple) else (answer,)
    run("vjp", f, arrays, [numbers(9 + i, tuple(o.shape)) for i, o in enumerate(outs)])


def test_what_is_refused() -> None:
    for t in (gobhir, torch):
        f = t.autograd.functional
        with pytest.raises(RuntimeError):
            f.hessian(lambda x: x * 2, t.ones(2))
        with pytest.raises(RuntimeError):
            f.vjp(lambda x: x * 2, t.ones(2))
        with pytest.raises(RuntimeError):
            f.vjp(lambda x: x * 2, t.ones(2), t.ones(3))
        with pytest.raises(RuntimeError):
            f.jacobian(lambda x, t=t: t.ones(2), t.ones(2), strict=True)
