"""Zones, lines, and who is in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gobhir.projects.cctv.zones import Line, Presence, Zone, foot

L_SHAPE = Zone("L", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.1, 0.9)))


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ((0.3, 0.3), True),
        ((0.7, 0.7), True),
        ((0.7, 0.3), False),  # in the corner that the L leaves out
        ((0.5, 0.3), True),  # on an edge
        ((0.1, 0.1), True),  # on a corner
        ((0.05, 0.1), False),  # on the prolongation of an edge
        ((0.95, 0.9), False),
    ],
)
def test_inside_outside_edge_corner(point, inside) -> None:
    assert L_SHAPE.holds(point) == inside


@given(st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_zone_agrees_with_opencv(point) -> None:
    import cv2

    corners = np.array(L_SHAPE.points, np.float32)
    distance = cv2.pointPolygonTest(corners, (float(point[0]), float(point[1])), True)
    if abs(distance) > 1e-6:
        assert L_SHAPE.holds(point) == (distance > 0)


def test_a_zone_of_one_pixel_holds_that_pixel_and_no_other() -> None:
    shape = (480, 640, 3)
    x, y = 100 / 640, 200 / 480
    zone = Zone("pixel", ((x, y), (101 / 640, y), (101 / 640, 201 / 480), (x, 201 / 480)))
    assert zone.holds(foot(np.array([90, 100, 111, 200.5]), shape))
    assert not zone.holds(foot(np.array([92, 100, 113, 200.5]), shape))


def test_a_flat_zone_has_only_its_edge() -> None:
    flat = Zone("flat", ((0.2, 0.5), (0.5, 0.5), (0.8, 0.5)))
    assert flat.holds((0.3, 0.5)) and not flat.holds((0.3, 0.51))


def test_overlapping_zones_each_hold_what_is_theirs() -> None:
    one = Zone("one", ((0, 0), (0.6, 0), (0.6, 1), (0, 1)))
    two = Zone("two", ((0.4, 0), (1, 0), (1, 1), (0.4, 1)))
    assert [(z.holds((0.5, 0.5)), z.holds((0.2, 0.5))) for z in (one, two)] == [
        (True, True),
        (True, False),
    ]


def test_which_way_a_line_is_crossed() -> None:
    up = Line("up", ((0.5, 0.9), (0.5, 0.1)))
    assert up.crossed((0.4, 0.5), (0.6, 0.5)) == "in"
    assert up.crossed((0.6, 0.5), (0.4, 0.5)) == "out"
    assert up.crossed((0.4, 0.95), (0.6, 0.95)) == ""  # beside its end
    assert up.crossed((0.4, 0.5), (0.45, 0.5)) == ""


def test_presence_does_not_flicker() -> None:
    presence = Presence(settle=0.5, leave=1.0)
    times = np.arange(0, 6, 0.1)
    inside = [{7} if (int(t * 10) % 3) else set() for t in times]  # every third look fails
    found = [7 in presence.look(t, who) for t, who in zip(times, inside, strict=True)]
    assert not any(found[:5]) and all(found[8:])
    assert 7 not in presence.look(7.5, set())
    assert presence.look(8.0, {7}) == {}  # anew
