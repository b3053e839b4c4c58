"""Who is followed: pace in body heights, and one number for one person."""

from __future__ import annotations

import pytest

from gobhir.projects.cctv.people import People
from tests.projects.cctv.staged import SHAPE, Tracked, box_at


def numbers(given) -> list[list[int]]:
    """given: for each tenth of a second {track: where}; the numbers of the people."""
    people = People()
    return [
        [
            p.id
            for p in people.see(k / 10, [Tracked(i, box_at(*at)) for i, at in now.items()], SHAPE)
        ]
        for k, now in enumerate(given)
    ]


def test_who_comes_out_from_behind_something_is_the_same_person() -> None:
    walk = [(0.2 + 0.01 * k, 0.8) for k in range(40)]  # 32 pixels a second, about half a height
    given = [{1: at} if k < 15 else {} if k < 30 else {7: at} for k, at in enumerate(walk)]
    assert {tuple(now) for now in numbers(given)} == {(1,), ()}


@pytest.mark.parametrize(
    "later",
    [
        [{7: (0.8, 0.8)}],  # far away
        [{}] * 40 + [{7: (0.3, 0.8)}],  # long afterwards
        [{1: (0.3, 0.8), 7: (0.32, 0.8)}],  # beside somebody who is still there
    ],
)
def test_somebody_else_has_a_number_of_their_own(later) -> None:
    assert numbers([{1: (0.3, 0.8)}] * 10 + later)[-1][-1] == 7


def test_pace_is_in_body_heights_a_second() -> None:
    people = People()
    for k in range(20):
        (person,) = people.see(k / 10, [Tracked(1, box_at(0.1 + 0.03 * k, 0.8))], SHAPE)
    assert person.pace(1.0) == pytest.approx([0.3 * 320 / 60, 0], abs=0.01)


def test_memory_is_bounded() -> None:
    people = People()
    for k in range(2000):
        people.see(k / 10, [Tracked(k // 5, box_at((k // 5) % 7 / 7, 0.8))], SHAPE)
    assert len(people._known) < 100 and len(people._called) < 100
