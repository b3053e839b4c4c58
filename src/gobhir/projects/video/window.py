"""The last seconds of a stream, as a clip that is looked at now and then."""

from __future__ import annotations

from collections import deque

import numpy as np

from gobhir.projects.video.sampling import uniform

ENOUGH = 0.7
"""A clip is looked at as soon as so much of its span has been seen."""


class Window:
    """frames: of a clip; span: seconds from its first to its last; every: seconds between two."""

    def __init__(self, frames: int, span: float, every: float):
        self.frames, self.span, self.every = frames, span, every
        self.asked = -np.inf
        self._recent: deque[tuple[float, np.ndarray]] = deque()

    def add(self, seconds: float, picture: np.ndarray) -> np.ndarray | None:
        """The next frame and when it was seen. Gives the clip (frames, h, w, 3) that ends with it,
        where one is due: at even distances in time the nearest frames that there are."""
        recent = self._recent
        if recent and seconds < recent[-1][0]:  # a clock set back, or the film begins anew
            recent.clear()
            self.asked = -np.inf
        recent.append((seconds, picture))
        while recent[0][0] < seconds - self.span - 1e-6:
            recent.popleft()
        lasted = seconds - recent[0][0]
        early = seconds - self.asked < self.every - 1e-6
        if early or len(recent) < 2 or lasted < ENOUGH * self.span - 1e-6:
            return None
        self.asked = seconds
        return self.clip()

    def clip(self) -> np.ndarray:
        """What there is, as a clip, however short: at least one frame."""
        times = np.array([at for at, _ in self._recent])
        if times[-1] == times[0]:
            rows = uniform(len(times), self.frames)
        else:
            wanted = np.linspace(times[0], times[-1], self.frames)
            rows = np.abs(times[None] - wanted[:, None]).argmin(1)
        return np.stack([self._recent[row][1] for row in rows])
