"""Rules about how somebody moves: over a line, the wrong way, too fast, to the ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from gobhir.projects.cctv.people import Person, Scene
from gobhir.projects.cctv.rules.base import Finding, Rule
from gobhir.projects.cctv.zones import Point, Presence
from gobhir.projects.settings import setting


@dataclass
class LineCrossing(Rule):
    """Somebody crosses a line. Who is nearer to it than `margin` (shares of the frame) has not yet
    chosen a side, so that nobody who stands on it crosses it ten times."""

    kind: ClassVar[str] = "line"
    measured: ClassVar[bool] = True

    line: str = setting("", "cctv.rule.line")
    way: Literal["both", "in", "out"] = setting("both", "cctv.rule.way")
    margin: float = setting(0.01, "cctv.rule.margin", low=0, high=0.5)

    def __post_init__(self) -> None:
        self._side: dict[int, Point] = {}

    def look(self, scene: Scene) -> Iterator[Finding]:
        if self._line is None:
            return
        for person in scene.here:
            here = person.foot
            if abs(self._line.side(here)) < self.margin:
                continue
            before = self._side.get(person.id)
            self._side[person.id] = here
            way = self._line.crossed(before, here) if before else ""
            if way and self.way in ("both", way):
                yield self.about(person, "line" if way == "in" else "line_out")
        known = {p.id for p in scene.here}
        if len(self._side) > 1000:  # those who have gone
            self._side = {one: at for one, at in self._side.items() if one in known}


@dataclass
class WrongWay(Rule):
    """Somebody goes another way than `degrees` (0: to the right, 90: down) in a zone."""

    kind: ClassVar[str] = "wrong_way"
    measured: ClassVar[bool] = True

    zone: str = setting("", "cctv.rule.zone")
    degrees: float = setting(0.0, "cctv.rule.degrees", low=-360, high=360)
    off: float = setting(120.0, "cctv.rule.off", low=10, high=180)
    pace: float = setting(0.3, "cctv.rule.pace", low=0.01, high=100)
    after: float = setting(1.0, "cctv.rule.after", low=0, high=3600)

    def __post_init__(self) -> None:
        self._wrong = Presence(self.after, 0.5)

    def look(self, scene: Scene) -> Iterator[Finding]:
        wrong = {}
        for one, person in self.inside(scene).items():
            pace = person.pace(1.5)
            if np.hypot(*pace) >= self.pace:
                angle = float(np.degrees(np.arctan2(pace[1], pace[0])))
                apart = abs((angle - self.degrees + 180) % 360 - 180)
                if apart >= self.off:
                    wrong[one] = (person, apart)
        for one in self._wrong.look(scene.seconds, set(wrong)):
            if one in wrong:
                person, apart = wrong[one]
                yield self.about(person, "wrong_way", degrees=round(apart))


@dataclass
class Running(Rule):
    """Somebody is faster than `limit` body heights a second. A walk is 0.6 to 1, a run 1.5 to 4."""

    kind: ClassVar[str] = "running"

    zone: str = setting("", "cctv.rule.zone")
    limit: float = setting(1.6, "cctv.rule.fast", low=0.1, high=100)
    after: float = setting(0.6, "cctv.rule.after", low=0, high=3600)

    def __post_init__(self) -> None:
        self._fast = Presence(self.after, 0.5)

    def look(self, scene: Scene) -> Iterator[Finding]:
        fast = {}
        for one, person in self.inside(scene).items():
            pace = float(np.hypot(*person.pace(1.0)))
            if pace >= self.limit:
                fast[one] = (person, pace)
        for one in self._fast.look(scene.seconds, set(fast)):
            if one in fast:
                person, pace = fast[one]
                yield self.about(person, "running", pace=round(pace, 1), limit=self.limit)


@dataclass
class Fall(Rule):
    """Somebody who stood lies: the box is wider than `flat` of its height, and has at most `height`
    of the height that it had while standing. It counts after `after` seconds of lying."""

    kind: ClassVar[str] = "fall"

    zone: str = setting("", "cctv.rule.zone")
    flat: float = setting(0.9, "cctv.rule.flat", low=0.3, high=10)
    height: float = setting(0.7, "cctv.rule.height", low=0.1, high=1)
    after: float = setting(2.0, "cctv.rule.after", low=0, high=3600)

    def __post_init__(self) -> None:
        self._stood: dict[int, float] = {}
        self._lying = Presence(self.after, 1.0)

    def look(self, scene: Scene) -> Iterator[Finding]:
        inside = self.inside(scene)
        lying = {one for one, person in inside.items() if self._lies(person)}
        for one, stay in self._lying.look(scene.seconds, lying).items():
            if one in lying:
                yield self.about(inside[one], "fall", seconds=round(stay))
        known = {p.id for p in scene.here}
        if len(self._stood) > 1000:
            self._stood = {one: high for one, high in self._stood.items() if one in known}

    def _lies(self, person: Person) -> bool:
        """Remembers how tall everybody is who stands (twice as high as wide, nearly)."""
        wide, high = (person.box[2:] - person.box[:2]).tolist()
        if wide < 0.6 * high:
            old = self._stood.get(person.id, high)
            self._stood[person.id] = 0.8 * old + 0.2 * high
        stood = self._stood.get(person.id)
        return stood is not None and wide >= self.flat * high and high <= self.height * stood
