"""How the whole is measured: perfect answers are perfect, and the rest is counted."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from gobhir.projects.cctv.evaluate import LIMITS, Seen, camera, followed, judged, truth_of
from gobhir.projects.cctv.truth import Footage, Report
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.tracking.files import Rows


@pytest.fixture(scope="module")
def footage() -> Footage:
    """One who walks through the square for 20 s, one who stands on the lawn."""
    rows = []
    for k in range(200):
        x, y = 100 + 2.5 * k, 270
        rows.append((k, 1, x - 15, y - 80, x + 15, y, 1.0))
        rows.append((k, 2, 85, 420, 115, 500, 1.0))
    return Footage(Rows.of(rows), (576, 768), 10.0)


def test_perfect_answers_are_perfect(footage: Footage) -> None:
    looks = {}
    for k in range(0, 200, 2):
        now = footage.rows.between(k, k + 1)
        tracks = [
            SimpleNamespace(id=int(i), box=b, score=1.0)
            for i, b in zip(now.ids, now.boxes, strict=True)
        ]
        looks[k] = (Detections.of(now.boxes), tracks)
    detection, tracking = followed(footage, Seen([], looks, 200, 1.0, 1.0, Counter()))
    assert detection == {"ap50": pytest.approx(1), "ap75": pytest.approx(1), "frames": 100}
    assert tracking["mota"] == 1 and tracking["idf1"] == 1 and tracking["switches"] == 0


def test_each_rule_is_judged_by_what_happened(footage: Footage) -> None:
    happened = truth_of(footage)
    kinds = Counter(h.kind for h in happened if h.sure)
    assert kinds["line"] == 2 and kinds["intrusion"] == 4  # left, right; three zones and the lawn
    assert {h.place for h in happened if h.kind == "loitering" and h.sure} == {"lawn", "square"}
    said = [
        Report(h.kind, h.place, h.first + 1.0, footage.box(h.who, h.first + 1.0))
        for h in happened
        if h.sure
    ]
    found = judged(footage, happened, said[1:] + [Report("line", "left", 0.1, np.zeros(4))])
    counted = {kind: (one["right"], one["false"], one["missed"]) for kind, one in found.items()}
    assert sum(right for right, _, _ in counted.values()) == len(said) - 1
    assert sum(missed for _, _, missed in counted.values()) == 1
    assert counted["line"][1] == 1 and counted["intrusion"][1] == counted["loitering"][1] == 0


def test_the_cameras_layout_fits_its_frame() -> None:
    own = camera()
    points = np.array([p for one in (*own.zones, *own.lines) for p in one.points])
    assert (points >= 0).all() and (points <= 1).all()
    assert {zone.name for zone in LIMITS} == {zone.name for zone in own.zones}
