"""From findings, which come anew in every moment, to events, which begin and end once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gobhir.lang import Message
from gobhir.projects.cctv.rules.base import Finding


@dataclass(eq=False)
class Event:
    """Something that happened. began, last: seconds of the camera; wall: when it began, since 1970.
    id: its row in the store, once it is kept there. thumb, recording, clip: files, seen from the
    system's folder: a picture, the clip in the making, and the same clip once it is finished."""

    kind: str
    place: str
    track: int | None
    sentence: Message
    box: np.ndarray
    score: float
    began: float
    last: float
    wall: float
    id: int | None = None
    thumb: str = ""
    recording: str = ""
    clip: str = ""

    @property
    def key(self) -> tuple[str, str, int | None, str]:
        return self.kind, self.place, self.track, self.sentence.key

    @property
    def lasted(self) -> float:
        """Seconds."""
        return self.last - self.began


@dataclass(frozen=True)
class Change:
    """An event has opened or closed."""

    what: Literal["opened", "closed"]
    event: Event


@dataclass
class Events:
    """At most one open event for each rule, zone and person (and way, over a line). quiet: seconds
    without a finding after which an event is over; what comes back earlier goes on with it."""

    quiet: float = 3.0
    open: list[Event] = field(default_factory=list)

    def step(self, seconds: float, wall: float, findings: Iterable[Finding]) -> list[Change]:
        changes = []
        for finding in findings:
            event = next((e for e in self.open if e.key == finding.key), None)
            if event is None:
                event = Event(
                    finding.kind,
                    finding.place,
                    finding.track,
                    finding.sentence,
                    finding.box,
                    finding.score,
                    seconds,
                    seconds,
                    wall,
                )
                self.open.append(event)
                changes.append(Change("opened", event))
            event.last, event.box, event.sentence = seconds, finding.box, finding.sentence
            event.score = max(event.score, finding.score)
        return changes + self._closed([e for e in self.open if seconds - e.last > self.quiet])

    def close(self) -> list[Change]:
        """The camera ends, and so do all events."""
        return self._closed(list(self.open))

    def _closed(self, over: list[Event]) -> list[Change]:
        self.open = [e for e in self.open if e not in over]
        return [Change("closed", e) for e in over]
