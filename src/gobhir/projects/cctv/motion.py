"""Where something moves: a slow memory of the empty scene, compared with what is there now.
The detector, which costs a hundred times as much, is asked only there.
"""

from __future__ import annotations

import cv2
import numpy as np

cv2.setNumThreads(1)  # the pictures are small; several cameras share the machine


class Motion:
    """A model of the background (Zivkovic 2004, OpenCV's MOG2) on a small grey picture.

    width: of the small picture; share: how much of the frame has to move; memory: seconds after
    which what stands still belongs to the background. All boxes are (n, 4): x1, y1, x2, y2 in
    pixels of the frame.
    """

    def __init__(self, width: int = 320, share: float = 0.0004, memory: float = 30.0) -> None:
        self.width = width
        self.share = share
        self.memory = memory
        self._model = cv2.createBackgroundSubtractorMOG2(500, 25.0, False)
        self._last: float | None = None
        self._close = np.ones((5, 5), np.uint8)

    def look(self, rgb: np.ndarray, seconds: float) -> np.ndarray:
        """The boxes around what moves. On the first frame nothing does."""
        height, width = rgb.shape[:2]
        scale = min(1.0, self.width / width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        grey = cv2.GaussianBlur(grey, (3, 3), 0)
        first, passed = self._last is None, seconds - (self._last or 0.0)
        self._last = seconds
        # by seconds, not by frames: a camera with few frames a second forgets as slowly as others
        rate = 1.0 if first else float(np.clip(passed / self.memory, 1e-4, 0.5))
        mask = self._model.apply(grey, learningRate=rate)
        if first:
            return np.zeros((0, 4), np.float32)
        mask = cv2.morphologyEx((mask > 0).astype(np.uint8), cv2.MORPH_CLOSE, self._close)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        least = self.share * mask.size
        found = [stats[i, :4] for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= least]
        if not found:
            return np.zeros((0, 4), np.float32)
        x, y, w, h = np.array(found, np.float32).T
        return np.stack([x, y, x + w, y + h], 1) / np.float32(scale)
