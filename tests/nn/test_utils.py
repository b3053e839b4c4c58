"""Clipping gradients, and parameters as a vector, beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
INF = math.inf
DTYPES = [("float32",) * 3, ("float64",) * 3, ("float32", "float64", "float32")]


def clipped(t: Any, dtypes: tuple, bad: float | None, *how: Any) -> Any:
    """The norm and the gradients afterwards; or the type of the exception."""
    rng = np.random.default_rng(0)
    parameters = [t.nn.Parameter(t.zeros(2))]  # without a gradient
    for shape, dtype in zip([(3, 2), (), (4,)], dtypes, strict=True):
        g = np.asarray(rng.normal(size=shape)).astype(dtype)
        if bad is not None and g.ndim == 1:
            g[1] = bad
        p = t.nn.Parameter(t.tensor(np.zeros_like(g)))
        p.grad = t.tensor(g)
        parameters.append(p)
    grads = [p.grad for p in parameters[1:]]
    try:
        total = t.nn.utils.clip_grad_norm_((p for p in parameters), *how)
    except RuntimeError:
        return RuntimeError
    assert all(p.grad is g for p, g in zip(parameters[1:], grads, strict=True))
    return [total.detach().numpy(), *(g.numpy() for g in grads)]


@pytest.mark.parametrize("norm_type", [2, 2.0, 1, 3, 0.5, INF, -INF, 0])
@pytest.mark.parametrize("dtypes", DTYPES, ids=["float32", "float64", "mixed"])
def test_clip_grad_norm_as_pytorch(norm_type: float, dtypes: tuple) -> None:
    for max_norm in (1.0, 100.0, 0.0, 1e-3):
        for bad in (None, math.nan, INF):
            for error in (False, True):
                how = (dtypes, bad, max_norm, norm_type, error)
                mine, theirs = clipped(gobhir, *how), clipped(torch, *how)
                if theirs is RuntimeError or mine is RuntimeError:
                    assert mine is theirs
                    continue
                for a, b in zip(mine, theirs, strict=True):
                    assert (a.shape, a.dtype) == (b.shape, b.dtype)
                    np.testing.assert_allclose(a, b, rtol=3e-6)


@BOTH
def test_clipping_one_tensor_none_and_an_empty_generator(t: Any) -> None:
    w = t.nn.Parameter(t.zeros(2))
    w.grad = t.tensor([3.0, 4.0])
    for foreach in (None, True, False):
        assert t.nn.utils.clip_grad_norm_(w, 10.0, foreach=foreach).item() == 5
    assert w.grad.tolist() == [3, 4]
    t.nn.utils.clip_grad_norm_([w], 1)
    np.testing.assert_allclose(w.grad.tolist(), [0.6, 0.8], rtol=1e-5)
    assert t.nn.utils.clip_grad_norm_([], 1.0).item() == 0
    with pytest.warns(UserWarning):
        t.nn.utils.clip_grad_norm_((p for p in []), 1.0)
    with pytest.warns(FutureWarning):
        t.nn.utils.clip_grad_norm([w], 1.0)


@BOTH
def test_total_norm_first_then_clipping(t: Any) -> None:
    a, b = (t.nn.Parameter(t.zeros(1)) for _ in range(2))
    a.grad, b.grad = t.tensor([3.0]), t.tensor([-4.0])
    total = t.nn.utils.get_total_norm([a.grad, b.grad])
    assert total.item() == 5 and t.nn.utils.get_total_norm(b.grad, 1).item() == 4
    t.nn.utils.clip_grads_with_norm_([a, b], 2.5, total)
    np.testing.assert_allclose([a.grad.item(), b.grad.item()], [1.5, -2], rtol=1e-6)


@BOTH
def test_clip_grad_value(t: Any) -> None:
    a, b = (t.nn.Parameter(t.zeros(3)) for _ in range(2))
    a.grad = t.tensor([1.0, -5.0, math.nan])
    kept = a.grad
    t.nn.utils.clip_grad_value_((p for p in (a, b)), 2)
    assert a.grad is kept and b.grad is None
    np.testing.assert_array_equal(kept.numpy(), [1, -2, math.nan])
    t.nn.utils.clip_grad_value_(a, 0.5, foreach=True)
    np.testing.assert_array_equal(kept.numpy(), [0.5, -0.5, math.nan])


def test_a_gradient_that_is_needed_again_is_noticed() -> None:
    """Clipping writes into gradients: one that a second derivative needs is lost."""
    w = gobhir.nn.Parameter(gobhir.tensor([3.0, 4.0]))
    (w**3).sum().backward(create_graph=True)
    again = (w.grad**2).sum()
    with gobhir.no_grad():
        gobhir.nn.utils.clip_grad_norm_([w], 1.0)
    with pytest.raises(RuntimeError):
        again.backward()


@BOTH
def test_parameters_as_a_vector_and_back(t: Any) -> None:
    model = t.nn.Linear(3, 2)
    vector = t.nn.utils.parameters_to_vector(model.parameters())
    assert tuple(vector.shape) == (8,)
    want = [*model.weight.flatten().tolist(), *model.bias.tolist()]
    assert vector.tolist() == want
    (vector**2).sum().backward()
    np.testing.assert_allclose(model.bias.grad.tolist(), [2 * v for v in want[6:]])
    weight = model.weight
    t.nn.utils.vector_to_parameters(t.arange(8.0), model.parameters())
    assert model.weight is weight and weight.requires_grad
    assert weight.tolist() == [[0, 1, 2], [3, 4, 5]] and model.bias.tolist() == [6, 7]
    with pytest.raises(TypeError):
        t.nn.utils.vector_to_parameters([1.0] * 8, model.parameters())
