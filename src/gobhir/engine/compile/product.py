"""The product of two matrices, asked for in the way that BLAS answers soonest.

OpenBLAS's kernels for AVX-512 multiply small matrices where they lie, others after packing them;
packing takes long for a large second factor that lies column by column. Measured there: a product
of few columns a quarter faster in two or three pieces, one with such a factor a quarter faster
the other way round. Its older kernels gain nothing, and lose nothing to speak of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.compile.blas import alone, libraries

Line = tuple[Callable[..., Any], tuple[Any, ...]]
"""One line of a replay: `f(*args)`."""

IN_PLACE = 1_000_000
"""So many multiplications at most are done without packing."""
FEW = 32
"""Columns, or rows, that are few."""


AVX512 = ("SkylakeX", "Cooperlake", "SapphireRapids")
"""What OpenBLAS calls such kernels."""


def _in_place() -> bool:
    found = {getattr(library, "architecture", None) for library in libraries()}
    return alone() and not found.isdisjoint(AVX512)


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> list[Line]:
    """Lines that put a @ b into out, matrices all three."""
    rows, columns = out.shape
    work = rows * columns * a.shape[1]
    if work > IN_PLACE and a.flags.c_contiguous and _in_place():
        if b.flags.c_contiguous and columns <= FEW and work <= 3 * IN_PLACE:
            return _in_pieces(a, b, out, -(-work // IN_PLACE))
        if b.flags.f_contiguous and rows <= 2 * FEW and b.size > a.size:
            turned = np.empty((columns, rows), out.dtype)
            return [(np.dot, (b.T, a.T, turned)), (np.copyto, (out, turned.T))]
    return [(np.dot, (a, b, out))]


def _in_pieces(a: np.ndarray, b: np.ndarray, out: np.ndarray, count: int) -> list[Line]:
    step = -(-len(a) // (16 * count)) * 16
    starts = range(0, len(a), step)
    return [(np.dot, (a[i : i + step], b, out[i : i + step])) for i in starts]
