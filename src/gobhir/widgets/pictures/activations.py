"""Activation functions and their derivatives, with the tangent at one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.nn import functional as F
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.scene import (
    Pieces,
    Scene,
    along,
    dots,
    handle,
    line,
    plot,
    scene,
    text,
    values_and_slopes,
    word,
)

# keys: pictures.activations.*
_HIGH = (-1.5, 6.5)
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], str, tuple[float, float]]] = {
    "sigmoid": (F.sigmoid, "σ", (-0.2, 1.2)),
    "tanh": (F.tanh, "tanh", (-1.3, 1.3)),
    "relu": (F.relu, "ReLU", _HIGH),
    "leaky": (lambda z: F.leaky_relu(z, 0.1), "LeakyReLU", _HIGH),
    "elu": (F.elu, "ELU", _HIGH),
    "gelu": (F.gelu, "GELU", _HIGH),
    "silu": (F.silu, "SiLU", _HIGH),
    "softplus": (F.softplus, "softplus", _HIGH),
}
"""The function, its symbol, and what the drawing shows of it."""
FLAT = 0.05
ENDS = (-6, 6)


class Activations(Moving):
    """Activations("relu" ...): kind is one of the names in ACTIVATIONS; z: the place (-6 to 6)."""

    NAME = "activations"
    KNOBS = (
        Choice("kind", tuple(ACTIVATIONS), "sigmoid"),
        Knob("z", -6, 6, 0.1, 0.5, plays=80),
    )

    def draw(self, state: dict[str, Any]) -> Scene:
        kind, z = state["kind"], state["z"]
        f, symbol, seen = ACTIVATIONS[kind]
        x = along(ENDS, 120)
        values, slopes = values_and_slopes(f, np.append(x, z))
        a, rise = float(values[-1]), float(slopes[-1])
        tangent = [(at, a + rise * (at - z)) for at in (z - 1.5, z + 1.5)]
        manner = "flat" if abs(rise) < FLAT else "steep"
        label = text((z, rise), [rise], "third strong", shift=(0, -15))
        return scene(
            [word(f"say.{kind}"), " ", word(f"say.{manner}", z=z, slope=rise)],
            [
                plot(
                    ENDS,
                    seen,
                    [
                        line("main", np.stack([x, values[:-1]], 1)),
                        line("third dashed", tangent),
                        dots("main", [(z, a)], 6),
                    ],
                    ratio=0.55,
                    across=["z"],
                    up=["a = ", symbol, "(z)"],
                    handles=[handle((z, a), "z", None)],
                ),
                plot(
                    ENDS,
                    (-0.2, 1.25),
                    [
                        line("third", np.stack([x, slopes[:-1]], 1)),
                        dots("third", [(z, rise)], 6),
                        label,
                    ],
                    ratio=0.38,
                    across=["z"],
                    up=["da/dz"],
                ),
            ],
            [["a = ", symbol, "(", z, ") = ", a], ["da/dz", _worked(kind, a), " = ", rise]],
        )


def _worked(kind: str, a: float) -> list[Pieces]:
    if kind == "sigmoid":
        return [" = ", a, " × (1 − ", a, ")"]
    return [" = 1 − (", a, ")²"] if kind == "tanh" else []
