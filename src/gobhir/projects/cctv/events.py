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
    """At most one open event for each rule, zone and person. quiet: seconds without a finding after
    which an event is over; what comes back earlier goes on with the same event, also when the
    tracker has given the person a new number meanwhile (same rule and zone, and near enough)."""

    quiet: float = 3.0
    open: list[Event] = field(default_factory=list)

    def step(self, seconds: float, wall: float, findings: Iterable[Finding]) -> list[Change]:
        changes = []
        found = list(findings)
        named = {(f.kind, f.place, f.track) for f in found}
        for finding in found:
            event = self._same(finding, named)
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
            event.track, event.last, event.box = finding.track, seconds, finding.box
            event.sentence = finding.sentence
            event.score = max(event.score, finding.score)
        return changes + self._closed([e for e in self.open if seconds - e.last > self.quiet])

    def close(self) -> list[Change]:
        """The camera ends, and so do all events."""
        return self._closed(list(self.open))

    def _closed(self, over: list[Event]) -> list[Change]:
        self.open = [e for e in self.open if e not in over]
        return [Change("closed", e) for e in over]

    def _same(self, finding: Finding, named: set[tuple[str, str, int | None]]) -> Event | None:
        alike = [e for e in self.open if (e.kind, e.place) == (finding.kind, finding.place)]
        for event in alike:
            if event.track == finding.track:
                return event
        # whose own person is not found any more, and was last where this one is
        orphans = [e for e in alike if (e.kind, e.place, e.track) not in named]
        near = [e for e in orphans if _near(e.box, finding.box)]
        return min(near, key=lambda e: _apart(e.box, finding.box), default=None)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.hypot(*((a[:2] + a[2:]) / 2 - (b[:2] + b[2:]) / 2)))


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    """Within a body height, and of about the same height."""
    one, two = float(a[3] - a[1]), float(b[3] - b[1])
    return _apart(a, b) < max(one, two) and 0.5 < (one + 1) / (two + 1) < 2
