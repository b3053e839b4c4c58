"""A watched step of PyTorch's is the step without watching, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from gobhir.lift.torch_watch import TorchWatch
from tests.lift.networks import NETWORKS

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adam": {"lr": 0.01},
    "AdamW": {"lr": 0.01, "amsgrad": True},
    "RMSprop": {"lr": 0.01, "centered": True, "momentum": 0.5},
}
WAYS = [
    (optimizer, way)
    for optimizer in OPTIMIZERS
    for way in ("foreach", "loop", "fused")
    if way != "fused" or optimizer != "RMSprop"  # which PyTorch does not have
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Several add up in an order of their own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)


def after_two_steps(name: str, optimizer: str, way: str, watched: bool) -> dict[str, Any]:
    """Everything that a program has once it has taken two steps."""
    torch.manual_seed(3)
    make, batch, loss_of = NETWORKS[name]
    model, (x, y) = make(), batch()
    how = {"foreach": way == "foreach"} if way != "fused" else {"fused": True}
    updates = getattr(torch.optim, optimizer)(model.parameters(), **how, **OPTIMIZERS[optimizer])
    losses = []
    for _ in range(2):
        with TorchWatch() if watched else nullcontext():
            updates.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            updates.step()
        losses.append(loss.detach())
    state = updates.state_dict()["state"]
    return {
        "losses": torch.stack(losses),
        "random": torch.get_rng_state(),
        **model.state_dict(),
        **{f"{k}.grad": p.grad for k, p in model.named_parameters()},
        **{f"{k}.{key}": v for k, own in state.items() for key, v in own.items()},
    }


@pytest.mark.parametrize(("optimizer", "way"), WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_step_is_the_same_to_the_bit(name: str, optimizer: str, way: str) -> None:
    watched = after_two_steps(name, optimizer, way, watched=True)
    plain = after_two_steps(name, optimizer, way, watched=False)
    assert watched.keys() == plain.keys()
    for key, value in plain.items():
        same = torch.equal(watched[key], value) if torch.is_tensor(value) else None
        assert watched[key] == value if same is None else same, key
