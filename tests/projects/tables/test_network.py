"""The same network on three frameworks: the same numbers, but for rounding."""

from __future__ import annotations

import numpy as np
import torch

import gobhir
from gobhir.projects.learning import weights as weights_of
from gobhir.projects.tables.network import first_weights, network

SIZES = [5, 8, 8, 3]


def test_the_first_weights_are_as_pytorchs_linear_draws_them() -> None:
    ours = first_weights(SIZES, seed=3)
    torch.manual_seed(3)
    shapes = [tuple(p.shape) for p in torch.nn.Sequential(*_linears()).parameters()]
    assert [w.shape for w in ours.values()] == shapes
    for name, w in ours.items():
        bound = 1 / np.sqrt(SIZES[int(name.split(".")[0]) // 2])
        assert np.abs(w).max() <= bound and np.abs(w).max() > bound / 3
    again = first_weights(SIZES, seed=3)
    assert all(np.array_equal(w, again[name]) for name, w in ours.items())


def _linears() -> list[torch.nn.Linear]:
    return [torch.nn.Linear(a, b) for a, b in zip(SIZES, SIZES[1:], strict=False)]


def test_gobhir_and_pytorch_say_the_same() -> None:
    weights = first_weights(SIZES, seed=1)
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    ours = network("gobhir", weights)(gobhir.from_numpy(x)).detach().numpy()
    theirs = network("torch", weights)(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for engine in ("gobhir", "torch"):
        kept = weights_of(network(engine, weights))
        assert list(kept) == list(weights)
        assert all(np.array_equal(kept[name], w) for name, w in weights.items())
