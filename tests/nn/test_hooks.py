"""Hooks of modules: the same program on both."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


def net(t: ModuleType) -> Any:
    class Scale(t.nn.Module):
        def forward(self, x: Any, factor: float = 2.0) -> Any:
            return x * factor

    return Scale()


@BOTH
def test_forward_hooks(t: ModuleType) -> None:
    m, seen = net(t), []
    m.register_forward_hook(lambda m, a, out: seen.append("second"))
    first = m.register_forward_hook(lambda m, a, out: out + 1, prepend=True)
    kw = m.register_forward_hook(
        lambda m, a, k, out: seen.append(k["factor"]) if k else None, with_kwargs=True
    )
    pre = m.register_forward_pre_hook(lambda m, a, k: (a, {"factor": 5.0}), with_kwargs=True)
    assert m(t.ones(1)).item() == 6.0
    assert seen == ["second", 5.0]
    first.remove(), pre.remove(), kw.remove()
    assert m(t.ones(1)).item() == 2.0
    with m.register_forward_pre_hook(lambda m, a: a[0] * 3):
        assert m(t.ones(1)).item() == 6.0
    assert m(t.ones(1)).item() == 2.0


@BOTH
def test_a_hook_that_is_always_called(t: ModuleType) -> None:
    class Broken(t.nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("broken")

    m, seen = Broken(), []
    m.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    m.register_forward_hook(lambda m, a, out: seen.append("no"))
    with pytest.raises(ValueError):
        m(t.ones(1))
    assert seen == [None]


@BOTH
def test_backward_hooks(t: ModuleType) -> None:
    m, seen = net(t), []

    def told(module: Any, inner: tuple, outer: tuple) -> tuple:
        seen.append((inner[0].tolist(), outer[0].tolist()))
        return (inner[0] * 100,)

    handle = m.register_full_backward_hook(told)
    m.register_full_backward_pre_hook(lambda m, outer: (outer[0] * 10,))
    x = t.ones(2, requires_grad=True)
    m(x).sum().backward()
    assert seen == [([20.0, 20.0], [10.0, 10.0])]
    assert x.grad.tolist() == [2000.0, 2000.0]
    handle.remove()
    x.grad = None
    m(x).sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]


@BOTH
def test_backward_hook_of_the_first_layer(t: ModuleType) -> None:
    m, seen = t.nn.Linear(2, 1), []
    m.register_full_backward_hook(lambda m, inner, outer: seen.append((inner, outer[0].tolist())))
    m(t.ones(3, 2)).sum().backward()
    assert seen == [((None,), [[1.0], [1.0], [1.0]])]
    assert m.weight.grad.tolist() == [[3.0, 3.0]]
