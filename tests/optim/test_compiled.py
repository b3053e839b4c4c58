"""Every optimizer inside a compiled step: the same weights and the same state as define-by-run,
with a scheduler, with clipped gradients, with a parameter without dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import optim
from gobhir.engine.compile.replay import Replay
from tests.optim.options import TABLE, few


def trained(name: str, options: dict[str, Any], compiled: bool, clip: bool, width: int) -> Any:
    gobhir.manual_seed(0)
    scale = gobhir.nn.Parameter(gobhir.tensor(0.5))
    net = gobhir.nn.Sequential(
        gobhir.nn.Linear(5, width), gobhir.nn.Tanh(), gobhir.nn.Linear(width, 1)
    )
    parameters = [scale, *net.parameters()]
    optimizer = getattr(optim, name)(parameters, **options)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    x, y = gobhir.randn(8, 5), gobhir.randn(8, 1)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = ((net(x) * scale - y) ** 2).mean()
        loss.backward()
        if clip:
            gobhir.nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
        return loss

    run = gobhir.compile(step) if compiled else step
    losses = []
    for _ in range(8):
        losses.append(run(x, y).item())
        scheduler.step()
    state = [
        {k: v.numpy().copy() for k, v in own.items()}
        for own in optimizer.state_dict()["state"].values()
    ]
    return losses, [p.detach().numpy().copy() for p in parameters], state


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("width", [4, 40])  # unrolled to Python, and on flat buffers
def test_the_same_as_define_by_run(name: str, width: int) -> None:
    for options, clip in ((few(name)[0], False), (few(name)[-1] | {"lr": 1e-3}, True)):
        mine, plain = (trained(name, options, c, clip, width) for c in (True, False))
        np.testing.assert_allclose(mine[0], plain[0], rtol=1e-5)
        for a, b in zip(mine[1], plain[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        for a, b in zip(mine[2], plain[2], strict=True):
            assert set(a) == set(b)
            for key in a:
                assert (a[key].shape, a[key].dtype) == (b[key].shape, b[key].dtype)
                np.testing.assert_allclose(a[key], b[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("width", [4, 40])
def test_a_momentum_that_cycles(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other settings at every step: still the same, and not recorded anew every time."""
    recorded = []

    class Counted(Replay):
        def __init__(self, *given: Any):
            recorded.append(given)
            super().__init__(*given)

    monkeypatch.setattr("gobhir.engine.compile.case.Replay", Counted)

    def course(compiled: bool) -> list[float]:
        gobhir.manual_seed(0)
        net = gobhir.nn.Sequential(
            gobhir.nn.Linear(3, width), gobhir.nn.Tanh(), gobhir.nn.Linear(width, 1)
        )
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=15)
        x, y = gobhir.randn(8, 3), gobhir.randn(8, 1)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = ((net(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run, losses = gobhir.compile(step) if compiled else step, []
        for _ in range(15):
            losses.append(run(x, y).item())
            scheduler.step()
        assert not compiled or run.reason is None
        return losses

    np.testing.assert_allclose(course(True), course(False), rtol=1e-5)
    assert 0 < len(recorded) < 5
