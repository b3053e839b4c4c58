"""Rules that ask a network about the last frames: a fight, something unusual for this camera.

The network is not ours: a scorer, which a project of its own has trained, says of some frames in a
row how sure it is, from 0 to 1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gobhir.lang import say
from gobhir.projects.cctv.people import Scene
from gobhir.projects.cctv.rules.base import Finding, Rule
from gobhir.projects.cctv.zones import Presence
from gobhir.projects.settings import setting

Scorer = Callable[[np.ndarray], float]
"""Frames (n, height, width, 3) of the zone, the newest last, evenly spaced in time: from 0 to 1."""


def _fight(path: str) -> Scorer:
    from gobhir.projects.video.scorer import fight

    return fight(path)


def _unusual(path: str) -> Scorer:
    from gobhir.projects.anomaly.scorer import open_scorer

    return open_scorer(path)


OPENERS: dict[str, Callable[[str], Scorer]] = {"fight": _fight, "unusual": _unusual}
"""By kind of rule: what opens a scorer's file, imported when it is asked for."""


@dataclass
class Scored(Rule):
    """frames: how many the scorer wants; span: over how many seconds; every: seconds between two
    questions; limit: from which score on it counts, when the mean of the last `mean` has it."""

    zone: str = setting("", "cctv.rule.zone")
    model: str = setting("", "cctv.rule.model")
    limit: float = setting(0.8, "cctv.rule.score", low=0, high=1)
    frames: int = setting(16, "cctv.rule.frames", low=1, high=256)
    span: float = setting(2.0, "cctv.rule.span", low=0.05, high=60)
    every: float = setting(1.0, "cctv.rule.every", low=0.05, high=60)
    mean: int = setting(3, "cctv.rule.mean", low=1, high=100)
    after: float = setting(0.0, "cctv.rule.after", low=0, high=3600)

    def __post_init__(self) -> None:
        self._recent: deque[tuple[float, np.ndarray]] = deque()
        self._scores: deque[float] = deque(maxlen=self.mean)
        self._asked = -np.inf
        self._lasting = Presence(self.after, 2 * self.every)
        self._own: Scorer | None = None

    def use(self, scorer: Scorer) -> None:
        """Ask this one instead of the file `model`."""
        self._own = scorer

    def look(self, scene: Scene) -> Iterator[Finding]:
        if scene.rgb is None:
            return
        seconds, box = scene.seconds, self._box(scene.shape)
        x1, y1, x2, y2 = box.round().astype(int)
        last = self._recent[-1][0] if self._recent else -np.inf
        if seconds - last >= 0.999 * self.span / self.frames:
            self._recent.append((seconds, scene.rgb[y1:y2, x1:x2].copy()))
        while self._recent[0][0] < seconds - self.span:
            self._recent.popleft()
        if seconds - self._asked >= self.every and self._long_enough():
            self._asked = seconds
            self._scores.append(float(self._scorer()(self._clip())))
        score = float(np.mean(self._scores)) if len(self._scores) == self.mean else 0.0
        high = {0} if score >= self.limit else set()
        if high and self._lasting.look(seconds, high):
            said = self.said(self.kind, score=round(score, 2), limit=self.limit)
            yield Finding(self.kind, self.place(), None, said, box, score)

    def _long_enough(self) -> bool:
        times = [at for at, _ in self._recent]
        return len(times) >= min(self.frames, 2) and times[-1] - times[0] >= 0.7 * self.span

    def _clip(self) -> np.ndarray:
        """`frames` pictures at even distances in time: each the nearest that there is."""
        times = np.array([at for at, _ in self._recent])
        wanted = np.linspace(times[0], times[-1], self.frames)
        rows = np.abs(times[None] - wanted[:, None]).argmin(1)
        return np.stack([self._recent[row][1] for row in rows])

    def _box(self, shape: tuple[int, ...]) -> np.ndarray:
        """The zone's extent in pixels."""
        points = np.array(self._zone.points) * [shape[1], shape[0]]
        low, high = np.floor(points.min(0)), np.ceil(points.max(0))
        size = np.array([shape[1], shape[0]])
        low = np.minimum(low, size - 1)
        return np.concatenate([low, np.maximum(np.minimum(high, size), low + 1)])

    def _scorer(self) -> Scorer:
        if self._own is None:
            opener = OPENERS.get(self.kind)
            if opener is None or not self.model:
                raise ValueError(say("cctv.config.no_scorer", kind=self.kind))
            self._own = opener(self.model)
        return self._own


@dataclass
class Fight(Scored):
    """People fight. model: what projects/video has trained."""

    kind: ClassVar[str] = "fight"


@dataclass
class Unusual(Scored):
    """What happens is unusual for this camera. model: what projects/anomaly has learned from it, at
    5 frames a second; it smooths its scores itself. limit: 0.8 gives the false alarms an hour that
    were wished for in training, 0.95 a fifth of them."""

    kind: ClassVar[str] = "unusual"

    frames: int = setting(11, "cctv.rule.frames", low=1, high=256)
    mean: int = setting(1, "cctv.rule.mean", low=1, high=100)
