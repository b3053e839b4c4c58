"""What a picture says, as plain data: frontend/widgets/moving/scene.js, in Python.

A scene is one sentence, plots with their marks in the units of their axes, and rows of worked
numbers. Text is a list of pieces: a string as it stands, a number to be printed, or a word of the
catalogue. A mark's `look` names its colour (main, second ... eighth, soft, ink) and manner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import tensor

Pieces = Any
Scene = dict[str, Any]
Mark = dict[str, Any]
_SUB = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def word(key: str, /, **values: Any) -> dict[str, Any]:
    """A sentence of the picture's own words; {name} in it becomes values["name"]."""
    return {"word": key, "with": values}


def factor(value: float) -> list[Pieces]:
    """A number that follows a sign or a times: a negative one stands in brackets."""
    return ["(", value, ")"] if value < 0 else [value]


def sub(n: int) -> str:
    """12 as ₁₂."""
    return str(n).translate(_SUB)


def scene(say: Pieces, plots: Sequence[Any], rows: Sequence[Pieces] = ()) -> Scene:
    return {"say": say, "plots": list(plots), "rows": list(rows)}


def plot(
    x: Sequence[float],
    y: Sequence[float],
    marks: Iterable[Mark],
    *,
    ratio: float = 0.62,
    across: Pieces = (),
    up: Pieces = (),
    bare: bool = False,
    handles: Sequence[Any] = (),
    buttons: Sequence[Any] = (),
) -> dict[str, Any]:
    """x, y: (lowest, highest) of the axes; ratio: height by width; bare: without axes."""
    return {
        **{"x": list(x), "y": list(y), "ratio": ratio, "bare": bare, "marks": list(marks)},
        **{"across": across, "up": up, "handles": list(handles), "buttons": list(buttons)},
    }


def line(look: str, points: Any) -> Mark:
    return {"mark": "line", "look": look, "points": _pairs(points)}


def area(look: str, points: Any) -> Mark:
    return {"mark": "area", "look": look, "points": _pairs(points)}


def dots(look: str, points: Any, size: float = 5) -> Mark:
    """size: radius in pixels."""
    return {"mark": "dots", "look": look, "points": _pairs(points), "size": size}


def arrow(look: str, start: Any, end: Any) -> Mark:
    return {"mark": "arrow", "look": look, "points": _pairs([start, end])}


def text(
    at: Any, pieces: Pieces, look: str = "", side: str = "middle", shift: Sequence[float] = (0, 0)
) -> Mark:
    """shift: pixels to the right and down."""
    mark = {"mark": "text", "look": look, "points": _pairs([at]), "text": pieces}
    return {**mark, "side": side, "shift": list(shift)}


def box(look: str, at: Sequence[float], size: Sequence[float], pieces: Pieces) -> Mark:
    """A box with its lower left corner at `at`, and its text in the middle."""
    (x, y), (width, height) = at, size
    points = _pairs([(x, y), (x + width, y + height)])
    return {"mark": "box", "look": look, "points": points, "text": pieces}


def graph(
    look: str, ends: Sequence[float], f: Callable[[np.ndarray], Any], count: int = 120
) -> Mark:
    """The curve of f, which takes all places at once, between the two ends."""
    x = along(ends, count)
    return line(look, np.stack([x, np.broadcast_to(np.asarray(f(x), float), x.shape)], axis=1))


def along(ends: Sequence[float], count: int) -> np.ndarray:
    low, high = ends
    return low + (high - low) * np.arange(count + 1) / count


def handle(at: Any, across: str | None, up: str | None) -> dict[str, Any]:
    """What can be taken hold of: moving it sets the knobs of its two directions."""
    return {"at": _pairs([at])[0], "knobs": [across, up]}


def button(
    at: Sequence[float], size: Sequence[float], put: dict[str, Any], label: Pieces
) -> dict[str, Any]:
    """A place to touch that sets knobs."""
    (x, y), (width, height) = at, size
    return {"box": _pairs([(x, y), (x + width, y + height)]), "set": put, "label": label}


def values_and_slopes(f: Callable[[Tensor], Tensor], x: Any) -> tuple[np.ndarray, np.ndarray]:
    """f(x) and df/dx of an elementwise f, in float64, the slope by the engine's backward."""
    at = tensor(np.array(x, float), requires_grad=True)
    y = f(at)
    y.sum().backward()
    assert at.grad is not None
    return y.detach().numpy(), at.grad.numpy()


def _pairs(points: Any) -> list[list[float]]:
    return np.asarray(points, float).reshape(-1, 2).tolist()
