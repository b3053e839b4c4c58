"""Optimizers under the settings with which PyTorch tests its own, over ten steps."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import optim
from tests.torchs_samples import Unknown, tensors, to_gobhir

optimizers = pytest.importorskip("torch.testing._internal.common_optimizers")

KNOWN = {info.optim_cls.__name__: info for info in optimizers.optim_db}
OPTIMIZERS = {name: info for name, info in KNOWN.items() if name in optim.__all__}
WAYS: list[dict[str, Any]] = [{}, {"foreach": True}, {"maximize": True}, {"weight_decay": 0.3}]
NEAR = {"ASGD": 1e-6, "Muon": 2e-2}
"""ASGD keeps one float32 number, rounded elsewhere with foreach; Muon computes in bfloat16."""


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps(name: str) -> None:
    info = OPTIMIZERS[name]
    for sample in info.optim_inputs_func("cpu"):
        for way in WAYS:
            if way.keys() <= signature(info.optim_cls).parameters.keys():
                beside_pytorch(name, info, sample.kwargs | way)


def beside_pytorch(name: str, info: Any, options: dict[str, Any]) -> None:
    shapes: list[tuple[int, ...]] = [(3, 4), (4, 3)] if name == "Muon" else [(3, 4), (2,), ()]
    rng = np.random.default_rng(0)
    start, far = ([np.asarray(rng.normal(size=s)) for s in shapes] for _ in range(2))
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start]
    mine = [gobhir.nn.Parameter(gobhir.tensor(a)) for a in start]
    options = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    stepped = []
    for t, parameters, given in ((torch, theirs, options), (gobhir, mine, to_gobhir(options))):
        optimizer = getattr(t.optim, name)(parameters, **given)

        def loss(t: Any = t, parameters: Any = parameters, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            pairs = zip(parameters, far, strict=True)
            # The root keeps what is maximized from running away.
            out = sum(((p - t.tensor(a)) ** 2 + 1).sqrt().sum() for p, a in pairs)
            out.backward()
            return out

        for _ in range(10):
            optimizer.step(loss) if info.step_requires_closure else (loss(), optimizer.step())
        stepped.append(optimizer)
    near = NEAR.get(name, 1e-9)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=near, atol=near)
    a, b = stepped[1].state_dict(), stepped[0].state_dict()
    assert a["state"].keys() == b["state"].keys()
    for i, own in b["state"].items():
        assert a["state"][i].keys() == own.keys()
    assert [set(g) for g in a["param_groups"]] == [set(g) for g in b["param_groups"]]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_refused(name: str) -> None:
    for wrong in OPTIMIZERS[name].optim_error_inputs_func("cpu", torch.float64):
        sample = wrong.optimizer_error_input
        given = [*tensors(sample.params)]
        if len({*map(id, given)}) < len(given):
            continue  # one parameter twice: tested in test_optimizer.py
        try:
            parameters, options = to_gobhir((sample.params, sample.kwargs))
        except Unknown:
            continue
        with pytest.raises(wrong.error_type):
            optimizer = getattr(optim, name)(parameters, **options)
            for p in tensors(parameters):
                p.grad = gobhir.ones_like(p)
            optimizer.step()
