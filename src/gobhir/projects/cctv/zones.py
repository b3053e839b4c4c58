"""Zones and lines, in shares of the frame: (0, 0) is its upper left corner, (1, 1) the lower right.

A person stands where the middle of the lower edge of the box is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

Point = tuple[float, float]


def foot(box: np.ndarray, shape: tuple[int, ...]) -> Point:
    """Where a box x1, y1, x2, y2 (pixels) stands in a frame (height, width, ...)."""
    height, width = shape[:2]
    return float((box[0] + box[2]) / 2 / width), float(min(box[3] / height, 1.0))


@dataclass(frozen=True)
class Zone:
    """A polygon of at least three corners."""

    name: str
    points: tuple[Point, ...]

    @property
    def hull(self) -> float:
        """What a band around its corners encloses, as a share of the frame."""
        return float(cv2.contourArea(cv2.convexHull(np.array(self.points, np.float32))))

    def holds(self, point: Point) -> bool:
        """Whether the point lies inside or on the edge: even-odd rule, as the page draws it."""
        inside = False
        x, y = point
        for (x1, y1), (x2, y2) in zip(self.points, self.points[1:] + self.points[:1], strict=True):
            if _on(point, (x1, y1), (x2, y2)):
                return True
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside

    def distance(self, point: Point, shape: tuple[int, ...]) -> float:
        """How many pixels from its edge, in a frame (height, width, ...)."""
        size = np.array([shape[1], shape[0]])
        corners, at = np.array(self.points) * size, np.array(point) * size
        sides = np.roll(corners, -1, 0) - corners
        length = np.maximum((sides**2).sum(1), 1e-9)
        along = np.clip(((at - corners) * sides).sum(1) / length, 0, 1)
        return float(np.hypot(*(corners + along[:, None] * sides - at).T).min())


EVERYWHERE = Zone("everywhere", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))


@dataclass(frozen=True)
class Line:
    """From a to b. Who crosses it from its left side to its right, seen from a to b, goes `in`."""

    name: str
    points: tuple[Point, Point]

    def side(self, point: Point) -> float:
        """How far from the line, in shares of the frame: above 0 on the right, seen from a to b."""
        (x1, y1), (x2, y2) = self.points
        length = float(np.hypot(x2 - x1, y2 - y1))
        return ((x2 - x1) * (point[1] - y1) - (y2 - y1) * (point[0] - x1)) / length

    def crossed(self, before: Point, after: Point) -> str:
        """ "in", "out", or "" for a step that does not cross it between its ends."""
        s, e = self.side(before), self.side(after)
        if (s > 0) == (e > 0):
            return ""
        share = s / (s - e)
        at = np.array(before) + share * (np.array(after) - np.array(before))
        a, b = np.array(self.points[0]), np.array(self.points[1])
        along = float((at - a) @ (b - a) / ((b - a) @ (b - a)))
        if not 0 <= along <= 1:
            return ""
        return "out" if s > 0 else "in"


def _on(p: Point, a: Point, b: Point) -> bool:
    cross = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    inside = (p[0] - a[0]) * (p[0] - b[0]) + (p[1] - a[1]) * (p[1] - b[1])
    return abs(cross) < 1e-12 and inside <= 0


@dataclass
class Presence:
    """Who is in a zone, without flicker at its edge: in after `settle` seconds inside, out after
    `leave` seconds outside, or unseen."""

    settle: float = 0.4
    leave: float = 1.0
    _since: dict[int, float] = field(default_factory=dict)
    _last: dict[int, float] = field(default_factory=dict)

    def look(self, seconds: float, inside: set[int]) -> dict[int, float]:
        """inside: the numbers of those who stand inside just now. Gives who is in, and for how many
        seconds."""
        for one in inside:
            self._since.setdefault(one, seconds)
            self._last[one] = seconds
        for one in [o for o, last in self._last.items() if seconds - last > self.leave]:
            del self._since[one], self._last[one]
        stays = {one: self._last[one] - since for one, since in self._since.items()}
        return {one: stay for one, stay in stays.items() if stay >= self.settle}
