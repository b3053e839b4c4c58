"""The perceptron's line on AND, OR, NAND and XOR: one example a step, and the line turns."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.creation import tensor
from gobhir.nn import functional as F
from gobhir.widgets.moving import Choice, Knob, Moving, steps
from gobhir.widgets.scene import (
    Pieces,
    Scene,
    area,
    dots,
    factor,
    line,
    plot,
    scene,
    sub,
    text,
    word,
)

# keys: pictures.perceptron.*
UPDATES = 40
ENDS = (-0.5, 1.5)
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
GATES = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "nand": (1, 1, 1, 0), "xor": (0, 1, 1, 0)}
Weights = tuple[float, float, float]


class Perceptron(Moving):
    """Perceptron(gate="and", w1=0, w2=0, b=0, lr=0.5): learns a gate, one corner a step.

    gate: and, or, nand, xor; w1, w2, b: where it starts (-3 to 3); lr: 0.1 to 1; step: 0 to 40.
    ŷ = 1 where w₁x₁ + w₂x₂ + b ≥ 0; each step adds lr (y − ŷ) times what came in (Rosenblatt 1958).
    """

    NAME = "perceptron"
    KNOBS = (
        Choice("gate", tuple(GATES), "and"),
        steps(UPDATES),
        Knob("lr", 0.1, 1, 0.1, 0.5),
        Knob("w1", -3, 3, 0.1, 0, kind="field"),
        Knob("w2", -3, 3, 0.1, 0, kind="field"),
        Knob("b", -3, 3, 0.1, 0, kind="field"),
    )

    def given_numbers(self) -> dict[str, Any]:
        return {"updates": UPDATES}

    def draw(self, state: dict[str, Any]) -> Scene:
        gate, step = GATES[state["gate"]], state["step"]
        road = learn(state, UPDATES)
        mistakes = [int((fires(weights) != gate).sum()) for weights in road]
        wrong, now = mistakes[step], road[step]
        manner = "right" if wrong == 0 else "never" if state["gate"] == "xor" else "wrong"
        square = [
            area("main", _above(now)),
            line("main", _border(now)),
            *([dots("ink hollow", CORNERS[(step + 3) % 4], 12)] if step else []),
            *(
                dots("main" if y else "third hollow", x, 7)
                for x, y in zip(CORNERS, gate, strict=True)
            ),
            *(text(x, [y], "strong", shift=(17, -13)) for x, y in zip(CORNERS, gate, strict=True)),
        ]
        counted = list(enumerate(mistakes))
        start = ["w₁ = ", now[0], ",  w₂ = ", now[1], ",  b = ", now[2]]
        return scene(
            word(f"say.{manner}", wrong=wrong, step=step),
            [
                plot(ENDS, ENDS, square, ratio=0.8, across=["x₁"], up=["x₂"]),
                plot(
                    (0, UPDATES),
                    (0, 4.2),
                    [line("second", counted[: step + 1]), dots("second", [counted[step]], 5)],
                    ratio=0.26,
                    across=[word("steps")],
                    up=[word("mistakes")],
                ),
            ],
            _rows(state, road) if step else [start],
        )


def _sums(weights: Weights, x: np.ndarray) -> np.ndarray:
    w1, w2, b = weights
    return F.linear(tensor(x), tensor(np.array([[w1, w2]])), tensor(np.array([b]))).numpy()[:, 0]


def fires(weights: Weights, x: np.ndarray = CORNERS) -> np.ndarray:
    """ŷ at each of these places (n, 2): 0 or 1."""
    return (_sums(weights, x) >= 0).astype(int)


def learn(state: dict[str, Any], updates: int) -> list[Weights]:
    """w₁, w₂ and b before each step and after the last."""
    lr, gate = state["lr"], GATES[state["gate"]]
    road: list[Weights] = [(state["w1"], state["w2"], state["b"])]
    for k in range(updates):
        w1, w2, b = road[-1]
        x1, x2 = CORNERS[k % 4].tolist()
        blame = gate[k % 4] - int(fires(road[-1])[k % 4])
        road.append((w1 + lr * blame * x1, w2 + lr * blame * x2, b + lr * blame))
    return road


def _above(weights: Weights) -> list[Any]:
    """The part of the square where the perceptron fires: the square, cut along the line."""
    low, high = ENDS
    square = np.array([[low, low], [high, low], [high, high], [low, high]])
    points: list[Any] = []
    heights = _sums(weights, square)
    for k, (start, a) in enumerate(zip(square, heights, strict=True)):
        end, b = square[(k + 1) % 4], heights[(k + 1) % 4]
        if a > 0:
            points.append(start)
        if (a > 0) != (b > 0):
            points.append(start + a / (a - b) * (end - start))
    return points


def _border(weights: Weights) -> list[tuple[float, float]]:
    w1, w2, b = weights
    if w1 == w2 == 0:
        return []
    if abs(w2) >= abs(w1):
        return [(x, -(w1 * x + b) / w2) for x in ENDS]
    return [(-(w2 * y + b) / w1, y) for y in ENDS]


def _rows(state: dict[str, Any], road: list[Weights]) -> list[Pieces]:
    step, lr = state["step"], state["lr"]
    k = (step - 1) % 4
    before, after, (x1, x2) = road[step - 1], road[step], CORNERS[k].tolist()
    guess, truth = int(fires(before)[k]), GATES[state["gate"]][k]

    def update(name: str, place: int, times: list[Pieces]) -> Pieces:
        added = [" + ", lr, " × ", factor(truth - guess), times]
        return [name, " = ", before[place], *added, " = ", after[place]]

    products = [before[0], " × ", x1, " + ", factor(before[1]), " × ", x2]
    z = float(_sums(before, CORNERS)[k])
    rows: list[Pieces] = [
        [word("example", n=k + 1), ": x₁ = ", x1, ", x₂ = ", x2, ", y = ", truth],
        ["z = ", *products, " + ", factor(before[2]), " = ", z],
        ["ŷ = ", guess, ",  y − ŷ = ", truth - guess],
    ]
    if guess == truth:
        return [*rows, [word("stays")]]
    names = [f"w{sub(1)}", f"w{sub(2)}", "b"]
    came = [[" × ", x1], [" × ", x2], []]
    return [*rows, *(update(name, n, came[n]) for n, name in enumerate(names))]
