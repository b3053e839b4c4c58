"""The matrix product as rows meeting columns: A below on the left, B above on the right, and every
number of AB where a row of A meets a column of B. A dot product is one row and one column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gobhir.engine.creation import tensor
from gobhir.lang import say
from gobhir.widgets.moving import Choice, Knob, Moving, steps
from gobhir.widgets.scene import (
    Mark,
    Pieces,
    Scene,
    area,
    box,
    button,
    factor,
    plot,
    scene,
    sub,
    text,
    word,
)

# keys: pictures.matrices.*
LIMIT = 100.0
MOST = 4
GAP = 0.5
EDGE = 0.15


class MatrixProduct(Moving):
    """MatrixProduct(a=[[1, 2, 3], [4, 5, 6]], b=[[7, 8], [9, 10], [11, 12]]): AB, term by term.

    a (m, n) and b (n, p): up to 4 rows and columns, numbers from -100 to 100. A dot product is
    MatrixProduct(a=[[1, 2, 3]], b=[[4], [5], [6]]). step: how many terms are worked (0 to m p n).
    The numbers are knobs, too: a11 ... and b11 ...
    """

    NAME = "matrices"

    def __init__(
        self,
        a: Sequence[Sequence[float]] = ((1, 2, 3), (4, 5, 6)),
        b: Sequence[Sequence[float]] = ((7, 8), (9, 10), (11, 12)),
        **settings: Any,
    ) -> None:
        try:
            self._a, self._b = np.array(a, float), np.array(b, float)
        except (TypeError, ValueError):  # rows of different lengths, or no numbers
            raise ValueError(say("widgets.state.matrices", a=a, b=b, most=MOST)) from None
        shapes = self._a.shape, self._b.shape
        fits = all(len(s) == 2 and min(s) >= 1 and max(s) <= MOST for s in shapes)
        if not fits or shapes[0][1] != shapes[1][0]:
            raise ValueError(say("widgets.state.matrices", a=shapes[0], b=shapes[1], most=MOST))
        super().__init__(**settings)

    def made_of(self) -> tuple[Knob | Choice, ...]:
        def fields(name: str, matrix: np.ndarray) -> list[Knob]:
            return [
                Knob(
                    f"{name}{i + 1}{j + 1}",
                    *(-LIMIT, LIMIT, 0.5, float(value)),
                    kind="field",
                    label=f"{name}{sub(i + 1)}{sub(j + 1)}",
                )
                for (i, j), value in np.ndenumerate(matrix)
            ]

        last = self._a.size * self._b.shape[1]
        return (steps(last, plays=900), *fields("a", self._a), *fields("b", self._b))

    def given_numbers(self) -> dict[str, Any]:
        (m, n), p = self._a.shape, self._b.shape[1]
        return {"m": m, "n": n, "p": p}

    def draw(self, state: dict[str, Any]) -> Scene:
        return _scene(state, **self.given)


def _matrix(state: dict[str, Any], name: str, rows: int, columns: int) -> np.ndarray:
    entries = [state[f"{name}{i + 1}{j + 1}"] for i in range(rows) for j in range(columns)]
    return np.array(entries, float).reshape(rows, columns)


def _scene(state: dict[str, Any], m: int, n: int, p: int) -> Scene:
    step = state["step"]
    a, b = _matrix(state, "a", m, n), _matrix(state, "b", n, p)
    product = (tensor(a) @ tensor(b)).numpy()
    # A step is one term of one number of AB.
    cell = -(-step // n) - 1
    i, j, k = cell // p, cell % p, (step + n - 1) % n
    so_far = float((tensor(a[i, : k + 1]) @ tensor(b[: k + 1, j])).item())

    def shown(row: int, column: int) -> list[Pieces]:
        own = row * p + column
        return [] if own > cell else [so_far if own == cell else float(product[row, column])]

    right, top = n + GAP, m + GAP

    def own(matrix: Any, place: Callable[[int, int], Any], look: Any) -> list[Mark]:
        return [
            box(look(row, column), place(row, column), (1, 1), pieces)
            for row, values in enumerate(matrix)
            for column, pieces in enumerate(values)
        ]

    def look(mine: bool, now: bool) -> str:
        return "big" if step == 0 or not mine else "third on big" if now else "main on big"

    def place_c(row: int, column: int) -> tuple[float, float]:
        return right + column, m - 1 - row

    bands = [
        _band(0, m - 1 - i, right + j + 1, 1),
        _band(right + j, m - 1 - i, 1, GAP + n + i + 1),
    ]
    c = [[shown(row, column) for column in range(p)] for row in range(m)]
    middle = (n / 2, top + n / 2)
    width, height = n + GAP + p + 2 * EDGE, m + GAP + n + 2 * EDGE
    marks = [
        *(bands if step else []),
        *own(
            [[[v] for v in row] for row in a.tolist()],
            lambda row, column: (column, m - 1 - row),
            lambda row, column: look(row == i, column == k),
        ),
        *own(
            [[[v] for v in row] for row in b.tolist()],
            lambda row, column: (right + column, top + n - 1 - row),
            lambda row, column: look(column == j, row == k),
        ),
        *own(c, place_c, lambda row, column: look(row == i and column == j, False)),
        text(middle, ["A: ", m, "×", n], "main big", shift=(0, -22)),
        text(middle, ["B: ", n, "×", p], "main big"),
        text(middle, ["AB: ", m, "×", p], "main big", shift=(0, 22)),
    ]
    buttons = [
        button(
            place_c(row, column),
            (1, 1),
            {"step": (row * p + column + 1) * n},
            ["c", sub(row + 1), sub(column + 1)],
        )
        for row in range(m)
        for column in range(p)
    ]
    seen = plot(
        (-EDGE, width - EDGE),
        (-EDGE, height - EDGE),
        marks,
        ratio=height / width,
        bare=True,
        buttons=buttons,
    )
    if step == 0:
        return scene(word("say.start", m=m, n=n, p=p), [seen])
    left, up = float(a[i, k]), float(b[k, j])
    term = word("say.term", i=i + 1, j=j + 1, a=left, b=up, product=left * up, sum=so_far)
    terms = [
        [" + " if at else "", factor(x) if at else x, " × ", factor(y)]
        for at, (x, y) in enumerate(
            zip(a[i, : k + 1].tolist(), b[: k + 1, j].tolist(), strict=True)
        )
    ]
    more = " + …" if k + 1 < n else ""
    row = ["c", sub(i + 1), sub(j + 1), " = ", terms, more, " = ", so_far, more]
    return scene(term, [seen], [row])


def _band(x: float, y: float, width: float, height: float) -> Mark:
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return area("main", corners)
