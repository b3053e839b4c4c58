"""How far to walk along a direction: far enough down, and to where the slope has become gentle.

Source: Nocedal and Wright, Numerical optimization (2006), algorithms 3.5 and 3.6 and equation
3.59, with the constants of PyTorch's L-BFGS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ENOUGH_DOWN = 1e-4
ENOUGH_GENTLE = 0.9


class Point(NamedTuple):
    """A place on the way: the step length t to there, the loss and its gradient there, and the
    slope along the direction."""

    t: Any
    loss: float
    gradient: np.ndarray
    slope: Any


def strong_wolfe(
    evaluate: Callable[[Any], tuple[float, np.ndarray]],
    start: Point,
    t: Any,
    direction: np.ndarray,
    most: int,
    tolerance: float = 1e-9,
) -> tuple[Point, int]:
    """A point that fulfils the strong Wolfe conditions, or the best one after `most` trials;
    with how often the loss was computed.

    evaluate: t -> loss and gradient at start + t * direction. t: the length to try first.
    """
    search = _Search(evaluate, start, direction, most)
    ends = search.bracket(t)
    return ends[0] if len(ends) == 1 else search.zoom(ends, tolerance), search.looked


class _Search:
    """One search along a direction; `looked` counts how often the loss was computed."""

    def __init__(self, evaluate: Any, start: Point, direction: np.ndarray, most: int):
        self.evaluate, self.start, self.direction, self.most = evaluate, start, direction, most
        self.looked = 0

    def at(self, t: Any) -> Point:
        self.looked += 1
        loss, gradient = self.evaluate(t)
        return Point(t, loss, gradient, gradient @ self.direction)

    def too_high(self, p: Point) -> bool:
        return p.loss > self.start.loss + ENOUGH_DOWN * p.t * self.start.slope

    def gentle(self, p: Point) -> bool:
        return abs(p.slope) <= -ENOUGH_GENTLE * self.start.slope

    def bracket(self, t: Any) -> list[Point]:
        """Algorithm 3.5: farther and farther, until a point is right (it alone is returned) or a
        right one lies between two."""
        before, now = self.start, self.at(t)
        while self.looked <= self.most:
            if self.too_high(now) or (self.looked > 2 and now.loss >= before.loss):
                return [before, now]
            if self.gentle(now):
                return [now]
            if now.slope >= 0:
                return [before, now]
            bounds = (now.t + 0.01 * (now.t - before.t), now.t * 10)
            before, now = now, self.at(cubic_minimum(before, now, bounds))
        return [self.start, now]

    def zoom(self, ends: list[Point], tolerance: float) -> Point:
        """Algorithm 3.6: the two ends drawn together; the lower one at last."""
        low = int(not ends[0].loss <= ends[1].loss)
        width = np.abs(self.direction).max()
        stuck = False
        while self.looked <= self.most and not abs(ends[1].t - ends[0].t) * width < tolerance:
            left, right = min(p.t for p in ends), max(p.t for p in ends)
            t = cubic_minimum(ends[0], ends[1], (left, right))
            # A second trial close to an end is moved away from it: else the ends might crawl.
            margin = 0.1 * (right - left)
            if min(right - t, t - left) >= margin:
                stuck = False
            elif stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
            new = self.at(t)
            if self.too_high(new) or new.loss >= ends[low].loss:
                ends[1 - low] = new
                low = int(not ends[0].loss <= ends[1].loss)
                continue
            done = self.gentle(new)
            if not done and new.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = new
            if done:
                break
        return ends[low]


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any]) -> Any:
    """Where the cubic through both points with their slopes is lowest, within bounds."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (bounds[0] + bounds[1]) / 2.0
    d2 = np.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, bounds[0]), bounds[1])
