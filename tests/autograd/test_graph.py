"""Saved tensors that functions of one's own put away: when they are called, beside PyTorch, and
that no gradient changes by it."""

from __future__ import annotations

import gc
import weakref
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.autograd.graph import save_on_cpu, saved_tensors_hooks
from gobhir.engine import OPS, Tape
from gobhir.engine.apply import apply
from tests.autograd.test_function import cube
from tests.engine.test_formulas import CASES

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


@pytest.mark.parametrize(
    ("code", "first", "second"),
    [
        ("x * y", True, True),
        ("x * y", True, False),
        ("x.exp()", True, False),
        ("x + y", True, True),
        ("x / y", True, True),
        ("x.sin() * y", True, False),
        ("(x * y).tanh().sum()", True, True),
        ("x.sigmoid()", True, True),
        ("x.reshape(-1)", True, True),
    ],
)
def test_the_same_numbers_are_packed(code: str, first: bool, second: bool) -> None:
    seen = []
    for t in (gobhir, torch):
        packed: list[Any] = []
        unpacked: list[Any] = []

        def pack(x: Any, packed: Any = packed) -> Any:
            packed.append(x.tolist())
            return len(packed), x.detach().clone()

        def unpack(kept: Any, unpacked: Any = unpacked) -> Any:
            unpacked.append(kept[1].tolist())
            return kept[1]

        x = t.tensor([0.5, 1.5], dtype=t.float64, requires_grad=first)
        y = t.tensor([2.0, 3.0], dtype=t.float64, requires_grad=second)
        with t.autograd.graph.saved_tensors_hooks(pack, unpack):
            out = eval(code)
        count = len(packed)
        out.sum().backward()
        assert count == len(packed) == len(unpacked)
        seen.append((sorted(map(str, packed)), x.grad, y.grad))
    np.testing.assert_allclose(*(np.sort([eval(v) for v in s[0]], 0) for s in seen), rtol=1e-12)
    for mine, theirs in zip(seen[0][1:], seen[1][1:], strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or np.allclose(mine, theirs, rtol=1e-12)


def losses() -> dict[str, Any]:
    nn = gobhir.nn
    x = gobhir.linspace(-1, 1, 96, dtype=gobhir.float64)
    images, words = x.reshape(4, 1, 4, 6), x.reshape(4, 6, 4)
    attention = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True)
    parts = {
        "mlp": (nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(6), nn.GELU()), words),
        "cnn": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)), images),
        "lstm": (nn.LSTM(4, 3, batch_first=True, bidirectional=True), words),
        "attention": (attention, words),
        "embedding": (nn.Embedding(5, 3), gobhir.arange(5)),
    }
    return {k: (m.double(), v) for k, (m, v) in parts.items()}


@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "attention", "embedding"])
def test_gradients_stay(name: str, tmp_path: Path) -> None:
    network, x = losses()[name]
    found = []
    for hooked in (False, True):
        gobhir.manual_seed(2)
        network.zero_grad()

        def pack(x: Any) -> Path:
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
            np.save(path, x.numpy())
            return path

        hooks = saved_tensors_hooks(pack, lambda path: gobhir.from_numpy(np.load(path)))
        for buffer in network.buffers():
            buffer.zero_()
        if hooked:
            with hooks:
                out = network(x)
        else:
            out = network(x)
        out = out[0] if isinstance(out, tuple) else out
        ((out + 0.1) ** 2 * gobhir.arange(out.numel()).reshape(out.shape)).sum().backward()
        found.append([p.grad.clone() for p in network.parameters()])
    assert list(tmp_path.iterdir())
    for plain, packed in zip(*found, strict=True):
        gobhir.testing.assert_close(plain, packed, rtol=1e-12, atol=1e-12)


@BOTH
def test_second_derivatives_and_a_backward_inside(t: Any) -> None:
    found = []
    for _ in range(2):
        x = t.tensor([0.5, 1.5], dtype=t.float64, requires_grad=True)
        w = t.tensor([[1.0, 2.0], [0.5, -1.0]], dtype=t.float64, requires_grad=True)
        with t.autograd.graph.saved_tensors_hooks(lambda v: v * 4, lambda v: v / 4):
            y = ((x.exp() @ w).tanh() * x).sum()
            (g,) = t.autograd.grad(y, x, create_graph=True)
        h = t.autograd.grad((g * g).sum(), [x, w])
        found.append(h)
    a = t.tensor([0.5, 1.5], dtype=t.float64, requires_grad=True)
    b = t.tensor([[1.0, 2.0], [0.5, -1.0]], dtype=t.float64, requires_grad=True)
    (g,) = t.autograd.grad(((a.exp() @ b).tanh() * a).sum(), a, create_graph=True)
    for got, want in zip(found[0], t.autograd.grad((g * g).sum(), [a, b]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


@BOTH
def test_inner_hooks_go_first_and_wrong_ones_are_refused(t: Any) -> None:
    hooks, heard = t.autograd.graph.saved_tensors_hooks, []
    x = t.tensor([0.5], requires_grad=True)
    with hooks(lambda v: heard.append("outer") or v, lambda v: v):
        x.exp()
        with hooks(lambda v: heard.append("inner") or v, lambda v: v):
            x.exp()
        x.exp()
    x.exp()
    assert heard == ["outer", "inner", "outer"]
    with hooks(lambda v: v, lambda v: 7):
        y = x.exp()
    with pytest.raises(TypeError):
        y.backward()


@BOTH
def test_an_op_of_ones_own(t: Any) -> None:
    heard = []
    x = t.tensor([2.0], requires_grad=True)
    with t.autograd.graph.saved_tensors_hooks(lambda v: heard.append(1) or v.tolist(), t.tensor):
        y = cube(t).apply(x)
    y.backward()
    assert heard == [1] and x.grad.tolist() == [12.0]


def test_the_numbers_are_let_go_of() -> None:
    x = gobhir.ones(4, requires_grad=True)
    gc.disable()
    try:
        with saved_tensors_hooks(lambda v: v.tolist(), lambda v: gobhir.tensor(v)):
            inner = x.exp()
            kept = weakref.ref(inner)
            y = inner.exp() * 2
            del inner
        assert kept() is None
        y.sum().backward()
        assert np.allclose(x.grad, 2 * np.exp(np.e) * np.e)
    finally:
        gc.enable()


def test_a_tape_sees_everything_and_cpu_is_where_it_is() -> None:
    x = gobhir.ones(2, requires_grad=True)
    with Tape() as tape, saved_tensors_hooks(lambda v: 1 / 0, lambda v: v):
        x.exp().sum().backward()
    assert [r.op.name for r in tape.records] == ["exp", "sum"]
    with save_on_cpu(pin_memory=True):
        y = x.exp()
        y.sum().backward()
    assert gobhir.allclose(x.grad, 2 * y)


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if n in CASES and n != "part"])
def test_every_op_has_all_that_it_reads(name: str) -> None:
    """Each op's gradient, from packed numbers, is what it is without."""
    op, (inputs, settings) = OPS[name], CASES[name]
    found = []
    for hooked in (False, True):
        tensors = [gobhir.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x for x in inputs]
        for which, x in zip(op.inputs, tensors, strict=False):
            if isinstance(x, gobhir.Tensor) and x.is_floating_point() and which in op.pullbacks:
                x.requires_grad_()
        with saved_tensors_hooks(lambda v: v.clone(), lambda v: v) if hooked else nullcontext():
            out = apply(op, *tensors, **settings)
        results = out if isinstance(out, tuple) else (out,)
        floating = [r for r in results if r.requires_grad]
        if not floating:
            return
        total = sum(
            (r * gobhir.arange(1.0, r.numel() + 1).reshape(r.shape)).sum() for r in floating
        )
        leaves = [x for x in tensors if isinstance(x, gobhir.Tensor) and x.requires_grad]
        found.append(gobhir.autograd.grad(total, leaves, allow_unused=True))
    for plain, packed in zip(*found, strict=True):
        assert (plain is None) == (packed is None)
        if plain is not None:
            np.testing.assert_array_equal(plain.numpy(), packed.numpy())
