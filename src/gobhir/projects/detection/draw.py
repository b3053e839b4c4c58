"""Boxes drawn on pictures: green what is there, in warm colours what was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gobhir.projects.detection.augment import Example
from gobhir.projects.detection.boxes import GREY, Detections

COLOURS = (
    (255, 92, 51), (64, 156, 255), (255, 194, 10), (190, 92, 255), (0, 200, 170), (255, 105, 180),
)  # fmt: skip
TRUE = (60, 220, 60)


def drawn(
    pixels: np.ndarray,
    found: Detections,
    names: Sequence[str] = (),
    truth: Detections | None = None,
) -> np.ndarray:
    """A copy of the picture (h, w, 3) with the boxes of what was found, each with its score (and
    name, where there are several); those of the truth below them, thin and green."""
    import cv2

    out = np.ascontiguousarray(pixels).copy()
    thick = max(1, round(max(out.shape[:2]) / 400))
    for box in truth.boxes if truth is not None else ():
        cv2.rectangle(out, *_corners(box), TRUE, max(1, thick // 2))
    for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True):
        colour = COLOURS[int(kind) % len(COLOURS)]
        first, last = _corners(box)
        cv2.rectangle(out, first, last, colour, thick)
        name = f"{names[kind]} " if len(names) > 1 and kind < len(names) else ""
        place = first[0], max(first[1] - 3, 10)
        size = 0.35 + 0.1 * thick
        told = f"{name}{score:.2f}"
        cv2.putText(out, told, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
    return out


def sheet(examples: Sequence[Example], across: int = 4) -> np.ndarray:
    """Pictures of one size with their boxes, beside and below one another."""
    shown = []
    for pixels, boxes in examples:
        known = Detections.of(boxes[:, :4], classes=boxes[:, 4])
        shown.append(drawn(pixels, Detections.of(), truth=known))
    blank = np.full_like(shown[0], GREY)
    shown += [blank] * (-len(shown) % across)
    rows = [np.concatenate(shown[k : k + across], 1) for k in range(0, len(shown), across)]
    return np.concatenate(rows)


def _corners(box: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    x1, y1, x2, y2 = (int(n) for n in np.round(box))
    return (x1, y1), (x2, y2)
