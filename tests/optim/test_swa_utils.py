"""Averaged weights beside PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
AVERAGES: dict[str, Any] = {
    "plain": lambda u: {},
    "swa": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "swa, all at once": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "ema": lambda u: {"avg_fn": u.get_ema_avg_fn(0.9)},
    "ema, all at once": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9)},
    "own": lambda u: {"avg_fn": lambda average, now, count: (average + now) / 2},
    "with buffers": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9), "use_buffers": True},
}


def model_of(t: Any) -> Any:
    class Scaled(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = t.nn.Linear(3, 1)
            self.register_buffer("seen", t.zeros(1))

        def forward(self, x: Any) -> Any:
            self.seen += 1
            return self.fc(x)

    t.manual_seed(0)
    return Scaled()


def averaged(t: Any, name: str) -> Any:
    model, utils = model_of(t), t.optim.swa_utils
    average = utils.AveragedModel(model, **AVERAGES[name](utils))
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    x, y = t.randn(8, 3), t.randn(8, 1)
    for _ in range(6):
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
        average.update_parameters(model)
    return average, x


@pytest.mark.parametrize("name", AVERAGES)
def test_as_pytorch(name: str) -> None:
    (mine, x), (theirs, x_there) = averaged(gobhir, name), averaged(torch, name)
    a, b = mine.state_dict(), theirs.state_dict()
    assert list(a) == list(b) == ["n_averaged", "module.seen", "module.fc.weight", "module.fc.bias"]
    for key in a:
        np.testing.assert_allclose(a[key].numpy(), b[key].numpy(), rtol=1e-5, atol=1e-6)
    got, want = mine(x).detach().numpy(), theirs(x_there).detach().numpy()
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


SCHEDULES = [{}, {"anneal_epochs": 5, "anneal_strategy": "linear"}, {"anneal_epochs": 0}]


@pytest.mark.parametrize("options", SCHEDULES, ids=str)
def test_swalr_as_pytorch(options: dict[str, Any]) -> None:
    courses = []
    for t in (gobhir, torch):
        a, b = (t.nn.Parameter(t.ones(1)) for _ in range(2))
        optimizer = t.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
        scheduler = t.optim.swa_utils.SWALR(optimizer, swa_lr=[0.03, 0.04], **options)
        rows = []
        for k in range(20):
            rows.append(scheduler.get_last_lr())
            if t is gobhir:
                np.testing.assert_allclose(scheduler._by_formula(), rows[-1], rtol=1e-10)
            if k == 4:
                saved, scheduler = scheduler, t.optim.swa_utils.SWALR(optimizer, swa_lr=0.2)
                scheduler.load_state_dict(saved.state_dict())
                for group, lr in zip(optimizer.param_groups, (0.03, 0.04), strict=True):
                    group["swa_lr"] = lr
                    group["lr"] = saved.get_last_lr()[lr == 0.04]
            optimizer.step()
            scheduler.step()
        courses.append(rows)
    np.testing.assert_allclose(*courses, rtol=1e-12)


@BOTH
def test_refused(t: Any) -> None:
    utils, model = t.optim.swa_utils, t.nn.Linear(1, 1)
    for make in (utils.get_ema_avg_fn, utils.get_ema_multi_avg_fn):
        with pytest.raises(ValueError):
            make(1.1)
    with pytest.raises(AssertionError):
        own = utils.get_swa_avg_fn()
        utils.AveragedModel(model, avg_fn=own, multi_avg_fn=utils.get_swa_multi_avg_fn())
    optimizer = t.optim.SGD(model.parameters())
    for wrong in ({"anneal_strategy": "x"}, {"anneal_epochs": -1}, {"anneal_epochs": 1.5}):
        with pytest.raises(ValueError):
            utils.SWALR(optimizer, 0.1, **wrong)


def test_batch_norms_see_the_data_anew() -> None:
    results = []
    for t in (gobhir, torch):
        t.manual_seed(0)
        model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4, momentum=0.3)).eval()
        data = [(t.randn(5, 3), 0) for _ in range(4)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            t.optim.swa_utils.update_bn(data, model)
        assert not model.training and model[1].momentum == 0.3
        results.append([model[1].running_mean.numpy(), model[1].running_var.numpy()])
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)
