"""Compiled steps beside which a program keeps tensors and arrays that look at the same memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import gobhir as torch
from gobhir import optim
from tests.programs.stories import Stories, Wrap, compare, network, numbers, plain_step

STORIES = Stories()
story = STORIES.story


@story
def weights_given_and_taken_by_data(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        step = wrap(plain_step(model, optim.SGD(model.parameters(), 0.02, momentum=0.9)))
        mine, w = torch.randn(width, 3), model[0].weight
        for i in range(30):
            if i in (6, 20):
                theirs, w.data = w.data, mine
            if i == 13:
                w.data = theirs
            if i == 26:
                w.data = w.data.clone()
            yield step(*numbers()), mine, w


@story
def weights_replaced_before_another_recording(wrap: Wrap) -> Iterator[Any]:
    model = network(40)
    step = wrap(plain_step(model, optim.Adam(model.parameters(), 0.01)))
    for i in range(16):
        yield step(*numbers(5 if i < 6 else 7))
        if i == 6:
            model[0].weight.data = model[0].weight.data.clone()


@story
def two_weights_in_one_memory(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = torch.nn.Sequential(*network(width, width), torch.nn.Linear(width, 1))
        step = wrap(plain_step(model, optim.SGD(model.parameters(), 0.01)))
        for i in range(24):
            if i == 8:
                model[2].bias.data = model[0].bias.data
            if i == 16:
                model[2].bias.data = model[2].bias.data.clone()
            yield step(*numbers())
        yield list(model.parameters())


@story
def gradients_kept_that_change_in_place(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model, kept = network(width), torch.zeros(1)
        step = wrap(plain_step(model, optim.SGD(model.parameters(), 0.05), set_to_none=False))
        for i in range(14):
            yield step(*numbers()), kept + 1
            if i in (4, 9):
                kept = model[0].bias.grad if i == 4 else model[0].bias.grad.numpy()
            yield kept is model[0].bias.grad


@story
def gradients_kept_and_exchanged(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model, kept = network(width), []
        optimizer = optim.SGD(model.parameters(), 0.05, momentum=0.9)
        step = wrap(plain_step(model, optimizer))
        back = wrap(lambda x, y, model=model: ((model(x) - y) ** 2).mean().backward())
        p, q = model[0].weight, model[2].bias
        for i in range(40):
            (step if i < 20 else back)(*numbers(5 - (i % 4 == 3)))
            if i >= 20:
                optimizer.step()
                optimizer.zero_grad(set_to_none=i % 2 == 0)
                back(*numbers())
            if i in (9, 10, 27):
                kept.append(p.grad.numpy())
            elif i % 3 == 1:
                kept.append(p.grad)
            if i in (6, 16, 24, 30):
                q.grad.data = torch.ones(1)
            yield [1 + g for g in (q.grad, *kept)]


@pytest.mark.parametrize("name", STORIES)
def test_as_without_compile(name: str) -> None:
    compare(STORIES[name])


def test_two_processes_and_what_is_kept() -> None:
    def tell(wrap: Wrap) -> Iterator[Any]:
        model, kept = network(40), []
        step = wrap(plain_step(model, optim.Adam(model.parameters(), 0.01)))
        weight = model[0].weight
        for i in range(18):
            yield step(*numbers(8))
            kept.append(weight.grad)
            if i == 9:
                before, weight.data = weight.data, weight.data * 0.5
        yield [1 + g for g in kept], before, list(model.parameters())

    compare(tell, lambda f: torch.compile(f, threads=2))
