"""Pruning: torch.nn.utils.prune chooses the same weights, and channels go without a trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import prune as reference

import gobhir
from gobhir.deploy import prune, prune_channels, prune_in_steps


def network(framework: Any) -> Any:
    nn = framework.nn
    framework.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 5),
    )


def weights(model: Any) -> dict[str, np.ndarray]:
    return {n: p.detach().numpy().copy() for n, p in model.named_parameters()}


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("amount", [0.0, 0.37, 0.9])
def test_the_same_weights_as_pytorch(scope: str, amount: float) -> None:
    mine, theirs = network(torch), network(torch)
    masks = prune(mine, amount, scope)
    layers = [m for m in theirs.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    if scope == "global":
        pairs = [(m, "weight") for m in layers]
        reference.global_unstructured(pairs, reference.L1Unstructured, amount=amount)
    else:
        for m in layers:
            reference.l1_unstructured(m, "weight", amount=amount)
    for m in layers:
        reference.remove(m, "weight")
    found, expected = weights(mine), weights(theirs)
    assert all(np.array_equal(found[n], expected[n]) for n in found)
    assert masks.sparsity == pytest.approx(amount, abs=0.02)


@pytest.mark.parametrize("framework", [gobhir, torch], ids=["gobhir", "torch"])
def test_zeros_stay_zero_while_the_network_learns_on(framework: Any) -> None:
    model = network(framework)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 1, 8, 8)).astype(np.float32), rng.integers(0, 5, 40)
    seen = []

    def tune(masks: Any) -> None:
        seen.append(masks.sparsity)
        options = {"optimizer": "adam", "lr": 0.01, "epochs": 2, "progress": False}
        gobhir.fit(model, (x, y), loss="cross_entropy", callbacks=[masks], **options)

    before = weights(model)
    masks = prune_in_steps(model, 0.875, 3, tune)
    assert seen == pytest.approx([0.5, 0.75, 0.875], abs=0.01)
    after = weights(model)
    for name, mask in masks.masks.items():
        assert not after[name][mask == 0].any()
        assert (after[name] != before[name])[mask == 1].any()
    assert (after["5.bias"] != before["5.bias"]).all()


@pytest.mark.parametrize("framework", [gobhir, torch], ids=["gobhir", "torch"])
def test_channels_that_give_nothing_go_without_a_trace(framework: Any) -> None:
    model = network(framework)
    with framework.no_grad():
        for k in (1, 4):
            for p in (model[0][0].weight, model[0][0].bias, model[0][1].weight, model[0][1].bias):
                p[k] = 0.0
        for k in (0, 3, 6):
            model[2].weight[k] = 0.0
        model[0][1].running_mean.copy_(framework.arange(6) / 10)
        model[0][1].running_var.copy_(1 + framework.arange(6) / 5)
    model.eval()
    small = prune_channels(model, 0.35)
    x = framework.randn(3, 1, 8, 8)
    with framework.no_grad():
        np.testing.assert_allclose(small(x).numpy(), model(x).numpy(), atol=1e-5)
    shapes = [tuple(p.shape) for p in small.parameters()]
    assert shapes == [(4, 1, 3, 3), (4,), (4,), (4,), (5, 4, 3, 3), (5, 20), (5,)]
    assert tuple(model[2].weight.shape) == (8, 6, 3, 3) and not small.training


@pytest.mark.parametrize("framework", [gobhir, torch], ids=["gobhir", "torch"])
def test_layers_that_stand_there_twice_and_numbers_in_float64(framework: Any) -> None:
    nn = framework.nn
    relu = nn.ReLU()
    layers = [nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3), relu, nn.Conv2d(4, 4, 3), relu]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 3)).double()
    with framework.no_grad():
        for p in model.parameters():
            p.add_(1e-9)  # nothing that float32 could hold
    model[1].eval()
    small = prune_channels(model, 0.0)
    assert [m.training for m in small] == [m.training for m in model]
    model.eval(), small.eval()
    x = framework.tensor(np.random.default_rng(0).normal(size=(2, 1, 8, 8)))
    with framework.no_grad():
        np.testing.assert_array_equal(small(x).numpy(), model(x).numpy())
        small[0].weight.add_(1)
        assert float(model[0].weight[0]) < 1.5  # its own numbers, not the model's


def test_the_last_layer_keeps_all_it_says() -> None:
    nn = gobhir.nn
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1))
    small = prune_channels(model, 0.99)
    assert [tuple(p.shape) for p in small.parameters()] == [(1, 1, 3, 3), (1,), (3, 1, 1, 1), (3,)]


def test_wrong_calls_are_told() -> None:
    nn, model = gobhir.nn, network(gobhir)
    for amount in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="share"):
            prune(model, amount)
    with pytest.raises(ValueError, match="scope"):
        prune(model, 0.5, "everything")
    with pytest.raises(ValueError, match="nobody"):
        prune(model, 0.5, names=["nobody"])
    for layer, word in (
        (nn.LSTM(3, 3), "LSTM"),
        (nn.Conv2d(2, 2, 3, groups=2), "Conv2d"),
        (nn.LayerNorm(3), "LayerNorm"),
    ):
        with pytest.raises(ValueError, match=f"`1` is {word}"):
            prune_channels(nn.Sequential(nn.ReLU(), layer), 0.5)
    for refusing in (prune, prune_channels):
        with pytest.raises(TypeError, match="not list"):
            refusing([nn.Conv2d(1, 2, 3)], 0.5)
    with pytest.raises(ValueError, match="TransformerEncoderLayer"):
        prune_channels(nn.TransformerEncoderLayer(4, 2), 0.5)
