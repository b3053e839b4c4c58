"""A PyTorch step, watched and lifted: untouched while it runs, and the same numbers afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from gobhir.lift.lifting import Lifted, apart, lift
from gobhir.lift.torch_watch import TorchWatch
from gobhir.lift.trace import Trace
from tests.lift.networks import NETWORKS

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adam": {"lr": 0.01},
    "AdamW": {"lr": 0.01, "amsgrad": True},
    "RMSprop": {"lr": 0.01, "centered": True, "momentum": 0.5},
}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def agrees(lifted: Lifted, forward: float = 1e-5, backward: float = 1e-4) -> None:
    """Every result, gradient and new weight is what PyTorch had, but for its rounding."""
    for call in lifted.step.calls:
        assert lifted.distance(call) < forward, call.name
    found = lifted.step.backwards[-1].found
    biggest = max(float(np.abs(g.read()).max()) for _, g in found.values())
    stepped = lifted.step.stepped
    for change in [] if stepped is None else stepped.changes:
        assert lifted.used is not None
        p = change.parameter
        off = np.abs(change.grad.read() - lifted.used.grads[p]).max()
        assert off < backward * biggest, p.name
        assert apart(change.after.read(), lifted.tensors[p].array) < 1e-5, p.name


def steps(trace: Trace) -> list[Lifted]:
    return list(lift(trace))


@pytest.mark.parametrize("foreach", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_is_lifted(name: str, optimizer: str, foreach: bool) -> None:
    make, batch, loss_of = NETWORKS[name]
    model, (x, y) = make(), batch()
    kind = getattr(torch.optim, optimizer)
    updates = kind(model.parameters(), foreach=foreach, **OPTIMIZERS[optimizer])

    def step() -> None:
        updates.zero_grad()
        loss_of(model(x), y).backward()
        updates.step()

    step()  # so that the optimizer has a state
    with TorchWatch() as watch:
        step()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert not lifted.opaque and not watch.trace.unlinked and not watch.trace.notes
    assert type(lifted.optimizer).__name__ == optimizer
    named = {v.name for v in lifted.leaves if v.origin == "parameter"}
    assert named == {path for path, _ in model.named_parameters()}
    kernels = [call for call in lifted.step.calls if call.kernels]
    assert kernels
    inside = {path for path, part in model.named_modules() if not list(part.children())}
    assert {call.scope[-1] for call in lifted.step.calls if len(call.scope) > 1} & inside


def test_nothing_of_the_watch_stays_behind() -> None:
    before = torch.autograd.backward, torch.autograd.Function.apply
    with pytest.raises(ZeroDivisionError), TorchWatch() as watch:
        torch.ones(2).add(1)
        raise ZeroDivisionError
    assert (torch.autograd.backward, torch.autograd.Function.apply) == before
    seen = len(watch.trace.events)
    nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()
    assert len(watch.trace.events) == seen == 2


def test_both_steps_of_a_gan() -> None:
    G = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 4))
    D = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    of_G, of_D = (torch.optim.Adam(m.parameters(), 1e-3) for m in (G, D))
    bce, real = nn.BCEWithLogitsLoss(), torch.randn(5, 4)
    with TorchWatch() as watch:
        fake = G(torch.randn(5, 2))
        loss = bce(D(real), torch.ones(5, 1)) + bce(D(fake.detach()), torch.zeros(5, 1))
        of_D.zero_grad()
        loss.backward()
        of_D.step()
        of_G.zero_grad()
        bce(D(fake), torch.ones(5, 1)).backward()
        of_G.step()
    first, second = steps(watch.trace)
    agrees(first)
    agrees(second)
    assert {c.parameter.name for c in first.step.stepped.changes} == {  # type: ignore[union-attr]
        f"D.{k}" for k, _ in D.named_parameters()
    }
    assert len(first.step.calls) > len(second.step.calls)


def test_gradients_of_several_batches_are_added_up() -> None:
    model = nn.Linear(3, 2)
    updates = torch.optim.SGD(model.parameters(), 0.1)
    with TorchWatch() as watch:
        for _ in range(3):
            (F.mse_loss(model(torch.randn(4, 3)), torch.randn(4, 2)) / 3).backward()
        updates.step()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert len(lifted.step.backwards) == 3 and not lifted.step.left


def test_a_forgotten_zero_grad_is_noticed() -> None:
    model = nn.Linear(3, 2)
    updates = torch.optim.SGD(model.parameters(), 0.1)
    F.mse_loss(model(torch.randn(4, 3)), torch.randn(4, 2)).backward()
    with TorchWatch() as watch:
        F.mse_loss(model(torch.randn(4, 3)), torch.randn(4, 2)).backward()
        updates.step()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert {v.name for v in lifted.step.left} == {"weight", "bias"}


def test_clipped_gradients() -> None:
    model = nn.Linear(3, 2)
    updates = torch.optim.SGD(model.parameters(), 0.1)
    with TorchWatch() as watch:
        for clip in (nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_):
            updates.zero_grad()
            F.mse_loss(model(torch.randn(4, 3)), 10 * torch.randn(4, 2)).backward()
            clip(model.parameters(), 0.5)
            updates.step()
    by_norm, by_value = steps(watch.trace)
    agrees(by_norm)
    agrees(by_value)
    assert by_norm.used is not None and by_value.used is not None
    whole = np.sqrt(sum((g**2).sum() for g in by_norm.used.grads.values()))
    assert whole == pytest.approx(0.5, rel=1e-5) and by_norm.used.scale < 0.5
    assert by_value.used.limit == 0.5 and by_value.used.scale == 1.0


def test_a_gradient_that_is_only_rounding_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten())
    updates = torch.optim.Adam(model.parameters())
    with TorchWatch() as watch:
        model(torch.randn(4, 1, 6, 6)).pow(2).mean().backward()
        updates.step()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert lifted.used is not None and lifted.used.noise == ("0.bias",)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, d: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * d


def own_function(x: Any, W: Any) -> Any:
    return Square.apply(x @ W).sum()


def in_place(x: Any, W: Any) -> Any:
    z = W * 2
    z[1:2] = 0
    z[0].mul_(3)
    y = z.view(-1)[1:5].clone()
    y += 1
    return torch.where(y > 0, y, -y).sum()


def shared(x: Any, W: Any) -> Any:
    with torch.no_grad():
        shift = x.mean(0)
    z = torch.tanh((x - shift) @ W)
    return (z @ W.T).pow(2).mean() + W.abs().sum()


def reentrant(x: Any, W: Any) -> Any:
    return checkpoint(lambda z: torch.tanh(z @ W), x.requires_grad_(), use_reentrant=True).sum()


def not_reentrant(x: Any, W: Any) -> Any:
    return checkpoint(lambda z: torch.tanh(z @ W), x, use_reentrant=False).sum()


def penalty(x: Any, W: Any) -> Any:
    x = x.requires_grad_()
    (g,) = torch.autograd.grad(torch.tanh(x @ W).sum(), x, create_graph=True)
    return ((g.norm(dim=1) - 1) ** 2).mean()


def einsum(x: Any, W: Any) -> Any:
    return torch.einsum("ni,ij->nj", x, W).softmax(-1).log().mean()


@pytest.mark.parametrize(
    "body", [own_function, in_place, shared, reentrant, not_reentrant, penalty, einsum]
)
@pytest.mark.parametrize("tracked", ["loop", "data", "optimizer"])
def test_a_program_of_plain_tensors(body: Callable[..., Any], tracked: str) -> None:
    W = torch.randn(3, 2, requires_grad=True)
    updates = torch.optim.SGD([W], 0.1)
    with TorchWatch() as watch:
        for _ in range(2):
            body(torch.randn(4, 3), W).backward()
            if tracked == "optimizer":
                updates.step()
                updates.zero_grad()
            elif tracked == "data":
                W.data -= 0.1 * W.grad.data
                W.grad = None
            else:
                with torch.no_grad():
                    W -= 0.1 * W.grad
                    W.grad.zero_()
    for lifted in (found := steps(watch.trace)):
        agrees(lifted)
        assert type(lifted.optimizer).__name__ == "SGD"
        assert lifted.optimizer.param_groups[0]["lr"] == pytest.approx(0.1, rel=1e-4)
        assert list(lifted.opaque.values()) == (["Square"] if body is own_function else [])
    assert len(found) == 2 and not watch.trace.unlinked


def test_mixed_precision() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    updates = torch.optim.Adam(model.parameters())
    with TorchWatch() as watch:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(torch.randn(4, 3)), torch.tensor([0, 1, 1, 0]))
        loss.backward()
        updates.step()
    (lifted,) = steps(watch.trace)
    agrees(lifted, 2e-2, 2e-2)
    assert "autocast" in watch.trace.notes


def test_a_compiled_model_runs_eagerly_and_says_so() -> None:
    model = torch.compile(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)))
    with TorchWatch() as watch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the hooks see the compiled module, too: they may
        model(torch.randn(4, 3)).sum().backward()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert "compiled" in watch.trace.notes
    assert {v.name for v in lifted.leaves if v.learns} >= {"0.weight", "2.bias"}


@pytest.mark.parametrize("kind", ["Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "Rprop"])
def test_other_optimizers(kind: str) -> None:
    model = nn.Linear(3, 2)
    updates = getattr(torch.optim, kind)(model.parameters())
    with TorchWatch() as watch:
        for _ in range(2):
            updates.zero_grad()
            F.mse_loss(model(torch.randn(4, 3)), torch.randn(4, 2)).backward()
            updates.step()
    for lifted in steps(watch.trace):
        agrees(lifted)
        assert type(lifted.optimizer).__name__ == kind


def test_an_optimizer_of_the_users_own_is_shown_before_and_after() -> None:
    class Sign(torch.optim.Optimizer):
        def __init__(self, params: Any):
            super().__init__(params, {"lr": 0.1})

        @torch.no_grad()
        def step(self) -> None:  # type: ignore[override]
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad.sign()

    model = nn.Linear(3, 2)
    updates = Sign(model.parameters())
    with TorchWatch() as watch:
        model(torch.randn(4, 3)).sum().backward()
        updates.step()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert lifted.optimizer is None and len(lifted.tape.updates) == 2


def test_a_step_with_a_closure() -> None:
    model, x, y = nn.Linear(3, 2), torch.randn(4, 3), torch.randn(4, 2)
    updates = torch.optim.SGD(model.parameters(), 0.1)

    def closure() -> Any:
        updates.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        return loss

    with TorchWatch() as watch:
        updates.step(closure)
    (lifted,) = steps(watch.trace)
    agrees(lifted)


def test_a_frozen_layer_learns_nothing() -> None:
    frozen, head = nn.Linear(3, 3).requires_grad_(False), nn.Linear(3, 1)
    with TorchWatch() as watch:
        head(torch.relu(frozen(torch.randn(4, 3)))).sum().backward()
    (lifted,) = steps(watch.trace)
    agrees(lifted)
    assert {v.name for v in lifted.leaves if v.learns} == {"head.weight", "head.bias"}


def test_where_in_the_program_a_call_stands() -> None:
    with TorchWatch() as watch:
        torch.ones(2, requires_grad=True).sum().backward()
    file, _, line = watch.trace.calls[-1].line.rpartition(":")
    assert file == __file__ and int(line) > 100
