"""The drawings of a page of results, as SVG inside it: they take the page's colours (dark and
light) and its letters, and are as wide as a phone.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from html import escape

import numpy as np

from gobhir.evaluation import Estimate, wilson
from gobhir.evaluation.calibration import Reliability

WIDE, HIGH = 340, 210
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 10, 34
ROOM = 44
"""Letters that stand beside one another in a drawing of models."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Line = tuple[str, Sequence[float], Sequence[float]]
"""A label, places from left to right, and heights."""


def curves(lines: Sequence[Line], along: str, alt: str, mark: float | None = None) -> str:
    """Lines over a common axis, such as training and validation; mark: a place that counts."""
    xs = np.concatenate([np.asarray(x, float) for _, x, _ in lines])
    ys = np.concatenate([np.asarray(y, float) for _, _, y in lines])
    whole = bool((xs == np.round(xs)).all())
    frame = _Frame(_ticks(xs, 6, tight=True, whole=whole), _ticks(ys, 5))
    parts = frame.axes(along)
    if mark is not None:
        at = frame.x(mark)
        parts.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{TOP}" y2="{HIGH - BOTTOM}"/>')
    for number, (_, places, heights) in enumerate(lines):
        there = [(a, b) for a, b in zip(places, heights, strict=True) if math.isfinite(b)]
        spots = " ".join(f"{frame.x(a)},{frame.y(b)}" for a, b in there)
        parts.append(f'<polyline class="line c{number}" points="{spots}"/>')
        if len(there) <= 20:
            parts += [_dot(frame.x(a), frame.y(b), 2.5, f"c{number}") for a, b in there]
    return _svg(parts, WIDE, HIGH, alt)


def reliability(found: Sequence[tuple[str, Reliability]], across: str, up: str, alt: str) -> str:
    """How sure against how often right; on the diagonal both are equal. The larger a dot, the more
    examples it stands for; the line through it is Wilson's interval."""
    frame = _Frame([0, 0.2, 0.4, 0.6, 0.8, 1], [0, 0.2, 0.4, 0.6, 0.8, 1], high=WIDE - 20)
    parts = frame.axes(across, up)
    ends = frame.x(0), frame.y(0), frame.x(1), frame.y(1)
    parts.append('<line class="mark" x1="{}" y1="{}" x2="{}" y2="{}"/>'.format(*ends))
    for number, (_, one) in enumerate(found):
        for sure, right, count in zip(one.sure, one.right, one.count, strict=True):
            x, likely = frame.x(sure), wilson(round(right * count), count)
            low, high = frame.y(likely.low or 0.0), frame.y(likely.high or 0.0)
            parts.append(
                f'<line class="whisker c{number}" x1="{x}" x2="{x}" y1="{low}" y2="{high}"/>'
            )
            radius = 2.5 + 7 * math.sqrt(count / sum(one.count))
            parts.append(_dot(x, frame.y(right), radius, f"c{number} big"))
    return _svg(parts, WIDE, WIDE - 20, alt)


def pairs(found: Sequence[Sequence[float]], across: str, up: str, alt: str) -> str:
    """Predicted (up) against true (across) numbers: on the diagonal both are equal."""
    both = np.asarray(found, float)
    ticks = _ticks(both.ravel(), 6)
    frame = _Frame(ticks, ticks, high=WIDE - 20)
    ends = frame.x(ticks[0]), frame.y(ticks[0]), frame.x(ticks[-1]), frame.y(ticks[-1])
    mark = '<line class="mark" x1="{}" y1="{}" x2="{}" y2="{}"/>'.format(*ends)
    dots = [_dot(frame.x(a), frame.y(b), 3, "c0 big") for a, b in both if np.isfinite(a + b)]
    return _svg([*frame.axes(across, up), mark, *dots], WIDE, WIDE - 20, alt)


def beside(rows: Sequence[tuple[str, str, Estimate, str]], alt: str, percent: bool = False) -> str:
    """Numbers of several models under one another, each with its interval: (name, kind, number, the
    number as it is written). kind: own, model or baseline. percent: the axis is in percent."""
    known = [r[2] for r in rows if math.isfinite(r[2].value)]
    ends = [v for e in known for v in (e.value, e.low, e.high) if v is not None]
    ticks = _ticks(np.array(ends), 5)
    step = 40
    high = step * len(rows) + 26
    scale = (WIDE - 20) / (ticks[-1] - ticks[0])

    def x(v: float) -> float:
        return round(10 + (v - ticks[0]) * scale, 1)

    def at_tick(tick: float) -> str:
        return f"{tick * 100:.4g}%" if percent else _short(tick, ticks)

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="4" y2="{high - 22}"/>')
        edge = "start" if tick == ticks[0] else "end" if tick == ticks[-1] else "middle"
        parts.append(
            f'<text x="{x(tick)}" y="{high - 7}" text-anchor="{edge}">{at_tick(tick)}</text>'
        )
    for k, (name, kind, number, written) in enumerate(rows):
        y = 14 + k * step
        name = fitting(name, ROOM - len(written))
        parts.append(f'<text class="name {kind}" x="10" y="{y + 4}">{escape(name)}</text>')
        parts.append(
            f'<text class="name {kind}" x="{WIDE - 10}" y="{y + 4}" text-anchor="end">'
            f"{escape(written)}</text>"
        )
        if not math.isfinite(number.value):
            continue
        at = y + 16
        if number.low is not None and number.high is not None:
            low, top = x(number.low), x(number.high)
            parts.append(f'<line class="span {kind}" x1="{low}" x2="{top}" y1="{at}" y2="{at}"/>')
        parts.append(_dot(x(number.value), at, 4.5, kind))
    return _svg(parts, WIDE, high, alt)


class _Frame:
    """Where a value lies in the drawing, and its axes."""

    def __init__(self, across: list[float], up: list[float], high: int = HIGH):
        self.across, self.up, self.high = across, up, high

    def x(self, value: float) -> float:
        first, last = self.across[0], self.across[-1]
        return round(LEFT + (value - first) / (last - first) * (WIDE - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        first, last = self.up[0], self.up[-1]
        room = self.high - TOP - BOTTOM
        return round(self.high - BOTTOM - (value - first) / (last - first) * room, 1)

    def axes(self, across: str, up: str = "") -> list[str]:
        parts = []
        for tick in self.up:
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(
                f'<text x="{LEFT - 5}" y="{y + 4}" text-anchor="end">{_short(tick, self.up)}</text>'
            )
        for tick in self.across:
            said = _short(tick, self.across)
            at = f'x="{self.x(tick)}" y="{self.high - BOTTOM + 14}"'
            parts.append(f'<text {at} text-anchor="middle">{said}</text>')
        place = f'x="{WIDE - RIGHT}" y="{self.high - 3}" text-anchor="end"'
        parts.append(f'<text class="of" {place}>{escape(across)}</text>')
        if up:
            parts.append(f'<text class="of" x="{LEFT + 4}" y="{TOP + 8}">{escape(up)}</text>')
        return parts


def _ticks(values: np.ndarray, most: int, tight: bool = False, whole: bool = False) -> list[float]:
    """Round numbers that enclose the values; tight: the outer ones are the first and last value."""
    from matplotlib.ticker import MaxNLocator

    there = values[np.isfinite(values)]
    low, high = (there.min().item(), there.max().item()) if len(there) else (0.0, 1.0)
    if low == high:
        edge = abs(low) / 10 or 0.5
        low, high = low - edge, high + edge
    found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high)
    if tight:
        inner = [float(v) for v in found if low < v < high]
        return [low, *(v for v in inner if min(v - low, high - v) > (high - low) / 12), high]
    return [float(v) for v in found]


def _short(tick: float, ticks: Sequence[float]) -> str:
    """A tick as it is written: as many decimals as the ticks need, and powers of a thousand apart
    (46·10⁶)."""
    largest = max(map(abs, ticks))
    power = 0 if 1e-3 <= largest < 1e5 else 3 * math.floor(math.log10(largest) / 3)
    step = min(abs(b - a) for a, b in zip(ticks, ticks[1:], strict=False)) / 10**power
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step * 10**places, 6) != int(round(step * 10**places, 6)):
        places += 1
    text = f"{tick / 10**power:,.{places}f}".replace("-", "−")
    raised = f"·10{str(power).translate(RAISED)}" if power and tick else ""
    return text + raised


def fitting(text: str, room: int) -> str:
    """As many of the text's words as there is room for, in letters (vowel signs need none)."""

    def wide(words: list[str]) -> int:
        return sum(unicodedata.category(c)[0] != "M" for c in " ".join(words))

    words = text.split()
    if wide(words) <= room:
        return text
    while len(words) > 1 and wide(words) >= room:
        words.pop()
    return " ".join(words) + " …"


def _dot(x: float, y: float, radius: float, kind: str) -> str:
    return f'<circle class="dot {kind}" cx="{x}" cy="{y}" r="{radius:.1f}"/>'


def _svg(parts: list[str], wide: int, high: int, alt: str) -> str:
    head = f'<svg class="figure" viewBox="0 0 {wide} {high}" role="img" aria-label="{escape(alt)}">'
    return head + "".join(parts) + "</svg>"
