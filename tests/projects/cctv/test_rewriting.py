"""Changes to cctv.toml that leave comments alone, compared with what the parser reads."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gobhir.projects.cctv.config import System, parse
from gobhir.projects.cctv.rewriting import rewritten
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.zones import Line, Zone

TEXT = """\
# top
time_zone = "Asia/Dhaka" # ours

[detector]
fps = 4 # enough

# first camera
[[camera]] # front
name = "a" # its name
source = "rtsp://x/#1" # an address with a #

# zone of a
[[camera.zone]]
# over the grass
name = "z #1" # a name with a #
points = [
  [0.1, 0.1], # upper left
  [0.5, 0.1],
  [0.5, 0.5],
] # three

[[camera.rule]]
kind = "loitering"
limit = 30 # half a minute

# second camera
[[camera]]
name = "b"
source = "0"

[clips]
blur = true # always
"""
ZONE = Zone("z #1", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5)))
INTRUSION, LOITERING, LINE = (RULES[kind] for kind in ("intrusion", "loitering", "line"))


def change(name: str, **what: Any) -> tuple[System, str, bool]:
    system = parse(TEXT)
    cameras = tuple(dataclasses.replace(c, **what) if c.name == name else c for c in system.cameras)
    system = dataclasses.replace(system, cameras=cameras)
    camera = next(c for c in cameras if c.name == name)
    return system, *rewritten(TEXT, camera, system)


CHANGES: list[tuple[str, dict[str, Any], int]] = [
    # what changes, and how many comments go with it
    ("a", {}, 0),
    ("b", {}, 0),
    ("a", {"zones": (Zone("z #1", ((0.2, 0.1), (0.5, 0.1), (0.5, 0.5))),)}, 1),
    ("a", {"zones": (ZONE, Zone("new", ZONE.points))}, 0),
    ("a", {"zones": ()}, 5),
    ("a", {"lines": (Line("l", ((0.0, 0.5), (1.0, 0.5))),)}, 0),
    ("a", {"rules": (LOITERING(limit=60),)}, 0),
    ("a", {"rules": (LOITERING(limit=30, enabled=False), INTRUSION())}, 0),
    ("a", {"rules": ()}, 1),
    ("b", {"rules": ()}, 0),
    ("b", {"rules": (INTRUSION(zone="y"),), "zones": (Zone("y", ZONE.points),)}, 0),
    ("b", {"lines": (Line("l", ((0.0, 0.5), (1.0, 0.5))),), "rules": (LINE(line="l"),)}, 0),
]


@pytest.mark.parametrize("name, what, lost", CHANGES)
def test_it_means_what_was_meant_and_keeps_what_it_can(name, what, lost) -> None:
    system, text, commented = change(name, **what)
    assert parse(text) == system and commented
    assert TEXT.count(" # ") + TEXT.count("\n# ") >= 10
    comments = [line.partition("# ")[2] for line in TEXT.splitlines() if "# " in line]
    gone = [comment for comment in comments if comment not in text]
    assert len(gone) == lost, gone
    if not what:
        assert text == TEXT


def test_tables_written_inline_are_written_anew_and_said_so() -> None:
    text = '# mine\ncamera = [{name = "a", source = "0", zone = []}]\n'
    system = parse(text)
    camera = dataclasses.replace(system.cameras[0], zones=(ZONE,))
    system = dataclasses.replace(system, cameras=(camera,))
    new, commented = rewritten(text, camera, system)
    assert parse(new) == system and not commented and "# mine" not in new
