"""Half a batch on each of two threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile
from tests.engine.compile.steps import close


def made(net: Any, loss_of: Any, optimizer: Any = optim.Adam) -> Any:
    gobhir.manual_seed(0)
    model = net()
    updates = optimizer(model.parameters(), lr=0.01)

    def step(x: Any, y: Any) -> Any:
        updates.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        updates.step()
        return loss

    return step, model


def mlp() -> Any:
    return nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 3))


def batch(k: int, n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(k)
    x = rng.standard_normal((n, 6)).astype(np.float32)
    return gobhir.tensor(x), gobhir.tensor(rng.integers(0, 3, n))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("n", [8, 7])
def test_two_halves_make_a_whole(reduction: str, n: int) -> None:
    loss_of = nn.CrossEntropyLoss(reduction=reduction)
    (mine, a), (theirs, b) = made(mlp, loss_of), made(mlp, loss_of)
    step = compile(mine, threads=2)
    for k in range(8):
        x, y = batch(k, n)
        assert step(x, y).item() == pytest.approx(theirs(x, y).item(), rel=1e-4)
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            close(p.grad.numpy(), q.grad.numpy(), 1e-4)
            close(p.detach().numpy(), q.detach().numpy(), 1e-4)
    case = next(iter(step._cases.values()))
    assert case.split in case.trusted
    short = batch(0, 1)
    assert step(*short).item() == pytest.approx(theirs(*short).item(), rel=1e-4)


@pytest.mark.parametrize("layer", [lambda: nn.BatchNorm1d(40), lambda: nn.Dropout(0.3)])
def test_layers_in_which_examples_meet_are_refused(layer: Any) -> None:
    def net() -> Any:
        return nn.Sequential(nn.Linear(6, 40), layer(), nn.ReLU(), nn.Linear(40, 3))

    (mine, a), (theirs, b) = made(net, nn.CrossEntropyLoss()), made(net, nn.CrossEntropyLoss())
    step = compile(mine, threads=2)
    step(*batch(0, 8))
    before = {k: v.clone() for k, v in a.state_dict().items()}
    for lang in ("bn", "en"):
        gobhir.use_language(lang)
        try:
            with pytest.raises(RuntimeError, match="threads=2"):
                step(*batch(1, 8))
        finally:
            gobhir.use_language(None)
    assert all(bool((before[k] == v).all()) for k, v in a.state_dict().items())
    assert theirs is not None and b is not None


def test_a_loss_over_pairs_of_examples_is_refused() -> None:
    def pairs(z: Any, y: Any) -> Any:
        return (z @ z.T).mean() + nn.functional.cross_entropy(z, y)

    step = compile(made(mlp, pairs)[0], threads=2)
    step(*batch(0, 8))
    with pytest.raises(RuntimeError, match="threads=2"):
        for k in range(3):
            step(*batch(k, 8))


def test_other_numbers_of_threads_are_refused() -> None:
    with pytest.raises(ValueError):
        compile(mlp, threads=3)
    with pytest.raises(TypeError):
        compile(mlp, thread=2)
    with pytest.raises(TypeError):
        compile(3)
