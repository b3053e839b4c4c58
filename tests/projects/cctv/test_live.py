"""The picture for a page: only while somebody looks, and who is in it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gobhir.projects.cctv.config import Camera, System
from gobhir.projects.cctv.live import Live, note_of, noted, picture_of, want
from gobhir.projects.cctv.look import Look
from gobhir.projects.cctv.people import Person
from gobhir.projects.cctv.ring import jpeg
from gobhir.projects.cctv.watch import Watch
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.tracking.tracker import Tracker
from tests.projects.cctv.staged import SHAPE, box_at, picture, sees_red

CAMERA = Camera(
    "gate",
    "0",
    zones=(Zone("z", ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4))),),
    lines=(Line("l", ((0.1, 0.9), (0.9, 0.9))),),
    rules=(),
)


def test_pictures_are_made_only_while_somebody_looks(tmp_path: Path) -> None:
    watch = Watch(CAMERA, System(), Look(sees_red), Tracker())
    person = Person(7, SHAPE, 0.0)
    person.path.append((0.0, box_at(0.7, 0.6)))
    watch.here = [person]
    live, empty = Live(tmp_path, CAMERA, every=0.5), picture([])
    assert not live.offer(0.0, empty, watch) and not picture_of(tmp_path, "gate").exists()
    path = want(tmp_path, "gate")
    assert live.offer(1.0, empty, watch)
    assert not live.offer(1.2, empty, watch)  # too soon
    note = note_of(path.read_bytes())
    (known,) = note["people"]
    assert known["id"] == 7
    sides = [SHAPE[1], SHAPE[0], SHAPE[1], SHAPE[0]]
    assert np.multiply(known["box"], sides) == pytest.approx(box_at(0.7, 0.6), abs=0.1)
    shown = cv2.imread(str(path)).astype(int)
    assert np.abs(shown - empty[..., ::-1]).max() < 8  # nothing is drawn into it
    assert not live.offer(20.0, empty, watch)  # nobody looks any more
    assert not path.exists()  # and no picture of anybody stays
    want(tmp_path, "gate")
    assert live.offer(21.0, empty, watch)
    live.close()
    assert not path.exists()


def test_a_full_disk_is_no_trouble_for_the_camera(tmp_path: Path) -> None:
    watch = Watch(CAMERA, System(), Look(sees_red), Tracker())
    live = Live(tmp_path, CAMERA)
    path = want(tmp_path, "gate")
    path.with_suffix(".part").mkdir()  # nothing can be written there
    assert not live.offer(1.0, picture([]), watch)


def test_a_note_is_a_comment_that_other_readers_pass_over() -> None:
    plain = jpeg(picture([box_at(0.5, 0.5)]))
    assert note_of(plain) == {}
    marked = noted(plain, {"people": [1, 2]})
    assert note_of(marked) == {"people": [1, 2]}
    both = [cv2.imdecode(np.frombuffer(one, np.uint8), 1) for one in (plain, marked)]
    assert np.array_equal(*both)
