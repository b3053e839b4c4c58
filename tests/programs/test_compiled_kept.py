"""Compiled steps beside which a program keeps tensors and arrays that look at the same memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import gobhir as torch
from gobhir import optim
from tests.programs.stories import Story, Wrap, compare, network, numbers, plain_step

STORIES: dict[str, Story] = {}


def story(f: Story) -> Story:
    STORIES[f.__name__] = f
    return f


@story
def weights_given_and_taken_by_data(wrap: Wrap) -> Iterator[Any]:
    for width in (4, 40):
        model = network(width)
        step = wrap(plain_step(model, optim.SGD(model.parameters(), 0.1, momentum=0.9)))
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


@pytest.mark.parametrize("name", STORIES)
def test_as_without_compile(name: str) -> None:
    compare(STORIES[name])
