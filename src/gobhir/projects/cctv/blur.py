"""Faces made unrecognisable: the upper part of every person's box, in all that is kept."""

from __future__ import annotations

import cv2
import numpy as np

HEAD = 0.28
"""How much of a person's height is head and neck, with something to spare."""


def without_faces(rgb: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A copy of the picture in which the heads of the people in `boxes` (n, 4) are a few large,
    soft squares."""
    out = rgb.copy()
    height, width = rgb.shape[:2]
    for x1, y1, x2, y2 in boxes:
        wide, high = x2 - x1, y2 - y1
        left, right = np.clip([x1 - 0.05 * wide, x2 + 0.05 * wide], 0, width).round().astype(int)
        top, low = np.clip([y1 - 0.06 * high, y1 + HEAD * high], 0, height).round().astype(int)
        if right - left < 1 or low - top < 1:
            continue
        head = out[top:low, left:right]
        few = cv2.resize(head, (3, 3), interpolation=cv2.INTER_AREA)
        size = (right - left, low - top)
        out[top:low, left:right] = cv2.resize(few, size, interpolation=cv2.INTER_LINEAR)
    return out
