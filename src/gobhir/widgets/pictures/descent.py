"""Gradient descent with a learning rate: on the curve L = w², and on the bowl L = w² + 4v²."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine.creation import tensor
from gobhir.optim import SGD
from gobhir.widgets.moving import Choice, Knob, Moving, steps
from gobhir.widgets.scene import (
    Mark,
    Pieces,
    Scene,
    arrow,
    dots,
    factor,
    graph,
    handle,
    line,
    plot,
    scene,
    sub,
    text,
    word,
)

# keys: pictures.descent.*, widgets.moving.*
UPDATES = 30
FLAT = 1e-12
Road = list[tuple[float, float, float]]


class Descent(Moving):
    """Descent(w=4, lr=0.1): walks down L = w² update by update; on="bowl": L = w² + 4v².

    w, v: where it starts (-5 to 5, v -3 to 3); lr: the learning rate (0 to 1.2); step: how many
    updates are seen (0 to 30). At lr = 1 the curve's w swings between two places, above it flies.
    """

    NAME = "descent"
    KNOBS = (
        Choice("on", ("curve", "bowl"), "curve"),
        steps(UPDATES),
        Knob("lr", 0, 1.2, 0.01, 0.1),
        Knob("w", -5, 5, 0.1, 4),
        Knob("v", -3, 3, 0.1, 2, only=("on", "bowl")),
    )

    def given_numbers(self) -> dict[str, Any]:
        return {"updates": UPDATES}

    def draw(self, state: dict[str, Any]) -> Scene:
        road = descend(state, UPDATES)
        seen = _bowl if state["on"] == "bowl" else _curve
        return scene(
            _sentence(state, road),
            [seen(state["step"], road), _losses(state["step"], road)],
            _rows(state, road),
        )


def descend(state: dict[str, Any], updates: int) -> Road:
    """(w, v, loss) before each update and after the last, by the engine's backward and SGD."""
    place = tensor(np.array([state["w"], state["v"]], float), requires_grad=True)
    steepness = tensor(np.array([1.0, 4.0 if state["on"] == "bowl" else 0.0]))
    optimizer = SGD([place], lr=state["lr"])
    road: Road = []
    for _ in range(updates + 1):
        optimizer.zero_grad()
        loss = (steepness * place * place).sum()
        loss.backward()
        w, v = place.tolist()
        road.append((w, v, loss.item()))
        optimizer.step()
    return road


def _sentence(state: dict[str, Any], road: Road) -> Pieces:
    w, v, loss = road[state["step"]]
    # How the steepest direction behaves: each update multiplies it by this.
    steep = state["on"] == "bowl" and state["v"] != 0
    times = 1 - (8 if steep else 2) * state["lr"]
    key = "still" if state["lr"] == 0 or road[0][2] == 0 else _manner(times)
    return word(f"say.{key}", step=state["step"], w=w, v=v, loss=loss, times=times)


def _manner(times: float) -> str:
    size = abs(times)
    if size < FLAT:
        return "once"
    if size > 1 + FLAT:
        return "away"
    if size > 1 - FLAT:
        return "swings"
    return "slides" if times > 0 else "across"


def _walk(places: list[tuple[float, float]]) -> list[Mark]:
    return [
        *(arrow("main thin", a, b) for a, b in zip(places, places[1:], strict=False)),
        dots("main hollow", places[:-1], 3.5),
        dots("main", places[-1:], 6.5),
    ]


def _curve(step: int, road: Road) -> dict[str, Any]:
    places = [(w, loss) for w, _, loss in road[: step + 1]]
    return plot(
        (-6, 6),
        (-2, 38),
        [graph("soft", (-6, 6), lambda w: w * w), *_walk(places)],
        across=["w"],
        up=["L = w²"],
        handles=[] if step else [handle(places[0], "w", None)],
    )


def _bowl(step: int, road: Road) -> dict[str, Any]:
    places = [(w, v) for w, v, _ in road[: step + 1]]
    turns = [2 * math.pi * k / 72 for k in range(73)]
    rings = [
        line("soft thin faint", [(r * math.cos(turn), r / 2 * math.sin(turn)) for turn in turns])
        for r in range(1, 8)
    ]
    return plot(
        (-6, 6),
        (-4, 4),
        [*rings, *_walk(places), text((0, 0), ["+"], "third big")],
        ratio=2 / 3,
        across=["w"],
        up=["v;  L = w² + 4v²"],
        handles=[] if step else [handle(places[0], "w", "v")],
    )


def _losses(step: int, road: Road) -> dict[str, Any]:
    points = [(k, loss) for k, (_, _, loss) in enumerate(road)]
    return plot(
        (0, len(road) - 1),
        (0, 1.25 * (road[0][2] or 1)),
        [
            line("second faint", points),
            line("second", points[: step + 1]),
            dots("second", [points[step]], 5),
        ],
        ratio=0.4,
        across=[word("updates")],
        up=["L"],
    )


def _rows(state: dict[str, Any], road: Road) -> list[Pieces]:
    step = state["step"]
    if step == 0:
        return []

    def row(name: str, times: int, before: float, after: float) -> Pieces:
        update = [" − ", state["lr"], " × ", times, " × ", factor(before)]
        return [name, sub(step), " = ", before, *update, " = ", after]

    (w, v, _), (new_w, new_v, _) = road[step - 1], road[step]
    return [row("w", 2, w, new_w), *([row("v", 8, v, new_v)] if state["on"] == "bowl" else [])]
