"""Batch, epoch and noise: one line y = wx + b learned from 24 points, a batch at a time."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from gobhir import linalg
from gobhir.engine.creation import tensor
from gobhir.examples import half_squared_error
from gobhir.optim import SGD
from gobhir.widgets.moving import Choice, Knob, Moving, steps
from gobhir.widgets.scene import Pieces, Scene, dots, line, plot, scene, text, word

# keys: pictures.batches.*
UPDATES = 72
POINTS = 24
START = (-0.5, 2.5)
SIZES = ("1", "4", "12", "24")


class Batches(Moving):
    """Batches(size="4", lr=0.2): a line is fitted to 24 points with batches of 1, 4, 12 or 24.

    lr: 0.02 to 1; step: how many updates are seen (0 to 72). The loss is half the mean squared
    error. The points are y = 1.5 x + 0.5 with noise; the order is shuffled anew in every epoch.
    """

    NAME = "batches"
    KNOBS = (
        Choice("size", SIZES, "4"),
        steps(UPDATES, plays=200),
        Knob("lr", 0.02, 1, 0.02, 0.2),
    )

    def given_numbers(self) -> dict[str, Any]:
        return given()

    def draw(self, state: dict[str, Any]) -> Scene:
        return _scene(state["size"], state["lr"], state["step"])


@cache
def given() -> dict[str, Any]:
    """The points, the order of each epoch, the best line and the shape of the loss round it."""
    rng = np.random.default_rng(11)
    x = np.round(np.linspace(0, 2, POINTS) + rng.uniform(-0.04, 0.04, POINTS), 2)
    y = np.round(1.5 * x + 0.5 + rng.normal(0, 0.5, POINTS), 2)
    inputs = np.stack([x, np.ones(POINTS)], 1)
    best = linalg.lstsq(tensor(inputs), tensor(y[:, None])).solution.numpy()[:, 0]
    # L - lowest = 1/2 |R (p - best)|² with R from Cholesky: rings are circles seen through R.
    lower = linalg.cholesky(tensor(inputs[:, ::-1].T @ inputs[:, ::-1] / POINTS)).numpy()
    return {
        "points": np.stack([x, y], 1).tolist(),
        "orders": [rng.permutation(POINTS).tolist() for _ in range(6)],
        "start": list(START),
        "updates": UPDATES,
        "best": best.tolist(),
        "lowest": float(np.mean((inputs @ best - y) ** 2) / 2),
        "stretch": [[float(lower[1, 1])], [float(lower[1, 0]), float(lower[0, 0])]],
    }


class Update(NamedTuple):
    """Where an update starts, its epoch and batch, the batch's loss and gradient, all's loss."""

    place: list[float]
    epoch: int
    batch: np.ndarray
    own: float
    gradient: list[float]
    all: float


def learn(size: int, lr: float, updates: int) -> list[Update]:
    """The first updates and the one that would follow, by the engine's backward and SGD."""
    points, orders = np.array(given()["points"]), given()["orders"]
    place = tensor(np.array(START), requires_grad=True)
    optimizer = SGD([place], lr=lr)
    x, y = tensor(points[:, 0]), tensor(points[:, 1])
    road = []
    for k in range(updates + 1):
        epoch, first = divmod(k * size, POINTS)
        chosen = orders[epoch % len(orders)][first : first + size]
        batch = tensor(np.array(chosen))
        errors = place[0] * x + place[1]
        own = half_squared_error(errors[batch][:, None], y[batch][:, None]).sum()
        whole = float(np.mean((errors.detach() - y).numpy() ** 2) / 2)
        optimizer.zero_grad()
        own.backward()
        assert place.grad is not None
        gradient = place.grad.tolist()
        road.append(Update(place.tolist(), epoch, points[chosen], own.item(), gradient, whole))
        optimizer.step()
    return road


def _scene(size: str, lr: float, step: int) -> Scene:
    points, best, lowest = (given()[name] for name in ("points", "best", "lowest"))
    road = learn(int(size), lr, step)
    now, before = road[step], road[max(0, step - 1)]
    each = POINTS // int(size)
    w, b = now.place
    ends = (-0.2, 2.2)
    top = 1.2 * road[0].all
    # Where epochs are shorter than this, lines at their ends would hide everything else.
    epochs = range(0, UPDATES + 1, each) if each >= 6 else ()
    losses = [(k, update.all) for k, update in enumerate(road)]
    return scene(
        [
            word(f"say.of{size}", each=each),
            " ",
            word("say.now", step=step, epoch=now.epoch, loss=now.all, lowest=lowest),
        ],
        [
            plot(
                ends,
                (-1, 5),
                [
                    dots("soft", points, 3.5),
                    *([dots("third", before.batch, 5.5)] if step else []),
                    line("main", [(x, w * x + b) for x in ends]),
                ],
                ratio=0.5,
                across=["x"],
                up=["y = wx + b"],
            ),
            plot(
                (-1, 3),
                (-2, 3),
                [
                    *(line("soft thin faint", ring) for ring in _rings()),
                    line("main", [update.place for update in road]),
                    dots("main", [now.place], 6),
                    text(best, ["+"], "third big"),
                ],
                ratio=0.5,
                across=["w"],
                up=["b"],
            ),
            plot(
                (0, UPDATES),
                (0, top),
                [
                    *(line("soft thin dashed faint", [(at, 0), (at, 100)]) for at in epochs),
                    line("third thin", [(k, update.own) for k, update in enumerate(road[:step])]),
                    line("second", losses),
                    dots("second", [losses[step]], 5),
                    text((UPDATES, top), [word("whole")], "second", "end", (-6, 12)),
                    text((UPDATES, top), [word("batch")], "third", "end", (-6, 28)),
                ],
                ratio=0.42,
                across=[word("updates")],
                up=["L"],
            ),
        ],
        _rows(lr, before, now) if step else [],
    )


def _rows(lr: float, before: Update, now: Update) -> list[Pieces]:
    return [
        [
            name,
            " = ",
            *(before.place[n], " − ", lr, " × (", before.gradient[n], ") = ", now.place[n]),
        ]
        for n, name in enumerate("wb")
    ]


def _rings() -> list[np.ndarray]:
    """Where the loss of all points is this much above its lowest: ellipses round the best line."""
    turns = 2 * math.pi * np.arange(73) / 72
    (a,), (c, d) = given()["stretch"]
    best = np.array(given()["best"])
    rings = []
    for above in (0.02, 0.1, 0.3, 0.7, 1.3, 2.2, 3.4):
        size = math.sqrt(2 * above)
        y = size * np.sin(turns) / d
        rings.append(best + np.stack([(size * np.cos(turns) - c * y) / a, y], 1))
    return rings
