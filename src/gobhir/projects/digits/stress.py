"""The stress copy: the same held-out digits as a hard day would bring them.

Each transformation takes one digit (28 x 28 floats from 0, paper, to 1, ink) and a random
generator, and gives back a picture as a scanner or a phone would: uint8, any size, grey or RGB.
They are written with NumPy and Pillow, apart from the augmentation of training, so that a model
is not examined in the very exercises it practised.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

Picture = np.ndarray
Transformation = Callable[[np.ndarray, np.random.Generator], Picture]

STRESS: dict[str, Transformation] = {}
"""All transformations by name, in the order of the table of results."""


def stress(name: str, digits: np.ndarray, seed: int = 0) -> list[Picture]:
    """The digits (N, 28, 28) under the transformation `name`; the same seed, the same pictures."""
    number = list(STRESS).index(name)
    return [
        STRESS[name](digit, np.random.default_rng((seed, number, i)))
        for i, digit in enumerate(digits)
    ]


def _stress(transformation: Transformation) -> Transformation:
    STRESS[transformation.__name__.replace("_", "-")] = transformation
    return transformation


@_stress
def plain(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Black ink on white paper; nothing else is changed."""
    return _grey(1 - digit)


@_stress
def inverted(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """White ink on black or dark paper, or the reverse, by chance."""
    paper, ink = chance.uniform(0, 0.3), chance.uniform(0.7, 1)
    if chance.random() < 0.5:
        paper, ink = ink, paper
    return _grey(paper + (ink - paper) * digit)


@_stress
def thin(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """A hard pencil: strokes lose up to half of their width, at four times the size."""
    large = _resized(digit, 112, 112)
    return _grey(1 - _filtered(large, ImageFilter.MinFilter(int(chance.choice([3, 5])))))


@_stress
def thick(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """A felt pen: strokes gain 2 to 6 % of the digit's length on each side."""
    reach = round(4 * _length(digit) * chance.uniform(0.02, 0.06))
    large = _resized(digit, 112, 112)
    return _grey(1 - _filtered(large, ImageFilter.MaxFilter(2 * max(reach, 1) + 1)))


@_stress
def off_centre(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Pushed to a random place, often to the very edge of the paper; all of it stays visible."""
    left, top, right, bottom = _box(digit)
    cut = digit[top:bottom, left:right]
    page = np.zeros((28, 28), np.float32)
    y = int(chance.integers(0, 28 - cut.shape[0] + 1))
    x = int(chance.integers(0, 28 - cut.shape[1] + 1))
    page[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    return _grey(1 - page)


@_stress
def slanted(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Sheared by up to 0.35 and turned by up to 15 degrees."""
    shear, angle = chance.uniform(-0.35, 0.35), np.deg2rad(chance.uniform(-15, 15))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _grey(1 - _warped(digit, turn @ np.array([[1, shear], [0, 1]])))


@_stress
def paper(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Grey paper with a shadow across it and a rough surface, at twice the size."""
    large = np.clip(_resized(digit, 56, 56), 0, 1)
    y, x = np.mgrid[-1:1:56j, -1:1:56j]
    direction = chance.uniform(0, 2 * np.pi)
    across = x * np.cos(direction) + y * np.sin(direction)
    bright = chance.uniform(0.55, 0.85) + chance.uniform(0.05, 0.25) * across
    rough = _resized(chance.normal(0, 1, (14, 14)).astype(np.float32), 56, 56)
    bright = bright + 0.02 * rough + chance.normal(0, 0.015, (56, 56))
    return _grey(bright * (1 - chance.uniform(0.5, 0.8) * large))


@_stress
def jpeg(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Saved as a JPEG of quality 8 to 30, at twice the size."""
    file = io.BytesIO()
    large = Image.fromarray(_grey(1 - _resized(digit, 56, 56)))
    large.save(file, "JPEG", quality=int(chance.integers(8, 31)))
    return np.asarray(Image.open(file))


@_stress
def sizes(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Cut out with a margin, 16 to 128 pixels high or wide, on paper that is no square."""
    cut = np.pad(_cut(digit), 2)
    scale = 2 ** chance.uniform(4, 7) / max(cut.shape)
    height, width = (max(8, round(n * scale)) for n in cut.shape)
    large = np.clip(_resized(cut, height, width), 0, 1)
    more = int(chance.uniform(0, 0.6) * max(height, width))
    before = int(chance.integers(0, more + 1))
    pad = ((0, 0), (before, more - before))
    return _grey(1 - np.pad(large, pad if chance.random() < 0.5 else pad[::-1]))


@_stress
def tight(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Cut to the ink with no or one pixel of margin, and stretched to 32 x 32."""
    return _grey(1 - _resized(np.pad(_cut(digit), int(chance.integers(0, 2))), 32, 32))


@_stress
def loose(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Somewhere on a sheet two to three times as wide and high as the digit's own picture."""
    height, width = (int(n) for n in chance.integers(56, 85, 2))
    page = np.zeros((height, width), np.float32)
    y, x = int(chance.integers(0, height - 27)), int(chance.integers(0, width - 27))
    page[y : y + 28, x : x + 28] = digit
    return _grey(1 - page)


@_stress
def blurred(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Out of focus: a Gaussian as wide as 3 to 7 % of the digit's length."""
    width = 2 * _length(digit) * chance.uniform(0.03, 0.07)
    large = _resized(digit, 56, 56)
    return _grey(1 - _filtered(large, ImageFilter.GaussianBlur(width)))


@_stress
def noisy(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """A poor sensor: Gaussian noise of 5 to 12 %, and single bright and dark pixels."""
    noise = chance.normal(0, chance.uniform(0.05, 0.12), digit.shape)
    picture = 0.1 + 0.8 * (1 - digit) + noise
    spoiled = chance.random(digit.shape) < 0.005
    return _grey(np.where(spoiled, chance.integers(0, 2, digit.shape), picture))


@_stress
def lined(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Exercise-book paper: lines across it, a quarter to a half as dark as the ink."""
    large = np.clip(_resized(digit, 56, 56), 0, 1)
    lines = np.zeros((56, 56), np.float32)
    lines[int(chance.integers(0, 20)) :: int(chance.integers(14, 24))] = chance.uniform(0.25, 0.5)
    return _grey(1 - np.maximum(large, lines))


@_stress
def coloured(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """A pen of any dark colour on paper of any light one."""
    pen, sheet = chance.uniform(0, 0.5, 3), chance.uniform(0.75, 1, 3)
    return _grey(sheet + (pen - sheet) * digit[:, :, None])


@_stress
def faint(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """Hardly any contrast: the ink 12 to 25 % darker than the paper, and a little noise."""
    sheet, depth = chance.uniform(0.5, 0.95), chance.uniform(0.12, 0.25)
    return _grey(sheet - depth * digit + chance.normal(0, 0.01, digit.shape))


@_stress
def interrupted(digit: np.ndarray, chance: np.random.Generator) -> Picture:
    """A pen that skips: two or three small spots of the stroke are missing."""
    gone = digit.copy()
    inked = np.argwhere(digit > 0.5)
    for y, x in chance.choice(inked, int(chance.integers(2, 4))) if len(inked) else ():
        gone[y : y + 2, x : x + 2] *= 0.2
    return _grey(1 - gone)


def _grey(values: np.ndarray) -> Picture:
    """Brightness from 0 to 1 as bytes."""
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    picture = Image.fromarray(values.astype(np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def _filtered(
    values: np.ndarray, kind: ImageFilter.Filter | ImageFilter.GaussianBlur
) -> np.ndarray:
    return np.asarray(Image.fromarray(_grey(values)).filter(kind), np.float32) / 255


def _box(digit: np.ndarray) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the ink; the whole picture where there is none."""
    rows, columns = (np.flatnonzero((digit > 0.25).any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, digit.shape[1], digit.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _length(digit: np.ndarray) -> int:
    """The longer side of the ink, in pixels."""
    left, top, right, bottom = _box(digit)
    return max(right - left, bottom - top)


def _cut(digit: np.ndarray) -> np.ndarray:
    left, top, right, bottom = _box(digit)
    return digit[top:bottom, left:right]


def _warped(digit: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`matrix` applied about the middle of the ink, on paper twice as large."""
    left, top, right, bottom = _box(digit)
    centre = np.array([left + right, top + bottom]) / 2
    inverse = np.linalg.inv(matrix)
    start = centre - inverse @ np.array([28.0, 28.0])
    coefficients = (*inverse[0], start[0], *inverse[1], start[1])
    page = Image.fromarray(digit.astype(np.float32))
    warped = page.transform(
        (56, 56), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(warped)
