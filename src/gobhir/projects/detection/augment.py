"""Pictures that might as well have been taken: four laid together (mosaic), nearer or farther,
wider or narrower, mirrored, in other light. Boxes follow. NumPy and OpenCV; all chance comes from
the generator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gobhir.projects.detection.boxes import GREY, area, clip

Example = tuple[np.ndarray, np.ndarray]
"""A picture (h, w, 3), bytes, and its boxes (n, 5): x1, y1, x2, y2 in pixels, class."""

ZOOM, ALONE = (0.3, 0.9), (0.6, 1.4)
"""In a mosaic and alone, against the size at which the picture fills the square."""
STRETCH = 0.3
"""The logarithm of how much wider, against their height, things become at most."""
SEEN = 0.35
"""Of a box at least so much has to be left, else nobody could know what it was."""
SMALLEST = 4
LIGHT = (0.015, 0.6, 0.4)
"""Hue, saturation and brightness are multiplied by at most 1 + so much."""


def mosaic(examples: Sequence[Example], size: int, draw: np.random.Generator) -> Example:
    """Parts of four pictures around one point of a square: more things, in more places, smaller and
    larger than they were. Source: Bochkovskiy et al., YOLOv4 (2020), https://arxiv.org/abs/2004.10934
    """
    x, y = (int(n) for n in draw.uniform(0.25 * size, 0.75 * size, 2))
    corners = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]
    out = np.full((size, size, 3), GREY, np.uint8)
    boxes = []
    for k, ((pixels, known), (left, top, right, bottom)) in enumerate(
        zip(examples, corners, strict=True)
    ):
        wide, high = right - left, bottom - top
        scale = zoomed(pixels, size, ZOOM, draw)
        # Of what is larger than its corner any part is seen; what is smaller touches the point.
        room = [
            by * n - m for by, n, m in zip(scale, pixels.shape[1::-1], (wide, high), strict=True)
        ]
        move = [
            -draw.uniform(0, free) if free > 0 else (-free if inner else 0.0)
            for free, inner in zip(room, (k in (0, 2), k in (0, 1)), strict=True)
        ]
        part, found = placed(pixels, known, scale, move, (wide, high), mirror=draw.random() < 0.5)
        out[top:bottom, left:right] = part
        boxes.append(found + np.array([left, top, left, top, 0], np.float32))
    return out, np.concatenate(boxes)


def alone(example: Example, size: int, draw: np.random.Generator) -> Example:
    """One picture, nearer or farther, moved, a little wider or narrower, every other one
    mirrored."""
    pixels, known = example
    scale = zoomed(pixels, size, ALONE, draw)
    sides = zip(scale, pixels.shape[1::-1], strict=True)
    move = [draw.uniform(0, 1) * (size - by * n) for by, n in sides]
    return placed(pixels, known, scale, move, (size, size), mirror=draw.random() < 0.5)


def zoomed(
    pixels: np.ndarray, size: int, zoom: tuple[float, float], draw: np.random.Generator
) -> tuple[float, float]:
    """By how much to multiply width and height: by chance, `zoom` against the size at which the
    picture fills the square."""
    scale = draw.uniform(*zoom) * size / max(pixels.shape[:2])
    wider = math.exp(draw.uniform(-STRETCH, STRETCH))
    return scale * wider**0.5, scale / wider**0.5


def placed(
    pixels: np.ndarray,
    known: np.ndarray,
    scale: tuple[float, float],
    move: Sequence[float],
    size: tuple[int, int],
    mirror: bool = False,
) -> Example:
    """The picture times `scale` (x, y), moved by `move` (x, y), in a frame of size (width, height),
    then mirrored within where it lies; and what is left of its boxes."""
    import cv2

    wide, high = size
    (across, down), (by_x, by_y) = move, scale
    start = across + (by_x * pixels.shape[1] if mirror else 0)
    by_x = -by_x if mirror else by_x
    # OpenCV means the middles of pixels, we mean their corners: half a pixel apart.
    matrix = np.array([[by_x, 0, start + 0.5 * by_x - 0.5], [0, by_y, down + 0.5 * by_y - 0.5]])
    out = cv2.warpAffine(
        pixels, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY)
    )
    boxes = known.copy()
    boxes[:, [1, 3]] = known[:, [1, 3]] * by_y + down
    ends = known[:, [0, 2]] * by_x + start
    boxes[:, [0, 2]] = np.sort(ends, 1)
    whole = area(boxes[:, :4])
    boxes[:, :4] = clip(boxes[:, :4], wide, high)
    left = area(boxes[:, :4])
    side = (boxes[:, 2:4] - boxes[:, :2]).min(1, initial=np.inf)
    return out, boxes[(left >= SEEN * whole) & (side >= SMALLEST)]


def recoloured(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """In other light: hue, saturation and brightness a little changed."""
    import cv2

    hue, depth, light = 1 + draw.uniform(-1, 1, 3) * LIGHT
    steps = np.arange(256)
    tables = [
        (steps * hue % 180).astype(np.uint8),
        np.clip(steps * depth, 0, 255).astype(np.uint8),
        np.clip(steps * light, 0, 255).astype(np.uint8),
    ]
    parts = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV))
    changed = cv2.merge([cv2.LUT(p, t) for p, t in zip(parts, tables, strict=True)])
    return cv2.cvtColor(changed, cv2.COLOR_HSV2RGB)
