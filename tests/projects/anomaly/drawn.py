"""A yard that is drawn here: something grey goes to and fro on its path; what is unusual goes
across the lawn."""

from __future__ import annotations

import numpy as np

from gobhir.projects.film import Film

HIGH, WIDE, FPS = 48, 64, 10


def yard(count: int, seed: int = 0, across: range = range(0)):
    """(frames (count, 48, 64, 3) bytes, labels (count,)); across: when something crosses."""
    draw = np.random.default_rng(seed)
    frames = draw.integers(110, 130, (count, HIGH, WIDE, 3)).astype(np.uint8)
    frames[:, 34:46] -= 40
    for t in range(count):
        x = 28 + round(24 * np.sin(t / 6))
        frames[t, 36:44, x : x + 8] = draw.integers(200, 220)
    for t in across:
        y = 2 + (t - across.start) % 22
        frames[t, y : y + 10, 44:56] = 250
    labels = np.zeros(count, bool)
    labels[list(across)] = True
    return frames, labels


def film(path, frames) -> str:
    """The frames as a film."""
    with Film(path, FPS) as out:
        for k, pixels in enumerate(frames):
            out.add(k / FPS, pixels)
    return str(path)
