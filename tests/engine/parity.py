"""Gobhir beside PyTorch: the same computation on both, first and second derivatives too.

Every gradient is asked for with random cotangents: with ones, a softmax whose gradient is
always zero would pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

import gobhir

FLOATS = st.sampled_from(["float32", "float64"])
SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)
TOLERANCE = {"float32": 2e-4, "float64": 1e-10}


def both(array: np.ndarray, grad: bool = False) -> tuple[Any, Any]:
    """The same numbers as a Gobhir and as a PyTorch tensor; array's memory order is kept."""
    mine = gobhir.from_numpy(array.copy(order="K"))
    theirs = torch.from_numpy(array.copy(order="K"))
    if grad:
        mine.requires_grad_()
        theirs.requires_grad_()
    return mine, theirs


def numbers(
    seed: int, shape: Sequence[int], dtype: str = "float64", low: float = -3.0, high: float = 3.0
) -> np.ndarray:
    """Drawn numbers; in one of three draws they lie on a coarse grid, so that ties and kinks
    occur, and in one of three the memory is not contiguous."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(low, high, tuple(shape))
    if seed % 3 == 0:
        values = np.clip(np.round(values * 2) / 2, low, high)
    values = np.asarray(values, dtype)
    if seed % 3 == 1:
        values = np.array(values, order="F")
    return values


def same(mine: Any, theirs: Any, near: float | None = None) -> None:
    """The same shape, dtype and numbers, up to what rounding can do: `near`, relative to each
    number and to the largest."""
    if theirs is None or mine is None:
        # PyTorch leaves out a gradient that is zero for structural reasons, and so may we.
        present = mine if theirs is None else theirs
        assert present is None or not np.any(_array(present))
        return
    a, b = _array(mine), _array(theirs)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    if not a.size:
        return
    largest = np.abs(b[np.isfinite(b)]).max(initial=1.0) if b.dtype.kind == "f" else 1.0
    if near is None:
        near = TOLERANCE.get(b.dtype.name, 0.0)
    np.testing.assert_allclose(a, b, rtol=near, atol=near * largest, equal_nan=True)


def _array(t: Any) -> np.ndarray:
    if isinstance(t, torch.Tensor):
        return t.numpy(force=True)  # force: PyTorch has zeros without memory
    return t.detach().numpy()


def check(
    mine: Callable[..., Any],
    theirs: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    differentiable: Sequence[bool] | None = None,
    seed: int = 0,
    second: bool = True,
) -> None:
    """Value, gradients and gradients of gradients of both functions at these inputs."""
    wanted = [a.dtype.kind == "f" for a in inputs] if differentiable is None else differentiable
    pairs = [both(a, grad) for a, grad in zip(inputs, wanted, strict=True)]
    near = max((TOLERANCE.get(a.dtype.name, 0.0) for a in inputs), default=0.0)
    out, want = mine(*(p[0] for p in pairs)), theirs(*(p[1] for p in pairs))
    if isinstance(want, (tuple, list)):
        _check_several(out, want, pairs, seed, near, second)
        return
    near = max(near, TOLERANCE.get(_array(want).dtype.name, 0.0))
    same(out, want, near)
    assert out.requires_grad == want.requires_grad
    if not want.requires_grad:
        return
    cotangent, cotangent_t = both(numbers(seed + 1, want.shape, _array(want).dtype.name), True)
    leaves = [p[0] for p in pairs if p[0].requires_grad]
    leaves_t = [p[1] for p in pairs if p[1].requires_grad]
    first = gobhir.autograd.grad(out, leaves, cotangent, create_graph=True, allow_unused=True)
    first_t = torch.autograd.grad(want, leaves_t, cotangent_t, create_graph=True, allow_unused=True)
    for g, g_t in zip(first, first_t, strict=True):
        same(g, g_t, near)
    if second:
        _second(first, first_t, [*leaves, cotangent], [*leaves_t, cotangent_t], seed, 20 * near)


def _check_several(
    out: Any, want: Any, pairs: list[Any], seed: int, near: float, second: bool
) -> None:
    """Several results: each alone, and the gradient of a random weighting of all of them."""
    assert len(out) == len(want)
    total, total_t = 0, 0
    for k, (a, b) in enumerate(zip(out, want, strict=True)):
        same(a, b, max(near, TOLERANCE.get(_array(b).dtype.name, 0.0)))
        assert a.requires_grad == b.requires_grad
        if b.requires_grad:
            c, c_t = both(numbers(seed + 1 + k, b.shape, _array(b).dtype.name))
            total, total_t = total + (a * c).sum(), total_t + (b * c_t).sum()
    if isinstance(total_t, int):
        return
    leaves = [p[0] for p in pairs if p[0].requires_grad]
    leaves_t = [p[1] for p in pairs if p[1].requires_grad]
    first = gobhir.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    first_t = torch.autograd.grad(total_t, leaves_t, create_graph=True, allow_unused=True)
    for g, g_t in zip(first, first_t, strict=True):
        same(g, g_t, near)
    if second:
        _second(first, first_t, leaves, leaves_t, seed, 20 * near)


def _second(
    first: Any, first_t: Any, leaves: list[Any], leaves_t: list[Any], seed: int, near: float
) -> None:
    weighed, weighed_t = [], []
    for k, (g, g_t) in enumerate(zip(first, first_t, strict=True)):
        if g_t is None or g is None or not (g_t.requires_grad and g.requires_grad):
            continue
        c, c_t = both(numbers(seed + 2 + k, g_t.shape, _array(g_t).dtype.name))
        weighed.append((g * c).sum())
        weighed_t.append((g_t * c_t).sum())
    if not weighed:
        return
    total, total_t = sum(weighed[1:], weighed[0]), sum(weighed_t[1:], weighed_t[0])
    got = gobhir.autograd.grad(total, leaves, allow_unused=True)
    want = torch.autograd.grad(total_t, leaves_t, allow_unused=True)
    for g, g_t in zip(got, want, strict=True):
        same(g, g_t, near)
