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


@dataclass(frozen=True)
class Options:
    """What a tracker can be told; `gobhir project tracking train` finds what fits a camera.

    sure: from which score on a detection can be somebody by itself; unsure: from which on it can
    still be somebody who is known; start: from which on it can be somebody new. gate, second_gate,
    wide_gate: the largest cost (1 - IoU and what `momentum` adds) of a pair in steps 2, 3 and 4.
    buffer: how much boxes are widened in step 4. momentum: what it costs to turn back. apart: a
    new box that overlaps somebody's more than so is not somebody new. confirm: how often somebody
    has to be seen before they have a name; patience: after how many steps without being seen they
    are forgotten; coast: for how many of these steps their foretold place is still given out.
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
    patience: int = 20
    coast: int = 1
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
    """What is known of somebody beside the filter's state. id: 0 before they have a name."""

    box: np.ndarray
    score: float
    id: int = 0
    seen: int = 1
    age: int = 0
    lost: int = 0


class Tracker:
    """Follows people: `update` once for each frame, in order."""

    def __init__(self, options: Options | None = None):
        self.options = options or Options()
        self.people: list[_Person] = []
        self.state = kalman.begin(np.empty((0, 4)), self.options.motion)
        self.names = 0
        self.frames = 0

    def update(self, detections: Detections, steps: int = 1) -> list[Track]:
        """Who is where in this frame. steps: 1, and more where frames were dropped before it."""
        own = self.options
        self.frames += 1
        self.state = kalman.predict(self.state, own.motion, steps)
        for person in self.people:
            person.age += steps
            person.lost += steps
        scores = np.asarray(detections.scores)
        sure = np.flatnonzero(scores >= own.sure)
        unsure = np.flatnonzero((scores >= own.unsure) & (scores < own.sure))
        boxes = np.asarray(detections.boxes, float).reshape(-1, 4)

        everybody = np.arange(len(self.people))
        free, sure = self._pair(everybody, sure, boxes, scores, own.gate)
        lately = np.array([i for i in free if self.people[i].lost <= steps], int)
        left, _ = self._pair(lately, unsure, boxes, scores, own.second_gate)
        free = np.array([i for i in free if self.people[i].lost], int)
        free, sure = self._pair(free, sure, boxes, scores, own.wide_gate, own.buffer)
        self._begin(sure, boxes, scores)
        self._forget()
        return self._tracks()

    def _pair(
        self,
        people: np.ndarray,
        which: np.ndarray,
        boxes: np.ndarray,
        scores: np.ndarray,
        gate: float,
        buffer: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Match these people with these detections, and take in what was seen. Gives the people and
        the detections that are left."""
        if not len(people) or not len(which):
            return people, which
        found = boxes[which]
        cost = overlap(self.state[people].boxes, found, buffer)
        if self.options.momentum:
            heading = self.state.mean[people, :2, 1]
            last = np.array([self.people[i].box for i in people])
            cost = cost + self.options.momentum * turn(heading, last, found)
        pairs = match(cost, gate)
        rows, columns = people[pairs.rows], which[pairs.columns]
        new = kalman.update(self.state[rows], boxes[columns], self.options.motion)
        self.state.mean[rows], self.state.covariance[rows] = new.mean, new.covariance
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            person = self.people[i]
            person.box, person.score = boxes[j], float(scores[j])
            person.seen += 1
            person.lost = 0
        return people[pairs.free_rows], which[pairs.free_columns]

    def _begin(self, which: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> None:
        """Somebody new for each of these detections that is sure enough, and stands apart."""
        which = which[scores[which] >= self.options.start]
        seen = [i for i, person in enumerate(self.people) if not person.lost]
        if seen and len(which):
            near = overlap(boxes[which], self.state[np.array(seen)].boxes)
            which = which[(near > 1 - self.options.apart).all(1)]
        new = kalman.begin(boxes[which], self.options.motion)
        self.people += [_Person(boxes[j], float(scores[j])) for j in which]
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
