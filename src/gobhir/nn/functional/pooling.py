"""Poolings over 1, 2 and 3 dimensions. What they compute stands in engine/ops/pooling.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import Dims, on_tensor
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.ops import pooling as ops
from gobhir.engine.ops import resampling
from gobhir.lang import say
from gobhir.nn.functional.kinds import only_floating
from gobhir.nn.functional.sizes import batched, each

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]

_OVER = {1: "signals, (N, C, L)", 2: "images, (N, C, H, W)", 3: "volumes, (N, C, D, H, W)"}


def _max_pool(n: int) -> Callable[..., Any]:
    def max_pool(
        input: Tensor,
        kernel_size: Dims,
        stride: Dims | None = None,
        padding: Dims = 0,
        dilation: Dims = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        options = _windows(kernel_size, stride, padding, n)
        options["dilation"] = each(dilation, n, "dilation")
        x, alone = batched(as_operand(input), n, max_pool.__name__)
        only_floating(x, max_pool.__name__, "iu" if n > 1 else "")
        _check_filled(x, max_pool.__name__)
        out = ops.max_pool(x, ceil_mode=ceil_mode, **options)
        if not return_indices:
            return out[0] if alone else out
        at = Tensor._wrap(ops.largest_places(x.array, out.array, **options))
        return (out[0], at[0]) if alone else (out, at)

    text = "The largest number of each window of {over}; without N too. With return_indices also\n"
    text += "    where it stands, counted row by row."
    return _named(max_pool, "max_pool", n, text)


def _avg_pool(n: int) -> Callable[..., Tensor]:
    def avg_pool(
        input: Tensor,
        kernel_size: Dims,
        stride: Dims | None = None,
        padding: Dims = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        if divisor_override == 0:
            raise RuntimeError(say("errors.pool.divisor"))
        x, alone = batched(as_operand(input), n, avg_pool.__name__)
        _check_filled(x, avg_pool.__name__)
        out = ops.avg_pool(
            x,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor=divisor_override,
            **_windows(kernel_size, stride, padding, n),
        )
        return out[0] if alone else out

    return _named(avg_pool, "avg_pool", n, "The mean of each window of {over}; without N too.")


def _check_filled(x: Tensor, name: str) -> None:
    """RuntimeError unless every example has something in it; there may be no example at all."""
    if 0 in x.shape[1:]:
        raise RuntimeError(say("errors.pool.no_numbers", name=name, x=x.shape))


def _windows(kernel_size: Any, stride: Any, padding: Any, n: int) -> dict[str, tuple[int, ...]]:
    kernel = each(kernel_size, n, "kernel_size")
    no_stride = stride is None or stride == [] or stride == ()
    return {
        "kernel": kernel,
        "stride": kernel if no_stride else each(stride, n, "stride"),
        "padding": each(padding, n, "padding"),
    }


def _adaptive_avg_pool(n: int) -> Callable[..., Tensor]:
    def adaptive_avg_pool(input: Tensor, output_size: Dims) -> Tensor:
        x, alone, size = _adaptive(input, output_size, n, adaptive_avg_pool.__name__)
        if x.dtype.kind != "f":
            raise NotImplementedError(say("errors.pool.dtype", dtype=x.dtype))
        if n == 3:
            _check_filled(x, adaptive_avg_pool.__name__)
        if (kernel := _even(x.shape[2:], size)) is not None:
            out = ops.avg_pool(x, kernel=kernel, stride=kernel, padding=(0,) * n)
        else:
            out = resampling.resample(x, size=size, mode="area")
        return out[0] if alone else out

    text = "The means of output_size windows that cover {over} evenly; None keeps a size."
    return _named(adaptive_avg_pool, "adaptive_avg_pool", n, text)


def _adaptive_max_pool(n: int) -> Callable[..., Any]:
    def adaptive_max_pool(input: Tensor, output_size: Dims, return_indices: bool = False) -> Any:
        x, alone, size = _adaptive(input, output_size, n, adaptive_max_pool.__name__)
        only_floating(x, adaptive_max_pool.__name__)
        if not alone:
            _check_filled(x, adaptive_max_pool.__name__)
        kernel = _even(x.shape[2:], size)
        if kernel is not None and not return_indices:
            options = {"kernel": kernel, "stride": kernel, "padding": (0,) * n}
            out = ops.max_pool(x, dilation=(1,) * n, **options)
            return out[0] if alone else out
        at = _largest_of(x.array, size)
        out = ops.pick(x, at)
        if not return_indices:
            return out[0] if alone else out
        where = Tensor._wrap(at)
        return (out[0], where[0]) if alone else (out, where)

    text = "The largest numbers of output_size windows that cover {over} evenly; None keeps a size."
    return _named(adaptive_max_pool, "adaptive_max_pool", n, text)


def _adaptive(input: Tensor, output_size: Dims, n: int, name: str) -> tuple[Tensor, bool, Any]:
    """The input as (N, C, n sizes), whether it came without N, and the wished sizes."""
    if n > 1 and isinstance(output_size, (tuple, list)) and as_operand(input).ndim <= n:
        raise ValueError(
            say("errors.conv.dimensions", what=name, n=n + 2, less=n + 1, x=input.shape)
        )
    x, alone = batched(as_operand(input), n, name)
    return x, alone, _wished(output_size, x.shape[2:], n)


def _wished(output_size: Any, size: tuple[int, ...], n: int) -> tuple[int, ...]:
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if len(given) != n:
        raise RuntimeError(say("errors.conv.count", name="output_size", value=output_size, n=n))
    wished = tuple(m if g is None else int(g) for g, m in zip(given, size, strict=True))
    if min(wished) < 0 or min(size) < 1:
        raise RuntimeError(say("errors.pool.output_size", value=output_size, size=size))
    return wished


def _even(size: tuple[int, ...], wished: tuple[int, ...]) -> tuple[int, ...] | None:
    """The kernel, where windows of one size fit without a rest."""
    if any(m < 1 or n % m for n, m in zip(size, wished, strict=True)):
        return None
    return tuple(n // m for n, m in zip(size, wished, strict=True))


def _largest_of(x: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Where in each image the largest number of each window stands. A shorter window repeats its
    last number until all are of one length."""
    n = len(size)
    at: Any = np.zeros((), np.int64)
    for i, (full, m) in enumerate(zip(x.shape[2:], size, strict=True)):
        start, end = resampling.area(full, m)
        reach = np.arange((end - start).max(initial=1))
        index = np.minimum(start[:, None] + reach, end[:, None] - 1)
        shape = [1] * (2 * n)
        shape[i], shape[n + i] = index.shape
        at = at * full + index.reshape(shape)
    at = at.reshape((*size, math.prod(at.shape[n:])))
    images = x.reshape((*x.shape[:2], math.prod(x.shape[2:])))
    best = images[:, :, at].argmax(-1)
    return np.take_along_axis(
        np.broadcast_to(at, (*best.shape, at.shape[-1])), best[..., None], -1
    )[..., 0]


def _lp_pool(n: int) -> Callable[..., Tensor]:
    def lp_pool(
        input: Tensor,
        norm_type: float,
        kernel_size: Dims,
        stride: Dims | None = None,
        ceil_mode: bool = False,
    ) -> Tensor:
        kernel = each(kernel_size, n, "kernel_size")
        mean: Any = _avg_pool(n)(input**norm_type, kernel, stride, 0, ceil_mode)
        return (mean.sign() * mean.abs() * math.prod(kernel)) ** (1.0 / norm_type)

    text = "(sum of x^p) ^ (1/p) of each window of {over}, p = norm_type."
    return _named(lp_pool, "lp_pool", n, text)


def _max_unpool(n: int) -> Callable[..., Tensor]:
    def max_unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Dims,
        stride: Dims | None = None,
        padding: Dims = 0,
        output_size: Any = None,
    ) -> Tensor:
        w = _windows(kernel_size, stride, padding, n)
        x, alone = batched(as_operand(input), n, max_unpool.__name__)
        only_floating(x, max_unpool.__name__)
        if indices.dtype != np.int64:
            raise RuntimeError(say("errors.pool.indices_dtype", dtype=indices.dtype))
        if indices.shape != input.shape:
            raise RuntimeError(say("errors.pool.indices_shape", x=input.shape, at=indices.shape))
        usual = [
            (m - 1) * s - 2 * p + k
            for m, k, s, p in zip(x.shape[2:], w["kernel"], w["stride"], w["padding"], strict=True)
        ]
        size = tuple(usual if output_size is None else list(output_size)[-n:])
        fits = zip(size, usual, w["stride"], strict=False)
        if len(size) != n or not all(u - s < m < u + s for m, u, s in fits):
            raise ValueError(say("errors.pool.unpool_size", wished=size, usual=tuple(usual)))
        out = ops.max_unpool(x, indices.unsqueeze(0) if alone else indices, size=size)
        return out[0] if alone else out

    text = "The way back from max_pool with return_indices, over {over}: zeros elsewhere."
    return _named(max_unpool, "max_unpool", n, text)


def _named(f: Callable[..., Any], name: str, n: int, text: str) -> Callable[..., Any]:
    f.__name__ = f.__qualname__ = f"{name}{n}d"
    f.__doc__ = text.format(over=_OVER[n])
    return on_tensor(f)


max_pool1d = _max_pool(1)
max_pool2d = _max_pool(2)
max_pool3d = _max_pool(3)
avg_pool1d = _avg_pool(1)
avg_pool2d = _avg_pool(2)
avg_pool3d = _avg_pool(3)
adaptive_avg_pool1d = _adaptive_avg_pool(1)
adaptive_avg_pool2d = _adaptive_avg_pool(2)
adaptive_avg_pool3d = _adaptive_avg_pool(3)
adaptive_max_pool1d = _adaptive_max_pool(1)
adaptive_max_pool2d = _adaptive_max_pool(2)
adaptive_max_pool3d = _adaptive_max_pool(3)
lp_pool1d = _lp_pool(1)
lp_pool2d = _lp_pool(2)
lp_pool3d = _lp_pool(3)
max_unpool1d = _max_unpool(1)
max_unpool2d = _max_unpool(2)
max_unpool3d = _max_unpool(3)
adaptive_max_pool1d_with_indices = partial(adaptive_max_pool1d, return_indices=True)
adaptive_max_pool2d_with_indices = partial(adaptive_max_pool2d, return_indices=True)
adaptive_max_pool3d_with_indices = partial(adaptive_max_pool3d, return_indices=True)
max_pool1d_with_indices = partial(max_pool1d, return_indices=True)
max_pool2d_with_indices = partial(max_pool2d, return_indices=True)
max_pool3d_with_indices = partial(max_pool3d, return_indices=True)
