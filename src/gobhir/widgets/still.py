"""A scene standing still: its plots one below the other as a self-contained SVG, with the same
geometry as frontend/widgets/moving/draw.js."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from gobhir.lang import t
from gobhir.widgets.drawing import short
from gobhir.widgets.scene import Pieces, Scene

WIDTH = 420
ROW = 24
AXES = {"left": 42, "right": 14, "top": 28, "bottom": 40}
BARE = {"left": 6, "right": 6, "top": 6, "bottom": 6}
Speak = Callable[[Pieces], str]


def speaker(name: str, lang: str) -> Speak:
    """What turns pieces into text, in this language and with the words of this picture."""

    def speak(pieces: Pieces) -> str:
        if isinstance(pieces, str):
            return pieces
        if isinstance(pieces, dict):
            values = {key: speak(value) for key, value in pieces["with"].items()}
            return t(f"pictures.{name}.{pieces['word']}", lang, **values)
        if isinstance(pieces, (list, tuple)):
            return "".join(map(speak, pieces))
        return short(float(pieces))

    return speak


def still(scene: Scene, name: str, lang: str) -> str:
    """SVG text: title, plots, rows; what a screen reader says is the scene's sentence."""
    speak = speaker(name, lang)
    parts: list[str] = []
    top = 8.0
    for plot in scene["plots"]:
        drawn, height = draw(plot, WIDTH, speak)
        parts.append(f'<svg y="{_px(top)}"{drawn.removeprefix("<svg")}')
        top += height + 6
    for row in scene["rows"]:
        top += ROW
        said = escape(speak(row))
        parts.append(f'<text class="row start" x="14" y="{_px(top - ROW / 2)}">{said}</text>')
    top += 8
    style = (Path(__file__).parent / "marks.css").read_text(encoding="utf-8")
    title = escape(speak({"word": "name", "with": {}}))
    said = escape(speak(scene["say"]), {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gobhir-drawing" role="img" '
        f'viewBox="0 0 {WIDTH} {_px(top)}" lang="{lang}" aria-label="{title}: {said}" '
        f'style="width:100%;max-width:{WIDTH * 1.6:g}px;height:auto">'
        f"<title>{title}</title><desc>{said}</desc><style>{style}</style>"
        f'<rect width="{WIDTH}" height="{_px(top)}" rx="12" fill="#fff"/>{"".join(parts)}</svg>'
    )


class _Frame:
    """Where the plot's units lie on a drawing of this width."""

    def __init__(self, plot: dict[str, Any], width: float) -> None:
        edge = BARE if plot["bare"] else AXES
        self.left, self.top = edge["left"], edge["top"]
        self.w = width - edge["left"] - edge["right"]
        self.h = self.w * plot["ratio"]
        self.height = edge["top"] + self.h + edge["bottom"]
        self._x, self._y = plot["x"], plot["y"]

    def x(self, value: float) -> float:
        return self.w * (value - self._x[0]) / (self._x[1] - self._x[0])

    def y(self, value: float) -> float:
        return self.h * (self._y[1] - value) / (self._y[1] - self._y[0])

    def at(self, point: list[float]) -> tuple[float, float]:
        return self.x(point[0]), self.y(point[1])

    def holds(self, point: list[float]) -> bool:
        x, y = self.at(point)
        return -0.5 <= x <= self.w + 0.5 and -0.5 <= y <= self.h + 0.5


def draw(plot: dict[str, Any], width: float, speak: Speak) -> tuple[str, float]:
    """One plot as SVG text, and its height."""
    frame = _Frame(plot, width)
    marks = plot["marks"]
    clipped = "".join(_SHAPES[m["mark"]](m, frame, speak) for m in marks if m["mark"] in _SHAPES)
    above = "".join(_POINTS[m["mark"]](m, frame, speak) for m in marks if m["mark"] in _POINTS)
    left, top, w, h = _px(frame.left), _px(frame.top), _px(frame.w), _px(frame.h)
    whole = f'viewBox="0 0 {_px(width)} {_px(frame.height)}"'
    size = f'width="{_px(width)}" height="{_px(frame.height)}"'
    axes = "" if plot["bare"] else _axes(plot, frame, speak)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" {whole} {size}>{axes}'
        f'<svg x="{left}" y="{top}" width="{w}" height="{h}" overflow="hidden">{clipped}</svg>'
        f'<g transform="translate({left} {top})">{above}</g></svg>'
    ), frame.height


def _axes(plot: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    left, top, w, h = frame.left, frame.top, frame.w, frame.h
    size = f'width="{_px(w)}" height="{_px(h)}"'
    parts = [f'<rect class="ground" x="{_px(left)}" y="{_px(top)}" {size}/>']
    for at in ticks(plot["x"], w, 56):
        x, kind = _px(left + frame.x(at)), "zero" if at == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{x} {_px(top)}V{_px(top + h)}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{_px(top + h + 14)}">{short(at)}</text>')
    for at in ticks(plot["y"], h, 38):
        y, kind = _px(top + frame.y(at)), "zero" if at == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{_px(left)} {y}H{_px(left + w)}"/>')
        parts.append(f'<text class="tick end" x="{_px(left - 6)}" y="{y}">{short(at)}</text>')
    across, up = escape(speak(plot["across"])), escape(speak(plot["up"]))
    foot = f'x="{_px(left + w)}" y="{_px(top + h + 31)}"'
    parts.append(f'<text class="axis end" {foot}>{across}</text>')
    parts.append(f'<text class="axis start" x="{_px(left)}" y="{_px(top - 13)}">{up}</text>')
    return "".join(parts)


def ticks(ends: list[float], room: float, wish: float) -> list[float]:
    """Round numbers on an axis, `wish` pixels apart or a little more."""
    low, high = ends
    rough = (high - low) / max(2, math.floor(room / wish))
    power = 10.0 ** math.floor(math.log10(rough) + 1e-9)
    step = next(times for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9)) * power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]


# ---- marks ----


def _line(mark: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    return f'<path class="line {mark["look"]}" d="{_path(mark["points"], frame)}"/>'


def _area(mark: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    if not mark["points"]:
        return ""
    return f'<path class="area {mark["look"]}" d="{_path(mark["points"], frame)}Z"/>'


def _arrow(mark: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    (x1, y1), (x2, y2) = map(frame.at, mark["points"])
    length = math.hypot(x2 - x1, y2 - y1)
    if not 1 < length < 1e5:
        return ""
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    head = min(9, length)
    side = [
        f"L{_px(x2 - head * ux - turn * head * 0.45 * uy)} "
        f"{_px(y2 - head * uy + turn * head * 0.45 * ux)}"
        for turn in (1, -1)
    ]
    end = f"{_px(x2 - 0.7 * head * ux)} {_px(y2 - 0.7 * head * uy)}"
    return (
        f'<path class="line {mark["look"]}" d="M{_px(x1)} {_px(y1)}L{end}"/>'
        f'<path class="head {mark["look"]}" d="M{_px(x2)} {_px(y2)}{"".join(side)}Z"/>'
    )


def _box(mark: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    (left, bottom), (right, top) = map(frame.at, mark["points"])
    place = f'x="{_px(left)}" y="{_px(top)}"'
    size = f'width="{_px(right - left)}" height="{_px(bottom - top)}"'
    middle = f'x="{_px((left + right) / 2)}" y="{_px((top + bottom) / 2)}"'
    return (
        f'<rect class="box {mark["look"]}" {place} {size} rx="6"/>'
        f'<text class="{mark["look"]}" {middle}>{escape(speak(mark["text"]))}</text>'
    )


def _dots(mark: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    places = [frame.at(point) for point in mark["points"] if frame.holds(point)]
    look, size = mark["look"], mark["size"]
    return "".join(
        f'<circle class="dot {look}" cx="{_px(x)}" cy="{_px(y)}" r="{size:g}"/>' for x, y in places
    )


def _text(mark: dict[str, Any], frame: _Frame, speak: Speak) -> str:
    if not frame.holds(mark["points"][0]):
        return ""
    (x, y), (right, down) = frame.at(mark["points"][0]), mark["shift"]
    place = f'x="{_px(x + right)}" y="{_px(y + down)}"'
    said = escape(speak(mark["text"]))
    return f'<text class="{mark["side"]} {mark["look"]}" {place}>{said}</text>'


_SHAPES = {"line": _line, "area": _area, "arrow": _arrow, "box": _box}
"""These end where the plot ends."""
_POINTS = {"dots": _dots, "text": _text}
"""These are left out where they lie outside it."""


def _path(points: list[list[float]], frame: _Frame) -> str:
    pen, drawn = "M", ""
    for point in points:
        if not all(map(math.isfinite, point)):
            pen = "M"
            continue
        x, y = frame.at(point)
        drawn += f"{pen}{_px(_within(x))} {_px(_within(y))}"
        pen = "L"
    return drawn


def _within(place: float) -> float:
    return min(1e4, max(-1e4, place))


def _px(value: float) -> str:
    return f"{round(value, 1) or 0.0:g}" if abs(value) < 1e5 else f"{value:.1f}"
