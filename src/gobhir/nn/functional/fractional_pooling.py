"""Max pooling to any size: the windows stand at places that are drawn.

Source: Graham, Fractional max-pooling (2014). Behaviour:
https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.ops.pooling import pick
from gobhir.engine.random import rand
from gobhir.lang import say
from gobhir.nn.functional.sizes import batched, each

__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]


def _fractional_max_pool(n: int) -> Callable[..., Any]:
    def fractional_max_pool(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        if output_size is None and output_ratio is None:
            raise ValueError(say("errors.pool.fractional", name=fractional_max_pool.__name__))
        kernel = each(kernel_size, n, "kernel_size")
        x, alone = batched(as_operand(input), n, fractional_max_pool.__name__)
        sizes = x.shape[2:]
        if output_size is None:
            ratios = (
                output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
            )
            wished = tuple(int(m * r) for m, r in zip(sizes, ratios, strict=True))
        else:
            wished = each(output_size, n, "output_size")
        if any(w < 1 or w + k - 1 > m for w, k, m in zip(wished, kernel, sizes, strict=True)):
            raise RuntimeError(say("errors.pool.output_size", value=wished, size=tuple(sizes)))
        drawn = _random_samples
        if drawn is None:
            drawn = rand(*x.shape[:2], n, dtype=x.dtype)
        at = _largest(x.array, drawn.array[: len(x)], wished, kernel)
        out = pick(x, at)
        if not return_indices:
            return out[0] if alone else out
        where = Tensor._wrap(at)
        return (out[0], where[0]) if alone else (out, where)

    fractional_max_pool.__name__ = fractional_max_pool.__qualname__ = f"fractional_max_pool{n}d"
    fractional_max_pool.__doc__ = f"""The largest number of each of output_size windows whose
    places are drawn anew at every call, for every channel. input: (N, C, {"D, " * (n == 3)}H, W),
    or without N.

    output_ratio, below 1: the output's size as a share of the input's. return_indices: also where
    the largest number stands, counted row by row. _random_samples, (N, C, {n}): use these numbers
    between 0 and 1 instead of drawing."""
    return fractional_max_pool


def _largest(
    x: np.ndarray, drawn: np.ndarray, wished: tuple[int, ...], kernel: tuple[int, ...]
) -> np.ndarray:
    """Where in each image the largest number of each window stands: (N, C, *wished)."""
    n, lead = len(wished), x.shape[:2]
    places: Any = np.zeros((), np.int64)
    for i, (full, m, k) in enumerate(zip(x.shape[2:], wished, kernel, strict=True)):
        # The first number drawn places the windows along the last dimension of an image, but
        # along the first one of a volume.
        start = _starts(drawn[..., i if n == 3 else n - 1 - i], full, m, k)
        window = start[..., None] + np.arange(k)
        shape = [1] * (2 * n)
        shape[i], shape[n + i] = m, k
        places = places * full + window.reshape((*lead, *shape))
    places = np.broadcast_to(places, (*lead, *wished, *kernel)).reshape(
        (*lead, *wished, math.prod(kernel))
    )
    flat = places.reshape((*lead, math.prod(wished) * math.prod(kernel)))
    images = x.reshape((*lead, math.prod(x.shape[2:])))
    seen = np.take_along_axis(images, flat, -1).reshape(places.shape)
    return np.take_along_axis(places, seen.argmax(-1)[..., None], -1)[..., 0]


def _starts(drawn: np.ndarray, full: int, m: int, k: int) -> np.ndarray:
    """Where each of m windows begins: steps of nearly (full - k) / (m - 1), the last at the end."""
    step = np.asarray((full - k) / max(m - 1, 1), drawn.dtype)
    shift = drawn[..., None]
    start = ((np.arange(m) + shift) * step).astype(np.int64) - (shift * step).astype(np.int64)
    start[..., -1] = full - k
    return start


fractional_max_pool2d = _fractional_max_pool(2)
fractional_max_pool3d = _fractional_max_pool(3)
fractional_max_pool2d_with_indices = partial(fractional_max_pool2d, return_indices=True)
fractional_max_pool3d_with_indices = partial(fractional_max_pool3d, return_indices=True)
