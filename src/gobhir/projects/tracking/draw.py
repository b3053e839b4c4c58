"""Everybody's box and number drawn into a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gobhir.projects.tracking.tracker import Track

COLOURS = np.array(
    [(230, 75, 53), (77, 187, 213), (0, 160, 135), (255, 206, 84), (145, 97, 242), (255, 120, 203)]
)
"""Of the boxes, by the number of the person."""


def with_boxes(frame: np.ndarray, tracks: Sequence[Track]) -> np.ndarray:
    """A copy of the frame with boxes and names; the box of who is not seen just now is thin."""
    import cv2

    picture = np.ascontiguousarray(frame).copy()
    for one in tracks:
        x1, y1, x2, y2 = (round(float(v)) for v in one.box)
        colour = tuple(COLOURS[one.id % len(COLOURS)].tolist())
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 1 if one.lost else 2)
        place = (x1, max(12, y1 - 4))
        cv2.putText(picture, str(one.id), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 2)
    return picture
