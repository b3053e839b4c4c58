"""From a picture of a handwritten sign to what the network was trained on, whatever the paper, the
pen, the size and the place. Training, evaluation and the service use this one recipe.

After LeCun et al., Gradient-based learning applied to document recognition (1998), section III.A:
the ink scaled into a box with its proportions kept, its centre of mass in the middle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST = 0.08
"""Brightness between paper and ink, of the whole range, below which there is nothing drawn."""


def drawn(picture: Any, size: int = 28, box: int = 20) -> np.ndarray:
    """Bright ink on black, (size, size), float32 from 0 to 1; all 0 where nothing is drawn.

    picture: (H, W) grey or (H, W, 3) red, green, blue, whole numbers from 0 to 255 or floating
    ones from 0 to 1. The paper is what most of the frame shows, the ink what differs from it most,
    darker or brighter.
    """
    ink = _ink(_grey(picture))
    rows, columns = _extent(ink)
    out = np.zeros((size, size), np.float32)
    if rows is None or columns is None:
        return out
    small = _scaled(ink[rows, columns], box)
    (h, w), total = small.shape, small.sum()
    if not total > 0:
        return out
    # The centre of a pixel is half a pixel from its edge, hence size / 2 - 0.5.
    y = size / 2 - 0.5 - float(small.sum(1) @ np.arange(h)) / total
    x = size / 2 - 0.5 - float(small.sum(0) @ np.arange(w)) / total
    top, left = (min(max(round(v), 0), size - n) for v, n in ((y, h), (x, w)))
    out[top : top + h, left : left + w] = small
    return out


def _grey(picture: Any) -> np.ndarray:
    array = np.asarray(picture)
    whole = array.dtype.kind in "iub"
    grey = array.astype(np.float32)
    if grey.ndim == 3:
        grey = grey[..., 0] if grey.shape[2] < 3 else grey[..., :3] @ _LUMINANCE
    return grey / 255 if whole and array.dtype != bool else grey


_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L


def _ink(grey: np.ndarray) -> np.ndarray:
    """How much ink lies where, from 0 (paper) to 1."""
    if grey.size == 0:
        return grey
    frame = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = np.float32(np.median(frame))
    dark, light = np.maximum(paper - grey, 0), np.maximum(grey - paper, 0)
    ink = dark if (dark * dark).sum() >= (light * light).sum() else light
    top = float(np.quantile(ink[ink > 0], 0.95)) if (ink > 0).any() else 0.0
    if top < LEAST:
        return np.zeros_like(ink)
    ink = np.minimum(ink / top, 1)
    ink[ink < _otsu(ink) / 2] = 0  # grain of the paper, and what JPEG left around the strokes
    return ink


def _otsu(ink: np.ndarray) -> float:
    """The threshold that parts the numbers into two groups as far apart as can be (Otsu 1979)."""
    counts, edges = np.histogram(ink, 64, (0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    means = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below * above * (means[0] - means[1]) ** 2)])


def _extent(ink: np.ndarray) -> tuple[slice | None, slice | None]:
    """The rows and columns of the ink. A pixel that stands alone is a speck."""
    mask = ink > 0
    framed = np.pad(mask, 1).astype(np.int8)
    threes = framed[:-2] + framed[1:-1] + framed[2:]
    together = threes[:, :-2] + threes[:, 1:-1] + threes[:, 2:]
    solid = mask & (together > 2)
    solid = solid if solid.any() else mask
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(solid.any(axis))
        found.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else None)
    return found[0], found[1]


def _scaled(ink: np.ndarray, box: int) -> np.ndarray:
    """The picture with its longer side `box` long."""
    from PIL import Image

    longer = max(ink.shape)
    h, w = (max(1, round(n * box / longer)) for n in ink.shape)
    if (h, w) == ink.shape:
        return ink
    picture = Image.fromarray(np.ascontiguousarray(ink))
    return np.clip(np.asarray(picture.resize((w, h), Image.Resampling.BILINEAR)), 0, 1)
