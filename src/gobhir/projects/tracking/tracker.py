"""The tracker: gives the detections of each new frame names that stay.

In each frame, one after the other (as in ByteTrack):

1. where should everybody be by now? (kalman.py)
2. sure detections go to whom they fit best (association.py);
3. unsure ones, half hidden people say, to those who were seen a moment ago and are still without;
4. sure detections that are left go to those who were lost some time ago, in a wider search;
5. those that are left even then are somebody new, known by name once they were seen a few times;
6. who was lost for too long is forgotten.

Source: Y. Zhang et al. (2022), ByteTrack, https://arxiv.org/abs/2110.06864
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gobhir.projects.detection.boxes import Detections
from gobhir.projects.tracking import kalman
from gobhir.projects.tracking.association import match, overlap, turn
from gobhir.projects.tracking.kalman import Motion, State
from gobhir.projects.tracking.looks import USUAL, unlike


@dataclass(frozen=True)
class Options:
    """What a tracker can be told; `gobhir project tracking train` finds what fits a camera.

    sure: from which score on a detection can be somebody by itself; unsure: from which on it can
    still be somebody who is known; start: from which on it can be somebody new. gate, second_gate,
    wide_gate: the largest cost (1 - IoU and what `momentum` adds) of a pair in steps 2, 3 and 4.
    buffer: how much boxes are widened in step 4. momentum: what it costs to turn back. apart: a
    new box that overlaps somebody's more than so is not somebody new. confirm: how often somebody
    has to be seen before they have a name; patience: after how many steps without being seen they
    are forgotten; coast: for how many of these steps their foretold place is still given out; fade:
    how much of their velocity is left after each of them, for people slow down. colour: what it
    costs to look unlike (looks.py), where the tracker is told what people look like; memory: how
    much of somebody's look stays when they are seen anew.
    """

    sure: float = 0.4
    unsure: float = 0.1
    start: float = 0.65
    gate: float = 0.8
    second_gate: float = 0.5
    wide_gate: float = 0.9
    buffer: float = 0.5
    momentum: float = 0.1
    apart: float = 0.35
    confirm: int = 3
    patience: int = 60
    coast: int = 1
    fade: float = 0.95
    colour: float = 2.0
    memory: float = 0.9
    motion: Motion = field(default_factory=Motion)


@dataclass(frozen=True)
class Track:
    """Somebody in one frame. id: from 1 on, never used twice; box: (4,) x1, y1, x2, y2 in pixels;
    score: of the last detection; age: steps since the first one; lost: steps since the last one, 0
    where they are seen now, else the box is foretold; velocity: (2,) pixels a step."""

    id: int
    box: np.ndarray
    score: float
    age: int
    lost: int
    velocity: np.ndarray


@dataclass
class _Person:
    """What is known of somebody beside the filter's state. look: (64,) shares of colours, None
    where nobody told; id: 0 before they have a name."""

    box: np.ndarray
    score: float
    look: np.ndarray | None
    id: int = 0
    seen: int = 1
    age: int = 0
    lost: int = 0


@dataclass(frozen=True)
class _Seen:
    """One frame's detections."""

    boxes: np.ndarray
    scores: np.ndarray
    looks: np.ndarray | None

    def person(self, j: int) -> _Person:
        look = None if self.looks is None else self.looks[j] ** 2
        return _Person(self.boxes[j], float(self.scores[j]), look)


class Tracker:
    """Follows people: `update` once for each frame, in order."""

    def __init__(self, options: Options | None = None):
        self.options = options or Options()
        self.people: list[_Person] = []
        self.state = kalman.begin(np.empty((0, 4)), self.options.motion)
        self.names = 0
        self.frames = 0

    def update(
        self, detections: Detections, steps: int = 1, looks: np.ndarray | None = None
    ) -> list[Track]:
        """Who is where in this frame. steps: 1, and more where frames were dropped before it.
        looks: (n, 64), what each detection looks like (looks.py); without it boxes alone decide."""
        own = self.options
        self.frames += 1
        self._foretell(steps)
        boxes = np.asarray(detections.boxes, float).reshape(-1, 4)
        seen = _Seen(boxes, np.asarray(detections.scores), looks)
        sure = np.flatnonzero(seen.scores >= own.sure)
        unsure = np.flatnonzero((seen.scores >= own.unsure) & (seen.scores < own.sure))

        free, sure = self._pair(np.arange(len(self.people)), sure, seen, own.gate)
        lately = np.array([i for i in free if self.people[i].lost <= steps], int)
        self._pair(lately, unsure, seen, own.second_gate)
        free = np.array([i for i in free if self.people[i].lost], int)
        free, sure = self._pair(free, sure, seen, own.wide_gate, own.buffer)
        self._begin(sure, seen)
        self._forget()
        return self._tracks()

    def _foretell(self, steps: int) -> None:
        """Move everybody on."""
        lost = np.array([person.lost > 0 for person in self.people], bool)
        self.state.mean[lost, :, 1] *= self.options.fade**steps
        self.state = kalman.predict(self.state, self.options.motion, steps)
        for person in self.people:
            person.age += steps
            person.lost += steps

    def _pair(
        self,
        people: np.ndarray,
        which: np.ndarray,
        seen: _Seen,
        gate: float,
        buffer: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Match these people with these detections, and take in what was seen. Gives the people and
        the detections that are left."""
        if not len(people) or not len(which):
            return people, which
        pairs = match(self._cost(people, which, seen, buffer), gate)
        rows, columns = people[pairs.rows], which[pairs.columns]
        new = kalman.update(self.state[rows], seen.boxes[columns], self.options.motion)
        self.state.mean[rows], self.state.covariance[rows] = new.mean, new.covariance
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            person, now = self.people[i], seen.person(j)
            person.box, person.score = now.box, now.score
            person.seen += 1
            person.lost = 0
            if now.look is not None and person.look is None:
                person.look = now.look
            elif (
                now.look is not None and person.look is not None and now.score >= self.options.sure
            ):
                person.look += (1 - self.options.memory) * (now.look - person.look)
        return people[pairs.free_rows], which[pairs.free_columns]

    def _cost(
        self, people: np.ndarray, which: np.ndarray, seen: _Seen, buffer: float
    ) -> np.ndarray:
        """What it costs that these people are these detections: (n, m)."""
        own, found = self.options, seen.boxes[which]
        known = [self.people[i] for i in people]
        heading, last = self.state.mean[people, :2, 1], np.array([one.box for one in known])
        cost = overlap(self.state[people].boxes, found, buffer)
        cost = cost + own.momentum * turn(heading, last, found)
        if seen.looks is not None:
            told = np.array([one.look is not None for one in known])
            shares = [one.look for one in known if one.look is not None]
            if shares:
                far = unlike(np.sqrt(np.array(shares)), seen.looks[which])
                cost[told] += own.colour * (far - USUAL)
        return cost

    def _begin(self, which: np.ndarray, seen: _Seen) -> None:
        """Somebody new for each of these detections that is sure enough, and stands apart."""
        which = which[seen.scores[which] >= self.options.start]
        here = [i for i, person in enumerate(self.people) if not person.lost]
        if here and len(which):
            near = overlap(seen.boxes[which], self.state[np.array(here)].boxes)
            which = which[(near > 1 - self.options.apart).all(1)]
        new = kalman.begin(seen.boxes[which], self.options.motion)
        self.people += [seen.person(j) for j in which.tolist()]
        self.state = State(
            np.concatenate([self.state.mean, new.mean]),
            np.concatenate([self.state.covariance, new.covariance]),
        )

    def _forget(self) -> None:
        """Take out who was lost for too long; who has no name yet, at once."""
        own = self.options
        kept = [
            i for i, one in enumerate(self.people) if one.lost <= (own.patience if one.id else 0)
        ]
        self.people = [self.people[i] for i in kept]
        self.state = self.state[np.array(kept, int)]

    def _tracks(self) -> list[Track]:
        """Everybody with a name who is seen, or was so a moment ago. In the very first frame all
        are named at once."""
        own, found = self.options, []
        boxes, speed = self.state.boxes, self.state.mean[:, :2, 1]
        for i, one in enumerate(self.people):
            if not one.id and (one.seen >= own.confirm or self.frames == 1):
                self.names += 1
                one.id = self.names
            if one.id and one.lost <= own.coast:
                found.append(Track(one.id, boxes[i], one.score, one.age, one.lost, speed[i].copy()))
        return found
