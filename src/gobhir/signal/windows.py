"""Window functions: weights that fade a piece of a signal out towards both ends, so that its
spectrum is not blurred by the cuts.

All give M numbers; with sym=False a window of M + 1 without its last number, which can be laid end
to end. Source: Harris, On the use of windows for harmonic analysis with the discrete Fourier
transform (1978). https://docs.pytorch.org/docs/stable/signal.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import checked
from gobhir.engine.creation import made
from gobhir.engine.dtypes import as_dtype, default_dtype
from gobhir.engine.ops.bessel import i0
from gobhir.lang import say

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _window(
    shape: Callable[[np.ndarray, int], np.ndarray], M: int, sym: bool, dtype: Any, options: Any
) -> Tensor:
    """shape(n, N) for n = 0 to M - 1, where N is the last n of the whole, symmetric window."""
    kind = default_dtype() if dtype is None else as_dtype(dtype)
    if M < 0 or kind not in (np.float32, np.float64):
        raise ValueError(say("errors.shape.window", M=M, dtype=kind))
    last = M - 1 if sym else M
    values = shape(np.arange(M, dtype=np.float64), last) if M > 1 else np.ones(M)
    return made(values.astype(kind), options)


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(say("errors.shape.window_setting", name=name, value=value))


def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype: Any = None, **options: Any
) -> Tensor:
    """a[0] - a[1] cos(2 pi n / N) + a[2] cos(4 pi n / N) - ..."""
    if not isinstance(a, Iterable):
        raise TypeError(say("errors.shape.window_setting", name="a", value=a))
    weights = list(a)
    if not weights:
        raise ValueError(say("errors.shape.window_setting", name="a", value=weights))

    def shape(n: np.ndarray, last: int) -> np.ndarray:
        waves = [(-1) ** k * w * np.cos(2 * math.pi * k * n / last) for k, w in enumerate(weights)]
        return np.sum(waves, 0)

    return _window(shape, M, sym, dtype, options)


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype: Any = None, **options: Any
) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi n / N)."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype, **options)


def hamming(M: int, *, sym: bool = True, dtype: Any = None, **options: Any) -> Tensor:
    """0.54 - 0.46 cos(2 pi n / N)."""
    return general_hamming(M, sym=sym, dtype=dtype, **options)


def hann(M: int, *, sym: bool = True, dtype: Any = None, **options: Any) -> Tensor:
    """(1 - cos(2 pi n / N)) / 2, the most common window."""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, **options)


def blackman(M: int, *, sym: bool = True, dtype: Any = None, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, **options)


def nuttall(M: int, *, sym: bool = True, dtype: Any = None, **options: Any) -> Tensor:
    """Four cosines, whose side lobes are 98 dB down."""
    a = [0.3635819, 0.4891775, 0.1365995, 0.0106411]
    return general_cosine(M, a=a, sym=sym, dtype=dtype, **options)


def bartlett(M: int, *, sym: bool = True, dtype: Any = None, **options: Any) -> Tensor:
    """A triangle: 1 - |2 n / N - 1|."""
    return _window(lambda n, N: 1 - np.abs(2 * n / N - 1), M, sym, dtype, options)


def cosine(M: int, *, sym: bool = True, dtype: Any = None, **options: Any) -> Tensor:
    """Half a wave: sin(pi (n + 1/2) / (N + 1))."""
    return _window(lambda n, N: np.sin(math.pi * (n + 0.5) / (N + 1)), M, sym, dtype, options)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """exp(-|n - center| / tau); center: the middle, and only without sym another."""
    _positive("tau", tau)
    if sym and center is not None:
        raise ValueError(say("errors.shape.window_setting", name="center", value=center))

    def shape(n: np.ndarray, last: int) -> np.ndarray:
        return np.exp(-np.abs(n - (last / 2 if center is None else center)) / tau)

    return _window(shape, M, sym, dtype, options)


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype: Any = None, **options: Any
) -> Tensor:
    """The bell curve exp(-((n - N / 2) / std)^2 / 2)."""
    _positive("std", std)
    return _window(lambda n, N: np.exp(-(((n - N / 2) / std) ** 2) / 2), M, sym, dtype, options)


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype: Any = None, **options: Any
) -> Tensor:
    """i0(beta sqrt(1 - (2 n / N - 1)^2)) / i0(beta): the larger beta, the narrower."""
    if beta < 0:
        raise ValueError(say("errors.shape.window_setting", name="beta", value=beta))

    def shape(n: np.ndarray, last: int) -> np.ndarray:
        return i0(beta * np.sqrt(1 - (2 * n / last - 1) ** 2)) / i0(np.array(float(beta)))

    return _window(shape, M, sym, dtype, options)


# -- as PyTorch has them at the top ----


def _at_the_top(window: Any, length: int, periodic: bool, **options: Any) -> Tensor:
    try:
        return window(length, sym=not periodic, **options)
    except ValueError as refused:
        raise RuntimeError(str(refused)) from None


@checked
def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """`bartlett`, by default periodic."""
    return _at_the_top(bartlett, window_length, periodic, **options)


@checked
def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """`blackman`, by default periodic."""
    return _at_the_top(blackman, window_length, periodic, **options)


@checked
def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """`hann`, by default periodic."""
    return _at_the_top(hann, window_length, periodic, **options)


@checked
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    **options: Any,
) -> Tensor:
    """alpha - beta cos(2 pi n / N), by default periodic."""
    return _at_the_top(general_cosine, window_length, periodic, a=[alpha, beta], **options)


@checked
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any
) -> Tensor:
    """`kaiser`, by default periodic."""
    return _at_the_top(kaiser, window_length, periodic, beta=beta, **options)
