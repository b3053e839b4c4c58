"""The optimizers' race: all start at one place with one learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir import optim
from gobhir.engine import Tensor
from gobhir.engine.creation import tensor
from gobhir.widgets.moving import Choice, Knob, Moving, steps
from gobhir.widgets.scene import Mark, Scene, dots, line, plot, scene, text, word

# keys: pictures.race.*
UPDATES = 50
Make = Callable[..., optim.Optimizer]
OPTIMIZERS: dict[str, tuple[str, str, Make]] = {
    "sgd": ("SGD", "ink", optim.SGD),
    "momentum": ("Momentum", "second", lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9)),
    "nesterov": (
        "Nesterov",
        "seventh",
        lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    ),
    "adagrad": ("Adagrad", "sixth", optim.Adagrad),
    "rmsprop": ("RMSprop", "third", optim.RMSprop),
    "adam": ("Adam", "main", optim.Adam),
    "adamw": ("AdamW", "fifth", optim.AdamW),
}
"""Name, look and the engine's optimizer with PyTorch's defaults (momentum 0.9)."""


@dataclass(frozen=True)
class Ground:
    """The loss above its lowest point, where the race starts, and what is seen of it."""

    loss: Callable[[Tensor], Tensor]
    start: tuple[float, float]
    ends: tuple[tuple[float, float], tuple[float, float]]
    goals: tuple[tuple[float, float], ...]


GROUNDS = {
    "ravine": Ground(
        lambda p: 0.5 * p[0] ** 2 + 10 * p[1] ** 2, (-4, 1.5), ((-5, 7), (-2, 2)), ((0, 0),)
    ),
    "saddle": Ground(
        lambda p: 0.5 * p[0] ** 2 + 0.25 * (p[1] ** 2 - 1) ** 2,
        (-2.5, 0.05),
        ((-3, 4.2), (-1.2, 1.2)),
        ((0, 1), (0, -1)),
    ),
}


class Race(Moving):
    """Race(on="ravine" or "saddle", lr=0.03): SGD, Momentum, Nesterov, Adagrad, RMSprop, Adam and
    AdamW from one start, with the same learning rate (0.005 to 0.5) and otherwise their defaults.

    who: "all" or one of their names in small letters; step: how many updates are seen (0 to 50).
    """

    NAME = "race"
    KNOBS = (
        Choice("on", tuple(GROUNDS), "ravine"),
        Choice("who", ("all", *OPTIMIZERS), "all"),
        steps(UPDATES, plays=150),
        Knob("lr", 0.005, 0.5, 0.005, 0.03),
    )

    def given_numbers(self) -> dict[str, Any]:
        return {"updates": UPDATES}

    def draw(self, state: dict[str, Any]) -> Scene:
        return _scene(**state)


def run(make: Make, ground: Ground, lr: float, updates: int) -> tuple[np.ndarray, list[float]]:
    """Places (updates + 1, 2) and losses of one optimizer, by the engine."""
    place = tensor(np.array(ground.start, float), requires_grad=True)
    optimizer = make([place], lr=lr)
    road, losses = [], []
    for update in range(updates + 1):
        loss = ground.loss(place)
        road.append(place.tolist())
        losses.append(loss.item())
        if update < updates:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return np.array(road), losses


def _scene(on: str, who: str, lr: float, step: int) -> Scene:
    ground = GROUNDS[on]
    (left, right), (low, high) = ground.ends
    runs = {key: run(make, ground, lr, step) for key, (_, _, make) in OPTIMIZERS.items()}
    best = min(
        (key for key in runs if math.isfinite(runs[key][1][step])), key=lambda k: runs[k][1][step]
    )
    told = best if who == "all" else who

    def look(key: str) -> str:
        return OPTIMIZERS[key][1] + ("" if who in ("all", key) else " faint thin")

    def strong(key: str) -> str:
        return OPTIMIZERS[key][1] + (" strong" if who == key else "")

    walks: list[Mark] = []
    for key, (road, _) in runs.items():
        walks += [line(look(key), road), dots(look(key), road[-1:], 4.5)]
    height = {
        key: [(k, max(-6, math.log10(max(loss, 1e-12)))) for k, loss in enumerate(losses)]
        for key, (_, losses) in runs.items()
    }
    now = word(
        "say.now" if step else "say.start",
        step=step,
        name=OPTIMIZERS[told][0],
        loss=runs[told][1][step],
    )
    return scene(
        [word(f"say.{on}"), " ", now],
        [
            plot(
                (left, right),
                (low, high),
                [
                    *(line("soft thin faint", points) for points in _rings(on)),
                    *(text(goal, ["+"], "soft big") for goal in ground.goals),
                    *walks,
                    *(
                        text((right, high), [name], strong(key), "end", (-5, 10 + 15 * k))
                        for k, (key, (name, _, _)) in enumerate(OPTIMIZERS.items())
                    ),
                ],
                ratio=0.6,
                across=["x"],
                up=["y"],
            ),
            plot(
                (0, UPDATES),
                (-4, 2),
                [line(look(key), points) for key, points in height.items()],
                ratio=0.45,
                across=[word("updates")],
                up=[word("height")],
            ),
        ],
        [
            [OPTIMIZERS[key][0], ":" if who == "all" else _place(road[step]), " L = ", losses[step]]
            for key, (road, losses) in runs.items()
            if who in ("all", key)
        ],
    )


def _place(at: np.ndarray) -> list[Any]:
    x, y = at.tolist()
    return [": (", x, ", ", y, "),"]


def _rings(on: str) -> list[np.ndarray]:
    turns = 2 * math.pi * np.arange(73) / 72
    across, up = np.cos(turns), np.sin(turns)
    if on == "ravine":
        losses = (0.5, 2, 4.5, 8, 12.5, 20)
        return [np.stack([math.sqrt(2 * v) * across, math.sqrt(v / 10) * up], 1) for v in losses]
    rings = []
    for loss in (0.03, 0.12, 0.25, 0.5, 1, 2, 3.5):
        # L = x²/2 + (y² - 1)²/4: an arc in (x, y² - 1), from its lowest point round, where y² is
        # not negative.
        square = 1 - 2 * math.sqrt(loss) * across
        x, y = math.sqrt(2 * loss) * up[square >= 0], np.sqrt(square[square >= 0])
        first, last = (
            [(s * math.sqrt(2 * loss - 0.5), 0.0)] if loss > 0.25 else [] for s in (1, -1)
        )
        arc = np.array([*first, *zip(x, y, strict=True), *last])
        rings += [arc * (1, side) for side in (1, -1)]
    return rings
