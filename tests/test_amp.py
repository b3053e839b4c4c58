"""Mixed precision's names: GradScaler beside PyTorch's, autocast that changes nothing."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import gobhir


def train(lib: Any, gradients: list[float], **settings: Any) -> tuple[list[Any], list[Any]]:
    """What a scaler and the weight are after each step of these gradients."""
    w = lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([w], lr=0.1)
    scaler = lib.amp.GradScaler("cpu", **settings)
    scales, weights = [], []
    for i, gradient in enumerate(gradients):
        optimizer.zero_grad()
        scaler.scale((w * gradient).sum()).backward()
        if i % 2:
            scaler.unscale_(optimizer)
            lib.nn.utils.clip_grad_norm_([w], 1.0)
        scaler.step(optimizer)
        scaler.update()
        scales += [scaler.get_scale(), scaler.state_dict()]
        weights += w.tolist()
    return scales, weights


def test_scaler() -> None:
    gradients = [1.0, 3.0, float("inf"), 0.5, 1e36, 1.0, float("nan"), 2.0, 2.0, 2.0]
    for settings in ({}, {"init_scale": 8.0, "growth_interval": 2, "backoff_factor": 0.25}):
        scales, weights = train(gobhir, gradients, **settings)
        wished, wished_weights = train(torch, gradients, **settings)
        assert scales == wished
        assert weights == pytest.approx(wished_weights, rel=1e-6)


def test_scaler_of_a_cuda() -> None:
    w = gobhir.nn.Parameter(gobhir.ones(2))
    optimizer = gobhir.optim.SGD([w], lr=0.5)
    for make in (gobhir.cuda.amp.GradScaler, gobhir.amp.GradScaler):
        with pytest.warns(UserWarning, match="scales nothing"):
            scaler = make()
        loss = w.sum()
        assert scaler.scale(loss) is loss
        assert (scaler.is_enabled(), scaler.get_scale(), scaler.state_dict()) == (False, 1.0, {})
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == [0.5, 0.5]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gobhir.cuda.amp.GradScaler(enabled=False)


@pytest.mark.parametrize("lib", [gobhir, torch])
def test_scaler_in_the_wrong_order(lib: Any) -> None:
    w = lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([w], lr=0.5)
    scaler = lib.amp.GradScaler("cpu")
    tensors = scaler.scale([w.sum(), (w.sum(),)])
    assert float(tensors[1][0]) == 2 * 65536
    tensors[0].backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    for call in (scaler.unscale_, scaler.step):
        with pytest.raises(RuntimeError):
            call(optimizer)
    with pytest.raises(RuntimeError):
        scaler.step(optimizer, closure=lambda: 0)
    scaler.update()
    with pytest.raises((RuntimeError, AssertionError)):
        scaler.update()
    scaler.update(4.0)
    assert scaler.get_scale() == 4.0
    with pytest.raises(RuntimeError):
        scaler.load_state_dict({})
    other = lib.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == 4.0


def test_autocast() -> None:
    x = gobhir.randn(3, 4)
    with pytest.warns(UserWarning, match="half precision"), gobhir.autocast("cpu"):
        assert (x @ x.T).dtype == gobhir.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gobhir.cuda.amp.autocast(enabled=False):
            assert (x @ x.T).dtype == gobhir.float32

        @gobhir.amp.autocast(device_type="cuda", dtype=gobhir.float16, enabled=False)
        def double(t: Any) -> Any:
            return t + t

        assert double(x).dtype == gobhir.float32
    with pytest.raises(ValueError, match="text"):
        gobhir.amp.autocast(gobhir.device("cpu"))
    assert not gobhir.amp.is_autocast_available("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with gobhir.autocast("cpu"):
            assert not gobhir.is_autocast_enabled() and not gobhir.is_autocast_enabled("cpu")
