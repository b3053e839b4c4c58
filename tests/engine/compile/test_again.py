"""A compiled step called again by whoever knows that nothing else has changed, as `fit` does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile
from gobhir.training import Callback, fit


def made(width: int = 40) -> tuple[Any, Any]:
    gobhir.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 1))
    updates = optim.Adam(model.parameters(), lr=0.01)

    def step(x: Any, y: Any) -> Any:
        updates.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        if loss > 3:  # a branch on a number: its replay may have to be left
            loss = loss * 0.5
        loss.backward()
        updates.step()
        return loss

    return step, model


def batch(k: int, n: int = 8, size: float = 1.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(k)
    x = (size * rng.standard_normal((n, 3))).astype(np.float32)
    return gobhir.tensor(x), gobhir.tensor(x.sum(1, keepdims=True))


@pytest.mark.parametrize("width", [40, 4])
def test_again_is_as_calling(width: int) -> None:
    (mine, a), (theirs, b) = made(width), made(width)
    step = compile(mine)
    kinds = [(8, 1.0)] * 6 + [(8, 9.0), (8, 1.0), (8, 1.0), (5, 1.0), (5, 1.0), (8, 1.0)]
    for k, (n, size) in enumerate(kinds * 2):
        given = batch(k, n, size)
        assert step.again(*given).item() == pytest.approx(theirs(*given).item(), rel=1e-3)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-3, atol=1e-5)


def test_nothing_is_looked_at_only_after_a_replay() -> None:
    step = compile(made()[0])
    x, y = batch(0)
    for _ in range(3):
        step(x, y)
        assert step._last is None
    step(x, y)
    assert step._last is not None
    with gobhir.autograd.detect_anomaly():
        step(x, y)
    assert step._last is None


class Freeze(Callback):
    """Freezes the first layer in the middle of the second epoch, and looks at it at the end."""

    def on_batch_end(self, run: Any) -> None:
        if run.epoch == 2 and run.batch == 3:
            run.model[0].requires_grad_(False)
            run.optimizer.zero_grad()
            self.then = run.model[0].weight.detach().clone()


def test_what_a_callback_does_between_two_batches_counts_at_once() -> None:
    model, watcher = made()[1], Freeze()
    x, y = batch(0, 80)
    start = model[0].weight.detach().clone()
    fit(model, (x, y), "mse", "sgd", 3, callbacks=[watcher], batch_size=10, lr=0.1, progress=False)
    assert not bool((watcher.then == start).any())
    assert bool((model[0].weight == watcher.then).all())
