"""The filter against the textbook's 8x8 matrices, and against what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.projects.detection.boxes import to_centres
from gobhir.projects.tracking import kalman
from gobhir.projects.tracking.kalman import Motion


def boxes(count: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    corner = draw.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + draw.uniform(10, 90, (count, 2))], 1)


def textbook(seen: list[np.ndarray], motion: Motion, steps: list[float]):
    """One box by 8x8 matrices, position numbers first, then velocities: F, Q, H, R, inverse."""
    z = to_centres(seen[0])
    x = np.concatenate([z, np.zeros(4)])
    first = np.array([1, 1, 0.1, 0.1]) * motion.first * z[3]
    noise = motion.measured * np.array([1, 1, motion.size, motion.size])
    p = np.diag(np.concatenate([noise * z[3], first]) ** 2)
    h = np.eye(4, 8)
    for now, t in zip(seen[1:], steps, strict=True):
        push = np.array([motion.push, motion.push, motion.growth, motion.growth]) * x[3]
        f = np.eye(8) + np.eye(8, k=4) * t
        s = np.diag(push**2)
        q = np.block([[s * t**3 / 3, s * t**2 / 2], [s * t**2 / 2, s * t]])
        x, p = f @ x, f @ p @ f.T + q
        z = to_centres(now)
        r = np.diag((noise * z[3]) ** 2)
        gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + r)
        x, p = x + gain @ (z - h @ x), (np.eye(8) - gain @ h) @ p
    return x, p


def test_as_the_textbook_with_matrices_of_8x8() -> None:
    motion, steps = Motion(), [1.0, 1.0, 3.0, 2.0, 1.0]
    seen = [boxes(4, seed) for seed in range(6)]
    state = kalman.begin(seen[0], motion)
    for now, t in zip(seen[1:], steps, strict=True):
        state = kalman.update(kalman.predict(state, motion, t), now, motion)
    for k in range(4):
        x, p = textbook([one[k] for one in seen], motion, steps)
        np.testing.assert_allclose(state.mean[k].T.ravel(), x, rtol=1e-9)
        own = np.zeros((8, 8))
        for i in range(4):
            own[np.ix_([i, i + 4], [i, i + 4])] = state.covariance[k, i]
        np.testing.assert_allclose(own, p, rtol=1e-6, atol=1e-9)


def test_two_steps_of_one_are_one_of_two() -> None:
    motion, state = Motion(growth=0, push=0.03), kalman.begin(boxes(3), Motion())
    twice = kalman.predict(kalman.predict(state, motion), motion)
    at_once = kalman.predict(state, motion, 2)
    np.testing.assert_allclose(twice.mean, at_once.mean)
    np.testing.assert_allclose(twice.covariance, at_once.covariance)


def test_it_learns_how_fast_somebody_walks() -> None:
    motion, step = Motion(), np.array([4.0, -1.0, 4.0, -1.0])
    first = np.array([[100.0, 100.0, 130.0, 180.0]])
    state = kalman.begin(first, motion)
    for t in range(1, 15):
        state = kalman.update(kalman.predict(state, motion), first + t * step, motion)
    np.testing.assert_allclose(state.mean[0, :2, 1], step[:2], atol=0.05)
    ahead = kalman.predict(state, motion, 5)
    np.testing.assert_allclose(ahead.boxes, first + 19 * step, atol=1)
    unsure = ahead.covariance[0, :, 0, 0] / state.covariance[0, :, 0, 0]
    assert (unsure > 1).all()  # the farther ahead, the less sure


def test_a_box_never_turns_inside_out() -> None:
    state = kalman.begin(np.array([[0.0, 0.0, 20.0, 40.0]]), Motion())
    state.mean[0, 2:, 1] = -30  # it shrinks by more than there is of it
    (box,) = kalman.predict(state, Motion()).boxes
    assert box[2] - box[0] == pytest.approx(1) and box[3] > box[1]
