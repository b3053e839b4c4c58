"""Which frames of a clip are looked at: all of them are too many, and neighbours are nearly alike.

Each gives (frames,) numbers of frames, ascending; of a clip with too few frames some come twice.
"""

from __future__ import annotations

import numpy as np


def uniform(count: int, frames: int) -> np.ndarray:
    """The frame in the middle of each of `frames` equal stretches of a clip of `count` frames."""
    return _places(count, np.full(frames, 0.5))


def random(count: int, frames: int, draw: np.random.Generator) -> np.ndarray:
    """As `uniform`, but one by chance from each stretch: another look at the same clip.

    Source: Wang et al., Temporal Segment Networks (ECCV 2016), https://arxiv.org/abs/1608.00859
    """
    return _places(count, draw.random(frames))


def dense(count: int, frames: int, draw: np.random.Generator | None = None) -> np.ndarray:
    """Neighbours: a run that begins by chance, or, without `draw`, lies in the middle. What moves
    fast is seen, what takes long is not."""
    if count <= frames:
        return uniform(count, frames)
    last = count - frames
    return np.arange(frames) + (last // 2 if draw is None else int(draw.integers(last + 1)))


def chosen(
    kind: str, count: int, frames: int, draw: np.random.Generator | None = None
) -> np.ndarray:
    """By the name of the kind. Without `draw` always the same: to be measured, and at work."""
    if kind == "dense":
        return dense(count, frames, draw)
    if kind == "random" and draw is not None:
        return random(count, frames, draw)
    return uniform(count, frames)


def _places(count: int, share: np.ndarray) -> np.ndarray:
    """The frame at this share of each stretch."""
    at = (np.arange(len(share)) + share) * count / len(share)
    return np.minimum(at.astype(int), count - 1)
