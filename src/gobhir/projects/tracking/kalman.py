r"""The Kalman filter of a box: where it is, how fast it moves, and how sure one is of both.

A box is four numbers: centre x, centre y, width, height. Each has a position p and a velocity v,
and moves evenly but for small pushes:

    p' = p + v dt          v' = v          x' = F x,  F = [[1, dt], [0, 1]]

Between two frames one becomes less sure (`predict`), with what is measured surer (`update`):

    predict    x' = F x              P' = F P Fᵀ + Q
    update     K  = P Hᵀ / S         S  = H P Hᵀ + R,  H = [1, 0]: only the position is seen
               x' = x + K (z - H x)  P' = (I - K H) P

No number of the box tells anything about another one here, so the 8x8 matrices of the textbooks
are block diagonal: four filters of 2x2, side by side, in which S is one number and nothing has to
be inverted. All functions work on any number of boxes at once.

Source: R. E. Kalman (1960), https://doi.org/10.1115/1.3662552; for boxes: A. Bewley et al. (2016),
SORT, https://arxiv.org/abs/1602.00763
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gobhir.projects.detection.boxes import to_centres, to_corners


@dataclass(frozen=True)
class Motion:
    """How people move and how well they are seen, in parts of the box's height, so that the same
    numbers hold near and far.

    measured: the standard deviation of a detection's centre; size: how many times larger that of
    its width and height is (arms, legs and whoever stands before somebody change them more). push:
    how much chance changes the centre's velocity in one step; growth: the same of width and height.
    first: the standard deviation of the velocity, a step, of somebody who was seen once.
    """

    measured: float = 0.05
    size: float = 2.0
    push: float = 0.01
    growth: float = 0.0005
    first: float = 0.06

    @property
    def noise(self) -> np.ndarray:
        """(4,): of what is measured."""
        return self.measured * np.array([1, 1, self.size, self.size])


@dataclass(frozen=True)
class State:
    """n boxes. mean: (n, 4, 2), position and velocity of centre x, centre y, width and height;
    covariance: (n, 4, 2, 2)."""

    mean: np.ndarray
    covariance: np.ndarray

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: np.ndarray) -> State:
        return State(self.mean[rows], self.covariance[rows])

    @property
    def boxes(self) -> np.ndarray:
        """(n, 4) x1, y1, x2, y2; a width or height is never below one pixel."""
        box = self.mean[..., 0]
        return to_corners(np.concatenate([box[:, :2], np.maximum(box[:, 2:], 1.0)], 1))


def begin(boxes: np.ndarray, motion: Motion) -> State:
    """What is known of boxes (n, 4) that were seen once: the place, and that they hardly move."""
    position = to_centres(np.asarray(boxes, float))
    mean = np.stack([position, np.zeros_like(position)], -1)
    height = position[:, 3, None]
    covariance = np.zeros((*mean.shape, 2))
    covariance[..., 0, 0] = (motion.noise * height) ** 2
    covariance[..., 1, 1] = (motion.first * height) ** 2 * [1, 1, 0.01, 0.01]
    return State(mean, covariance)


def predict(state: State, motion: Motion, steps: float = 1.0) -> State:
    """Where the boxes will be so many steps later: farther on, and less surely.

    Q is that of white noise in the acceleration, s² [[t³/3, t²/2], [t²/2, t]]: two steps of one
    give what one step of two gives, so that frames may be dropped.
    """
    t = steps
    f = np.array([[1.0, t], [0.0, 1.0]])
    q = np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
    push = np.array([motion.push, motion.push, motion.growth, motion.growth])
    s = push * np.maximum(state.mean[:, 3, 0, None], 1.0)
    mean = state.mean @ f.T
    return State(mean, f @ state.covariance @ f.T + (s**2)[..., None, None] * q)


def update(state: State, boxes: np.ndarray, motion: Motion) -> State:
    """The boxes (n, 4) were seen, one for each state."""
    z = to_centres(np.asarray(boxes, float))
    r = (motion.noise * z[:, 3, None]) ** 2
    p = state.covariance
    s = p[..., 0, 0] + r
    gain = p[..., :, 0] / s[..., None]
    mean = state.mean + gain * (z - state.mean[..., 0])[..., None]
    return State(mean, p - gain[..., :, None] * p[..., None, 0, :])
