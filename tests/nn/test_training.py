"""Drawn networks, trained for some steps beside PyTorch: the same outputs, gradients and
parameters all the way."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import SEEDS

ACTIVATIONS = st.sampled_from(["Sigmoid", "Tanh", "ReLU", "LeakyReLU"])
REGRESSION = ["MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss"]
LOSSES = st.sampled_from(
    [*REGRESSION, "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "KLDivLoss"]
)
OPTIMIZERS = st.one_of(
    st.tuples(
        st.just("SGD"),
        st.fixed_dictionaries(
            {"lr": st.sampled_from([0.05, 0.3])},
            optional={
                "momentum": st.just(0.9),
                "weight_decay": st.just(0.1),
                "maximize": st.booleans(),
            },
        ),
    ),
    st.tuples(
        st.sampled_from(["Adam", "AdamW"]),
        st.fixed_dictionaries(
            {"lr": st.sampled_from([0.01, 0.1]), "eps": st.just(1e-3)},
            optional={"betas": st.just((0.5, 0.9)), "amsgrad": st.booleans()},
        ),
    ),
)


def network(t: Any, sizes: list[int], activation: str, loss: str, bias: bool, dtype: str) -> Any:
    layers = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layers += [t.nn.Linear(n, m, bias=bias, dtype=getattr(t, dtype))]
        layers += [getattr(t.nn, activation)()]
    last = {
        "BCELoss": [t.nn.Sigmoid()],
        "KLDivLoss": [t.nn.LogSoftmax(dim=-1)],
    }
    return t.nn.Sequential(*layers[:-1], *last.get(loss, []))


def target(loss: str, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> np.ndarray:
    if loss == "CrossEntropyLoss":
        return rng.integers(0, shape[-1], shape[:-1])
    if loss in ("BCELoss", "BCEWithLogitsLoss"):
        return rng.integers(0, 2, shape).astype(dtype)
    y = rng.uniform(-1, 1, shape)
    if loss == "KLDivLoss":
        y = np.exp(y) / np.exp(y).sum(-1, keepdims=True)
    return y.astype(dtype)


def train(t: Any, plan: dict[str, Any], data: list[tuple]) -> list[np.ndarray]:
    """Everything that happened: outputs, losses, gradients, parameters of every step."""
    t.manual_seed(plan["seed"] % 1000)
    model = network(t, plan["sizes"], plan["activation"], plan["loss"], plan["bias"], plan["dtype"])
    name, options = plan["optimizer"]
    optimizer = getattr(t.optim, name)(model.parameters(), **options)
    criterion = getattr(t.nn, plan["loss"])(reduction=plan["reduction"])
    seen = []
    for x, y in data:
        optimizer.zero_grad()
        out = model(t.tensor(x))
        loss = criterion(out, t.tensor(y))
        loss.backward()
        optimizer.step()
        seen += [out.detach().numpy(), loss.detach().numpy()]
        for p in model.parameters():
            seen += [p.grad.numpy().copy(), p.detach().numpy().copy()]
    return seen


@given(
    plan=st.fixed_dictionaries(
        {
            "seed": SEEDS,
            "sizes": st.lists(st.integers(1, 6), min_size=2, max_size=4),
            "activation": ACTIVATIONS,
            "loss": LOSSES,
            "reduction": st.sampled_from(["mean", "sum"]),
            "bias": st.booleans(),
            "dtype": st.sampled_from(["float64", "float64", "float32"]),
            "optimizer": OPTIMIZERS,
        }
    ),
    batch=st.sampled_from([(1,), (4,), (2, 3)]),
)
@settings(max_examples=150)
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.slow
def test_trained_beside_pytorch(plan: dict[str, Any], batch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(plan["seed"])
    if plan["loss"] == "CrossEntropyLoss":
        batch = batch[:1]
    ends = plan["sizes"][0], plan["sizes"][-1]
    data = []
    for _ in range(4):
        x = rng.normal(size=(*batch, ends[0])).astype(plan["dtype"])
        data.append((x, target(plan["loss"], (*batch, ends[1]), plan["dtype"], rng)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        mine, theirs = train(gobhir, plan, data), train(torch, plan, data)
    near = 1e-9 if plan["dtype"] == "float64" else 2e-3
    for got, want in zip(mine, theirs, strict=True):
        assert got.dtype == want.dtype
        scale = max(1.0, np.abs(want).max(initial=0.0))
        np.testing.assert_allclose(got, want, rtol=near, atol=near * scale)


def test_the_house_example() -> None:
    """The 4-4-1 network's step, by hand in the specimen: loss 0.0660 before, smaller after."""
    results = []
    for t in (gobhir, torch):
        model = t.nn.Sequential(
            t.nn.Linear(4, 4), t.nn.Sigmoid(), t.nn.Linear(4, 1), t.nn.Sigmoid()
        ).double()
        w1 = [[0.2, -0.4, 0.1, 0.5], [0.7, 0.3, -0.6, 0.1], [-0.3, 0.8, 0.4, -0.2]]
        w1.append([0.6, -0.1, 0.5, 0.9])
        values = [w1, [0.1, -0.2, 0.0, 0.3], [[0.4, -0.7, 0.5, 0.3]], [0.1]]
        with t.no_grad():
            for p, v in zip(model.parameters(), values, strict=True):
                p.copy_(t.tensor(v))
        optimizer = t.optim.SGD(model.parameters(), lr=0.5)
        x = t.tensor([0.5, 0.1, 0.9, 0.3], dtype=t.float64)
        for _ in range(2):
            loss = (0.5 * (model(x) - 1.0) ** 2).sum()
            results.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        results.append(model[0].weight.grad[0, 0].item())
    assert results[0] == pytest.approx(0.0660, abs=5e-5) and results[1] < results[0]
    assert results[:3] == pytest.approx(results[3:], rel=1e-12)
