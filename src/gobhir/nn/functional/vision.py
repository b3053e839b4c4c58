"""Images in another size or arranged otherwise: interpolation, pixel shuffle, unfold and fold,
and sampling at places that a network works out."""

from __future__ import annotations

import itertools
import math
from functools import reduce
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import on_tensor
from gobhir.engine.creation import linspace
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.ops import convolution, indexing, resampling
from gobhir.lang import say
from gobhir.nn.functional.kinds import only_floating
from gobhir.nn.functional.pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from gobhir.nn.functional.sizes import batched, each

__all__ = [
    "affine_grid",
    "channel_shuffle",
    "fold",
    "grid_sample",
    "interpolate",
    "native_channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

_AREA = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}
_LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}
_FREE = ("nearest", "area", "nearest-exact")


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input in another size, given as `size` or as `scale_factor`. input: (N, C, *sizes).

    mode: nearest, nearest-exact, area; linear (N, C, L), bilinear, bicubic (N, C, H, W),
    trilinear (N, C, D, H, W). ValueError for settings that contradict one another.
    """
    x = as_operand(input)
    n = x.ndim - 2
    if mode in _FREE and align_corners is not None:
        raise ValueError(say("errors.vision.align_corners", mode=mode))
    if (size is None) == (scale_factor is None):
        raise ValueError(say("errors.vision.size_or_scale"))
    if antialias and (mode not in ("bilinear", "bicubic") or x.ndim != 4):
        raise ValueError(say("errors.vision.antialias", mode=mode))
    if size is not None and recompute_scale_factor is not None and recompute_scale_factor:
        raise ValueError(say("errors.vision.recompute"))
    for wish in (size, scale_factor):
        if isinstance(wish, (tuple, list)) and len(wish) != n:
            raise ValueError(say("errors.vision.dims", wish=tuple(wish), x=x.shape, n=n))
    if mode not in _FREE and _LINEAR.get(mode) != x.ndim or not 3 <= x.ndim <= 5:
        raise NotImplementedError(say("errors.vision.mode", mode=mode, x=x.shape))
    if size is not None:
        wished, scales = _one_each(size, n, "size"), None
    else:
        scales = tuple(float(s) for s in _one_each(scale_factor, n, "scale_factor"))
        wished = tuple(math.floor(m * s) for m, s in zip(x.shape[2:], scales, strict=True))
        scales = None if recompute_scale_factor else scales
    wished = tuple(int(m) for m in wished)
    whole = x.dtype.kind != "f"
    if whole and (x.dtype != np.uint8 or not (mode in _FREE[::2] or n == 2)):
        raise NotImplementedError(say("errors.dtype.not_for", op=mode, dtype=x.dtype))
    if mode == "area":
        return _AREA[x.ndim](x, wished)
    if min(*wished, *x.shape[2:]) < 1 or not x.shape[1]:
        raise RuntimeError(say("errors.vision.empty", x=x.shape, size=wished))
    kind = "cubic" if mode == "bicubic" else "linear" if mode in _LINEAR else mode
    settings = {"align_corners": bool(align_corners), "scales": scales, "antialias": antialias}
    return resampling.resample(x, size=wished, mode=kind, **settings)


def _one_each(value: Any, n: int, name: str) -> tuple[Any, ...]:
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(given) != n:
        raise ValueError(say("errors.conv.count", name=name, value=value, n=n))
    return given


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """interpolate under its old name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate with mode="nearest", under its old name."""
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate with mode="bilinear" and align_corners=True, under its old name."""
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)


@on_tensor
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels into pixels: (..., C r^2, H, W) becomes (..., C, H r, W r), r = upscale_factor.

    Source: Shi et al., Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network (2016).
    """
    x, r = _image(input), upscale_factor
    *lead, c, h, w = x.shape
    if r < 1 or c % r**2:
        raise RuntimeError(say("errors.vision.shuffle", channels=c, factor=r))
    k = len(lead)
    x = x.reshape(*lead, c // r**2, r, r, h, w)
    order = (*range(k), k, k + 3, k + 1, k + 4, k + 2)
    return x.permute(*order).reshape(*lead, c // r**2, h * r, w * r)


@on_tensor
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels into channels: (..., C, H r, W r) becomes (..., C r^2, H, W), r = downscale_factor."""
    x, r = _image(input), downscale_factor
    *lead, c, h, w = x.shape
    if r < 1 or h % r or w % r:
        raise RuntimeError(say("errors.vision.unshuffle", x=x.shape, factor=r))
    k = len(lead)
    x = x.reshape(*lead, c, h // r, r, w // r, r)
    order = (*range(k), k, k + 2, k + 4, k + 1, k + 3)
    return x.permute(*order).reshape(*lead, c * r**2, h // r, w // r)


def _image(input: Tensor) -> Any:
    if as_operand(input).ndim < 3:
        raise RuntimeError(say("errors.norm.dimensions", x=input.shape, want="(..., C, H, W)"))
    return input


@on_tensor
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of `groups` groups dealt out in turn: 0 1 | 2 3 becomes 0 2 1 3. (N, C, ...).

    Source: Zhang et al., ShuffleNet (2018).
    """
    x: Any = _image(input)
    if groups < 1 or x.shape[1] % groups:
        raise RuntimeError(say("errors.norm.groups", x=x.shape, groups=groups))
    dealt = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return dealt.transpose(1, 2).reshape(*x.shape)


native_channel_shuffle = channel_shuffle


def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """All windows of an image, each a column: (N, C, H, W) to (N, C * kernel, windows)."""
    x, alone = batched(as_operand(input), 2, "unfold")
    only_floating(x, "unfold", "b")
    out = convolution.im2_col(x, **_windows(kernel_size, dilation, padding, stride))
    return out[0] if alone else out


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Windows added up to an image of output_size: (N, C * kernel, windows) to (N, C, H, W)."""
    x, alone = batched(as_operand(input), 1, "fold")
    only_floating(x, "fold", "b")
    size = each(output_size, 2, "output_size")
    out = convolution.col2_im(x, size=size, **_windows(kernel_size, dilation, padding, stride))
    return out[0] if alone else out


def _windows(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    return {
        "kernel": each(kernel_size, 2, "kernel_size"),
        "stride": each(stride, 2, "stride"),
        "padding": each(padding, 2, "padding"),
        "dilation": each(dilation, 2, "dilation"),
    }


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The places that a pixel grid of `size` comes from under the maps theta, for grid_sample.

    theta: (N, 2, 3), size (N, C, H, W), result (N, H, W, 2); or (N, 3, 4), (N, C, D, H, W),
    (N, D, H, W, 3). Places run from -1 to 1, x first. Source: Jaderberg et al., Spatial
    transformer networks (2015).
    """
    n = len(size) - 2
    if as_operand(theta).shape != (size[0], n, n + 1) or n not in (2, 3):
        raise ValueError(say("errors.vision.theta", theta=theta.shape, size=tuple(size)))
    lines = [_line(m, bool(align_corners), theta.dtype) for m in size[2:]]
    ones = np.ones(tuple(size[2:]), theta.dtype)
    places = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], ones], -1)
    base = Tensor._wrap(places.reshape(-1, n + 1))
    return (base @ theta.transpose(1, 2)).reshape(size[0], *size[2:], n)


def _line(m: int, align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """m places from -1 to 1, or else the middles of m pixels there; rounded as PyTorch's, since
    the gradient of grid_sample jumps where a place lies on a pixel, as in an identity."""
    if m <= 1:
        return np.zeros(m, dtype)
    line = linspace(-1, 1, m, dtype=dtype).array
    return line if align_corners else line * dtype.type(m - 1) / dtype.type(m)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input read at the places of `grid`, between pixels by weighing the nearest ones.

    input: (N, C, H, W), grid: (N, H', W', 2), result (N, C, H', W'); or with depth. Places run
    from -1 to 1, x first. mode: bilinear, nearest or, for images, bicubic; padding_mode: zeros,
    border, reflection.
    """
    x, n = as_operand(input), input.ndim - 2
    modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    if mode not in modes or padding_mode not in paddings:
        raise ValueError(say("errors.vision.sample_mode", mode=mode, padding_mode=padding_mode))
    fits = n in (2, 3) and grid.ndim == x.ndim and grid.shape[-1] == n
    if not fits or grid.shape[0] != x.shape[0] or (mode == "bicubic" and n != 2):
        raise RuntimeError(say("errors.vision.grid", x=x.shape, grid=grid.shape))
    only_floating(x, "grid_sample")
    if grid.dtype != x.dtype:
        raise RuntimeError(say("errors.loss.same_dtype", x=x.dtype, y=grid.dtype))
    taps = []
    for i, m in enumerate(x.shape[2:]):
        place: Any = grid[..., n - 1 - i]
        place = (place + 1) * ((m - 1) / 2) if align_corners else ((place + 1) * m - 1) / 2
        taps.append(_taps(place, m, mode, padding_mode, bool(align_corners)))
    # All pixels as rows, each with its channels: a row is found faster than a pixel.
    pixels = x.permute(0, *range(2, n + 2), 1).reshape(-1, x.shape[1])
    examples = np.arange(x.shape[0]).reshape((-1,) + (1,) * n)
    total: Any = None
    for corner in itertools.product(*taps):
        index, shares = zip(*corner, strict=True)
        inside = reduce(
            np.logical_and,
            ((near >= 0) & (near < m) for near, m in zip(index, x.shape[2:], strict=True)),
        )
        weight: Any = Tensor._wrap(inside.astype(x.dtype))
        for share in shares:
            weight = weight if share is None else weight * share
        row: Any = examples
        for near, m in zip(index, x.shape[2:], strict=True):
            row = row * m + np.clip(near, 0, m - 1).astype(np.int64)
        part = indexing.getitem(pixels, index=(row,)) * weight.unsqueeze(-1)
        total = part if total is None else total + part
    return total.permute(0, n + 1, *range(1, n + 1))


def _taps(
    place: Any, m: int, mode: str, padding_mode: str, align_corners: bool
) -> list[tuple[np.ndarray, Any]]:
    """The pixels that a place reads along one dimension of m, and by how much each counts (None:
    wholly)."""
    if mode != "bicubic":
        place = _brought_inside(place, m, padding_mode, align_corners)
    if mode == "nearest":
        return [(np.rint(place.array), None)]
    low = np.floor(place.array)
    t = place - Tensor._wrap(low)
    if mode == "bilinear":
        return [(low, 1 - t), (low + 1, t)]
    near, far = resampling.cubic_near, resampling.cubic_far
    shares = [far(t + 1), near(t), near(1 - t), far(2 - t)]
    pixels = (Tensor._wrap(low + step) for step in (-1, 0, 1, 2))
    inside = (_brought_inside(pixel, m, padding_mode, align_corners).array for pixel in pixels)
    return list(zip(inside, shares, strict=True))


def _brought_inside(place: Any, m: int, padding_mode: str, align_corners: bool) -> Any:
    """Places beyond the ends moved to the nearest end, or mirrored at it."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        low, high = (0.0, m - 1.0) if align_corners else (-0.5, m - 0.5)
        span = high - low
        if not span:
            return place * 0
        turns = np.floor((place.array - low) / span)
        back = Tensor._wrap(np.where(turns % 2 == 0, 1.0, -1.0).astype(place.dtype))
        edge = Tensor._wrap(np.where(turns % 2 == 0, turns, turns + 1).astype(place.dtype))
        place = (place - low - edge * span) * back + low
    return place.clamp(0, m - 1)
