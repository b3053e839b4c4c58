"""Changes to cctv.toml that leave comments alone, compared with what the parser reads."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gobhir.projects.cctv.config import (
    Camera,
    Clips,
    Keeping,
    Looking,
    System,
    Telling,
    default_rules,
    parse,
)
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
    return system, *rewritten(TEXT, system)


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


A, B = parse(TEXT).cameras
WHOLE: list[tuple[dict[str, Any], int, str]] = [
    # what changes, how many comments go with it, a line that comes
    ({}, 0, ""),
    ({"time_zone": ""}, 0, 'time_zone = ""  # ours'),
    ({"clips": Clips(blur=False, width=640)}, 0, "blur = false  # always"),
    ({"detector": Looking()}, 0, "fps = 5.0  # enough"),
    ({"keep": Keeping(days=3)}, 0, "[keep]\ndays = 3"),
    ({"webhook": Telling("http://a/?#b")}, 0, 'url = "http://a/?#b"'),
    ({"cameras": (A, B, Camera("গেট-১", "1", rules=default_rules()))}, 0, 'name = "গেট-১"'),
    ({"cameras": (A, B, Camera("c", "1", quiet=9.0, rules=()))}, 0, "quiet = 9.0\nrule = []"),
    ({"cameras": (B,)}, 10, ""),
    ({"cameras": (A,)}, 1, ""),
    ({"cameras": ()}, 11, ""),
    ({"cameras": (dataclasses.replace(A, source="0"), B)}, 0, 'source = "0"  # an address'),
    ({"cameras": (A, dataclasses.replace(B, detector=Looking(fps=4, tile=0)))}, 0, "tile = 0"),
]


@pytest.mark.parametrize("what, lost, line", WHOLE)
def test_the_rest_of_the_file_keeps_what_it_can_too(what, lost, line) -> None:
    system = dataclasses.replace(parse(TEXT), **what)
    text, commented = rewritten(TEXT, system)
    assert parse(text) == system and commented and line in text
    comments = [line.partition("# ")[2] for line in TEXT.splitlines() if "# " in line]
    gone = [comment for comment in comments if comment not in text]
    assert len(gone) == lost, gone
    assert (text == TEXT) == (not what) and "\n\n\n" not in text
    assert rewritten(text, system) == (text, True)


def test_from_nothing_only_what_differs_is_written() -> None:
    system = System(keep=Keeping(days=3), cameras=(Camera("a", "0", rules=default_rules()),))
    text = '[keep]\ndays = 3\n\n[[camera]]\nname = "a"\nsource = "0"\n'
    assert rewritten("", system) == (text, True)


def test_a_cameras_own_detector_says_only_what_differs() -> None:
    text = TEXT.replace("[clips]", "# far away\n[camera.detector]\ntile = 0 # all\n\n[clips]")
    system = parse(text)
    assert system.cameras[1].detector == Looking(fps=4, tile=0)
    usual = Looking(fps=2)  # of all, and of this camera, which says nothing else
    other = dataclasses.replace(B, detector=Looking(fps=2, tile=0, hold=1))
    system = dataclasses.replace(system, detector=usual, cameras=(A, other))
    new, commented = rewritten(text, system)
    assert parse(new) == system and commented
    assert new.count("fps =") == 1 and "hold = 1" in new and "# far away" in new
    back = dataclasses.replace(system, cameras=(A, dataclasses.replace(B, detector=usual)))
    again, _ = rewritten(new, back)
    assert parse(again) == back and "tile" not in again and "hold" not in again


def test_tables_written_inline_are_written_anew_and_said_so() -> None:
    text = '# mine\ncamera = [{name = "a", source = "0", zone = []}]\n'
    system = parse(text)
    camera = dataclasses.replace(system.cameras[0], zones=(ZONE,))
    system = dataclasses.replace(system, cameras=(camera,))
    new, commented = rewritten(text, system)
    assert parse(new) == system and not commented and "# mine" not in new
