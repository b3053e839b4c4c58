"""Rules about zones: somebody is in one, stays in one, too many are in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gobhir.projects.cctv.people import Scene
from gobhir.projects.cctv.rules.base import Finding, Rule, around
from gobhir.projects.cctv.zones import Presence
from gobhir.projects.settings import setting


@dataclass
class Intrusion(Rule):
    """Somebody is in a zone where nobody should be."""

    kind: ClassVar[str] = "intrusion"
    measured: ClassVar[bool] = True

    zone: str = setting("", "cctv.rule.zone")
    after: float = setting(0.4, "cctv.rule.after", low=0, high=3600)

    def __post_init__(self) -> None:
        self._presence = Presence(self.after)

    def look(self, scene: Scene) -> Iterator[Finding]:
        inside = self.inside(scene)
        for one in self._presence.look(scene.seconds, set(inside)):
            if person := inside.get(one):
                yield self.about(person, "intrusion")


@dataclass
class Loitering(Rule):
    """Somebody stays in a zone for longer than `limit` seconds."""

    kind: ClassVar[str] = "loitering"
    measured: ClassVar[bool] = True

    zone: str = setting("", "cctv.rule.zone")
    limit: float = setting(45.0, "cctv.rule.limit", low=1, high=86400)
    away: float = setting(3.0, "cctv.rule.away", low=0, high=3600)

    def __post_init__(self) -> None:
        self._presence = Presence(self.limit, self.away)

    def look(self, scene: Scene) -> Iterator[Finding]:
        inside = self.inside(scene)
        for one, stay in self._presence.look(scene.seconds, set(inside)).items():
            if person := inside.get(one):
                known = {"seconds": round(stay), "limit": round(self.limit)}
                yield self.about(person, "loitering", **known)


@dataclass
class Crowding(Rule):
    """At least `count` people are in a zone, for `after` seconds."""

    kind: ClassVar[str] = "crowding"
    measured: ClassVar[bool] = True

    zone: str = setting("", "cctv.rule.zone")
    count: int = setting(6, "cctv.rule.count", low=2, high=1000)
    after: float = setting(2.0, "cctv.rule.after", low=0, high=3600)

    def __post_init__(self) -> None:
        self._people = Presence(0.4)
        self._crowded = Presence(self.after, 2.0)

    def look(self, scene: Scene) -> Iterator[Finding]:
        inside = self.inside(scene)
        count = len(self._people.look(scene.seconds, set(inside)))
        crowded = {0} if count >= self.count else set()
        if self._crowded.look(scene.seconds, crowded) and crowded and inside:
            said = self.said("crowding", count=count, limit=self.count)
            box = around([p.box for p in inside.values()])
            yield Finding(self.kind, self.place(), None, said, box)
