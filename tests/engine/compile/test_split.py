"""Half a batch here, half in a second process or thread."""

from __future__ import annotations

import copy
import gc
import multiprocessing
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile, split
from gobhir.engine.compile.workers import can_fork
from tests.engine.compile.steps import close


def made(net: Any, loss_of: Any, optimizer: Any = optim.Adam, whole: bool = False) -> Any:
    gobhir.manual_seed(0)
    model = net()
    updates = optimizer(model.parameters(), lr=0.01)

    def step(x: Any, y: Any) -> Any:
        updates.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        updates.step()
        return loss

    return (step, model, updates) if whole else (step, model)


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


def by_hand(model: Any, updates: Any, x: Any, y: Any) -> Any:
    """Gradients that the program puts into .grad itself."""
    loss = nn.functional.cross_entropy(model(x), y)
    parameters = list(model.parameters())
    for p, g in zip(parameters, gobhir.autograd.grad(loss, parameters), strict=True):
        p.grad = g
    updates.step()
    return loss


def with_a_penalty(model: Any, updates: Any, x: Any, y: Any) -> Any:
    """A loss in which a gradient stands (as in WGAN-GP), example by example."""
    updates.zero_grad()
    x = x.clone().requires_grad_()
    scores = model(x)
    slope = gobhir.autograd.grad(scores.sum(), x, create_graph=True)[0]
    penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
    loss = nn.functional.cross_entropy(scores, y) + 0.5 * penalty
    loss.backward()
    updates.step()
    return loss


def in_two_parts(model: Any, updates: Any, x: Any, y: Any) -> Any:
    """Two losses, each with a backward of its own, one of them given how much it counts."""
    updates.zero_grad()
    scores = model(x)
    loss = nn.functional.cross_entropy(scores, y)
    loss.backward(retain_graph=True)
    (scores**2).mean().backward(gobhir.tensor(0.1))
    updates.step()
    return loss.detach()


@pytest.mark.parametrize("body", [by_hand, with_a_penalty, in_two_parts])
@pytest.mark.parametrize("n", [8, 7])
def test_whatever_way_gradients_come_about(body: Any, n: int) -> None:
    models = []
    for threads in (2, None):
        gobhir.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 3))
        updates = optim.SGD(model.parameters(), lr=0.1)

        def step(x: Any, y: Any, model: Any = model, updates: Any = updates) -> Any:
            return body(model, updates, x, y)

        run = compile(step, threads=threads) if threads else step
        for k in range(6):
            run(*batch(k, n))
        models.append(model)
        if threads:
            case = next(iter(run._cases.values()))
            assert case.split in case.trusted
    for p, q in zip(*(m.parameters() for m in models), strict=True):
        close(p.detach().numpy(), q.detach().numpy(), 1e-4)


@pytest.mark.parametrize("optimizer", [optim.Adam, optim.NAdam, optim.RMSprop, optim.SGD])
def test_settings_and_states_from_outside_count(optimizer: Any) -> None:
    """A learning rate by schedule, weights written by hand, a state loaded: as on one processor."""
    loss_of = nn.CrossEntropyLoss()
    (mine, a, fast), (theirs, b, slow) = (
        made(mlp, loss_of, optimizer, whole=True) for _ in range(2)
    )
    step, saved = compile(mine, threads=2), {}
    for k in range(14):
        for model, updates in ((a, fast), (b, slow)):
            updates.param_groups[0]["lr"] = 0.01 / (1 + k // 3)
            if k == 6:
                with gobhir.no_grad():
                    next(model.parameters()).mul_(0.5)
            if k == 8:
                saved[model] = copy.deepcopy(updates.state_dict())
            if k == 10:
                updates.load_state_dict(saved[model])
        x, y = batch(k, 8)
        assert step(x, y).item() == pytest.approx(theirs(x, y).item(), rel=1e-4)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        close(p.detach().numpy(), q.detach().numpy(), 1e-4)
        for key, value in fast.state[p].items():
            close(value.numpy(), slow.state[q][key].numpy(), 1e-4)


def test_a_buffer_changed_in_between_counts() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = mlp()
            self.register_buffer("shift", gobhir.zeros(6))

        def forward(self, x: Any) -> Any:
            return self.inner(x + self.shift)

    (mine, a), (theirs, b) = (made(Shifted, nn.CrossEntropyLoss()) for _ in range(2))
    step = compile(mine, threads=2)
    for k in range(8):
        a.shift.fill_(k)
        b.shift.fill_(k)
        x, y = batch(k, 8)
        assert step(x, y).item() == pytest.approx(theirs(x, y).item(), rel=1e-4)


def trained() -> Any:
    step = compile(made(mlp, nn.CrossEntropyLoss())[0], threads=2)
    for k in range(5):
        step(*batch(k, 8))
    return step


@pytest.mark.skipif(not can_fork(), reason="needs fork and two processors")
def test_the_second_process_goes_with_the_step() -> None:
    before = multiprocessing.active_children()
    step = trained()
    helpers = [p for p in multiprocessing.active_children() if p not in before]
    assert helpers
    del step
    gc.collect()
    for helper in helpers:
        helper.join(10)
        assert helper.exitcode == 0


@pytest.mark.skipif(not can_fork(), reason="needs fork and two processors")
@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.slow
def test_a_second_process_that_was_stopped_is_named(lang: str) -> None:
    before = multiprocessing.active_children()
    step = trained()
    for helper in multiprocessing.active_children():
        if helper not in before:
            helper.kill()
            helper.join(10)
    gobhir.use_language(lang)
    try:
        with pytest.raises(RuntimeError, match="threads=2.*-9"):
            step(*batch(9, 8))
    finally:
        gobhir.use_language(None)


def test_where_nothing_can_be_forked_a_thread_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "can_fork", lambda: False)
    before = multiprocessing.active_children()
    (mine, a), (theirs, b) = (made(mlp, nn.CrossEntropyLoss()) for _ in range(2))
    step = compile(mine, threads=2)
    for k in range(6):
        x, y = batch(k, 8)
        assert step(x, y).item() == pytest.approx(theirs(x, y).item(), rel=1e-4)
    assert [p for p in multiprocessing.active_children() if p not in before] == []
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        close(p.detach().numpy(), q.detach().numpy(), 1e-4)


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
