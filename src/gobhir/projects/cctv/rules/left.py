"""A rule about things: something was left, and nobody is near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import cv2
import numpy as np

from gobhir.projects.cctv.people import Scene
from gobhir.projects.cctv.rules.base import Finding, Rule
from gobhir.projects.settings import setting

EVERY = 0.5
"""Seconds between two looks: nothing here is in a hurry."""


@dataclass
class _Thing:
    """Something that stands where nothing stood. box: in pixels of the small picture."""

    box: np.ndarray
    since: float
    seen: float
    alone: float


@dataclass
class AbandonedObject(Rule):
    """Something that was not there before stays for `limit` seconds, and for as long nobody has
    been nearer than `near` of its own size.

    It compares the scene with what it looked like long ago (half forgotten after `memory` seconds):
    what differs from it, and does not from what was there a moment ago, stands still.
    """

    kind: ClassVar[str] = "abandoned"

    zone: str = setting("", "cctv.rule.zone")
    limit: float = setting(30.0, "cctv.rule.limit", low=1, high=86400)
    near: float = setting(2.0, "cctv.rule.near", low=0, high=100)
    share: float = setting(0.0005, "cctv.rule.share", low=0.00001, high=1)
    memory: float = setting(600.0, "cctv.rule.memory", low=10, high=86400)

    _things: list[_Thing] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self._old: np.ndarray | None = None
        self._now: np.ndarray | None = None
        self._last = -np.inf

    def look(self, scene: Scene) -> Iterator[Finding]:
        if scene.rgb is None or scene.seconds - self._last < EVERY:
            return
        still, scale = self._still(scene)
        self._follow(still, scene, scale)
        for thing in self._things:
            stay = min(scene.seconds - thing.since, scene.seconds - thing.alone)
            if stay >= self.limit and thing.seen == scene.seconds:
                known = {"seconds": round(stay), "limit": round(self.limit)}
                said = self.said("abandoned", **known)
                box = thing.box / np.float32(scale)
                yield Finding(self.kind, self.place(), None, said, box)

    def _still(self, scene: Scene) -> tuple[np.ndarray, float]:
        """Boxes of what is new and does not move, in the small picture; and its scale."""
        assert scene.rgb is not None
        height, width = scene.shape[:2]
        scale = min(1.0, 240 / width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(scene.rgb, size, interpolation=cv2.INTER_AREA)
        now = cv2.GaussianBlur(small, (5, 5), 0).astype(np.float32)
        if self._old is None or self._now is None:
            self._old, self._now, self._last = now, now.copy(), scene.seconds
            return np.zeros((0, 4), np.float32), scale
        passed, self._last = scene.seconds - self._last, scene.seconds
        differs = _difference(now, self._old) > 25
        rests = _difference(now, self._now) < 12
        self._now += (now - self._now) * min(1.0, passed / 1.0)
        # what people cover teaches nothing about the empty scene
        free = np.ones(now.shape[:2], np.float32)
        for person in scene.here:
            x1, y1, x2, y2 = (person.box * scale).round().astype(int)
            free[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 0
        self._old += (now - self._old) * min(1.0, passed / self.memory) * free[..., None]
        new = (differs & rests & (free > 0)).astype(np.uint8)
        mask = np.asarray(cv2.morphologyEx(new, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        least = self.share * mask.size
        found = [stats[i, :4] for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= least]
        if not found:
            return np.zeros((0, 4), np.float32), scale
        x, y, w, h = np.array(found, np.float32).T
        boxes = np.stack([x, y, x + w, y + h], 1)
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2 / size[0], boxes[:, 3] / size[1]], 1)
        return boxes[[self._zone.holds((float(x), float(y))) for x, y in feet]], scale

    def _follow(self, boxes: np.ndarray, scene: Scene, scale: float) -> None:
        """The same things as before, by where they are; those hidden for 5 s are gone."""
        seconds = scene.seconds
        people = np.array([p.box for p in scene.here], np.float32).reshape(-1, 4) * scale
        for box in boxes:
            middle = (box[:2] + box[2:]) / 2
            size = float((box[2:] - box[:2]).max())
            known = [
                t for t in self._things if np.abs((t.box[:2] + t.box[2:]) / 2 - middle).max() < size
            ]
            if known:
                thing = known[0]
                thing.box, thing.seen = box, seconds
            else:
                thing = _Thing(box, seconds, seconds, seconds)
                self._things.append(thing)
            reach = np.array([-1, -1, 1, 1]) * (self.near * size)
            low = np.maximum((box + reach)[:2], people[:, :2])
            high = np.minimum((box + reach)[2:], people[:, 2:])
            if (high > low).all(1).any():
                thing.alone = seconds
        self._things = [t for t in self._things if seconds - t.seen <= 5.0]


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(h, w, 3), (h, w, 3) -> (h, w): in the colour in which it is largest."""
    red, green, blue = (np.abs(a[..., k] - b[..., k]) for k in range(3))
    return np.maximum(np.maximum(red, green), blue)
