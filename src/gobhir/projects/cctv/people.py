"""Who is there, and what they have done in the last seconds: what the rules look at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gobhir.projects.cctv.zones import Point, foot

MEMORY = 12.0
"""Seconds that are remembered of everybody."""


class Tracked(Protocol):
    """What a tracker gives for one person. box: (4,), x1, y1, x2, y2 in pixels."""

    @property
    def id(self) -> int: ...
    @property
    def box(self) -> np.ndarray: ...
    @property
    def score(self) -> float: ...


@dataclass
class Person:
    """Somebody who is followed. path: (second, box) of the last seconds, the newest at the end;
    shape: of the frame."""

    id: int
    shape: tuple[int, ...]
    since: float
    path: deque[tuple[float, np.ndarray]] = field(default_factory=deque)
    score: float = 0.0

    @property
    def box(self) -> np.ndarray:
        return self.path[-1][1]

    @property
    def seen(self) -> float:
        """The second in which the person was seen last."""
        return self.path[-1][0]

    @property
    def foot(self) -> Point:
        """Where the person stands, in shares of the frame."""
        return foot(self.box, self.shape)

    def boxes(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """The last so many seconds: times (n,), boxes (n, 4)."""
        known = [(at, box) for at, box in self.path if at >= self.seen - seconds]
        return np.array([at for at, _ in known]), np.array([box for _, box in known])

    def feet(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Times (n,) and where the person stood in pixels (n, 2)."""
        times, boxes = self.boxes(seconds)
        return times, np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], 1)

    def pace(self, seconds: float) -> np.ndarray:
        """How fast and where to: body heights a second (2,), by a straight line through the last
        seconds. Zeros as long as nothing is known."""
        times, feet = self.feet(seconds)
        if len(times) < 3 or times[-1] - times[0] < seconds / 2:
            return np.zeros(2)
        times = times - times.mean()
        slope = (times[:, None] * (feet - feet.mean(0))).sum(0) / (times**2).sum()
        _, boxes = self.boxes(seconds)
        return slope / max(float(np.median(boxes[:, 3] - boxes[:, 1])), 1.0)


@dataclass
class Scene:
    """One moment of one camera. here: who is seen just now. moving: boxes (n, 4) of what moves.
    rgb: the frame."""

    seconds: float
    here: list[Person]
    shape: tuple[int, ...]
    rgb: np.ndarray | None = None
    moving: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))


class People:
    """Everybody of the last seconds, by number."""

    def __init__(self) -> None:
        self._known: dict[int, Person] = {}

    def see(
        self, seconds: float, tracks: Iterable[Tracked], shape: tuple[int, ...]
    ) -> list[Person]:
        """Add what the tracker gives; gives those who are seen just now."""
        here = []
        for track in tracks:
            person = self._known.get(track.id)
            if person is None:
                person = self._known[track.id] = Person(track.id, shape, seconds)
            person.path.append((seconds, np.asarray(track.box, np.float32)))
            person.score = float(track.score)
            while person.path[0][0] < seconds - MEMORY:
                person.path.popleft()
            here.append(person)
        gone = [p.id for p in self._known.values() if p.seen < seconds - MEMORY]
        for one in gone:
            del self._known[one]
        return here
