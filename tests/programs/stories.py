"""Training programs that are told twice, with and without `gobhir.compile`: whether a step can be
replayed or runs as it is written, it must do what it does without the wrapping."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import gobhir as torch
from gobhir import nn
from gobhir.nn import functional as F

Wrap = Callable[[Any], Any]
Story = Callable[[Wrap], Iterator[Any]]
"""A program that yields what is to be compared."""


class Stories(dict[str, Story]):
    """The stories of a file, by name."""

    def story(self, tell: Story) -> Story:
        self[tell.__name__] = tell
        return tell


"""A program that yields what is to be compared."""


def network(width: int = 8, out: int = 1) -> Any:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, out))


def numbers(n: int = 5, out: int = 1) -> tuple[Any, Any]:
    return torch.randn(n, 3), torch.randn(n, out)


def labels(n: int = 5, classes: int = 2) -> tuple[Any, Any]:
    return torch.randn(n, 3), torch.randint(0, classes, (n,))


def plain_step(model: Any, optimizer: Any, loss: Any = F.mse_loss, **how: Any) -> Any:
    def step(x: Any, y: Any) -> Any:
        value = loss(model(x), y)
        optimizer.zero_grad(**how)
        value.backward()
        optimizer.step()
        return value

    return step


def finish(loss: Any, optimizer: Any) -> Any:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def flat(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from flat(one)
    else:
        yield np.array(value.detach() if isinstance(value, torch.Tensor) else value)


def told(tell: Story, wrap: Wrap) -> list[np.ndarray]:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a target that only broadcasts
        return [array for value in tell(wrap) for array in flat(value)]


def compare(tell: Story, compile: Wrap = torch.compile) -> None:
    """The same story with and without compiling, to 1e-5 of the largest entry."""
    wants, gots = (told(tell, wrap) for wrap in (lambda f: f, compile))
    assert len(wants) == len(gots)
    for want, got in zip(wants, gots, strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        largest = np.abs(want).max(initial=1e-3)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * largest)
