"""Dropout and its kinds. They draw the numbers that PyTorch draws on the CPU from the same seed
(but for processors by Intel, on which PyTorch draws otherwise). What they compute stands in
engine/ops/dropout.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.inplace import become
from gobhir.engine.ops import dropout as ops
from gobhir.engine.random import default_generator
from gobhir.lang import say, warn
from gobhir.nn.functional.kinds import only_floating

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]

SATURATED = 1.7580993408473766
"""How far below 0 SELU goes: its scale times its alpha."""


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """While training, each number becomes 0 with probability p, and 1 / (1 - p) times itself
    otherwise; without training the input comes back. ValueError unless p is in [0, 1]."""
    return _dropped(input, p, training, inplace, "dropout")


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """dropout of whole channels. input: (N, C, L) or (C, L)."""
    return _whole_channels(input, p, training, inplace, (2, 3), "dropout1d")


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """dropout of whole channels. input: (N, C, H, W)."""
    return _whole_channels(input, p, training, inplace, (3, 4), "dropout2d")


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """dropout of whole channels. input: (N, C, D, H, W) or (C, D, H, W)."""
    return _whole_channels(input, p, training, inplace, (4, 5), "dropout3d")


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """dropout to what SELU saturates at, so that mean and variance stay 0 and 1."""
    return _dropped(input, p, training, inplace, "alpha_dropout", alpha=True)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """alpha_dropout of whole channels. input: (N, C, ...)."""
    name = "feature_alpha_dropout"
    return _dropped(input, p, training, inplace, name, alpha=True, channels=True)


def _whole_channels(
    input: Tensor, p: float, training: bool, inplace: bool, ndims: tuple[int, int], name: str
) -> Tensor:
    x, alone = as_operand(input), False
    if x.ndim not in ndims and name == "dropout1d":
        raise RuntimeError(say("errors.dropout.dimensions", name=name, x=x.shape, n=3))
    if x.ndim not in ndims:
        warn(say("errors.dropout.dimensions", name=name, x=x.shape, n=ndims[1]))
    elif x.ndim == ndims[0] and name != "dropout2d":  # there PyTorch takes (C, H, W) for (N, C, L)
        alone = True
    if alone and inplace:
        become(
            x,
            f"{name}_",
            lambda z: _dropped(z.unsqueeze(0), p, training, False, name, channels=True)[0],
        )
        return x
    out = _dropped(x.unsqueeze(0) if alone else x, p, training, inplace, name, channels=True)
    return out[0] if alone else out


def _dropped(
    input: Tensor,
    p: float,
    training: bool,
    inplace: bool,
    name: str,
    alpha: bool = False,
    channels: bool = False,
) -> Tensor:
    x = as_operand(input)
    if not 0 <= p <= 1:
        raise ValueError(say("errors.dropout.p", p=p))
    if not training or p == 0 or not x.numel():
        return x
    if channels and x.ndim < 2:
        raise RuntimeError(say("errors.dropout.no_channels", x=x.shape))
    if p < 1:
        only_floating(x, name)

    def drop(z: Tensor) -> Tensor:
        if p == 1:
            return ops.dropout(z, np.zeros((), z.dtype))
        shape = (*z.shape[:2], *(1,) * (z.ndim - 2)) if channels else z.shape
        kept = _kept(z, shape, p)
        if not alpha:
            return ops.dropout(z, kept * kept.dtype.type(1 / (1 - p)))
        scale = 1 / math.sqrt((SATURATED**2 * p + 1) * (1 - p))
        shift = (kept - 1) * (SATURATED * scale) + SATURATED * scale * p
        return ops.alpha_dropout(z, kept * kept.dtype.type(scale), shift.astype(z.dtype))

    return become(x, f"{name}_", drop) if inplace else drop(x)


_Chosen = Callable[[tuple[int, ...], float], np.ndarray]
_chosen: _Chosen | None = None


@contextmanager
def keeping(chosen: _Chosen) -> Iterator[None]:
    """Meanwhile `chosen(shape, p)` says what a dropout keeps, and nothing is drawn: for a step that
    was drawn elsewhere, and is worked out here."""
    global _chosen
    outer, _chosen = _chosen, chosen
    try:
        yield
    finally:
        _chosen = outer


def _kept(x: Tensor, shape: tuple[int, ...], p: float) -> np.ndarray:
    """1 with probability 1 - p, else 0, in x's dtype and memory order."""
    if _chosen is not None:
        drawn = _chosen(tuple(shape), p)
    else:
        drawn = default_generator.uniform(math.prod(shape), np.dtype(np.float64)) < 1 - p
    like = x.array if shape == x.shape else np.empty(shape, x.dtype)
    kept = np.empty_like(like, dtype=x.dtype)
    kept[...] = drawn.reshape(shape)
    return kept
