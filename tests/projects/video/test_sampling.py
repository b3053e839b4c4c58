"""Which frames are looked at, and when a stream is."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.projects.video.sampling import chosen, dense, random, uniform
from gobhir.projects.video.window import Window


def test_uniform_is_the_middle_of_each_stretch() -> None:
    assert uniform(16, 16).tolist() == list(range(16))
    assert uniform(16, 4).tolist() == [2, 6, 10, 14]
    assert uniform(3, 6).tolist() == [0, 0, 1, 1, 2, 2]
    assert uniform(1, 4).tolist() == [0, 0, 0, 0]


def test_random_takes_one_of_each_stretch_and_each_is_taken() -> None:
    draw = np.random.default_rng(0)
    found = np.stack([random(20, 5, draw) for _ in range(300)])
    assert (found // 4 == np.arange(5)).all()
    assert np.unique(found).tolist() == list(range(20))


def test_dense_is_a_run_of_neighbours() -> None:
    draw = np.random.default_rng(0)
    found = np.stack([dense(10, 4, draw) for _ in range(300)])
    assert (np.diff(found) == 1).all()
    assert np.unique(found[:, 0]).tolist() == list(range(7))
    assert dense(10, 4).tolist() == [3, 4, 5, 6]
    assert dense(3, 6, draw).tolist() == uniform(3, 6).tolist()


@pytest.mark.parametrize("kind", ["uniform", "random", "dense"])
def test_what_is_measured_does_not_hang_on_chance(kind) -> None:
    assert chosen(kind, 12, 4).tolist() == chosen(kind, 12, 4).tolist()
    draws = {tuple(chosen(kind, 12, 4, np.random.default_rng(k))) for k in range(20)}
    assert (len(draws) == 1) == (kind == "uniform")


def at(window: Window, times) -> dict[float, list[float]]:
    """When a clip was given, and the times of its frames: each picture holds its own time."""
    found = {}
    for seconds in times:
        clip = window.add(seconds, np.full((1, 1, 3), seconds))
        if clip is not None:
            found[seconds] = clip[:, 0, 0, 0].tolist()
    return found


def test_a_window_moves_over_a_stream() -> None:
    found = at(Window(3, 2.0, 1.0), np.arange(0, 50) / 10)
    assert list(found) == pytest.approx([1.4, 2.4, 3.4, 4.4])
    assert found[2.4] == pytest.approx([0.4, 1.4, 2.4])


def test_frames_are_even_in_time_not_in_number() -> None:
    hasty = np.concatenate([np.arange(0, 1, 0.05), [1.0, 1.5, 2.0]])
    (clip,) = at(Window(5, 2.0, 1.0), hasty).values()
    assert clip == pytest.approx([0.0, 0.35, 0.75, 1.0, 1.5], abs=0.05)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    window = Window(2, 1.0, 0.5)
    first = at(window, [100, 100.5, 101])
    again = at(window, [3, 3.5, 4])
    assert list(first) == [101] and list(again) == [4]
    assert again[4] == [3, 4]
