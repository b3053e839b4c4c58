"""Training steps to compile, each made twice from the same seed: one to be compiled, one to stay
as it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gobhir
from gobhir import nn, optim

Made = tuple[Callable[..., Any], Any, Any]

MODELS: dict[str, Callable[[], Any]] = {
    "4-4-1": lambda: nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid()),
    "relu": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1)),
    "tanh": lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)),
    "wide": lambda: nn.Sequential(nn.Linear(4, 60), nn.LeakyReLU(), nn.Linear(60, 1)),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.03, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.03, momentum=0.8, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.05),
    "adamw": lambda p: optim.AdamW(p, lr=0.05, weight_decay=0.1),
    "amsgrad": lambda p: optim.Adam(p, lr=0.05, amsgrad=True),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
    "nadam": lambda p: optim.NAdam(p, lr=0.02),
    "adadelta": lambda p: optim.Adadelta(p),
    "rprop": lambda p: optim.Rprop(p, lr=0.01),
}


def made(model: str = "4-4-1", optimizer: str = "sgd", loss: Any = None) -> Made:
    """(step, model, optimizer), from seed 0."""
    gobhir.manual_seed(0)
    net = MODELS[model]()
    updates = OPTIMIZERS[optimizer](net.parameters())
    loss_of = loss or nn.MSELoss()

    def step(x: Any, y: Any) -> Any:
        updates.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        updates.step()
        return loss

    return step, net, updates


def examples(batch: int = 1, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, 4)).astype(np.float32)
    return gobhir.tensor(x), gobhir.tensor(rng.random((batch, 1)).astype(np.float32))


def replayed(compiled: Any) -> bool:
    """Whether the last case really is replayed, not run as it is written."""
    case = list(compiled._cases.values())[-1]
    return bool(case.trusted) and not case.given_up


def same_state(a: Made, b: Made, near: float = 1e-5) -> None:
    """Both models and optimizers are in the same state; gradients within 1e-5 of the largest."""
    for (name, p), q in zip(a[1].named_parameters(), b[1].parameters(), strict=True):
        close(p.detach().numpy(), q.detach().numpy(), 10 * near, name)
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            close(p.grad.numpy(), q.grad.numpy(), near, f"gradient of {name}")
        mine, theirs = a[2].state.get(p, {}), b[2].state.get(q, {})
        assert mine.keys() == theirs.keys()
        for key in mine:
            close(mine[key].numpy(), theirs[key].numpy(), 10 * near, f"{key} of {name}")


def close(mine: np.ndarray, theirs: np.ndarray, near: float, what: str = "") -> None:
    assert mine.shape == theirs.shape and mine.dtype == theirs.dtype, what
    largest = np.abs(theirs).max(initial=0.0)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=near * largest + 2e-7, err_msg=what)
