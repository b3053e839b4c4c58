"""Training steps as people write them, wrapped in `gobhir.compile`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

import gobhir as torch
from gobhir import nn
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
def a_smaller_last_batch(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 20):
        model = network(width, 2)
        step = wrap(plain_step(model, torch.optim.Adam(model.parameters(), 0.01), F.cross_entropy))
        for _ in range(4):
            for n in (8, 8, 8, 3):
                yield step(*labels(n))
        yield list(model.parameters())


@story
def rates_that_change(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
        step = wrap(plain_step(model, optimizer, set_to_none=False))
        for i in range(12):
            yield step(*numbers()), model[0].weight.grad
            schedule.step()
            if i == 8:
                optimizer.param_groups[0]["weight_decay"] = 0.1


@story
def dropout_and_batch_norm_in_both_modes(wrap: Wrap) -> Iterator[Any]:
    model = nn.Sequential(
        nn.Linear(3, 16), nn.BatchNorm1d(16), nn.LeakyReLU(), nn.Dropout(), nn.Linear(16, 2)
    )
    step = wrap(plain_step(model, torch.optim.Adam(model.parameters(), 0.01), F.cross_entropy))
    for round_ in range(4):
        for _ in range(5):
            yield step(*labels(6))
        model.train(round_ % 2 == 1)
        with torch.no_grad():
            yield model(torch.ones(2, 3))
    model.train()
    model[3].p, model[1].momentum = 0.1, 0.5
    for _ in range(4):
        yield step(*labels(6))
    yield list(model.state_dict().values())
    with pytest.raises(ValueError):
        step(*labels(1))
    yield step(*labels(6))


@story
def numbers_out_and_branches_on_them(wrap: Wrap) -> Iterator[Any]:
    model = network()
    optimizer, seen = torch.optim.SGD(model.parameters(), 0.1), []

    @wrap
    def step(x: Any, y: Any) -> Any:
        loss = F.mse_loss(model(x), y)
        if loss > 2.0:
            loss = loss * 0.5
        if torch.isnan(loss).item():
            return -1.0, 0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
        return loss.item(), len(seen)

    for i in range(12):
        x, y = numbers()
        yield step(x, y * (3 if i % 2 else 0.3) * (float("nan") if i == 9 else 1))
    yield list(model.parameters())


@story
def gradients_gathered_over_batches(wrap: Wrap) -> Iterator[Any]:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    @wrap
    def step(x: Any, y: Any, last: bool) -> Any:
        loss = 0
        for part, want in zip(x.chunk(2), y.chunk(2), strict=True):
            piece = F.mse_loss(model(part), want) / 4
            piece.backward()
            loss = loss + piece.detach()
        if last:
            length = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            optimizer.zero_grad()
            return loss, length
        return loss, loss

    for i in range(14):
        yield step(*numbers(6), last=i % 2 == 1)
    yield list(model.parameters())


@story
def two_networks_against_each_other(wrap: Wrap) -> Iterator[Any]:
    maker, judge = network(out=3), network()
    first = torch.optim.Adam(maker.parameters(), 1e-2)
    second = torch.optim.RMSprop(judge.parameters(), 1e-2)

    @wrap
    def step(real: Any) -> Any:
        fake = maker(torch.randn(5, 3))
        share = torch.rand(5, 1)
        between = (share * real + (1 - share) * fake.detach()).requires_grad_(True)
        (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
        loss = judge(fake.detach()).mean() - judge(real).mean()
        loss = loss + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
        second.zero_grad()
        loss.backward()
        second.step()
        for p in judge.parameters():
            p.data.clamp_(-0.8, 0.8)
        cheat = -judge(fake).mean()
        first.zero_grad()
        cheat.backward()
        first.step()
        return {"judge": loss, "maker": cheat}

    for _ in range(8):
        yield list(step(torch.randn(5, 3)).values())
    yield [*maker.parameters(), *judge.parameters()]


@story
def an_update_by_hand(wrap: Wrap) -> Iterator[Any]:
    w, b = torch.randn(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    speed = [torch.zeros(3, 1), torch.zeros(1)]

    @wrap
    def step(x: Any, y: Any) -> Any:
        loss = ((x @ w + b - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p, v in zip((w, b), speed, strict=True):
                v.mul_(0.9).add_(p.grad)
                p -= 0.05 * v
                p.grad.zero_()
        return loss

    for _ in range(8):
        yield step(*numbers()), w, b, speed


@story
def an_average_beside_the_network(wrap: Wrap) -> Iterator[Any]:
    model = network()
    mean = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    @wrap
    def step(x: Any, y: Any) -> Any:
        with torch.no_grad():
            soft = mean(x)
        loss = F.mse_loss(model(x), 0.9 * y + 0.1 * soft)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for m, p in zip(mean.parameters(), model.parameters(), strict=True):
                m.mul_(0.9).add_(p, alpha=0.1)
        return loss, soft

    for i in range(10):
        yield step(*numbers())
        if i == 6:
            mean.load_state_dict(model.state_dict())
    yield list(mean.parameters())


@story
def layers_frozen_thawed_and_replaced(wrap: Wrap) -> Iterator[Any]:
    for width in (8, 40):
        model = network(width)
        model[0].requires_grad_(False)
        optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
        step = wrap(plain_step(model, optimizer))
        for change in range(3):
            for _ in range(5):
                yield step(*numbers())
            model[0].requires_grad_(change == 0)
        model[2] = nn.Linear(width, 1)
        optimizer.add_param_group({"params": model[2].parameters()})
        for _ in range(5):
            yield step(*numbers())
        yield list(model.parameters())


@story
def a_running_sum_and_switches(wrap: Wrap) -> Iterator[Any]:
    model, total, count, how = network(), torch.zeros(()), torch.zeros(2).long(), {"l1": False}
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters(), "lr": 0.02}, {"params": model[2].parameters()}], lr=0.1
    )

    @wrap
    def step(x: Any, y: Any, times: int) -> Any:
        loss = 0
        for _ in range(times):
            loss = loss + (F.l1_loss if how["l1"] else F.mse_loss)(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total.add_(loss.detach())
        count[0] += 1
        return loss

    for i in range(20):
        how["l1"] = i > 12
        yield step(*numbers(), 1 + i % 2), total, count


@story
def a_step_that_is_a_method(wrap: Wrap) -> Iterator[Any]:
    class Trainer:
        def __init__(self) -> None:
            self.model, self.scale = network(), 1.0
            self.optimizer = torch.optim.Adam(self.model.parameters(), 0.01)

        @wrap
        def step(self, x: Any, y: Any) -> Any:
            loss = F.mse_loss(self.model(x), y) * self.scale
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return loss

    trainers = Trainer(), Trainer()
    for i in range(12):
        trainers[0].scale = 1.0 if i < 6 else 0.5
        yield [trainer.step(*numbers()) for trainer in trainers]


@story
def a_compiled_network(wrap: Wrap) -> Iterator[Any]:
    model = wrap(nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Linear(8, 1)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(8):
        x, y = numbers()
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
    model.eval()
    with torch.no_grad():
        yield model(torch.ones(4, 3)), model(torch.ones(1, 3))
    yield list(model.state_dict().values())


@story
def weights_loaded_between_steps(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer = torch.optim.Adam(model.parameters(), 0.1)
        step = wrap(plain_step(model, optimizer))
        for _ in range(5):
            yield step(*numbers())
        saved = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
        for _ in range(4):
            yield step(*numbers())
        model.load_state_dict(saved[0])
        optimizer.load_state_dict(saved[1])
        with torch.no_grad():
            model[0].weight.mul_(0.5)
        for _ in range(4):
            yield step(*numbers())
        yield list(model.parameters()), optimizer.state[model[0].weight]["exp_avg"]


@story
def words_and_tied_weights(wrap: Wrap) -> Iterator[Any]:
    words, head = nn.Embedding(9, 6), nn.Linear(6, 9, bias=False)
    head.weight, memory = words.weight, nn.GRU(6, 6, batch_first=True)
    optimizer = torch.optim.AdamW([*words.parameters(), *memory.parameters()], 0.02)

    @wrap
    def step(x: Any, state: Any) -> Any:
        out, state = memory(words(x[:, :-1]), state)
        loss = F.cross_entropy(head(out).flatten(0, 1), x[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, state.detach(), (head(out).argmax(-1) == x[:, 1:]).float().mean()

    state = torch.zeros(1, 2, 6)
    for i in range(9):
        loss, state, right = step(torch.randint(0, 9, (2, 5 + (i % 3 == 2))), state)
        yield loss, state, right


@story
def compiled_inside_compiled(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        inner, distance = wrap(model), wrap(lambda a, b: F.mse_loss(a, b))
        step = wrap(plain_step(inner, optimizer, distance))
        for _ in range(7):
            yield step(*numbers())
        for _ in range(7):
            x, y = numbers()
            yield finish(distance(inner(x), y), optimizer)
        yield list(model.parameters())


@story
def mistakes_on_the_way(wrap: Wrap) -> Iterator[Any]:
    model = network(out=2)
    step = wrap(plain_step(model, torch.optim.SGD(model.parameters(), 0.1), F.cross_entropy))
    for _ in range(5):
        yield step(*labels())
    for x, y in (
        (torch.randn(5, 4), torch.zeros(5).long()),
        (torch.randn(2, 3), torch.tensor([0])),
    ):
        with pytest.raises((RuntimeError, ValueError)):
            step(x, y)
    with pytest.raises(IndexError):
        step(torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1]))
    for _ in range(3):
        yield step(*labels())
    yield step(torch.randn(5, 3), torch.tensor([0, 1, -100, 0, 1]))
    yield list(model.parameters())


@story
def arguments_by_name_and_kept_results(wrap: Wrap) -> Iterator[Any]:
    model, kept = network(), []
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    @wrap
    def step(x: Any, *, y: Any, scale: float = 1.0, train: bool = True) -> Any:
        out = model(x)
        loss = F.mse_loss(out, y) * scale
        if train:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach(), out.detach()

    for i in range(14):
        x, y = numbers()
        kept.append(step(x, y=y, scale=2.0 if i > 6 else 1.0, train=i % 3 != 0))
    yield kept


@pytest.mark.parametrize("name", STORIES)
def test_as_without_compile(name: str) -> None:
    compare(STORIES[name])
