"""Small trainings in both frameworks: digits drawn here, and networks that learn them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

import gobhir
from gobhir.explain.stories.story import Story

FRAMEWORKS = {"gobhir": gobhir, "torch": torch}

GLYPHS = """
.###. ..#.. .###. ####. ...#. ##### .###. ##### .###. .###.
#...# .##.. #...# ....# ..##. #.... #.... ....# #...# #...#
#...# ..#.. ....# ....# .#.#. ####. ####. ...#. #...# #...#
#...# ..#.. ..##. .###. #..#. ....# #...# ..#.. .###. .####
#...# ..#.. .#... ....# ##### ....# #...# .#... #...# ....#
#...# ..#.. #.... ....# ...#. #...# #...# .#... #...# ....#
.###. .###. ##### ####. ...#. .###. .###. .#... .###. .###.
"""


@cache
def digits(count: int = 960) -> tuple[np.ndarray, np.ndarray]:
    """(images (count, 64) of 8 x 8 from 0 to 1, their digits): shifted, paled and noisy."""
    rng = np.random.default_rng(1)
    rows = [line.split() for line in GLYPHS.strip().splitlines()]
    glyphs = np.array([[[c == "#" for c in row[d]] for row in rows] for d in range(10)], float)
    labels = rng.integers(0, 10, count)
    images = np.zeros((count, 8, 8))
    for image, d in zip(images, labels, strict=True):
        y, x = rng.integers(0, 2), rng.integers(0, 4)
        image[y : y + 7, x : x + 5] = glyphs[d] * rng.uniform(0.6, 1)
    noisy = np.clip(images + rng.normal(0, 0.12, images.shape), 0, 1)
    return noisy.reshape(count, 64).astype(np.float32), labels


def mlp(fw: Any, activation: str = "ReLU", *, softmax: bool = False) -> Any:
    nn = fw.nn
    act = getattr(nn, activation)
    layers = [nn.Linear(64, 48), act(), nn.Linear(48, 48), act(), nn.Linear(48, 10)]
    return nn.Sequential(*layers, *([nn.Softmax(1)] if softmax else []))


def deep(fw: Any, activation: str, layers: int = 7) -> Any:
    nn = fw.nn
    act = getattr(nn, activation)
    inner = [part for _ in range(layers) for part in (nn.Linear(32, 32), act())]
    return nn.Sequential(nn.Linear(64, 32), act(), *inner, nn.Linear(32, 10))


def cnn(fw: Any) -> Any:
    """As beginners write it: activations as functions, BatchNorm and dropout."""
    nn, functional = fw.nn, fw.nn.functional

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)
            self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
            self.drop = nn.Dropout(0.2)
            self.out = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            x = x.reshape(-1, 1, 8, 8)
            x = functional.max_pool2d(functional.relu(self.norm(self.conv1(x))), 2)
            x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
            return self.out(self.drop(x.reshape(-1, 64)))

    return Net()


def recurrent(fw: Any, kind: str = "LSTM", **settings: Any) -> Any:
    nn = fw.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = getattr(nn, kind)(8, 24, batch_first=True, **settings)
            self.out = nn.Linear(24 * (1 + settings.get("bidirectional", False)), 10)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(x.reshape(-1, 8, 8))[0].mean(1))

    return Net()


def encoder(fw: Any) -> Any:
    nn = fw.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Linear(8, 16)
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
            self.out = nn.Linear(16, 10)

        def forward(self, x: Any) -> Any:
            return self.out(self.layer(self.rows(x.reshape(-1, 8, 8))).mean(1))

    return Net()


def sgd(lr: float, **settings: Any) -> Callable[[Any, Any], Any]:
    return lambda fw, model: fw.optim.SGD(model.parameters(), lr=lr, **settings)


def adam(lr: float = 1e-3) -> Callable[[Any, Any], Any]:
    return lambda fw, model: fw.optim.Adam(model.parameters(), lr=lr)


def steps(
    fw: Any,
    model: Any,
    optimizer: Any,
    count: int,
    *,
    data: tuple[np.ndarray, np.ndarray] | None = None,
    loss: Any = None,
    zero: bool = True,
    before: Callable[[int], Any] = lambda k: None,
) -> list[float]:
    """An ordinary loop of `count` steps with batches of 32; its losses. before: called with the
    number of each step."""
    x, y = digits() if data is None else data
    loss = fw.nn.CrossEntropyLoss() if loss is None else loss
    rng = np.random.default_rng(0)
    losses = []
    for k in range(count):
        before(k)
        rows = rng.integers(0, len(x), 32)
        if zero:
            optimizer.zero_grad()
        value = loss(model(fw.tensor(x[rows])), fw.tensor(y[rows]))
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def told(
    fw: Any,
    make: Callable[[Any], Any],
    optimizer: Callable[[Any, Any], Any] | None = None,
    count: int = 120,
    every: int = 1,
    **settings: Any,
) -> Story:
    """The story of a training."""
    fw.manual_seed(0)
    model = make(fw)
    chosen = (optimizer or adam())(fw, model)
    with gobhir.story(model, chosen, every=every) as story:
        steps(fw, model, chosen, count, **settings)
    return story
