"""A compiled model in a loop written by hand: forward here, backward there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile
from tests.engine.compile.steps import MODELS, close, examples


def trusted(compiled: Any) -> bool:
    return bool(list(compiled._cases.values())[-1].trusted)


@pytest.mark.parametrize("model", MODELS)
def test_a_loop_written_by_hand(model: str) -> None:
    nets = []
    for _ in range(2):
        gobhir.manual_seed(0)
        nets.append(MODELS[model]())
    optimizers = [optim.Adam(net.parameters(), lr=0.05) for net in nets]
    calls = [compile(nets[0]), nets[1]]
    for k in range(8):
        x, y = examples(3, k)
        losses = []
        for call, updates in zip(calls, optimizers, strict=True):
            updates.zero_grad()
            loss = nn.functional.mse_loss(call(x), y)
            loss.backward()
            updates.step()
            losses.append(loss.item())
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            close(p.grad.numpy(), q.grad.numpy(), 1e-4)
    assert trusted(calls[0])
    with gobhir.no_grad():
        for _ in range(5):
            assert calls[0](x).numpy() == pytest.approx(nets[1](x).numpy(), rel=1e-3, abs=1e-5)
    assert trusted(calls[0])


def test_two_results_that_wait_for_backward_at_once() -> None:
    net = MODELS["wide"]()
    call = compile(net)
    for k in range(7):
        (x, _), (z, _) = examples(2, k), examples(2, k + 50)
        a, b = call(x), call(z)
        net.zero_grad()
        ((a * b).sum()).backward()
        mine = [p.grad.numpy().copy() for p in net.parameters()]
        net.zero_grad()
        ((net(x) * net(z)).sum()).backward()
        for g, p in zip(mine, net.parameters(), strict=True):
            close(g, p.grad.numpy(), 1e-5)
    assert trusted(call)


def test_the_gradient_of_an_argument() -> None:
    net = MODELS["wide"]()
    call = compile(net)
    for k in range(6):
        x = examples(2, k)[0].requires_grad_()
        call(x).sum().backward()
        z = x.detach().clone().requires_grad_()
        net(z).sum().backward()
        close(x.grad.numpy(), z.grad.numpy(), 1e-5)
    assert trusted(call)


def test_second_derivatives_and_a_second_backward() -> None:
    net = nn.Sequential(nn.Linear(4, 30), nn.Tanh(), nn.Linear(30, 1))
    call = compile(net)
    for k in range(6):
        x = examples(2, k)[0].requires_grad_()
        answers = []
        for f in (call, net):
            (g,) = gobhir.autograd.grad(f(x).sum(), x, create_graph=True)
            (h,) = gobhir.autograd.grad((g * g).sum(), x)
            answers.append(h.numpy())
        close(*answers, 1e-4)
    out = call(examples(2)[0])
    out.sum().backward(retain_graph=True)
    once = net[0].weight.grad.numpy().copy()
    out.sum().backward()
    close(net[0].weight.grad.numpy(), 2 * once, 1e-5)
    with pytest.raises(RuntimeError):
        out.sum().backward()


def test_a_weight_changed_before_backward_is_noticed() -> None:
    net = MODELS["wide"]()
    call = compile(net)
    x, _ = examples(2)
    for _ in range(4):
        call(x).sum().backward()
    out = call(x)
    with gobhir.no_grad():
        net[2].weight.mul_(2)
    with pytest.raises(RuntimeError):
        out.sum().backward()


def test_a_function_may_give_several_results() -> None:
    net = MODELS["wide"]()

    def both(x: Any) -> Any:
        h = net[0](x)
        return h, net[2](net[1](h))

    call = compile(both)
    for k in range(6):
        x, _ = examples(2, k)
        net.zero_grad()
        h, out = call(x)
        (h.sum() + (out * out).sum()).backward()
        mine = [p.grad.numpy().copy() for p in net.parameters()]
        net.zero_grad()
        h, out = both(x)
        (h.sum() + (out * out).sum()).backward()
        for g, p in zip(mine, net.parameters(), strict=True):
            close(g, p.grad.numpy(), 1e-5)
    assert trusted(call)
    assert np.isfinite(mine[0]).all()
