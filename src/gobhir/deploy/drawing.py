"""From a picture of a handwritten sign to what the network was trained on, whatever the paper, the
pen, the size and the place. Training, evaluation and the service use this one recipe.

After LeCun et al., Gradient-based learning applied to document recognition (1998), section III.A:
the ink scaled into a box, its centre of mass in the middle. Its proportions are kept by half, as in
Liu et al., Handwritten digit recognition: investigation of normalization and feature extraction
techniques (2004): of a sign that was cut out and stretched, nobody knows what they were. What is
ink and what is paper is found before, on a canvas of 64 x 64, for many pictures at once:

1. polarity: ink is the lesser part, and the border shows paper;
2. paper: a smooth surface under the ink, also where a shadow falls on it, is taken away;
3. lines: what runs through a whole row or column is a line of the paper;
4. contrast: the ink is brought to 1 (Otsu's threshold tells it from the rest), the grain to 0;
5. specks: of all that is left, the heaviest piece that hangs together is the sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

LEAST = 0.04
"""Brightness between paper and ink, of the whole range, below which there is nothing drawn."""
CANVAS = 64
GRAIN = CANVAS * CANVAS * 2 // 5
HALF = CANVAS // 2  # one bit of a uint32 for each column: see _piece
_AT_ONCE = 256


def drawn(picture: Any, size: int = 28, box: int = 20) -> np.ndarray:
    """Bright ink on black, (size, size), float32 from 0 to 1; all 0 where nothing is drawn.

    picture: (H, W) grey or (H, W, 3) red, green, blue, whole numbers from 0 to 255 or floating
    ones from 0 to 1.
    """
    return all_drawn([picture], size, box)[0]


def all_drawn(pictures: Sequence[Any], size: int = 28, box: int = 20) -> np.ndarray:
    """(N, size, size): `drawn` of each picture. They may be of different sizes; those of one size
    are worked out together."""
    arrays = [np.asarray(picture) for picture in pictures]
    out = np.zeros((len(arrays), size, size), np.float32)
    order = sorted(range(len(arrays)), key=lambda i: arrays[i].shape)
    for _, same in groupby(order, key=lambda i: arrays[i].shape):
        rows = list(same)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            grey = np.stack([_grey(arrays[i]) for i in some])
            if grey.size:
                out[some] = _drawn(grey, size, box)
    return out


def _grey(array: np.ndarray) -> np.ndarray:
    whole = array.dtype.kind in "iu"
    grey = array.astype(np.float32)
    if grey.ndim == 3:
        grey = grey[..., 0] if grey.shape[2] < 3 else grey[..., :3] @ _LUMINANCE
    return grey / 255 if whole else grey


_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L


def _drawn(grey: np.ndarray, size: int, box: int) -> np.ndarray:
    """Pictures of one size, (N, H, W) from 0 to 1, as signs (N, size, size)."""
    n, *shape = grey.shape
    pixels = np.array(shape, np.float32) / CANVAS  # of the picture, in one of the canvas
    whole = [_sampling(CANVAS, length, 0.0, length / CANVAS)[None] for length in shape]
    ink = _ink(_seen(grey, *whole))
    middle, lengths = _place(ink)
    if max(shape) > CANVAS:
        # A second look, nearer: at the ink and a quarter more on each side, within the picture.
        half = 0.75 * np.maximum((lengths * pixels).max(1, keepdims=True), 1)
        start = np.maximum(middle * pixels - half, 0)
        pixels = (np.minimum(middle * pixels + half, shape) - start) / CANVAS
        near = [_sampling(CANVAS, m, start[:, i], pixels[:, i]) for i, m in enumerate(shape)]
        ink = _ink(_seen(grey, *near))
        middle, lengths = _place(ink)
    # The longer side becomes `box`, the shorter one a little longer than in proportion.
    share = lengths * pixels / (lengths * pixels).max(1, keepdims=True)
    step = lengths / (box * np.sqrt(np.sin(np.pi / 2 * share)))
    most = (size - box) / 2 * step
    start = np.clip(_centre(ink), middle - most, middle + most) - step * (size / 2)
    frame = [_sampling(size, CANVAS, start[:, i], step[:, i], bare=True) for i in (0, 1)]
    return np.clip(_seen(ink, *frame), 0, 1).reshape(n, size, size)


def _seen(pictures: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows @ pictures @ columns.swapaxes(1, 2)
    return found


def _sampling(count: int, length: int, start: Any, step: Any, bare: bool = False) -> np.ndarray:
    """A matrix ((N,) count, length) that takes `count` samples, `step` apart, the first half a step
    after `start`, from a line of pixels: between pixels in proportion, and over all pixels that a
    large step covers. Beyond its ends the line goes on as it ended, or, where `bare`, with 0."""
    start, step = (np.asarray(v, np.float32)[..., None] for v in (start, step))
    at = start + (np.arange(count, dtype=np.float32) + 0.5) * step
    if not bare:
        at = np.clip(at, 0.5, length - 0.5)
    wide = np.maximum(step, 1)[..., None]
    more = int(np.ceil(wide.max())) if bare else 0
    pixels = np.arange(-more, length + more, dtype=np.float32) + 0.5
    weights = np.maximum(1 - np.abs(at[..., None] - pixels) / wide, 0)
    weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-6)
    return np.asarray(weights[..., more : more + length], np.float32)


def _blurring(length: int, width: int) -> np.ndarray:
    """The matrix (length, length) that takes the mean of `width` neighbours."""
    apart = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    near = (apart <= width // 2).astype(np.float32)
    return near / near.sum(1, keepdims=True)


def _surfaces() -> np.ndarray:
    """(HALF * HALF, 6): flat, tilted and bent surfaces at right angles to one another."""
    y, x = (v.ravel() for v in np.mgrid[-1 : 1 : HALF * 1j, -1 : 1 : HALF * 1j])
    kinds = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    return np.linalg.qr(kinds)[0].astype(np.float32)


_SOFT = (np.eye(CANVAS, dtype=np.float32) + _blurring(CANVAS, 3)) / 2
_SMOOTH, _WIDE = _blurring(HALF, 7), _blurring(HALF, 7)
_LARGER = _sampling(CANVAS, HALF, 0.0, 0.5)
_SMALLER = _sampling(HALF, CANVAS, 0.0, 2.0)
_SURFACES = _surfaces()


def _ink(canvas: np.ndarray) -> np.ndarray:
    """(N, CANVAS, CANVAS): how much ink lies where, from 0 (paper) to 1."""
    n = len(canvas)
    canvas = _SOFT @ canvas @ _SOFT.T
    small = _SMALLER @ canvas @ _SMALLER.T
    sign = np.where(_bright_ink(small), np.float32(1), np.float32(-1))[:, None, None]
    canvas, small = canvas * sign, small * sign
    flat = small.reshape(n, -1)
    surface = (flat @ _SURFACES @ _SURFACES.T).reshape(small.shape)
    # What is left of the paper: no stroke is as wide as 13 of 32, so all of them vanish.
    rest = _most(-_most(-(small - surface), 13), 13)
    paper = surface + _SMOOTH @ rest @ _SMOOTH.T
    ink = np.maximum(canvas - _LARGER @ paper @ _LARGER.T, 0)
    # The paper was taken at its darkest there. Two fifths of a picture are paper for certain.
    grain = ink.reshape(n, -1)
    part = np.partition(grain, (GRAIN // 2, GRAIN), 1)
    grain = 1.7 * (part[:, GRAIN] - part[:, GRAIN // 2])[:, None, None]  # as a standard deviation
    ink = ink - part[:, GRAIN, None, None]
    few = CANVAS // 32
    for axis in (2, 1):
        ink = np.maximum(ink - np.partition(ink, few, axis).take([few], axis), 0)
    level = _level(ink)[:, None, None]
    low = np.clip(3.5 * grain / np.maximum(level, 1e-6), 0.3, 0.45)
    ink = np.clip((ink / np.maximum(level, 1e-6) - low) / (0.8 - low), 0, 1)
    ink = np.where(level < LEAST, np.float32(0), ink)
    return np.asarray(ink * _piece(_SMALLER @ ink @ _SMALLER.T))


def _bright_ink(small: np.ndarray) -> np.ndarray:
    """(N,): whether the ink is brighter than the paper. Ink is the lesser part, so the numbers are
    skewed towards it; and the border shows paper, mostly."""
    tilted = _SURFACES[:, :3]  # a bent surface would take the shape of a sign that fills the paper
    flat = small.reshape(len(small), -1)
    flat = flat - flat @ tilted @ tilted.T
    spread = np.maximum(flat.std(1), 1e-6)
    level = flat.reshape(small.shape)
    border = np.concatenate([level[:, 0], level[:, -1], level[:, :, 0], level[:, :, -1]], 1)
    found: np.ndarray = (flat**3).mean(1) / spread**3 > 0.5 * border.mean(1) / spread
    return found


def _most(x: np.ndarray, width: int) -> np.ndarray:
    """The largest of width x width neighbours, (N, H, W)."""
    for axis in (1, 2):
        ends = [(0, 0)] * 3
        ends[axis] = (width // 2, width // 2)
        padded = np.pad(x, ends, constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis)
        x = windows[..., 0].copy()
        for k in range(1, width):
            np.maximum(x, windows[..., k], out=x)
    return x


def _level(ink: np.ndarray) -> np.ndarray:
    """(N,): the mean brightness of what lies above Otsu's threshold (1979), the one that parts the
    numbers into two groups as far apart as can be."""
    bins = 32
    flat = ink.reshape(len(ink), -1)
    highest = int(flat.shape[1] * 0.995)
    top = np.maximum(np.partition(flat, highest, 1)[:, highest], 1e-6)
    number = np.minimum(flat * ((bins - 1) / top[:, None]), bins - 1).astype(np.int64)
    number += bins * np.arange(len(ink))[:, None]
    counts = np.bincount(number.ravel(), minlength=bins * len(ink)).reshape(-1, bins)
    below = counts.cumsum(1)[:, :-1] / flat.shape[1]
    sums = (counts * np.arange(bins)).cumsum(1) / flat.shape[1]
    total, sums = sums[:, -1:], sums[:, :-1]
    between = (total * below - sums) ** 2 / np.maximum(below * (1 - below), 1e-9)
    best = between.argmax(1)[:, None]
    above = [np.take_along_axis(v, best, 1)[:, 0] for v in (total - sums, 1 - below)]
    return np.asarray((above[0] / np.maximum(above[1], 1e-9) + 0.5) / bins * top, np.float32)


def _piece(small: np.ndarray) -> np.ndarray:
    """(N, CANVAS, CANVAS), 0 or 1: where the heaviest piece of ink lies, with all that is at most
    4 of 32 pixels from it or from what hangs on it.

    A row of 32 pixels is one number, a bit for each: so a step to the neighbours is a shift."""
    n = len(small)
    bits = np.uint32(1) << np.arange(HALF, dtype=np.uint32)
    near = _grown(((small > 0.2) * bits).sum(2, dtype=np.uint32))
    heavy = (_WIDE @ small @ _WIDE.T).reshape(n, -1).argmax(1)
    piece = np.zeros((n, HALF), np.uint32)
    piece[np.arange(n), heavy // HALF] = bits[heavy % HALF]
    while True:
        larger = _grown(piece) & near
        if (larger == piece).all():
            break
        piece = larger
    there = (piece[:, :, None] & bits) != 0
    return there.repeat(2, 1).repeat(2, 2)


def _grown(rows: np.ndarray) -> np.ndarray:
    """Two pixels more on all sides."""
    one, two = np.uint32(1), np.uint32(2)
    wide = rows | rows << one | rows >> one | rows << two | rows >> two
    out = wide.copy()
    for k in (1, 2):
        out[:, k:] |= wide[:, :-k]
        out[:, :-k] |= wide[:, k:]
    return out


def _place(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the ink and its lengths, down and across, (N, 2) each, on the canvas."""
    ends = []
    for axis in (2, 1):
        mass = ink.sum(axis)
        so_far = mass.cumsum(1) / np.maximum(mass.sum(1, keepdims=True), 1e-6)
        # A two hundredth of the ink may lie outside: it is the end of a stroke, or a speck.
        ends.append(((so_far < 0.005).sum(1), CANVAS + 1 - (so_far > 0.995).sum(1)))
    first, last = np.array(ends, np.float32).transpose(1, 2, 0)
    return (first + last) / 2, np.maximum(last - first, 1)


def _centre(ink: np.ndarray) -> np.ndarray:
    """The ink's centre of mass on the canvas, (N, 2)."""
    at = np.arange(CANVAS, dtype=np.float32) + 0.5
    total = np.maximum(ink.sum((1, 2)), 1e-6)
    return np.stack([ink.sum(axis) @ at / total for axis in (2, 1)], 1)
