"""The last seconds of a camera, as JPEGs: what a clip shows from before its event."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np


@dataclass(frozen=True)
class Still:
    """One kept frame. seconds: of the camera; jpeg: the picture, not yet blurred; boxes: (n, 4) of
    the people in it, in pixels of the kept picture; ids: their numbers."""

    seconds: float
    jpeg: bytes
    boxes: np.ndarray
    ids: tuple[int, ...] = ()

    def rgb(self) -> np.ndarray:
        read = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        return np.ascontiguousarray(np.asarray(read)[..., ::-1])


def jpeg(rgb: np.ndarray, quality: int = 85) -> bytes:
    """A picture as a JPEG file."""
    _, file = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return file.tobytes()


@dataclass
class Ring:
    """before: seconds that are kept; fps: at most so many frames of each; width: pictures wider
    than that are made smaller; room: bytes that are never passed, so that fewer seconds stay."""

    before: float = 5.0
    fps: float = 10.0
    width: int = 960
    room: int = 64_000_000
    size: int = 0
    stills: deque[Still] = field(default_factory=deque)
    _last: float = -np.inf

    def put(
        self, seconds: float, rgb: np.ndarray, boxes: np.ndarray, ids: tuple[int, ...] = ()
    ) -> Still | None:
        """Keep a frame, unless it comes sooner than the rate allows. Gives what was kept."""
        if seconds - self._last < 0.999 / self.fps:
            return None
        self._last = seconds
        height, width = rgb.shape[:2]
        scale = min(1.0, self.width / width)
        # H.264 in yuv420p has one colour for two by two pixels
        even = max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2)
        if even != (width, height):
            rgb = cv2.resize(rgb, even, interpolation=cv2.INTER_AREA)
        factor = np.array([even[0] / width, even[1] / height] * 2, np.float32)
        still = Still(seconds, jpeg(rgb), np.asarray(boxes).reshape(-1, 4) * factor, ids)
        self.stills.append(still)
        self.size += len(still.jpeg)
        while self.size > self.room or self.stills[0].seconds < seconds - self.before:
            self.size -= len(self.stills.popleft().jpeg)
            if not self.stills:
                break
        return still
