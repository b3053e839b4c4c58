"""What happens to a frame: what moves, who is there, what the rules say, what is kept of it.

    source -> motion -> detector -> tracker -> rules -> events -> clip, store

One Watch is one camera. It asks no clock: a frame brings its time with it.
"""

from __future__ import annotations

import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from gobhir.lang import Message, say
from gobhir.projects.cctv.blur import without_faces
from gobhir.projects.cctv.clips import Recorder
from gobhir.projects.cctv.config import Camera, System
from gobhir.projects.cctv.events import Change, Event, Events
from gobhir.projects.cctv.journal import Journal
from gobhir.projects.cctv.look import Look
from gobhir.projects.cctv.motion import Motion
from gobhir.projects.cctv.people import People, Person, Scene, Tracked
from gobhir.projects.cctv.ring import Ring, jpeg
from gobhir.projects.cctv.source import Frame
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.tracking.looks import looks

STEP = 0.1
"""Seconds that the tracker counts as one step, however many frames a camera sends."""
THUMB = 480
"""Width of a thumbnail in pixels."""


class Follower(Protocol):
    """A tracker (projects/tracking/tracker.py)."""

    def update(
        self, detections: Detections, steps: int = 1, looks: np.ndarray | None = None
    ) -> list[Any]: ...


@dataclass
class Watch:
    """One camera, frame by frame. journal: where events go; None: nowhere, and no clips."""

    camera: Camera
    system: System
    look: Look
    tracker: Follower
    folder: Path | None = None
    journal: Journal | None = None
    on_look: Callable[[float, Detections, list[Tracked]], None] | None = None
    """Told of every look: the second, what was detected, who is followed."""
    here: list[Person] = field(default_factory=list)
    trouble: Message | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.looking = self.system.looking(self.camera)
        clips = self.system.clips
        self.motion = Motion()
        self.moving = np.zeros((0, 4), np.float32)
        self.people = People()
        self.events = Events(self.camera.quiet)
        self.ring = Ring(clips.before, clips.fps, clips.width, clips.megabytes * 1_000_000)
        self.recorder = Recorder(clips.after, clips.longest, clips.fps, clips.blur)
        self.rules = [rule for rule in self.camera.rules if rule.on]
        zones = {zone.name: zone for zone in self.camera.zones}
        lines = {line.name: line for line in self.camera.lines}
        for rule in self.rules:
            rule.prepare(zones, lines)
        self._moved: deque[tuple[float, np.ndarray]] = deque()
        self._looked = -np.inf
        self._swept = -np.inf

    def step(self, frame: Frame) -> list[Change]:
        """One frame; gives the events that opened or closed with it."""
        rgb, seconds = frame.rgb, frame.seconds
        self.counts["frames"] += 1
        moving = self.moving = self.motion.look(rgb, seconds)
        if len(moving):
            self._moved.append((seconds, moving))
        while self._moved and self._moved[0][0] < seconds - self.looking.hold:
            self._moved.popleft()
        changes: list[Change] = []
        if seconds - self._looked >= 0.999 / self.looking.fps:
            self._see(rgb, seconds)
            scene = Scene(seconds, self.here, rgb.shape, rgb, moving)
            findings = [found for rule in self.rules for found in rule.look(scene)]
            changes = self.events.step(seconds, frame.wall, findings)
        self._keep(frame, changes)
        return changes

    def idle(self, seconds: float) -> None:
        """No frame came: what waits to be written is tried again."""
        if self.journal is not None:
            self.journal.flush()
            self._finished(self._recorded(lambda: self.recorder.step(seconds, None, [])))

    def close(self) -> list[Change]:
        """The camera ends: so do its events and its clip."""
        changes = self.events.close()
        if self.journal is not None:
            for change in changes:
                self.journal.changed(change.event, closed=True)
            self._finished(self._recorded(self.recorder.close))
        return changes

    # -- who is there ----------------------------------------------------------------------------

    def _see(self, rgb: np.ndarray, seconds: float) -> None:
        passed = seconds - self._looked
        self._looked = seconds
        if seconds - self._swept >= self.looking.sweep:
            self._swept = seconds
            found = self.look.everywhere(rgb)
            self.counts["sweeps"] += 1
        else:
            boxes = [moving for _, moving in self._moved]
            boxes += [person.box[None] for person in self.here]
            regions = np.concatenate(boxes) if boxes else np.zeros((0, 4), np.float32)
            found = self.look.at(rgb, regions)
            self.counts["looks"] += bool(boxes)
        steps = max(1, round(passed / STEP)) if np.isfinite(passed) else 1
        tracks = self.tracker.update(found, steps, looks(rgb, found.boxes))
        self.here = self.people.see(seconds, tracks, rgb.shape)
        if self.on_look is not None:
            self.on_look(seconds, found, tracks)

    # -- what is kept ----------------------------------------------------------------------------

    def _keep(self, frame: Frame, changes: list[Change]) -> None:
        if self.journal is None or self.folder is None:
            return
        boxes = np.array([p.box for p in self.here], np.float32).reshape(-1, 4)
        still = self.ring.put(frame.seconds, frame.rgb, boxes, tuple(p.id for p in self.here))
        for change in changes:
            event = change.event
            if change.what == "opened":
                self._begin(frame, event, boxes)
                self.journal.opened(event)
            else:
                self.journal.changed(event, closed=True)
        seconds, lasting = frame.seconds, self.events.open
        self._finished(self._recorded(lambda: self.recorder.step(seconds, still, lasting)))
        self.journal.flush()

    def _begin(self, frame: Frame, event: Event, boxes: np.ndarray) -> None:
        """A thumbnail and a clip for a new event."""
        assert self.folder is not None
        moment = datetime.fromtimestamp(frame.wall, UTC)
        place = Path("clips", self.camera.name, f"{moment:%Y-%m-%d}")
        name = f"{moment:%H%M%S}-{uuid.uuid4().hex[:8]}"
        clip = self.recorder.begin(event, self.ring.stills, self.folder / place / f"{name}.mp4")
        event.recording = clip.relative_to(self.folder).as_posix()
        picture = without_faces(frame.rgb, boxes) if self.system.clips.blur else frame.rgb
        thumb = place / f"{name}.jpg"
        try:
            (self.folder / place).mkdir(parents=True, exist_ok=True)
            (self.folder / thumb).write_bytes(thumbnail(picture, event.box))
            event.thumb = thumb.as_posix()
        except OSError as error:
            self.trouble = _reason(error)

    def _recorded(self, action: Callable[[], list[Event]]) -> list[Event]:
        try:
            return action()
        except OSError as error:  # disk full, say: the event stays, without its clip
            self.trouble = _reason(error)
            self.recorder.drop()
            return []

    def _finished(self, events: list[Event]) -> None:
        for event in events:
            event.clip, event.recording = event.recording, ""
            if self.journal is not None:
                self.journal.changed(event, closed=event not in self.events.open)
            self.trouble = None


def thumbnail(rgb: np.ndarray, box: np.ndarray) -> bytes:
    """A small JPEG with a frame around what it is about."""
    scale = min(1.0, THUMB / rgb.shape[1])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    x1, y1, x2, y2 = (round(float(v) * scale) for v in box)
    cv2.rectangle(small, (x1, y1), (x2, y2), (255, 60, 60), 2)
    return jpeg(small)


def _reason(error: OSError) -> Message:
    known = error.args[0] if error.args and isinstance(error.args[0], Message) else None
    return known or say("cctv.store.full", reason=error.strerror or str(error))
