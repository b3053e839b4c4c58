"""What stands beside training: a moving average of the weights; epochs that loaders are told of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.training import Average, Callback, fit

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = (X @ np.float32([[1.0], [-2.0], [0.5]])).astype(np.float32)


class Weights(Callback):
    """All weights that the model has had after a step."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def on_batch_end(self, run: Any) -> None:
        self.seen.append(run.model.weight.detach().numpy().copy())


def trained(library: Any, epochs: int = 4, **more: Any) -> Any:
    library.manual_seed(0)
    model = library.nn.Linear(3, 1)
    fit(model, (X, Y), "mse", "sgd", epochs, batch_size=8, lr=0.1, seed=0, progress=False, **more)
    return model


@pytest.mark.parametrize("library", [gobhir, torch], ids=["gobhir", "torch"])
def test_a_moving_average_against_its_formula(library: Any) -> None:
    library.manual_seed(0)
    mean = library.nn.Linear(3, 1).weight.detach().numpy().astype(np.float64)
    steps = Weights()
    model = trained(library, callbacks=[steps, Average(0.5)])
    for k, weight in enumerate(steps.seen, 1):
        decay = min(0.5, k / (k + 10))
        mean = decay * mean + (1 - decay) * weight
    assert len(steps.seen) == 12
    np.testing.assert_allclose(model.weight.detach().numpy(), mean, rtol=1e-5)
    last = trained(library)
    assert np.abs(last.weight.detach().numpy() - mean).max() > 1e-4


@pytest.mark.parametrize("library", [gobhir, torch], ids=["gobhir", "torch"])
def test_a_moving_average_goes_on_from_a_checkpoint(library: Any, tmp_path: Path) -> None:
    whole = trained(library, callbacks=[Average(0.9)], checkpoint=tmp_path / "whole")
    path = tmp_path / "run"
    trained(library, 2, callbacks=[Average(0.9)], checkpoint=path)
    resumed = trained(library, callbacks=[Average(0.9)], checkpoint=path, resume=True)
    assert np.array_equal(resumed.weight.detach().numpy(), whole.weight.detach().numpy())


def test_a_share_that_is_none() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Average(1.0)


class Told:
    """A loader that is told which epoch comes."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield X, Y


def test_loaders_and_samplers_are_told_of_each_epoch() -> None:
    loader = Told()
    fit(gobhir.nn.Linear(3, 1), loader, "mse", "sgd", 3, lr=0.1, progress=False)
    assert loader.epochs == [1, 2, 3]
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    sampler = torch.utils.data.DistributedSampler(data, num_replicas=2, rank=0)
    orders: list[list[int]] = []
    sampled = torch.utils.data.DataLoader(data, 12, sampler=sampler)
    fit(
        torch.nn.Linear(3, 1),
        sampled,
        "mse",
        "sgd",
        2,
        lr=0.1,
        progress=False,
        callbacks=[lambda run: orders.append(list(sampler))],
    )
    assert orders[0] != orders[1]
