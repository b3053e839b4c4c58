"""Padding: more places at the borders, filled with a constant or with the tensor's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.functions.joining import cat
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.ops.indexing import getitem
from gobhir.engine.ops.padding import constant_pad
from gobhir.lang import say
from gobhir.nn.functional.kinds import only_floating

__all__ = ["pad"]


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """`pad` names places before and after, the last dimension first: (left, right, top, bottom,
    front, back). A negative number cuts places off.

    mode: "constant" (filled with `value`, 0 when None), "reflect" (mirrored, without the border
    itself), "replicate" (the border again), "circular" (the other end). The last three pad the
    last 1, 2 or 3 dimensions of a tensor of one or two dimensions more. RuntimeError for a pad
    that does not fit, NotImplementedError for such a mode or number of dimensions.
    """
    x, widths = as_operand(input), [index(n) for n in pad]
    shape = x.array.shape
    if len(widths) % 2 or len(widths) > 2 * len(shape):
        raise RuntimeError(say("errors.pad.length", x=shape, pad=tuple(widths)))
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    lead = len(shape) - len(pairs)
    if mode == "constant":
        every = ((0, 0),) * lead + tuple(pairs)
        return constant_pad(x, pad=every, value=0.0 if value is None else value)
    if mode not in _MODES:
        raise NotImplementedError(say("errors.pad.mode", mode=mode, known=", ".join(_MODES)))
    if value not in (None, 0, 0.0):
        raise RuntimeError(say("errors.pad.value", mode=mode))
    if len(pairs) not in (1, 2, 3) or lead not in (1, 2):
        raise NotImplementedError(say("errors.pad.dims", mode=mode, x=shape, pad=tuple(widths)))
    if mode != "circular":
        only_floating(x, mode, "iu")
    if 0 in shape[1:] and mode != "circular":
        raise RuntimeError(say("errors.pad.empty", mode=mode, x=shape))
    for dim, (before, after) in enumerate(pairs, lead):
        if before or after:
            runs = _runs(_places(mode, shape[dim], before, after))
            x = cat([getitem(x, index=(slice(None),) * dim + (run,)) for run in runs], dim)
    return x


def _runs(places: np.ndarray) -> list[slice]:
    """The places as slices, as few as there are ways upwards and downwards."""
    runs, start, way = [], 0, places.tolist()
    while start < len(way):
        stop, step = start + 1, way[min(start + 1, len(way) - 1)] - way[start]
        step = step if abs(step) == 1 else 1
        while stop < len(way) and way[stop] - way[stop - 1] == step:
            stop += 1
        end = way[stop - 1] + step
        runs.append(slice(way[start], end if end >= 0 else None, step))
        start = stop
    return runs


def _places(mode: str, n: int, before: int, after: int) -> np.ndarray:
    """Which of the n places each padded place takes its number from."""
    most = {"reflect": n - 1, "circular": n}.get(mode, before + after + n)
    if max(before, after) > most or n + before + after < 1:
        raise RuntimeError(say("errors.pad.width", mode=mode, n=n, pad=(before, after)))
    i = np.arange(-before, n + after)
    if mode == "reflect":
        i = np.abs(i)
        return np.where(i < n, i, 2 * (n - 1) - i)
    if mode == "replicate":
        return np.clip(i, 0, n - 1)
    first, last = max(-before, 0), n - max(-after, 0)  # what is cut off does not come round again
    return (i - first) % (last - first) + first


_MODES = ("constant", "reflect", "replicate", "circular")
