"""Overfitting: curves of higher and higher degree through twelve noisy points, and what holds them.

The curve is a sum of Chebyshev polynomials with least squares weights. Dropout of its terms with
probability p is shown averaged over everything that can be dropped: that is least squares with a
penalty p / (1 - p) times (sum of the squared term) on each squared weight (Srivastava et al. 2014,
section 9.1).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from gobhir import linalg
from gobhir.engine.creation import tensor
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.scene import Scene, along, dots, line, plot, scene, text, word

# keys: pictures.overfitting.*
ENDS = (-1, 1)
MOST = 10
TRAIN, CHECK = 12, 40
NOISE = 0.3


class Overfitting(Moving):
    """Overfitting(degree=9): a curve of that degree (1 to 10) through 12 points of a noisy sine.

    guard: "none", "l2" (l2 is log10 of its strength, -5 to 1) or "dropout" (p, 0 to 0.9). The
    dashed line is the truth, sin(pi x); the 40 small rings are points the curve never saw.
    """

    NAME = "overfitting"
    KNOBS = (
        Choice("guard", ("none", "l2", "dropout"), "none"),
        Knob("degree", 1, MOST, 1, 9, kind="steps", plays=900),
        Knob("l2", -5, 1, 0.1, -2, only=("guard", "l2")),
        Knob("p", 0, 0.9, 0.01, 0.1, only=("guard", "dropout")),
    )

    def given_numbers(self) -> dict[str, Any]:
        train, check = points()
        return {"train": train.tolist(), "check": check.tolist(), "most": MOST}

    def draw(self, state: dict[str, Any]) -> Scene:
        return _scene(state)


@cache
def points() -> tuple[np.ndarray, np.ndarray]:
    """(12, 2) to learn from, (40, 2) to check with: sin(pi x) with noise of 0.3."""
    rng = np.random.default_rng(3)

    def noisy(x: np.ndarray) -> np.ndarray:
        y = np.sin(math.pi * x) + rng.normal(0, NOISE, x.shape)
        return np.round(np.stack([x, y], 1), 3)

    near = np.linspace(-0.97, 0.97, TRAIN) + rng.uniform(-0.05, 0.05, TRAIN)
    return noisy(np.clip(near, -1, 1)), noisy(rng.uniform(-1, 1, CHECK))


def fit(train: np.ndarray, degree: int, state: dict[str, Any]) -> np.ndarray:
    """The weights (degree + 1,) of least squares with the state's penalty; the constant term has
    none. A penalty c w² is one more equation: sqrt(c) w = 0."""
    terms = chebyshev.chebvander(train[:, 0], degree)
    penalty = {
        "none": np.zeros(degree + 1),
        "l2": np.full(degree + 1, len(train) * 10 ** state["l2"]),
        "dropout": state["p"] / (1 - state["p"]) * (terms**2).sum(0),
    }[state["guard"]]
    penalty[0] = 0
    inputs = np.concatenate([terms, np.diag(np.sqrt(penalty))])
    wanted = np.concatenate([train[:, 1], np.zeros(degree + 1)])
    return linalg.lstsq(tensor(inputs), tensor(wanted[:, None])).solution.numpy()[:, 0]


def _error(weights: np.ndarray, at: np.ndarray) -> float:
    return math.sqrt(np.mean((chebyshev.chebval(at[:, 0], weights) - at[:, 1]) ** 2))


def _scene(state: dict[str, Any]) -> Scene:
    degree = state["degree"]
    train, check = points()
    fits = [fit(train, k + 1, state) for k in range(MOST)]
    errors = [(_error(weights, train), _error(weights, check)) for weights in fits]
    weights, (own, fresh) = fits[degree - 1], errors[degree - 1]
    best, at = min((other, k + 1) for k, (_, other) in enumerate(errors))
    manner = "good" if fresh <= 1.15 * best else "under" if degree < at else "over"
    x = along(ENDS, 160)
    curves = []
    for n, look in enumerate(("ink", "third")):
        curves += [
            line(look, [(k + 1, pair[n]) for k, pair in enumerate(errors)]),
            dots(look, [(degree, errors[degree - 1][n])], 6),
        ]
    return scene(
        word(f"say.{manner}", own=own, fresh=fresh, best=best, at=at),
        [
            plot(
                ENDS,
                (-2, 2),
                [
                    line("soft dashed", np.stack([x, np.sin(math.pi * x)], 1)),
                    dots("third hollow", check, 3),
                    line("main", np.stack([x, chebyshev.chebval(x, weights)], 1)),
                    dots("ink", train, 5.5),
                ],
                across=["x"],
                up=["y"],
            ),
            plot(
                (1, MOST),
                (0, 1),
                [
                    *curves,
                    text((MOST, 1), [word("fresh")], "third", "end", (-6, 12)),
                    text((MOST, 1), [word("own")], "ink", "end", (-6, 28)),
                ],
                ratio=0.45,
                across=[word("degree")],
                up=[word("error")],
            ),
        ],
        [
            [word("own"), ": ", own],
            [word("fresh"), ": ", fresh],
            ["Σw² = ", float((weights[1:] ** 2).sum())],
        ],
    )
