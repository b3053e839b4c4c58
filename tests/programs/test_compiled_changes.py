"""Compiled steps whose model, layers and optimizer change on the way, and steps in pieces, broken
off, or with branches in odd places."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gobhir as torch
from gobhir import nn, optim
from gobhir.nn import functional as F
from tests.programs.stories import (
    Stories,
    Wrap,
    compare,
    finish,
    labels,
    network,
    numbers,
    plain_step,
)

STORIES = Stories()
story = STORIES.story


@story
def a_step_in_three_pieces(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        for which in ("z", "b", "u", "h", "zbuh"):
            model = network(width)
            optimizer, every = optim.SGD(model.parameters(), 0.1), list(model.parameters())

            def backward(x: Any, y: Any, model: Any = model) -> Any:
                loss = F.mse_loss(model(x), y)
                loss.backward()
                return loss

            def halve(every: Any = every) -> None:
                for p in every:
                    p.grad.mul_(0.5)

            pieces: dict[str, Any] = {
                "z": lambda o=optimizer: o.zero_grad(),
                "b": backward,
                "h": halve,
                "u": lambda o=optimizer: o.step(),
            }
            zero, back, half, update = (wrap(f) if k in which else f for k, f in pieces.items())
            for _ in range(7):
                zero()
                yield back(*numbers())
                half()
                yield [p.grad for p in every]
                update()


@story
def a_compiled_model_whose_layer_is_thawed(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        model[0].requires_grad_(False)
        compiled, optimizer = wrap(model), optim.SGD(model.parameters(), 0.1)
        for i in range(24):
            if i in (8, 16):
                model[0].requires_grad_(i == 8)
            x, y = numbers()
            yield finish(F.mse_loss(compiled(x), y), optimizer)
            yield [p.grad is not None for p in model.parameters()]
        yield list(model.parameters())


@story
def a_compiled_model_with_dropout_whose_modes_take_turns(wrap: Wrap) -> Iterator[Any]:
    model = nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.3), nn.Linear(6, 1))
    compiled, optimizer = wrap(model), optim.SGD(model.parameters(), 0.1)
    for training in [True, False, True, True, True, False, False, True, True]:
        model.train(training)
        x, y = numbers()
        yield finish(F.mse_loss(compiled(x), y), optimizer)


@story
def gradients_from_before_a_layer_was_frozen(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer = optim.SGD(model.parameters(), 0.1)
        back = wrap(lambda x, y, model=model: F.mse_loss(model(x), y).backward())
        update = wrap(lambda o=optimizer: o.step())
        clear = wrap(lambda o=optimizer, none=width == 4: o.zero_grad(set_to_none=none))
        for i in range(30):
            if i in (1, 13, 19):
                model[0].weight.requires_grad_(i == 13)
            if i in (20, 26):
                optimizer.zero_grad()
            back(*numbers())
            if i % 3 == 2:
                update()
                clear()
            yield [p.grad is not None for p in model.parameters()]
        yield list(model.parameters())


@story
def an_optimizers_state_is_thrown_away(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        for first in (2, 3, 4, 8):
            model = network(width)
            optimizer: Any = optim.SGD(model.parameters(), 0.03, momentum=0.9)
            back = wrap(lambda x, y, model=model: F.mse_loss(model(x), y).backward())
            update = wrap(lambda o=optimizer: o.step())
            for i in range(14):
                if i in (first, first + 1, 11):
                    optimizer.state.clear()
                optimizer.zero_grad()
                back(*numbers())
                update()
            yield list(model.parameters())


@story
def thawed_with_adam(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer = optim.Adam(model.parameters(), 0.01)
        step = wrap(plain_step(model, optimizer))
        for i in range(22):
            if i in (6, 14):
                model[0].requires_grad_(i == 14)
            yield step(*numbers()), list(model.parameters())
        yield [own["step"] for own in optimizer.state.values()]


@story
def parameters_put_into_a_group_by_hand(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer: Any = optim.AdamW(model.parameters(), 0.01)
        step = wrap(plain_step(model, optimizer))
        for i in range(18):
            yield step(*numbers())
            if i in (5, 11):
                optimizer.param_groups[0]["params"] = list(model[2 if i == 5 else 0].parameters())
        yield list(model.parameters())


@story
def another_model_by_the_same_name(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer: Any = optim.SGD(model.parameters(), 0.1)

        @wrap
        def step(x: Any, y: Any) -> Any:
            return finish(F.mse_loss(model(x), y), optimizer)  # noqa: B023

        for kind in (optim.Adam, optim.RMSprop, optim.SGD):
            for _ in range(6):
                yield step(*numbers())
            model = network(width) if kind is not optim.SGD else model.double()
            optimizer = kind(model.parameters(), 0.02)
        for _ in range(6):
            yield step(*(t.double() for t in numbers()))
        model.float()
        for _ in range(6):
            yield step(*numbers())
        yield list(model.parameters())


@story
def branches_after_the_update(wrap: Wrap) -> Iterator[Any]:
    model, norm = network(out=2), nn.BatchNorm1d(3)
    optimizer = optim.SGD([*model.parameters(), *norm.parameters()], 0.1)

    @wrap
    def picking(x: Any, y: Any) -> Any:
        out = model(norm(x))
        loss = finish(F.cross_entropy(out, y), optimizer)
        return loss, out[y == 1].sum().detach(), out[loss > out.max(1).values].detach()

    @wrap
    def looking(x: Any, y: Any) -> Any:
        loss = finish(F.cross_entropy(model(norm(x)), y), optimizer)
        with torch.no_grad():
            after = model(norm(x))
            return loss, after[after[:, 0] > 0].sum()

    for _ in range(10):
        yield picking(*labels()), looking(*labels()), list(norm.buffers())


@story
def names_that_python_does_not_know(wrap: Wrap) -> Iterator[Any]:
    class Masked(nn.Linear):
        def __init__(self, *sizes: int) -> None:
            super().__init__(*sizes)
            self.register_buffer("mask", torch.ones(sizes[1], sizes[0]))

        def forward(self, x: Any) -> Any:
            return F.linear(x, self.weight * self.mask, self.bias)

    model = nn.Sequential(Masked(3, 4), nn.Tanh(), Masked(4, 1))
    t = torch.zeros(1, requires_grad=True)
    optimizer = optim.Adam([*model.parameters(), t], 0.05)

    @wrap
    def step(x: Any, lr: Any, z1: Any, exp: Any, t1: Any) -> Any:
        return finish(F.mse_loss(model(x) * t1 + t, lr) + z1.sum() * exp, optimizer)

    for i in range(16):
        if i == 6:
            model[0].mask = (model[0].weight.abs() > 0.3).float()
        if i == 11:
            model[0].mask[0] = 0
        x, y = numbers()
        yield step(x, y, torch.randn(1, 4), torch.randn(()), torch.randn(())), t


@story
def a_gradient_of_a_copied_argument(wrap: Wrap) -> Iterator[Any]:
    model = network(out=2)
    optimizer = optim.SGD(model.parameters(), 0.1)

    @wrap
    def step(x: Any, y: Any) -> Any:
        x = x.clone().requires_grad_(True)
        F.cross_entropy(model(x), y).backward()
        worse = (x + 0.1 * x.grad.sign()).detach()
        return finish(F.cross_entropy(model(worse), y), optimizer), worse

    for _ in range(6):
        yield step(*labels())


@story
def a_compiled_network_with_another_layer(wrap: Wrap) -> Iterator[Any]:
    model = network(out=2)
    compiled = wrap(model)
    optimizer = optim.Adam(compiled.parameters(), 0.01)
    for i in range(16):
        if i == 6:
            model[2] = nn.Linear(8, 2)
            optimizer = optim.Adam(compiled.parameters(), 0.01)
        if i in (10, 13):
            model[0].requires_grad_(i == 13)
        x, y = labels()
        yield (
            finish(F.cross_entropy(compiled(x), y), optimizer),
            [p.grad for p in model.parameters() if p.grad is not None],
        )


@story
def broken_off_and_gone_on_with(wrap: Wrap) -> Iterator[Any]:
    class Breaking(nn.Module):
        now = False

        def forward(self, x: Any) -> Any:
            if self.now:
                raise KeyboardInterrupt
            return x

    for width in (4, 40):
        breaking, model = Breaking(), network(width)
        optimizer = optim.Adam(model.parameters(), 0.02)
        step = wrap(plain_step(nn.Sequential(model, breaking), optimizer))
        for i in range(12):
            breaking.now = i in (0, 1, 3, 7)
            if breaking.now:
                with pytest.raises(KeyboardInterrupt):
                    step(*numbers())
            else:
                yield step(*numbers())
            yield list(model.parameters())
    assert type(np.zeros(2)) is np.ndarray


@pytest.mark.parametrize("name", STORIES)
def test_as_without_compile(name: str) -> None:
    compare(STORIES[name])


def test_every_schedule() -> None:
    s = optim.lr_scheduler
    makers: list[Any] = [
        lambda o: s.StepLR(o, 3, 0.5),
        lambda o: s.OneCycleLR(o, 0.3, total_steps=20),
        lambda o: s.CyclicLR(o, 0.01, 0.2, step_size_up=4),
        lambda o: s.LambdaLR(o, lambda e: 1 / (1 + e)),
        lambda o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)], [4]),
    ]

    def tell(wrap: Wrap) -> Iterator[Any]:
        for make in makers:
            model = network(4)
            optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
            schedule, step = make(optimizer), wrap(plain_step(model, optimizer))
            for _ in range(10):
                yield step(*numbers())
                schedule.step()

    compare(tell)


def test_two_processes_heed_what_changes() -> None:
    def tell(wrap: Wrap) -> Iterator[Any]:
        model, config, mask = network(40), {"s": {"k": 1.0}}, np.ones(3, np.float32)
        optimizer: Any = optim.Adam(model.parameters(), 0.01)

        @wrap
        def step(x: Any, y: Any) -> Any:
            loss = F.mse_loss(model(x * torch.from_numpy(mask)), y) * config["s"]["k"]
            return finish(loss, optimizer)

        for i in range(36):
            if i == 6:
                config["s"]["k"] = 2.0
            if i == 12:
                mask[1] = 0
            if i in (16, 22):
                model[0].requires_grad_(i == 22)
            if i == 28:
                model = copy.deepcopy(model)
                optimizer = optim.SGD(model.parameters(), 0.1)
            yield step(*numbers(8))
        yield list(model.parameters())

    compare(tell, lambda f: torch.compile(f, threads=2))


def test_ctrl_c_in_an_unrolled_step_keeps_the_weights() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    twin, (x, y) = copy.deepcopy(model), numbers()
    written = plain_step(twin, optim.SGD(twin.parameters(), 0.1))
    step = torch.compile(plain_step(model, optim.SGD(model.parameters(), 0.1)))
    for _ in range(7):
        step(x, y)
        written(x, y)
    names = step._keeper.steps.__globals__
    tanh = names["tanh"]

    def interrupted(z: float) -> float:
        names["tanh"] = tanh
        raise KeyboardInterrupt

    for _ in range(2):
        names["tanh"] = interrupted
        with pytest.raises(KeyboardInterrupt):
            step(x, y)
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), 1e-4, 1e-6)
        assert step(x, y).item() == pytest.approx(written(x, y).item(), rel=1e-4)
        assert step(x, y).item() == pytest.approx(written(x, y).item(), rel=1e-4)
