"""From findings to events: opened once, closed once, whatever the tracker does to numbers."""

from __future__ import annotations

import numpy as np

from gobhir.lang import say
from gobhir.projects.cctv.events import Events
from gobhir.projects.cctv.rules import Finding


def finding(track: int | None = 1, place: str = "yard", kind: str = "intrusion", x: float = 100):
    box = np.array([x, 100, x + 20, 160], np.float32)
    return Finding(kind, place, track, say("cctv.found.intrusion", place=place, person=track), box)


def played(events: Events, moments):
    return [
        (second, change.what, change.event)
        for second, found in moments
        for change in events.step(second, 1000 + second, found)
    ]


def test_an_event_opens_with_its_first_finding_and_closes_when_it_was_quiet() -> None:
    events = Events(quiet=3)
    moments = [(k * 0.5, [finding()] if k < 10 else []) for k in range(20)]
    changes = played(events, moments)
    assert [(s, what) for s, what, _ in changes] == [(0, "opened"), (8.0, "closed")]
    assert changes[0][2].lasted == 4.5 and changes[0][2].wall == 1000


def test_a_gap_within_the_quiet_time_is_one_event() -> None:
    moments = [(0, [finding()]), (2.5, []), (2.9, [finding()]), (10, [])]
    assert [what for _, what, _ in played(Events(quiet=3), moments)] == ["opened", "closed"]
    late = [(0, [finding()]), (3.5, []), (3.9, [finding()])]
    assert [what for _, what, _ in played(Events(quiet=3), late)] == ["opened", "closed", "opened"]


def test_rules_zones_and_people_have_events_of_their_own() -> None:
    found = [finding(1), finding(2, x=300), finding(1, "gate"), finding(1, kind="loitering")]
    assert len(played(Events(), [(0, found), (0.5, found)])) == 4


def test_over_a_line_and_back_are_two_events() -> None:
    box = np.array([0, 0, 20, 60], np.float32)
    ways = [say(f"cctv.found.{way}", place="door", person=1) for way in ("line", "line_out")]
    there, back = (Finding("line", "door", 1, way, box) for way in ways)
    assert len(played(Events(quiet=3), [(0, [there]), (1, [back])])) == 2


def test_all_close_with_the_camera() -> None:
    events = Events()
    events.step(0, 1000, [finding(1), finding(2, x=300)])
    assert [c.what for c in events.close()] == ["closed"] * 2 and not events.open
