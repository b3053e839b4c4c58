"""cctv.toml: written and read the same, and or refused by the name of what is wrong."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from gobhir.projects.cctv import config
from gobhir.projects.cctv.config import Camera, Clips, Looking, System, as_toml, load, parse, save
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.zones import Line, Zone

BANGLA = re.compile(r"[\u0980-\u09ff]")
YARD = Zone('উঠান "1"', ((0.1, 0.2), (0.9, 0.2), (0.5, 1.0)))
DOOR = Line("door", ((0.25, 0.5), (0.75, 0.5)))
SYSTEM = System(
    time_zone="Asia/Dhaka",
    detector=Looking(tile=0, score=0.5),
    clips=Clips(blur=False),
    cameras=(
        Camera("gate", "rtsp://me:p\\w@10.0.0.2/s", rules=()),
        Camera(
            "yard-2",
            "0",
            zones=(YARD,),
            lines=(DOOR,),
            rules=(
                RULES["loitering"](zone=YARD.name, limit=64.5),
                RULES["line"](line="door", way="in"),
                RULES["fall"](enabled=True),
            ),
        ),
    ),
)


def test_what_is_written_is_read_the_same(tmp_path: Path) -> None:
    save(SYSTEM, tmp_path)
    assert load(tmp_path) == SYSTEM


def test_every_rule_can_be_written(tmp_path: Path) -> None:
    made = [r(line="door") if k == "line" else r(zone=YARD.name) for k, r in RULES.items()]
    camera = Camera("c", "0", zones=(YARD,), lines=(DOOR,), rules=tuple(made))
    system = System(cameras=(camera,))
    assert parse(as_toml(system)) == system


def test_little_is_enough() -> None:
    (camera,) = parse('[[camera]]\nname = "a"\nsource = "a.mp4"\n').cameras
    assert [rule.kind for rule in camera.rules] == ["intrusion", "loitering"]
    assert all(rule.on for rule in camera.rules)


DOT = '[[camera.zone]]\nname = "dot"\npoints = [[0.5, 0.5], [0.501, 0.5], [0.501, 0.501]]'
FLAT = '[[camera.zone]]\nname = "flat"\npoints = [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]'
HEAD = '[[camera]]\nname = "gate"\nsource = "0"\n'


def test_what_windows_editor_writes_is_read() -> None:
    text = '\ufeff[[camera]]\r\nname = "গেট"\r\nsource = "0"\r\n'
    assert [camera.name for camera in parse(text).cameras] == ["গেট"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[camera]", "cctv.toml"),
        ("wrong = 1", "wrong"),
        ("[detector]\nscore = 2.0", "detector: score"),
        ('[detector]\ntile = "big"', "detector: tile"),
        ("detector = 3", "[detector]"),
        ("[clips]\nblurr = true", "clips: blurr"),
        ('time_zone = "Asia/Dhakka"', "Asia/Dhakka"),
        ('[webhook]\nurl = "ftp://x"', "webhook: url"),
        ('[webhook]\nurl = "http://[::1"', "webhook: url"),
        ('[webhook]\nurl = "http://host:many/"', "webhook: url"),
        ("[detektor]\nfps = 1.0", "detector, clips, keep, webhook, camera"),
        ("camera = 1", "[[camera]]"),
        ('[[camera]]\nname = "a/b"\nsource = "0"', "'a/b'"),
        ('[[camera]]\nname = "gate"', "camera 'gate': source"),
        (HEAD + HEAD, "camera 'gate'"),
        (HEAD + HEAD.replace("gate", "Gate"), "camera 'gate'"),
        ('[[camera]]\nname = ""\nsource = "0"', "camera ''"),
        (HEAD.replace("gate", "g" * 61), "'ggg"),
        (HEAD + '[[camera.zone]]\nname = "z"\npoints = [[0, 0], [1, 1]]', "zone 'z': points"),
        (HEAD + '[[camera.zone]]\nname = "z"\npoints = [[0, 0], [1, 2], [1, 0]]', "points"),
        (HEAD + "[[camera.zone]]\npoints = [[0, 0], [1, 1], [1, 0]]", "zone: name"),
        (HEAD + '[[camera.line]]\nname = "l"\npoints = [[0, 0], [0, 0]]', "line 'l'"),
        (HEAD + DOT, "zone 'dot'"),
        (HEAD + FLAT, "zone 'flat'"),
        (HEAD + "[[camera.rule]]\nkind = [1]", "camera 'gate': rule 1: kind"),
        (HEAD + '[[camera.rule]]\nkind = "flying"', "camera 'gate': rule 1: kind"),
        (HEAD + '[[camera.rule]]\nkind = "loitering"\nlimit = -5', "rule 1 (loitering): limit"),
        (HEAD + '[[camera.rule]]\nkind = "loitering"\nzone = "x"', "rule 1 (loitering): zone"),
        (HEAD + '[[camera.rule]]\nkind = "line"', "rule 1 (line): line"),
    ],
)
def test_what_is_wrong_is_named(text: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    message = caught.value.args[0]
    assert told in message.text("en") and told in message.text("bn")
    assert BANGLA.search(message.text("bn")) and not BANGLA.search(message.text("en"))


def test_a_wrong_system_is_not_written(tmp_path: Path) -> None:
    save(SYSTEM, tmp_path)
    before = (tmp_path / config.FILE).read_bytes()
    wrong = dataclasses.replace(SYSTEM, time_zone="Nowhere/Land")
    with pytest.raises(ValueError, match="Nowhere/Land"):
        save(wrong, tmp_path)
    assert (tmp_path / config.FILE).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [config.FILE]


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gobhir cctv init"):
        load(tmp_path)
