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
    """Everybody of the last seconds, by number.

    A tracker that loses somebody behind a lamp post gives them a new number afterwards. Whoever
    appears within `gone` seconds and `near` body heights of where somebody who was lost should be
    by now, and is about as tall, is taken for them and keeps the first number.
    """

    def __init__(self, gone: float = 3.0, near: float = 0.75) -> None:
        self.gone = gone
        self.near = near
        self._known: dict[int, Person] = {}
        self._called: dict[int, int] = {}

    def see(
        self, seconds: float, tracks: Iterable[Tracked], shape: tuple[int, ...]
    ) -> list[Person]:
        """Add what the tracker gives; gives those who are seen just now."""
        tracks = list(tracks)
        present = {self._called.get(track.id) for track in tracks}
        here = []
        for track in tracks:
            box = np.asarray(track.box, np.float32)
            if track.id not in self._called:
                person = self._lost(seconds, box, present) or Person(track.id, shape, seconds)
                self._called[track.id] = person.id
                present.add(person.id)
                self._known[person.id] = person
            person = self._known.setdefault(
                self._called[track.id], Person(self._called[track.id], shape, seconds)
            )
            person.path.append((seconds, box))
            person.score = float(track.score)
            while person.path[0][0] < seconds - MEMORY:
                person.path.popleft()
            here.append(person)
        self._forget(seconds)
        return here

    def _lost(self, seconds: float, box: np.ndarray, present: set[int | None]) -> Person | None:
        """Who is nearest of those that were lost, and should be here by now."""
        tall = float(box[3] - box[1])
        found: list[tuple[float, Person]] = []
        for person in self._known.values():
            away = seconds - person.seen
            if person.id in present or away > self.gone:
                continue
            high = float(person.box[3] - person.box[1])
            moved = np.array([(box[0] + box[2]) / 2, box[3]]) - person.feet(0)[1][-1]
            apart = float(np.hypot(*(moved / max(high, 1.0) - person.pace(1.0) * away)))
            if apart <= self.near and 0.7 < (tall + 1) / (high + 1) < 1.4:
                found.append((apart, person))
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def _forget(self, seconds: float) -> None:
        gone = {p.id for p in self._known.values() if p.seen < seconds - MEMORY}
        if gone:
            self._known = {i: p for i, p in self._known.items() if i not in gone}
            self._called = {t: i for t, i in self._called.items() if i not in gone}
