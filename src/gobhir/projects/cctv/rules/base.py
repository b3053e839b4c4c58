"""What a rule is: parameters, whose limits stand beside them, and `look`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gobhir.lang import Message, say
from gobhir.projects.cctv.people import Person, Scene
from gobhir.projects.cctv.zones import EVERYWHERE, Line, Zone
from gobhir.projects.settings import setting

EDGE = 0.15
"""Of a body's height: so near to a zone nobody has left it."""


@dataclass(frozen=True)
class Finding:
    """What a rule notices just now. place: the zone's or line's name; track: the person's number,
    None where it is about several; sentence: the explanation; box: x1, y1, x2, y2 in pixels."""

    kind: str
    place: str
    track: int | None
    sentence: Message
    box: np.ndarray
    score: float = 1.0

    @property
    def key(self) -> tuple[str, str, int | None, str]:
        """What is the same as long as it is the same event."""
        return self.kind, self.place, self.track, self.sentence.key


@dataclass
class Rule:
    """One rule of one camera. Its parameters are its fields, each made by `setting`, so that
    cctv.toml, the page and the help know their limits. Others' state starts with an underscore.

    measured: whether its precision was measured on real footage (results/cctv-*.json); a rule of
    which that is not so is experimental, and off unless `enabled` switches it on.
    """

    kind: ClassVar[str]
    measured: ClassVar[bool] = False

    enabled: bool | None = setting(None, "cctv.rule.enabled")

    @property
    def on(self) -> bool:
        return type(self).measured if self.enabled is None else self.enabled

    def place(self) -> str:
        """The zone or line that it is about."""
        return getattr(self, "zone", "") or getattr(self, "line", "") or EVERYWHERE.name

    def said(self, key: str, **values: object) -> Message:
        """A sentence of the catalogue with its values, the zone's name among them; its twin
        `key_anywhere` where the rule is about the whole frame."""
        if self.place() == EVERYWHERE.name:
            return say(f"cctv.found.{key}_anywhere", **values)  # keys: cctv.found.*
        return say(f"cctv.found.{key}", place=self.place(), **values)

    def about(self, person: Person, key: str, **values: object) -> Finding:
        """That somebody is noticed; their number is one of the sentence's values."""
        said = self.said(key, person=person.id, **values)
        return Finding(self.kind, self.place(), person.id, said, person.box, person.score)

    def prepare(self, zones: Mapping[str, Zone], lines: Mapping[str, Line]) -> None:
        """Find the own zone or line by its name. Called once, before the first `look`."""
        self._zone = zones.get(self.place(), EVERYWHERE)
        self._line = lines.get(self.place())
        self._were: set[int] = set()

    def look(self, scene: Scene) -> Iterator[Finding]:
        """What is noticed in this moment; as long as it lasts, in every moment anew."""
        raise NotImplementedError

    def inside(self, scene: Scene) -> dict[int, Person]:
        """Who stands in the zone just now, by number. Whoever was inside has left only when
        they are farther from it than EDGE of their height: a detector's feet tremble."""
        inside = {p.id: p for p in scene.here if self._zone.holds(p.foot) or self._beside(p, scene)}
        seen = {p.id for p in scene.here}
        self._were = (self._were - seen) | set(inside)
        return inside

    def _beside(self, person: Person, scene: Scene) -> bool:
        if person.id not in self._were:
            return False
        high = float(person.box[3] - person.box[1])
        return self._zone.distance(person.foot, scene.shape) <= EDGE * high


def around(boxes: list[np.ndarray]) -> np.ndarray:
    """The smallest box around several."""
    all_ = np.array(boxes)
    return np.concatenate([all_[:, :2].min(0), all_[:, 2:].max(0)])
