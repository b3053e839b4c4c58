"""A few hundred digits of our own, drawn by a program: for tests, and for a first try without data.

Each digit is a line through a few points; every copy moves the points, bends and tilts the line and
takes another pen. They are too alike to learn reading from.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

LINES: list[list[list[tuple[int, int]]]] = [
    [[(50, 10), (20, 35), (20, 65), (50, 90), (80, 65), (80, 35), (50, 10)]],
    [[(20, 25), (45, 10), (75, 20), (80, 50), (65, 75), (40, 85), (30, 70), (45, 58), (60, 70)]],
    [[(20, 20), (50, 10), (65, 30), (50, 48), (25, 55), (50, 70), (85, 90)]],
    [[(15, 20), (12, 60), (40, 88), (75, 80), (88, 45), (65, 25), (45, 40), (55, 58), (68, 45)]],
    [[(50, 48), (25, 28), (50, 10), (75, 28), (50, 48), (20, 72), (50, 90), (80, 72), (50, 48)]],
    [
        [(60, 10), (30, 35), (14, 65), (35, 88), (70, 84), (90, 70)],
        [(60, 10), (80, 28), (66, 48), (42, 60)],
    ],
    [[(15, 20), (20, 60), (45, 85), (75, 72), (78, 45), (60, 42), (55, 62), (85, 62)]],
    [[(68, 38), (45, 12), (28, 35), (48, 52), (68, 38), (66, 65), (64, 92)]],
    [[(30, 10), (26, 50), (30, 86), (50, 78), (46, 56), (28, 55)], [(28, 30), (60, 32), (92, 24)]],
    [
        [(20, 8), (26, 28), (52, 28), (74, 42), (76, 66), (58, 90)],
        [(16, 72), (26, 55), (42, 57), (54, 72), (58, 90)],
    ],
]
"""For each digit its lines, in hundredths from the left and from above."""
_LARGE = 112


def sample(each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`each` copies of the ten digits in mixed order: pictures (N, 28, 28) uint8, bright ink on
    black, and labels (N,). The same seed gives the same ones."""
    chance = np.random.default_rng(seed)
    labels = chance.permutation(np.repeat(np.arange(10), each))
    return np.stack([draw(int(digit), chance) for digit in labels]), labels


def draw(digit: int, chance: np.random.Generator) -> np.ndarray:
    """One copy of the digit, (28, 28) uint8."""
    tilt, angle = chance.normal(0, 0.12), chance.normal(0, 0.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    form = turn @ np.array([[1, tilt], [0, 1]]) @ np.diag(chance.uniform(0.45, 0.75, 2))
    middle = _LARGE / 2 + chance.uniform(-8, 8, 2)
    page = Image.new("L", (_LARGE, _LARGE))
    pen = ImageDraw.Draw(page)
    wide = chance.uniform(4, 10)
    for line in LINES[digit]:
        points = np.array(line, float) - 50 + chance.normal(0, 2.5, (len(line), 2))
        smooth = _smooth(points) @ form.T + middle
        pen.line([tuple(p) for p in smooth], fill=255, width=round(wide), joint="curve")
        for x, y in smooth[[0, -1]]:
            pen.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)
    return np.asarray(page.resize((28, 28), Image.Resampling.BOX))


def _smooth(points: np.ndarray, between: int = 6) -> np.ndarray:
    """A round line through the points (Catmull, Rom 1974)."""
    ends = np.concatenate([points[:1], points, points[-1:]])
    a, b, c, d = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    t = np.linspace(0, 1, between, endpoint=False)[:, None, None]
    curve = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2)
    curve += t**3 * (1.5 * (b - c) + (d - a) / 2)
    return np.concatenate([curve.swapaxes(0, 1).reshape(-1, 2), points[-1:]])
