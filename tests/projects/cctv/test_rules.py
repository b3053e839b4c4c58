"""Every rule: a staged scene in which it has to speak, one in which it must not."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.lang import LANGUAGES
from gobhir.projects.cctv.people import People, Scene
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.zones import Line, Zone
from tests.projects.cctv.staged import SHAPE, Tracked, box_at, picture, play, scenes, walk

YARD = Zone("yard", ((0.4, 0.4), (0.9, 0.4), (0.9, 0.95), (0.4, 0.95)))
DOOR = Line("door", ((0.5, 0.9), (0.5, 0.3)))  # from below to above: to its right is to the right


def stands(at, away=()):
    return lambda second: None if any(a <= second < b for a, b in away) else at


def test_intrusion_is_said_of_who_goes_in_and_not_of_who_stays_out() -> None:
    people = {1: walk((0.1, 0.7), (0.8, 0.7), 7), 2: stands((0.2, 0.7))}
    found = play(RULES["intrusion"](zone="yard"), scenes(people, 8), [YARD])
    assert {f.track for _, f in found} == {1}
    first = found[0][0]
    assert first == pytest.approx(
        3.0 + 0.4, abs=0.21
    )  # in at x = 0.4, after 3 s; settled 0.4 s later


def test_who_passes_through_in_a_blink_is_no_intruder() -> None:
    found = play(
        RULES["intrusion"](zone="yard", after=1.0),
        scenes({1: stands((0.5, 0.5), [(0.5, 9)])}, 5),
        [YARD],
    )
    assert not found


def test_loitering_begins_at_its_limit_and_forgives_a_moment_away() -> None:
    rule = RULES["loitering"](zone="yard", limit=10, away=3)
    found = play(rule, scenes({1: stands((0.6, 0.6), [(4, 6)])}, 15), [YARD])
    assert found[0][0] == pytest.approx(10, abs=0.2)
    said = found[-1][1].sentence.text("en")
    assert said == "person 1 has stayed 15 s in zone 'yard', limit 10 s"


def test_who_leaves_begins_anew() -> None:
    rule = RULES["loitering"](zone="yard", limit=10, away=2)
    assert not play(rule, scenes({1: stands((0.6, 0.6), [(6, 10)])}, 16), [YARD])


def test_crowding_counts_only_those_inside() -> None:
    inside = {k: stands((0.45 + 0.1 * k, 0.6)) for k in range(3)}
    outside = {10 + k: stands((0.05 * k, 0.2)) for k in range(5)}
    rule = RULES["crowding"](zone="yard", count=3, after=1)
    found = play(rule, scenes(inside | outside, 4), [YARD])
    assert found and found[0][1].sentence.values["count"] == 3
    fewer = RULES["crowding"](zone="yard", count=4, after=1)
    assert not play(fewer, scenes(inside | outside, 4), [YARD])


@pytest.mark.parametrize(("way", "expected"), [("both", [1, 2]), ("in", [1]), ("out", [2])])
def test_a_line_is_crossed_once_each_way(way, expected) -> None:
    people = {1: walk((0.2, 0.7), (0.8, 0.7), 4), 2: walk((0.8, 0.5), (0.2, 0.5), 4)}
    found = play(RULES["line"](line="door", way=way), scenes(people, 5), lines=[DOOR])
    assert sorted(f.track for _, f in found) == expected


def test_who_passes_beside_the_line_or_trembles_on_it_has_not_crossed() -> None:
    rule = RULES["line"](line="door", margin=0.02)
    people = {
        1: walk((0.2, 0.15), (0.8, 0.15), 4),
        2: lambda s: (0.5 + 0.015 * (-1) ** round(10 * s), 0.6),
    }
    assert not play(rule, scenes(people, 5), lines=[DOOR])


def test_wrong_way() -> None:
    rule = RULES["wrong_way"](zone="yard", degrees=0)
    people = {
        1: walk((0.85, 0.6), (0.45, 0.6), 5),
        2: walk((0.45, 0.8), (0.85, 0.8), 5),
        3: stands((0.6, 0.9)),
    }
    found = play(rule, scenes(people, 5), [YARD])
    assert {f.track for _, f in found} == {1}
    assert found[-1][1].sentence.values["degrees"] == 180


def test_running_is_measured_in_body_heights() -> None:
    # 60 pixels of 320 are a body height: 0.1875 of the width
    people = {1: walk((0.05, 0.5), (0.95, 0.5), 2), 2: walk((0.05, 0.8), (0.95, 0.8), 6)}
    found = play(RULES["running"](), scenes(people, 6))
    assert {f.track for _, f in found} == {1}
    assert found[3][1].sentence.values["pace"] == pytest.approx(0.9 * 320 / 60 / 2, rel=0.1)


def falls(at: float, back: float):
    """Upright boxes, but flat ones between two moments."""
    known = People()
    for k in range(100):
        second = k / 10
        flat = at <= second < back
        box = box_at(0.5, 0.8, 20, 60) if flat else box_at(0.5, 0.8)
        yield Scene(second, known.see(second, [Tracked(1, box)], SHAPE), SHAPE)


def test_a_fall_is_lying_for_a_while() -> None:
    found = play(RULES["fall"](after=2), falls(3, 99))
    assert found[0][0] == pytest.approx(5, abs=0.2)
    assert not play(RULES["fall"](after=2), falls(3, 4))


def test_who_was_always_flat_has_not_fallen() -> None:
    assert not play(RULES["fall"](after=2), falls(0, 99))


def left_behind(until: float = 99.0):
    """Somebody brings something and goes; it lies there until `until`. Another one stays near it
    in the second scene."""
    known = People()
    for k in range(300):
        second = k / 5
        thing = [np.array([200, 160, 222, 182])] if 4 <= second < until else []
        carrier = box_at(0.6, 0.75) if 2 <= second < 5 else None
        shown = [carrier] if carrier is not None else []
        tracks = [Tracked(1, box) for box in shown]
        rgb = picture([*thing, *shown])
        yield Scene(second, known.see(second, tracks, SHAPE), SHAPE, rgb)


def test_something_left_alone_is_noticed_and_something_taken_away_is_not() -> None:
    found = play(RULES["abandoned"](limit=20, near=1), left_behind())
    assert found and found[0][0] == pytest.approx(25, abs=3)
    x1, y1, x2, y2 = found[-1][1].box
    assert abs((x1 + x2) / 2 - 211) < 6 and abs((y1 + y2) / 2 - 171) < 6
    assert not play(RULES["abandoned"](limit=20, near=1), left_behind(until=15))


@pytest.mark.parametrize("kind", ["fight", "unusual"])
def test_a_scorer_is_asked_about_the_frames_of_the_zone(kind) -> None:
    asked = []

    def scorer(frames: np.ndarray) -> float:
        asked.append(frames.shape)
        return float(frames[-1].mean() > 120)

    def film(bright: bool):
        for k in range(100):
            rgb = np.full(SHAPE, 200 if bright and k > 40 else 90, np.uint8)
            yield Scene(k / 10, [], SHAPE, rgb)

    rule = RULES[kind](zone="yard", frames=8)
    rule.use(scorer)
    found = play(rule, film(True), [YARD])
    assert found and found[0][0] > 4
    assert set(asked) == {(8, 132, 160, 3)}  # the zone's part of the frame
    calm = RULES[kind](zone="yard", frames=8)
    calm.use(scorer)
    assert not play(calm, film(False), [YARD])


def test_what_was_not_measured_is_off_until_it_is_switched_on() -> None:
    for kind, rule in RULES.items():
        made = rule(line="door") if kind == "line" else rule()
        assert made.on == rule.measured
        assert type(made)(**{**({"line": "door"} if kind == "line" else {}), "enabled": True}).on


def test_every_sentence_is_said_in_both_languages_with_its_numbers() -> None:
    people = {1: walk((0.05, 0.6), (0.95, 0.6), 2)}
    for zone in ("", "yard"):
        found = play(RULES["running"](zone=zone, limit=0.5), scenes(people, 2), [YARD])
        texts = {lang: found[0][1].sentence.text(lang) for lang in LANGUAGES}
        assert len(set(texts.values())) == len(LANGUAGES)
        assert all("yard" in text for text in texts.values()) == bool(zone)
