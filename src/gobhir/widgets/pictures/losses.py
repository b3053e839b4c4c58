"""What a loss makes of an error: MSE, MAE and Huber with an outlier; cross-entropy beside MSE."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import tensor
from gobhir.nn import functional as F
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.scene import (
    Mark,
    Scene,
    dots,
    graph,
    handle,
    line,
    plot,
    scene,
    text,
    values_and_slopes,
    word,
)

# keys: pictures.losses.*
VALUES = (3.0, 4.0, 5.0, 6.0)
LOSSES: tuple[tuple[str, str, Callable[..., Tensor]], ...] = (
    ("MSE", "main", F.mse_loss),
    ("MAE", "second", F.l1_loss),
    ("Huber", "third", F.huber_loss),
)


class Losses(Moving):
    """Losses(outlier=30): what each loss makes of one far number among 3, 4, 5, 6, and which guess
    it likes best. Losses(on="class", p=0.1, truth="yes"): cross-entropy beside the squared error.
    """

    NAME = "losses"
    KNOBS = (
        Choice("on", ("number", "class"), "number"),
        Choice("truth", ("yes", "no"), "yes", only=("on", "class")),
        Knob("outlier", 0, 30, 0.5, 7, plays=120, only=("on", "number")),
        Knob("guess", 0, 12, 0.1, 5, only=("on", "number")),
        Knob("p", 0.01, 0.99, 0.01, 0.7, plays=80, only=("on", "class")),
    )

    def given_numbers(self) -> dict[str, Any]:
        return {"values": list(VALUES)}

    def draw(self, state: dict[str, Any]) -> Scene:
        return _numbers(state) if state["on"] == "number" else _classes(state)


def best_guesses(values: np.ndarray) -> tuple[float, float, float]:
    """The guess with the least MSE, MAE and Huber loss: mean, median, and something between."""
    # The slope of the Huber loss is a line from corner to corner; it rises through zero once.
    corners = np.sort(np.concatenate([values - 1, values + 1]))
    slopes = np.clip(corners[:, None] - values, -1, 1).sum(1)
    after = int(np.argmax(slopes > 0))
    low, high = slopes[after - 1], slopes[after]
    huber = corners[after - 1] - low * (corners[after] - corners[after - 1]) / (high - low)
    return float(values.mean()), float(np.median(values)), float(huber)


def _numbers(state: dict[str, Any]) -> Scene:
    guess, outlier = state["guess"], state["outlier"]
    values = np.array([*VALUES, outlier])
    best = best_guesses(values)
    far = values.max() > 2 * max(VALUES)

    def one(loss: Callable[..., Tensor], errors: np.ndarray) -> np.ndarray:
        each = loss(tensor(errors), tensor(np.zeros_like(errors)), reduction="none")
        return each.numpy()

    guesses: list[Mark] = []
    for k, (name, look, _) in enumerate(LOSSES):
        top = (best[k], (1.6, 3.6, 2.6)[k])
        guesses.append(line(f"{look} dashed", [(best[k], 0), top]))
        label = [name, " ", best[k]]
        guesses.append(text(top, label, f"{look} strong", side="start", shift=(4, 8)))
    errors = guess - values
    mean, median, huber = best
    return scene(
        word(
            "say.far" if far else "say.near", outlier=outlier, mean=mean, median=median, huber=huber
        ),
        [
            plot(
                (-1, 32),
                (-0.6, 4),
                [
                    line("ink thin", [(-1, 0), (32, 0)]),
                    *(text((at, 0), [at], "soft", shift=(0, 14)) for at in range(0, 31, 5)),
                    *guesses,
                    dots("ink", [(y, 0) for y in VALUES], 5),
                    dots("fifth", [(outlier, 0)], 7),
                ],
                ratio=0.42,
                bare=True,
                handles=[handle((outlier, 0), "outlier", None)],
            ),
            plot(
                (-6, 6),
                (0, 12),
                [
                    *(graph(look, (-6, 6), partial(one, f)) for _, look, f in LOSSES),
                    *(
                        dots(look, np.stack([errors, one(f, errors)], 1), 4)
                        for _, look, f in LOSSES
                    ),
                    *(
                        text((-5.8, 11), [name], f"{look} strong", "start", (0, 16 * k))
                        for k, (name, look, _) in enumerate(LOSSES)
                    ),
                ],
                ratio=0.5,
                across=[word("error"), ": ŷ − y"],
                up=[word("loss")],
            ),
        ],
        [
            [name, " = ", f(tensor(np.full_like(values, guess)), tensor(values)).item()]
            for name, _, f in LOSSES
        ],
    )


def _classes(state: dict[str, Any]) -> Scene:
    truth, p = state["truth"], state["p"]
    target = 1.0 if truth == "yes" else 0.0
    right = p if truth == "yes" else 1 - p

    def entropy(x: Tensor) -> Tensor:
        wanted = tensor(np.full(x.shape, target))
        return F.binary_cross_entropy(x, wanted, reduction="none")

    def square(x: Tensor) -> Tensor:
        return (x - target) ** 2

    (of_entropy,), (slope_entropy,) = values_and_slopes(entropy, [p])
    (of_square,), (slope_square,) = values_and_slopes(square, [p])
    manner = "sure" if right < 0.2 else "right" if right > 0.8 else "unsure"
    return scene(
        word(f"say.{manner}", p=p, entropy=float(of_entropy), square=float(of_square)),
        [
            plot(
                (0, 1),
                (0, 5),
                [
                    graph("main", (0.002, 0.998), lambda x: entropy(tensor(x)).numpy(), 249),
                    graph("second", (0, 1), lambda x: square(tensor(x)).numpy()),
                    dots("main", [(p, of_entropy)], 6),
                    dots("second", [(p, of_square)], 6),
                    text((0.5, 4.6), [word("entropy")], "main strong"),
                    text((0.5, 4.6), [word("square")], "second strong", shift=(0, 18)),
                ],
                across=[word("p")],
                up=[word("loss")],
                handles=[handle((p, of_entropy), "p", None)],
            )
        ],
        [
            [word("entropy"), " = −ln(", right, ") = ", float(of_entropy)],
            [word("slope"), " = ", float(slope_entropy)],
            [word("square"), " = (1 − ", right, ")² = ", float(of_square)],
            [word("slope"), " = ", float(slope_square)],
        ],
    )
