"""Layers computed again in backward(): the same gradients as PyTorch's, and less memory."""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

import gobhir
from gobhir.engine import Tape
from gobhir.utils.checkpoint import CheckpointError, checkpoint

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
WAYS = pytest.mark.parametrize("reentrant", [True, False])


def layers(t: Any) -> Any:
    t.manual_seed(3)
    nn = t.nn
    return nn.Sequential(
        *(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)),
    )


def gradients(t: Any, compute: Any) -> list[np.ndarray]:
    """Of all weights and the input, after one step through compute(network, x)."""
    network = layers(t).double()
    x = t.linspace(-1, 1, 24, dtype=t.float64).reshape(6, 4).requires_grad_()
    t.manual_seed(9)
    out = compute(network, x * 2)
    (out * t.arange(12.0).reshape(6, 2)).sum().backward()
    drawn = t.rand(3)
    found = [p.grad for p in network.parameters()] + [x.grad, out, drawn]
    return [f.detach().numpy() for f in found] + [b.numpy() for b in network.buffers()]


@WAYS
def test_gradients_random_numbers_and_buffers(reentrant: bool) -> None:
    """Dropout draws the same again, BatchNorm counts twice (as in PyTorch), later numbers stay."""

    def once(t: Any) -> Any:
        def compute(network: Any, x: Any) -> Any:
            return t.utils.checkpoint.checkpoint(network, x, use_reentrant=reentrant)

        return compute

    for mine, theirs in zip(
        gradients(gobhir, once(gobhir)), gradients(torch, once(torch)), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@WAYS
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_sequential(reentrant: bool, segments: int) -> None:
    def parts(t: Any) -> Any:
        def compute(network: Any, x: Any) -> Any:
            return t.utils.checkpoint.checkpoint_sequential(
                network, segments, x, use_reentrant=reentrant
            )

        return compute

    for mine, theirs in zip(
        gradients(gobhir, parts(gobhir)), gradients(torch, parts(torch)), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@BOTH
def test_named_arguments_frozen_inputs_and_containers(t: Any) -> None:
    x, w = t.ones(3, requires_grad=True), t.full((3,), 2.0, requires_grad=True)

    def f(pair: Any, *, scale: float) -> Any:
        a, b = pair["a"], pair["b"]
        return {"y": (a * b).sin() * w * scale, "n": 7}, None

    made, none = t.utils.checkpoint.checkpoint(
        f, {"a": t.ones(3) * 0.5, "b": x}, scale=3.0, use_reentrant=False
    )
    assert none is None and made["n"] == 7
    made["y"].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.full(3, 0.5 * np.cos(0.5) * 6), rtol=1e-6)
    np.testing.assert_allclose(w.grad.numpy(), np.full(3, np.sin(0.5) * 3), rtol=1e-6)


@BOTH
def test_parts_inside_parts(t: Any) -> None:
    part = t.utils.checkpoint.checkpoint
    calls = []
    w = t.tensor([0.3, 0.7], requires_grad=True)

    def inner(x: Any) -> Any:
        calls.append("inner")
        return (x * w).sin()

    def outer(x: Any) -> Any:
        calls.append("outer")
        return part(inner, x.cos(), use_reentrant=False).exp()

    x = t.tensor([1.0, 2.0], requires_grad=True)
    part(outer, x * 1, use_reentrant=False).sum().backward()
    want_x, want_w = (t.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [0.3, 0.7]))
    (want_x.cos() * want_w).sin().exp().sum().backward()
    t.testing.assert_close(x.grad, want_x.grad)
    t.testing.assert_close(w.grad, want_w.grad)
    assert calls.count("outer") == 2 and calls.count("inner") >= 3


def test_second_derivatives_with_a_hook_inside() -> None:
    def both(t: Any) -> Any:
        x = t.tensor([0.5, 1.5], dtype=t.float64, requires_grad=True)
        heard = []

        def f(a: Any) -> Any:
            b = a.sin()
            b.register_hook(lambda g: heard.append(g.tolist()) or g * 2)
            return b * b * a

        y = t.utils.checkpoint.checkpoint(f, x, use_reentrant=False).sum()
        (g,) = t.autograd.grad(y, x, create_graph=True)
        (h,) = t.autograd.grad(g.sum(), x)
        return [g.tolist(), h.tolist(), *heard]

    np.testing.assert_allclose(both(gobhir), both(torch), rtol=1e-12)


@BOTH
def test_a_second_backward(t: Any) -> None:
    x = t.tensor([0.5, 1.5], requires_grad=True)
    z = t.utils.checkpoint.checkpoint(t.exp, x, use_reentrant=False).sum()
    z.backward(retain_graph=True)
    z.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([0.5, 1.5]), rtol=1e-6)
    with pytest.raises(RuntimeError):
        z.backward()


def test_second_derivatives_are_those_without() -> None:
    def twice(compute: Any) -> Any:
        x = gobhir.linspace(0.1, 1.2, 6, dtype=gobhir.float64).reshape(2, 3).requires_grad_()
        w = gobhir.linspace(-1, 1, 12, dtype=gobhir.float64).reshape(3, 4).requires_grad_()
        y = compute(lambda a: ((a.exp() @ w).tanh().softmax(-1)) ** 2, x * x)
        g = gobhir.autograd.grad(y[:, 0].sum(), [x, w], create_graph=True)
        return gobhir.autograd.grad(sum((v * v).sum() for v in g), [x, w])

    plain = twice(lambda f, x: f(x))
    for a, b in zip(plain, twice(lambda f, x: checkpoint(f, x, use_reentrant=False)), strict=True):
        gobhir.testing.assert_close(a, b)


@BOTH
def test_what_is_said(t: Any) -> None:
    part = t.utils.checkpoint.checkpoint
    x = t.ones(3, requires_grad=True)
    with pytest.warns(UserWarning, match="use_reentrant"):
        part(t.sin, x)
    with pytest.warns(UserWarning):
        assert not part(lambda a: a * x, t.ones(3), use_reentrant=True).requires_grad
    with pytest.raises(ValueError, match="b"):
        part(lambda a, b: a * b, x, b=3, use_reentrant=True)
    times = []

    def changing(a: Any) -> Any:
        times.append(1)
        return (a if len(times) == 1 else a[:1]).sin().cos().sum()

    error = CheckpointError if t is gobhir else torch.utils.checkpoint.CheckpointError
    with pytest.raises(error):
        part(changing, x, use_reentrant=False).backward()
    a = x * 1
    y = part(lambda a: a.sin().cos(), a, use_reentrant=False)
    with t.no_grad():
        a.add_(1)
    with pytest.raises(RuntimeError):
        y.sum().backward()
    with warnings.catch_warnings(), t.no_grad():
        warnings.simplefilter("error")
        assert not part(t.sin, x, use_reentrant=True).requires_grad


def test_contexts() -> None:
    from contextlib import contextmanager

    seen = []

    @contextmanager
    def note(word: str) -> Any:
        seen.append(word)
        yield

    x = gobhir.ones(2, requires_grad=True)
    both = (note("first"), note("again"))
    y = checkpoint(gobhir.sin, x, use_reentrant=False, context_fn=lambda: both)
    assert seen == ["first"]
    y.sum().backward()
    assert seen == ["first", "again"]


def most_memory(parts: int) -> int:
    """Bytes at the height of a step through 16 layers that keep a megabyte each."""
    w = gobhir.ones(1, requires_grad=True)

    def some(count: int) -> Any:
        def compute(x: Any) -> Any:
            for _ in range(count):
                x = (x * w).sin()
            return x

        return compute

    x = gobhir.zeros(2**17)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(parts):
            f = some(16 // parts)
            x = f(x) if parts == 1 else checkpoint(f, x, use_reentrant=False)
        x.sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.slow
def test_less_memory() -> None:
    assert most_memory(4) < 0.55 * most_memory(1)


def test_the_graph_is_let_go_of() -> None:
    import weakref

    x = gobhir.ones(3, requires_grad=True)
    gc.disable()
    try:
        for used in (True, False):
            inner: list[Any] = []

            def f(a: Any, inner: list[Any] = inner) -> Any:
                b = a.sin()
                inner.append(weakref.ref(b))
                return b.cos()

            y = checkpoint(f, x * 1, use_reentrant=False).sum()
            if used:
                y.backward()
            del y
            assert all(ref() is None for ref in inner)
    finally:
        gc.enable()


def test_a_tape_and_compile_see_everything() -> None:
    x = gobhir.ones(3, requires_grad=True)
    with Tape() as tape:
        checkpoint(lambda a: a.sin().cos(), x, use_reentrant=False).sum().backward()
    assert [r.op.name for r in tape.records][:2] == ["sin", "cos"] and tape.gradients
    network = layers(gobhir).eval()

    def step(a: Any) -> Any:
        loss = checkpoint(network, a, use_reentrant=False).sum()
        loss.backward()
        return loss

    quick, a = gobhir.compile(step), gobhir.randn(6, 4)
    for _ in range(4):
        network.zero_grad()
        loss = quick(a)
        got = [p.grad.clone() for p in network.parameters()]
        network.zero_grad()
        gobhir.testing.assert_close(loss, step(a))
        for g, p in zip(got, network.parameters(), strict=True):
            gobhir.testing.assert_close(g, p.grad, rtol=1e-5, atol=1e-5)


def test_the_module_is_found() -> None:
    from gobhir.utils import checkpoint as module

    assert isinstance(module, ModuleType) and module is gobhir.utils.checkpoint
