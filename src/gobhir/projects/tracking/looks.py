"""What somebody looks like from afar: which colours the upper and the lower body have.

It tells a red jacket from a black one where boxes cannot say who is who; it is no face, and worth
nothing tomorrow, in other clothes or another light. The idea: D. Comaniciu, V. Ramesh, P. Meer
(2003), https://doi.org/10.1109/TPAMI.2003.1195991
"""

from __future__ import annotations

import numpy as np

BINS = 64
PARTS = ((0.15, 0.5), (0.5, 0.85))
"""From where to where in the box's height: below the head, above the feet."""
USUAL = 0.25
"""Nine in ten pairs of pictures of one person, ten frames apart, are less unlike than this; of two
people, not one in ten (measured on vtest.avi's first half)."""


def looks(frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n, 64) of unit length, for boxes (n, 4) in a frame (height, width, 3) of bytes.

    Of each part of the body, the shares of 16 lightnesses, 8 shades from green to red and 8 from
    blue to yellow (CIELAB), in the middle half of the box, where there is little background; the
    roots of the shares, since the product of two such vectors is then how alike they are.
    """
    import cv2

    found = np.zeros((len(boxes), BINS), np.float32)
    high, wide = frame.shape[:2]
    for row, (x1, y1, x2, y2) in zip(found, np.asarray(boxes, float), strict=True):
        left, right = _within(0.75 * x1 + 0.25 * x2, 0.25 * x1 + 0.75 * x2, wide)
        for k, (above, below) in enumerate(PARTS):
            top, bottom = _within(y1 + above * (y2 - y1), y1 + below * (y2 - y1), high)
            part = frame[top:bottom, left:right]
            if part.size:
                row[32 * k : 32 * k + 32] = _shares(cv2.cvtColor(part, cv2.COLOR_RGB2LAB))
    return np.sqrt(found / 2)


def unlike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How unlike (n, 64) and (m, 64) are: (n, m), from 0 (the same colours) to 1 (none shared);
    Hellinger's distance. With whoever shows nothing, at the edge of the picture: USUAL."""
    far = np.sqrt(np.clip(1 - a @ b.T, 0, 1))
    return np.where((a != 0).any(1)[:, None] & (b != 0).any(1)[None], far, USUAL)


def _within(start: float, end: float, length: int) -> tuple[int, int]:
    """Whole pixels of a line of that length; the same one twice where it lies outside."""
    first, last = np.clip([int(start), int(end)], 0, length)
    return int(first), int(last)


def _shares(lab: np.ndarray) -> np.ndarray:
    """The shares of the bins in pixels of CIELAB bytes: (32,), together 1."""
    light, red, yellow = lab.reshape(-1, 3).astype(np.int64).T
    # Streets are mostly grey: shades are told apart near the middle (128), and beyond it counted
    # with the outermost.
    shades = [np.clip((one - 96) // 8, 0, 7) for one in (red, yellow)]
    bins = np.concatenate([light // 16, shades[0] + 16, shades[1] + 24])
    return np.bincount(bins, minlength=32) / len(bins)
