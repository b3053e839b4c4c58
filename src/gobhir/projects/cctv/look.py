"""Where the detector looks: squares around what moves and around those who are followed, as few as
cover them all. A detector made for small pictures sees a person in such a square much larger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gobhir.projects.detection.boxes import Detections

Detector = Callable[[np.ndarray, np.ndarray | None], Detections]
"""A frame, and the regions (n, 4) to look into, None for all of it: projects/detection/onnx.py."""


def grid(shape: tuple[int, ...], size: int, overlap: int) -> np.ndarray:
    """Squares (n, 4) that cover a whole frame, neighbours sharing at least `overlap`."""

    def starts(length: int) -> np.ndarray:
        if length <= size:
            return np.zeros(1)
        count = int(np.ceil((length - size) / (size - overlap))) + 1
        return np.linspace(0, length - size, count)

    height, width = shape[:2]
    x, y = np.meshgrid(starts(width), starts(height))
    corner = np.stack([x.ravel(), y.ravel()], 1).round()
    return np.hstack([corner, np.minimum(corner + size, [width, height])])


def squares(regions: np.ndarray, shape: tuple[int, ...], size: int, overlap: int) -> np.ndarray:
    """Squares (n, 4) of `size` in the frame, so that each region lies in one of them; a region too
    large for one is covered by several."""
    height, width = shape[:2]
    whole = grid(shape, size, overlap)
    small = ((regions[:, 2:] - regions[:, :2]) <= size).all(1)
    chosen = [tile for tile in whole if _touches(tile, regions[~small]).any()]
    left = regions[small]
    if len(left) + len(chosen) >= len(whole) and not small.all():
        return whole
    middle = (left[:, :2] + left[:, 2:]) / 2
    corner = np.clip(middle - size / 2, 0, np.maximum([width - size, height - size], 0)).round()
    own = np.hstack([corner, np.minimum(corner + size, [width, height])])
    candidates = np.vstack([*([np.array(chosen)] if chosen else []), own, whole])
    holds = (candidates[:, None, :2] <= left[None, :, :2] + 1).all(2)
    holds &= (candidates[:, None, 2:] >= left[None, :, 2:] - 1).all(2)
    missing = ~holds[: len(chosen)].any(0)
    while missing.any():  # the square that holds most of those that no square holds yet
        best = int((holds & missing).sum(1).argmax())
        chosen.append(candidates[best])
        missing = missing & ~holds[best]
    if len(chosen) > len(whole):
        return whole
    return np.array(chosen).reshape(-1, 4)


def _touches(tile: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    return np.asarray(((boxes[:, :2] < tile[2:]) & (boxes[:, 2:] > tile[:2])).all(1))


@dataclass
class Look:
    """A detector asked where something is. size: of a square in pixels of the frame, 0: the whole
    frame at once; overlap: of neighbours, as a share, so that a person at an edge is whole in one
    of them; margin: how much wider than a region is looked, as a share of its size; smallest:
    whoever is less tall, as a share of the frame's height, is nobody."""

    detector: Detector
    size: int = 0
    overlap: float = 0.35
    margin: float = 0.25
    smallest: float = 0.0

    def everywhere(self, rgb: np.ndarray) -> Detections:
        """Who is in the whole frame."""
        height, width = rgb.shape[:2]
        return self.at(rgb, np.array([[0, 0, width, height]], np.float32))

    def at(self, rgb: np.ndarray, regions: np.ndarray) -> Detections:
        """Who is in the regions (n, 4)."""
        height, width = rgb.shape[:2]
        if not len(regions):
            return Detections.of()
        if not self.size or max(height, width) <= self.size:
            return self._people(self.detector(rgb, None), height)
        grow = (regions[:, 2:] - regions[:, :2]) * self.margin
        wide = np.hstack([regions[:, :2] - grow, regions[:, 2:] + grow])
        wide = np.clip(wide, 0, [width, height, width, height])
        tiles = squares(wide, rgb.shape, self.size, round(self.overlap * self.size))
        return self._people(self.detector(rgb, tiles), height)

    def _people(self, found: Detections, height: int) -> Detections:
        return found[found.boxes[:, 3] - found.boxes[:, 1] >= self.smallest * height]
