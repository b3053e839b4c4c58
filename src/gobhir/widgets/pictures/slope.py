"""The derivative as a slope that slides along a curve, and the gradient on a hill."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import tensor
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.scene import (
    Scene,
    along,
    arrow,
    dots,
    factor,
    handle,
    line,
    plot,
    scene,
    text,
    values_and_slopes,
    word,
)

# keys: pictures.slope.*
Ends = tuple[float, float]
CURVES: dict[str, tuple[Callable[[Tensor], Tensor], str, str, Ends, Ends]] = {
    "square": (lambda x: x**2, "x²", "2x", (-2, 10), (-7, 7)),
    "cube": (lambda x: x**3, "x³", "3x²", (-10, 10), (-3, 28)),
    "sine": (lambda x: x.sin(), "sin x", "cos x", (-1.6, 1.6), (-1.4, 1.4)),
    "exp": (lambda x: x.exp(), "exp x", "exp x", (-2, 12), (-2, 12)),
}
"""The function, how it and its derivative are written, and what the drawings show of both."""
ENDS = (-3, 3)
SHOWN = 0.2  # of the gradient's length
_CURVE = ("on", *CURVES)


class Slope(Moving):
    """Slope(on="square", x=1, h=1): tangent and secant of x², x³ ("cube"), sin x ("sine"), exp x.

    x: the place (-3 to 3); h: how far ahead the secant looks (0.01 to 2).
    Slope(on="hill", x=2, y=1): the gradient of f = 6 - x² - 2y² on its map (y -2 to 2).
    """

    NAME = "slope"
    KNOBS = (
        Choice("on", (*CURVES, "hill"), "square"),
        Knob("x", -3, 3, 0.05, 1, plays=60),
        Knob("h", 0.01, 2, 0.01, 1, only=_CURVE),
        Knob("y", -2, 2, 0.05, 1, only=("on", "hill")),
    )

    def draw(self, state: dict[str, Any]) -> Scene:
        return _hill(state["x"], state["y"]) if state["on"] == "hill" else _curve(state)


def _curve(state: dict[str, Any]) -> Scene:
    x, h = state["x"], state["h"]
    f, name, slope_name, seen, slopes_seen = CURVES[state["on"]]
    all_x, past_x = along(ENDS, 120), along((ENDS[0], x), 120)
    values, slopes = values_and_slopes(f, np.concatenate([all_x, past_x, [x, x + h]]))
    here, ahead, rise = float(values[-2]), float(values[-1]), float(slopes[-2])
    secant = (ahead - here) / h

    def through(by: float) -> list[tuple[float, float]]:
        return [(at, here + by * (at - x)) for at in (x - 4, x + 4)]

    manner = "up" if rise > 0.05 else "down" if rise < -0.05 else "flat"
    return scene(
        [
            word(f"say.{manner}", x=x, slope=rise),
            " ",
            word("say.secant", h=h, secant=secant, apart=abs(secant - rise)),
        ],
        [
            plot(
                ENDS,
                seen,
                [
                    line("soft", np.stack([all_x, values[:121]], 1)),
                    line("third dashed", through(secant)),
                    line("main", through(rise)),
                    dots("third hollow", [(x + h, ahead)], 5),
                    dots("main", [(x, here)], 6.5),
                ],
                across=["x"],
                up=["f(x) = ", name],
                handles=[handle((x, here), "x", None)],
            ),
            plot(
                ENDS,
                slopes_seen,
                [
                    line("main faint", np.stack([all_x, slopes[:121]], 1)),
                    line("main", np.stack([past_x, slopes[121:242]], 1)),
                    dots("main", [(x, rise)], 6),
                ],
                ratio=0.36,
                across=["x"],
                up=["f′(x) = ", slope_name],
            ),
        ],
        [
            ["(f(x + h) − f(x)) / h = (", ahead, " − ", factor(here), ") / ", h, " = ", secant],
            ["f′(x) = ", slope_name, " = ", rise],
        ],
    )


def _hill(x: float, y: float) -> Scene:
    place = tensor(np.array([x, y]), requires_grad=True)
    f = 6 - place[0] ** 2 - 2 * place[1] ** 2
    f.backward()
    assert place.grad is not None
    dx, dy = place.grad.tolist()
    height, length = f.item(), math.hypot(dx, dy)
    turns = 2 * math.pi * np.arange(73) / 72
    ring = np.stack([np.cos(turns), np.sin(turns) / math.sqrt(2)], 1)
    end_x, end_y = x + SHOWN * dx, y + SHOWN * dy
    manner = "top" if length < 0.05 else "hill"
    return scene(
        word(f"say.{manner}", x=x, y=y, height=height, length=length, dx=dx, dy=dy),
        [
            plot(
                ENDS,
                (-2, 2),
                [
                    *(line("soft thin faint", r * ring) for r in np.arange(1, 8) / 2),
                    text((0, 0), ["▲"], "soft"),
                    arrow("second dashed", (x, y), (end_x, y)),
                    arrow("third dashed", (x, y), (x, end_y)),
                    arrow("main", (x, y), (end_x, end_y)),
                    dots("main", [(x, y)], 6.5),
                ],
                ratio=4 / 6,
                across=["x"],
                up=["y;  f = 6 − x² − 2y²"],
                handles=[handle((x, y), "x", "y")],
            )
        ],
        [
            ["f = 6 − ", factor(x), "² − 2 × ", factor(y), "² = ", height],
            ["∂f/∂x = −2x = ", dx, ",  ∂f/∂y = −4y = ", dy],
            ["|∇f| = √((", dx, ")² + (", dy, ")²) = ", length],
        ],
    )
