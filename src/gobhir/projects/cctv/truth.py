"""What really happened, from annotated boxes: who was in which zone, crossed which line, stayed how
long, went against the way, and where many were at once. Computed on its own, not by the rules that
are measured with it.

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
    """Something that has to be reported (sure), or may be. who: None, where it is about several.
    first, last: seconds between which. times: how often it may be: who steps over the edge and back
    again has come more than once."""

    kind: str
    place: str
    who: int | None
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

    def wrong_ways(
        self, zone: Zone, degrees: float, off: float = 120.0, pace: float = 0.3, least: float = 2.5
    ) -> list[Happening]:
        """Who goes at least `off` degrees away from the way `degrees` (0: to the right, 90: down)
        in a zone, at `pace` body heights a second. Plainly so for `least` seconds has to be
        reported; what is 20 degrees or three tenths of the pace short of it may be."""
        found = []
        for who, times, feet in self.people():
            steps = (
                np.abs(times[:, None] - times) <= 0.75
            )  # where to, in the second and a half around
            before, after = steps.argmax(1), len(times) - 1 - steps[:, ::-1].argmax(1)
            lasting = np.maximum(times[after] - times[before], 1e-9)
            boxes = self.rows[self.rows.ids == who].boxes
            moved = (feet[after] - feet[before]) / lasting[:, None]
            moved /= (boxes[:, 3] - boxes[:, 1])[:, None]
            speed = np.hypot(*moved.T)
            angle = np.degrees(np.arctan2(moved[:, 1], moved[:, 0]))
            apart = np.abs((angle - degrees + 180) % 360 - 180)
            inside = self._depth(zone, feet)
            firm = (apart >= off + 15) & (speed >= 1.3 * pace) & (inside > self.near)
            even = (apart >= off) & (speed >= pace) & (inside > 0)
            loose = (apart >= off - 20) & (speed >= 0.7 * pace) & (inside > -self.near)
            found += _happenings(
                "wrong_way", zone.name, who, times, (firm, even, loose), 0.5, least
            )
        return found

    def crowds(self, zone: Zone, count: int, least: float = 3.0) -> list[Happening]:
        """When at least `count` people were in a zone. Plainly so for `least` seconds has to be
        reported; where somebody on the edge makes the difference, it may be."""
        frames = np.arange(self.rows.frames.min(), self.rows.frames.max() + 1)
        times = frames / self.fps
        many = np.zeros((3, len(frames)), int)
        for _, seconds, feet in self.people():
            inside, at = self._depth(zone, feet), np.searchsorted(times, seconds - 1e-6)
            for row, least_deep in zip(many, (self.near, 0.0, -self.near), strict=True):
                row[at[inside > least_deep]] += 1
        firm, even, loose = many >= count
        return _happenings("crowding", zone.name, None, times, (firm, even, loose), 2.0, least)

    def _depth(self, zone: Zone, feet: np.ndarray) -> np.ndarray:
        """How many pixels inside the zone, (n,); below 0 outside."""
        corners = (np.array(zone.points) * [self.shape[1], self.shape[0]]).astype(np.float32)
        points = feet.astype(float).tolist()
        return np.array([cv2.pointPolygonTest(corners, (x, y), True) for x, y in points])


def _happenings(
    kind: str,
    place: str,
    who: int | None,
    times: np.ndarray,
    how: tuple[np.ndarray, np.ndarray, np.ndarray],
    gap: float,
    least: float,
) -> list[Happening]:
    """One for each run of moments at which it may be so. how: at which of `times` it is plainly so,
    so, perhaps so."""
    firm, even, loose = how
    found = []
    for first, last in spans(times[loose], gap):
        here = (times >= first) & (times <= last)
        sure = any(b - a >= least for a, b in spans(times[firm & here], 0.3))
        count = max(len(spans(times[even & here], gap)), 1)
        found.append(Happening(kind, place, who, first, last, sure, count))
    return found


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
    lies within the happening's (or up to `late` after), and its box overlaps the person's (IoU),
    if it is about one.
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


def _overlap(footage: Footage, who: int | None, report: Report) -> float:
    if who is None:
        return 1.0
    box = footage.box(who, report.seconds)
    return 0.0 if box is None else float(iou(box[None], report.box[None])[0, 0])
