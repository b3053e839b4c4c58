"""What is said of an array as a whole, worked out piece by piece, without a copy of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gobhir.lift.sparing import pieces


@dataclass(frozen=True)
class Figures:
    """Mean, spread (standard deviation), share of exact zeros, largest size of a number, and the
    length (norm) of all together."""

    mean: float
    spread: float
    zeros: float
    largest: float
    length: float


def figures(array: np.ndarray) -> Figures:
    """Of the numbers of an array."""
    flat = array.ravel(order="K")
    return counted(flat[here].astype(float) for here in pieces(flat.size))


def counted(parts: Iterable[np.ndarray]) -> Figures:
    """Of all the numbers of these rows of float64."""
    total = squares = largest = 0.0
    count = zeros = 0
    for part in parts:
        count += part.size
        total += float(part.sum())
        squares += float(part @ part)
        zeros += part.size - int(np.count_nonzero(part))
        largest = max(largest, -float(part.min(initial=0.0)), float(part.max(initial=0.0)))
    n = max(count, 1)
    mean = total / n
    spread = max(squares / n - mean * mean, 0.0) ** 0.5
    return Figures(mean, spread, zeros / n, largest, squares**0.5)
