"""What is said of an array as a whole, worked out piece by piece, without a copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 20
"""Numbers looked at at once."""


def chunks(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Arrays of one shape side by side, in float64, a piece at a time."""
    flat = [a.ravel(order="K" if len(arrays) == 1 else "C") for a in arrays]
    for start in range(0, flat[0].size, CHUNK):
        yield [a[start : start + CHUNK].astype(float) for a in flat]


@dataclass(frozen=True)
class Figures:
    """Mean, spread (standard deviation), share of exact zeros, largest size of a number, and the
    length (norm) of all together."""

    mean: float
    spread: float
    zeros: float
    largest: float
    length: float


def figures(array: np.ndarray, less: np.ndarray | None = None) -> Figures:
    """Of the numbers of an array, or of how much they are more than those of `less`."""
    total = squares = largest = 0.0
    zeros = 0
    for part, *others in chunks(array, *(() if less is None else (less,))):
        part = part - others[0] if others else part
        total += float(part.sum())
        squares += float(part @ part)
        zeros += part.size - int(np.count_nonzero(part))
        largest = max(largest, float(np.abs(part).max()))
    n = max(array.size, 1)
    mean = total / n
    spread = max(squares / n - mean * mean, 0.0) ** 0.5
    return Figures(mean, spread, zeros / n, largest, squares**0.5)
