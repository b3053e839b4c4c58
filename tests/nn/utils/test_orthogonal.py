"""Orthogonal weights beside PyTorch's: from the same start, through steps and assignments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrizations import orthogonal as torchs_orthogonal

import gobhir
from gobhir.nn.utils.parametrizations import orthogonal

WAYS = {gobhir: orthogonal, torch: torchs_orthogonal}
KINDS = [
    (shape, how, trivial)
    for shape in [(4, 4), (5, 3), (3, 5)]
    for how in ["matrix_exp", "cayley", "householder", None]
    for trivial in [True, False]
]


@pytest.mark.parametrize(("shape", "how", "trivial"), KINDS)
def test_it_stays_orthogonal_and_learns_as_pytorch(shape: Any, how: Any, trivial: bool) -> None:
    start = np.random.default_rng(0).normal(size=shape[::-1])
    told: list[Any] = []
    state: Any = None
    for t in (torch, gobhir):
        layer = t.nn.Linear(*shape, bias=False).double()
        with t.no_grad():
            layer.weight.copy_(t.tensor(start))
        WAYS[t](layer, orthogonal_map=how, use_trivialization=trivial)
        if state is None:
            state = {k: v.numpy().copy() for k, v in layer.state_dict().items()}
        assert list(layer.state_dict()) == list(state)
        layer.load_state_dict({k: t.tensor(v) for k, v in state.items()})
        optimizer = t.optim.SGD(layer.parameters(), lr=0.1)
        seen = []
        for _ in range(3):
            optimizer.zero_grad()
            x = t.tensor(np.random.default_rng(1).normal(size=(6, shape[0])))
            (layer(x) ** 3).sum().backward()
            seen.append(layer.weight.detach().numpy())
            optimizer.step()
        q = seen[-1] if shape[1] >= shape[0] else seen[-1].T
        np.testing.assert_allclose(q.T @ q, np.eye(min(shape)), atol=1e-9)
        told.append(seen)
    np.testing.assert_allclose(told[0], told[1], atol=1e-9)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_an_orthogonal_weight_can_be_assigned(shape: Any) -> None:
    q = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0][: shape[1], : shape[0]]
    q = np.linalg.qr(q if shape[1] >= shape[0] else q.T)[0]
    q = q if shape[1] >= shape[0] else q.T
    for how, trivial in (("householder", False), ("householder", True), ("cayley", True)):
        layer = orthogonal(
            gobhir.nn.Linear(*shape).double(), orthogonal_map=how, use_trivialization=trivial
        )
        layer.weight = gobhir.tensor(q)
        np.testing.assert_allclose(layer.weight.detach().numpy(), q, atol=1e-9)


def test_refused() -> None:
    for t, way in WAYS.items():
        for layer, options in (
            (t.nn.Linear(2, 2), {"name": "bias"}),
            (t.nn.Linear(2, 2), {"name": "other"}),
            (t.nn.Linear(2, 2), {"orthogonal_map": "other"}),
        ):
            with pytest.raises(ValueError):
                way(layer, **options)
        layer = way(t.nn.Linear(2, 2), orthogonal_map="cayley", use_trivialization=False)
        with pytest.raises(NotImplementedError):
            layer.weight = t.eye(2)
