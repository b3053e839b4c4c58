"""A 2 x 2 matrix moving the plane: its grid, its eigenvectors, its singular values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir import linalg
from gobhir.engine.creation import tensor
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.scene import (
    Mark,
    Pieces,
    Scene,
    area,
    arrow,
    dots,
    factor,
    handle,
    line,
    plot,
    scene,
    text,
    word,
)

# keys: pictures.linear_map.*
REACH = 6
SAME = 1e-9
Place = Callable[[Any], np.ndarray]
Found = tuple[Pieces, list[Mark], list[Pieces]]


class LinearMap(Moving):
    """LinearMap(a=2, b=1, c=1, d=2): what the matrix [[a, b], [c, d]] does to the plane.

    show: "grid" (where squares go, determinant), "eigen" (the directions that stay), "svd" (the
    circle becomes an ellipse); t: how far on the way from doing nothing (0) to the matrix (1).
    """

    NAME = "linear_map"
    KNOBS = (
        Choice("show", ("grid", "eigen", "svd"), "grid"),
        Knob("t", 0, 1, 0.05, 1, plays=80),
        *(
            Knob(name, -4, 4, 0.1, value, kind="field", label=name)
            for name, value in (("a", 2), ("b", 1), ("c", 1), ("d", 2))
        ),
    )

    def draw(self, state: dict[str, Any]) -> Scene:
        a, b, c, d = (state[name] for name in "abcd")
        matrix = np.array([[a, b], [c, d]], float)
        moved = np.eye(2) + state["t"] * (matrix - np.eye(2))

        def at(points: Any) -> np.ndarray:
            return np.asarray(points, float) @ moved.T

        ks = range(-REACH, REACH + 1)
        grid = [ends for k in ks for ends in ([(k, -REACH), (k, REACH)], [(-REACH, k), (REACH, k)])]
        found = {"grid": _grid, "eigen": _eigen, "svd": _singular}[state["show"]]
        say, marks, rows = found(matrix, at)
        det = linalg.det(tensor(matrix)).item()
        whole = state["t"] == 1
        return scene(
            say,
            [
                plot(
                    (-5, 5),
                    (-4, 4),
                    [
                        *(line("soft thin faint", at(ends)) for ends in grid),
                        area("main", at([(0, 0), (1, 0), (1, 1), (0, 1)])),
                        arrow("second", (0, 0), at((1, 0))),
                        arrow("third", (0, 0), at((0, 1))),
                        *marks,
                        dots("ink", [(0, 0)], 3),
                    ],
                    ratio=0.8,
                    across=["x"],
                    up=["y"],
                    handles=[handle((a, c), "a", "c"), handle((b, d), "b", "d")] if whole else [],
                )
            ],
            [
                ["det A = ", a, " × ", factor(d), " − ", factor(b), " × ", factor(c), " = ", det],
                *rows,
            ],
        )


def _grid(matrix: np.ndarray, at: Place) -> Found:
    det = linalg.det(tensor(matrix)).item()
    key = "flat" if abs(det) < SAME else "turned" if det < 0 else "area"
    return word(f"say.{key}", det=det, size=abs(det)), [], []


def _eigen(matrix: np.ndarray, at: Place) -> Found:
    pairs = eigen(matrix)
    marks: list[Mark] = []
    rows: list[Pieces] = []
    for k, (value, vector) in enumerate(pairs):
        x, y = vector.tolist()
        marks += [
            line("fourth dashed thin", [-8 * vector, 8 * vector]),
            arrow("fourth", (0, 0), at(vector)),
            text(at(vector), ["λ", "₁₂"[k], " = ", value], "fourth strong", shift=(0, -14)),
        ]
        rows.append(["λ", "₁₂"[k], " = ", value, ",  v", "₁₂"[k], " = (", x, ", ", y, ")"])
    one, two = [*(value for value, _ in pairs), 0, 0][:2]
    return word(f"say.eigen{len(pairs)}", one=one, two=two), marks, rows


def eigen(matrix: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """(eigenvalue, unit eigenvector) of each real direction that stays, the larger value first."""
    (a, b), (c, d) = matrix
    disc = ((a - d) / 2) ** 2 + b * c
    if disc < -SAME:
        return []
    if disc > SAME:
        values, vectors = (part.numpy().real for part in linalg.eig(tensor(matrix)))
        return [(float(values[k]), _upright(vectors[:, k])) for k in np.argsort(-values)]
    value = float(a + d) / 2
    rest = matrix - value * np.eye(2)
    if np.abs(rest).max() < SAME:
        return [(value, np.array([1.0, 0.0])), (value, np.array([0.0, 1.0]))]
    return [(value, _upright(np.linalg.svd(rest)[2][-1]))]


def _upright(vector: np.ndarray) -> np.ndarray:
    """Of the two arrows of a direction, the one that points right (or straight up)."""
    x, y = vector
    return vector if x > SAME or (x > -SAME and y > 0) else -vector


def _singular(matrix: np.ndarray, at: Place) -> Found:
    _, sizes, rows_of_v = linalg.svd(tensor(matrix))
    one, two = sizes.tolist()
    # A multiple of a rotation or reflection stretches all directions alike: any one is the first.
    alike = one**2 - two**2 < SAME
    first = np.array([1.0, 0.0]) if alike else _upright(rows_of_v.numpy()[0])
    second = np.array([-first[1], first[0]])
    turns = 2 * math.pi * np.arange(73) / 72
    circle = np.stack([np.cos(turns), np.sin(turns)], 1)
    x, y = first.tolist()
    marks = [
        line("soft dashed", circle),
        line("fourth", at(circle)),
        arrow("fourth", (0, 0), at(first)),
        arrow("fifth", (0, 0), at(second)),
        text(at(first), ["σ₁ = ", one], "fourth strong", shift=(0, -14)),
        text(at(second), ["σ₂ = ", two], "fifth strong", shift=(0, -14)),
    ]
    rows: list[Pieces] = [
        ["σ₁ = ", one, ",  v₁ = (", x, ", ", y, ")"],
        ["σ₂ = ", two, ",  σ₁ × σ₂ = ", one * two],
    ]
    return word("say.svd_flat" if two < 1e-7 else "say.svd", one=one, two=two), marks, rows
