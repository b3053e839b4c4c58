"""Networks of all kinds of layers, to the bit: buffers that a layer keeps, numbers that it draws,
training and using."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile


class LastStep(nn.Module):
    """A recurrent layer, and what it says at last."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.layer = kind(8, 6, batch_first=True)
        self.out = nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        return self.out(self.layer(x.squeeze(1))[0][:, -1])


NETS: dict[str, Callable[[], Any]] = {
    "convolutions": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 5)
    ),
    "batch norm": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)
    ),
    "dropout": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 40), nn.ReLU(), nn.Dropout(0.5), nn.Linear(40, 5)
    ),
    "layer norm": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 40), nn.LayerNorm(40), nn.GELU(), nn.Linear(40, 5)
    ),
    "rnn": lambda: LastStep(nn.RNN),
    "lstm": lambda: LastStep(nn.LSTM),
    "gru": lambda: LastStep(nn.GRU),
}


def batch(k: int, n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(k)
    x = rng.standard_normal((n, 1, 8, 8)).astype(np.float32)
    return gobhir.tensor(x), gobhir.tensor(rng.integers(0, 5, n))


@pytest.mark.parametrize("kind", NETS)
def test_training_ends_with_the_same_numbers(kind: str) -> None:
    ends = []
    for compiled in (True, False):
        gobhir.manual_seed(0)
        net = NETS[kind]()
        updates = optim.AdamW(net.parameters(), lr=0.01)
        loss_of = nn.CrossEntropyLoss()

        def step(x: Any, y: Any, net: Any = net, updates: Any = updates, f: Any = loss_of) -> Any:
            updates.zero_grad()
            loss = f(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            updates.step()
            return loss

        run = compile(step) if compiled else step
        losses = []
        for k in range(9):
            if k in (6, 7):
                net.train(k == 7)
            losses.append(run(*batch(k, 7 if k == 5 else 6)).item())
        if compiled:
            case = next(iter(run._cases.values()))
            assert case.trusted, run.reason and run.reason.text("en")
        ends.append((losses, net.state_dict()))
    (mine, state), (theirs, other) = ends
    assert mine == pytest.approx(theirs, rel=1e-5)
    for key in other:
        near = 1e-5 * np.abs(other[key].numpy()).max(initial=0.0) + 1e-7
        np.testing.assert_allclose(state[key].numpy(), other[key].numpy(), 0, near, err_msg=key)


def test_an_embedding_and_labels_that_change() -> None:
    ends = []
    for compiled in (True, False):
        gobhir.manual_seed(0)
        net = nn.Sequential(nn.Embedding(20, 12), nn.Linear(12, 20))
        updates = optim.SGD(net.parameters(), lr=0.5, momentum=0.9)

        def step(x: Any, net: Any = net, updates: Any = updates) -> Any:
            updates.zero_grad()
            loss = nn.functional.cross_entropy(net(x[:, :-1]).reshape(-1, 20), x[:, 1:].reshape(-1))
            loss.backward()
            updates.step()
            return loss

        run = compile(step) if compiled else step
        rng = np.random.default_rng(0)
        losses = [run(gobhir.tensor(rng.integers(0, 20, (3, 9)))).item() for _ in range(8)]
        ends.append(losses)
        if compiled:
            assert next(iter(run._cases.values())).trusted, run.reason
            with pytest.raises(IndexError):
                run(gobhir.full((3, 9), 20))
    assert ends[0] == pytest.approx(ends[1], rel=1e-5)
