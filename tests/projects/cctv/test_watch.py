"""One camera, from frames to events and clips, with a detector of its own and the real tracker."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gobhir.projects.cctv.clock import wall
from gobhir.projects.cctv.config import Camera, Clips, Looking, System
from gobhir.projects.cctv.journal import Journal
from gobhir.projects.cctv.look import Look, squares
from gobhir.projects.cctv.motion import Motion
from gobhir.projects.cctv.process import build
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.source import FileSource, Frame
from gobhir.projects.cctv.store import Store
from gobhir.projects.cctv.watch import Watch
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.tracking.tracker import Tracker
from tests.projects.cctv.staged import SHAPE, box_at, picture, sees_red

RIGHT = Zone("right", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)))
MIDDLE = Line("middle", ((0.4, 1), (0.4, 0)))


def camera(source: str = "x") -> Camera:
    rules = (
        RULES["intrusion"](zone="right"),
        RULES["line"](line="middle"),
        RULES["loitering"](zone="right", limit=60),
    )
    return Camera("gate", source, 1.0, zones=(RIGHT,), lines=(MIDDLE,), rules=rules)


def system(**looking) -> System:
    return System(detector=Looking(**looking), clips=Clips(before=1, after=1), cameras=(camera(),))


def test_from_a_film_to_events_with_clips(tmp_path: Path, red_detector: Path, visit: Path) -> None:
    own = system(model=str(red_detector), person="0", tile=150)
    store = Store(tmp_path)
    announced = []
    journal = Journal("gate", store, announced.append)
    watch = build(own, camera(), folder=tmp_path, journal=journal)
    changes = [
        (frame.seconds, change.what, change.event.kind)
        for frame in FileSource(str(visit)).frames()
        for change in watch.step(frame)
    ]
    watch.close()
    assert [c[1:] for c in changes if c[1] == "opened"] == [
        ("opened", "line"),
        ("opened", "intrusion"),
    ]
    crossed, entered = (c[0] for c in changes if c[1] == "opened")
    assert crossed == pytest.approx(2 + 1.5, abs=0.5)  # x = 0.4 after 1.5 s of walking
    assert entered == pytest.approx(2 + 2 + 0.4, abs=0.5)
    rows = store.events(oldest_first=True)
    assert [r.kind for r in rows] == ["line", "intrusion"] and len(announced) == 2
    assert rows[1].lasted == pytest.approx(1.6, abs=0.9)
    assert wall(rows[1].ended) > wall(rows[1].began)
    for row in rows:
        assert (tmp_path / row.thumb).read_bytes()[:3] == b"\xff\xd8\xff"
        with av.open(str(tmp_path / row.clip)) as clip:
            times = [f.time for f in clip.decode(video=0)]
        assert times[-1] > 3  # before, during and after
    assert watch.counts["frames"] == 80


def film_of(boxes):
    """Frames of Watch without a file."""
    for k, box in enumerate(boxes):
        yield Frame(k / 10, 1000 + k / 10, picture([box] if box is not None else []))


def test_the_detector_is_asked_only_where_and_while_something_moves() -> None:
    asked = []

    def detector(rgb, regions=None):
        asked.append(regions)
        return sees_red(rgb, regions)

    own = system(tile=120, sweep=1000, hold=0.5, fps=10)
    watch = Watch(camera(), own, Look(detector, 120), Tracker())
    still: list = [None] * 40
    moving = [box_at(0.2 + 0.02 * k, 0.9) for k in range(20)]
    for frame in film_of(still + moving + still):
        watch.step(frame)
    assert len(asked) < 1 + 20 + 30  # one look at everything, then none until somebody comes
    for regions in asked[1:]:
        assert regions is not None and len(regions) == 1  # one square, and not the whole frame
    assert watch.counts["looks"] >= 18


def test_quiet_footage_costs_no_looks() -> None:
    asked = []

    def detector(rgb, regions=None):
        asked.append(regions)
        return sees_red(rgb, regions)

    rng = np.random.default_rng(0)
    watch = Watch(camera(), system(sweep=5.0), Look(detector, 120), Tracker())
    for k in range(100):  # a still scene as a sensor sees it
        noise = np.clip(picture([]) + rng.normal(0, 4, SHAPE), 0, 255).astype(np.uint8)
        watch.step(Frame(k / 10, 1000 + k / 10, noise))
    assert watch.counts["looks"] == 0 and watch.counts["sweeps"] == 2


def test_motion_is_found_where_it_is() -> None:
    motion = Motion()
    for k in range(30):
        assert not len(motion.look(picture([]), k / 10))
    boxes = motion.look(picture([box_at(0.5, 0.8)]), 3.0)
    assert len(boxes) == 1
    assert boxes[0] == pytest.approx(box_at(0.5, 0.8), abs=8)


def test_squares_hold_every_region_and_are_few() -> None:
    regions = np.array(
        [[10, 10, 60, 90], [80, 20, 120, 110], [600, 400, 640, 470], [0, 300, 700, 360]]
    )
    found = squares(regions.astype(np.float32), (576, 768, 3), 300, 100)
    assert (found >= 0).all() and (found[:, 2] <= 768).all() and (found[:, 3] <= 576).all()
    for region in regions[:3]:
        assert any((s[:2] <= region[:2]).all() and (s[2:] >= region[2:]).all() for s in found)
    row = np.zeros(768, bool)
    for x1, y1, x2, y2 in found.astype(int):
        if y1 <= 300 and y2 >= 360:
            row[x1:x2] = True
    assert row[:700].all()  # the wide one is covered by several
    assert len(squares(regions[:1].astype(np.float32), (576, 768, 3), 300, 100)) == 1


def test_a_still_frame_that_lasts_opens_no_second_event(tmp_path: Path) -> None:
    boxes = [box_at(0.3 + 0.02 * min(k, 20), 0.9) for k in range(100)]  # walks in, and stays
    watch = Watch(camera(), system(fps=5), Look(sees_red, 120), Tracker())
    changes = [c for frame in film_of(boxes) for c in watch.step(frame)]
    opened = [c.event.kind for c in changes if c.what == "opened"]
    assert sorted(opened) == ["intrusion", "line"]
    assert watch.events.open[0].lasted > 6
