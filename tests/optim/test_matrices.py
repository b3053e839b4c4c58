"""Adafactor and Muon, which look at a matrix as a whole, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import optim

ADAFACTOR: list[dict[str, Any]] = [
    {},
    {"lr": 0.5, "weight_decay": 0.1},
    {"eps": (1e-3, 1e-2), "d": 1.5},
    {"beta2_decay": -0.5, "maximize": True},
]
MUON: list[dict[str, Any]] = [
    {"lr": 0.05},
    {"lr": 0.05, "nesterov": False, "weight_decay": 0.0},
    {"lr": 0.05, "adjust_lr_fn": "match_rms_adamw", "momentum": 0.5},
    {"lr": 0.05, "ns_steps": 2, "ns_coefficients": (2.0, -1.5, 0.5)},
]


def beside_pytorch(name: str, options: dict[str, Any], shapes: list[Any], near: float) -> None:
    rng = np.random.default_rng(4)
    start = [rng.normal(size=s) for s in shapes]
    mine = [gobhir.nn.Parameter(gobhir.tensor(a)) for a in start]
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start]
    ours = getattr(optim, name)(mine, **options)
    pytorchs = getattr(torch.optim, name)(theirs, **options)
    assert repr(ours) == repr(pytorchs)
    for step in range(8):
        for p, q in zip(mine, theirs, strict=True):
            g = rng.normal(size=p.shape)
            p.grad, q.grad = gobhir.tensor(g), torch.tensor(g)
        ours.step()
        pytorchs.step()
        if step == 4:  # go on from PyTorch's own saved state
            ours = getattr(optim, name)(mine, **options)
            ours.load_state_dict(pytorchs.state_dict())
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=near, atol=near)
        assert set(ours.state[p]) == set(pytorchs.state[q])


@pytest.mark.parametrize("options", ADAFACTOR)
def test_adafactor_steps_as_pytorch(options: dict[str, Any]) -> None:
    beside_pytorch("Adafactor", options, [(3, 4), (5,), (), (2, 3, 2)], 1e-12)


@pytest.mark.parametrize("options", MUON)
def test_muon_steps_as_pytorch(options: dict[str, Any]) -> None:
    beside_pytorch("Muon", options, [(3, 4), (5, 2), (4, 4)], 2e-3)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_compiled_they_step_the_same(name: str) -> None:
    def train(compiled: bool) -> np.ndarray:
        gobhir.manual_seed(0)
        model = gobhir.nn.Linear(6, 5, bias=False)
        optimizer = getattr(optim, name)(model.parameters(), lr=0.1)
        x, y = gobhir.randn(30, 6), gobhir.randn(30, 5)

        def step() -> Any:
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = gobhir.compile(step) if compiled else step
        for _ in range(6):
            run()
        return model.weight.detach().numpy()

    np.testing.assert_allclose(train(True), train(False), rtol=1e-4, atol=1e-4)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("Adafactor", {"lr": -1.0}),
    ("Adafactor", {"beta2_decay": 0.1}),
    ("Adafactor", {"eps": (-1.0, 1e-3)}),
    ("Adafactor", {"eps": (None, -1.0)}),
    ("Adafactor", {"d": 0.5}),
    ("Adafactor", {"weight_decay": -1.0}),
    ("Muon", {"lr": -1.0}),
    ("Muon", {"momentum": -0.1}),
    ("Muon", {"weight_decay": -0.1}),
    ("Muon", {"adjust_lr_fn": "other"}),
]


@pytest.mark.parametrize(("name", "options"), REFUSED)
def test_settings_that_make_no_sense_are_refused(name: str, options: dict[str, Any]) -> None:
    for t in (gobhir, torch):
        with pytest.raises(ValueError):
            getattr(t.optim, name)([t.nn.Parameter(t.ones(2, 2))], **options)


def test_muon_refuses_what_is_not_a_matrix() -> None:
    for t in (gobhir, torch):
        with pytest.raises(ValueError):
            t.optim.Muon([t.nn.Parameter(t.ones(3))])
        for options in ({"ns_steps": 100}, {"ns_coefficients": (1.0, 2.0)}):
            w = t.nn.Parameter(t.ones(2, 2))
            optimizer = t.optim.Muon([w], **options)
            w.grad = t.ones(2, 2)
            with pytest.raises(ValueError):
                optimizer.step()


def test_sparse_adam_says_why_it_is_not_there() -> None:
    with pytest.raises(AttributeError, match="Adam"):
        _ = optim.SparseAdam
