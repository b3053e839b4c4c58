"""What really happened, from annotated boxes: who was in which zone, crossed which line, stayed how
long. Computed on its own, not by the rules that are measured with it.

Nobody can say of a foot on a zone's edge on which side it is: whoever is nearer to it than `near`
pixels may be reported, and need not be. The same holds for visits that are over in a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from gobhir.evaluation import Estimate, wilson
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.detection.boxes import iou
from gobhir.projects.tracking.files import Rows


@dataclass(frozen=True)
class Happening:
    """Something that has to be reported (sure), or may be. first, last: seconds between which.
    times: how often it may be: who steps over the edge and back again has come more than once."""

    kind: str
    place: str
    who: int
    first: float
    last: float
    sure: bool
    times: int = 1


@dataclass(frozen=True)
class Report:
    """What a system has said. box: where the person was at that second."""

    kind: str
    place: str
    seconds: float
    box: np.ndarray


@dataclass(frozen=True)
class Footage:
    """Annotated footage. shape: (height, width) of a frame; fps: frames a second."""

    rows: Rows
    shape: tuple[int, int]
    fps: float
    near: float = 10.0

    def people(self) -> Iterable[tuple[int, np.ndarray, np.ndarray]]:
        """Each person: number, seconds (n,), feet in pixels (n, 2)."""
        for who in np.unique(self.rows.ids):
            own = self.rows[self.rows.ids == who]
            feet = np.stack([(own.boxes[:, 0] + own.boxes[:, 2]) / 2, own.boxes[:, 3]], 1)
            yield int(who), own.frames / self.fps, np.minimum(feet, [self.shape[1], self.shape[0]])

    def box(self, who: int, seconds: float) -> np.ndarray | None:
        """Where somebody was, at most half a second away."""
        own = self.rows[self.rows.ids == who]
        apart = np.abs(own.frames / self.fps - seconds)
        return own.boxes[apart.argmin()] if len(own) and apart.min() <= 0.5 else None

    # -- what happened ---------------------------------------------------------------------------

    def intrusions(self, zone: Zone, gap: float = 3.0, least: float = 1.0) -> list[Happening]:
        """Visits to a zone, apart by more than `gap` seconds. Those of less than `least` seconds
        may be reported."""
        found = []
        for who, times, feet in self.people():
            inside = self._depth(zone, feet)
            for first, last in spans(times[inside > -self.near], gap):
                deep = (inside > self.near) & (times >= first) & (times <= last)
                sure = any(b - a >= least for a, b in spans(times[deep], 1.0))
                again = spans(times[(inside > 0) & (times >= first) & (times <= last)], gap)
                count = max(len(again), 1)
                found.append(Happening("intrusion", zone.name, who, first, last, sure, count))
        return found

    def stays(self, zone: Zone, limit: float, gap: float = 3.0) -> list[Happening]:
        """Visits of more than `limit` seconds, from then on; a tenth more has to be reported, a
        fifth less may be."""
        found = []
        for who, times, feet in self.people():
            inside = self._depth(zone, feet)
            deep = spans(times[inside > self.near], gap)
            for first, last in spans(times[inside > -self.near], gap):
                sure = [b - a for a, b in deep if first <= a <= last and b - a >= 1.1 * limit]
                if last - first >= 0.8 * limit:
                    began = first + 0.8 * limit
                    found.append(Happening("loitering", zone.name, who, began, last, bool(sure)))
        return found

    def crossings(self, line: Line, settle: float = 0.5) -> list[Happening]:
        """Who has come from one side of a line, farther than `near`, to the other."""
        size = np.array([self.shape[1], self.shape[0]])
        a, b = (np.array(p) * size for p in line.points)
        along, length = (b - a) / np.linalg.norm(b - a), np.linalg.norm(b - a)
        across = np.array([-along[1], along[0]])
        found = []
        for who, times, feet in self.people():
            side, place = (feet - a) @ across, (feet - a) @ along
            clear = np.flatnonzero(np.abs(side) > self.near)
            for one, two in zip(clear, clear[1:], strict=False):
                if (side[one] > 0) == (side[two] > 0):
                    continue
                share = side[one] / (side[one] - side[two])
                at = place[one] + share * (place[two] - place[one])
                if not -self.near < at < length + self.near:
                    continue
                sure = bool(self.near < at < length - self.near)
                sure &= times[two] - times[one] < 3.0  # not lost for long in between
                found.append(
                    Happening(
                        "line", line.name, who, times[one] - settle, times[two] + settle, sure
                    )
                )
        return found

    def _depth(self, zone: Zone, feet: np.ndarray) -> np.ndarray:
        """How many pixels inside the zone, (n,); below 0 outside."""
        corners = (np.array(zone.points) * [self.shape[1], self.shape[0]]).astype(np.float32)
        points = feet.astype(float).tolist()
        return np.array([cv2.pointPolygonTest(corners, (x, y), True) for x, y in points])


def spans(times: np.ndarray, gap: float) -> list[tuple[float, float]]:
    """First and last of the runs in sorted times, apart by more than `gap`."""
    if not len(times):
        return []
    cuts = np.flatnonzero(np.diff(times) > gap) + 1
    return [(float(run[0]), float(run[-1])) for run in np.split(times, cuts)]


@dataclass(frozen=True)
class Score:
    """right: reports of what really happened, each happening once; false: other reports; missed:
    happenings that nobody reported; either: reports of what may be reported."""

    right: int
    false: int
    missed: int
    either: int = 0

    @property
    def precision(self) -> Estimate:
        return wilson(self.right, self.right + self.false)

    @property
    def recall(self) -> Estimate:
        return wilson(self.right, self.right + self.missed)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.right + other.right,
            self.false + other.false,
            self.missed + other.missed,
            self.either + other.either,
        )


def score(
    footage: Footage,
    happened: list[Happening],
    reports: list[Report],
    late: float = 2.0,
    overlap: float = 0.3,
) -> Score:
    """Reports beside what happened. A report is right where kind and place are the same, its second
    lies within the happening's (or up to `late` after), and its box overlaps the person's (IoU).
    Reports of the same happening are false when they are more than its `times`."""
    told: Counter[Happening] = Counter()
    right = false = either = 0
    for report in sorted(reports, key=lambda r: r.seconds):
        fits = [h for h in happened if (h.kind, h.place) == (report.kind, report.place)]
        fits = [h for h in fits if h.first - 0.5 <= report.seconds <= h.last + late]
        near = [h for h in fits if _overlap(footage, h.who, report) >= overlap]
        new = [h for h in near if h.sure and not told[h]]
        if new:
            told[max(new, key=lambda h: _overlap(footage, h.who, report))] += 1
            right += 1
        elif again := [h for h in near if not h.sure or told[h] < h.times]:
            told[again[0]] += 1
            either += 1
        else:
            false += 1
    missed = len([h for h in happened if h.sure and not told[h]])
    return Score(right, false, missed, either)


def _overlap(footage: Footage, who: int, report: Report) -> float:
    box = footage.box(who, report.seconds)
    return 0.0 if box is None else float(iou(box[None], report.box[None])[0, 0])
