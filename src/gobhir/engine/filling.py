"""Random numbers written over a tensor's own: `x.normal_()`, `x.uniform_(-1, 1)` and their kin.

The numbers are those of PyTorch from the same seed; the stream they come from is generator.py's.
https://docs.pytorch.org/docs/stable/torch.html#in-place-random-sampling
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.functions.memory import is_contiguous, stride
from gobhir.engine.generator import Generator, default_generator
from gobhir.engine.inplace import assign
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _filler(f: Callable[..., np.ndarray]) -> None:
    """Offer f, which makes the numbers, as the method that writes them."""

    def fill(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        if is_contiguous(self) or any(isinstance(x, Tensor) for x in args):
            values = f(self.array, *args, generator=generator, **kwargs)
        else:
            order = np.argsort([-step for step in stride(self)], kind="stable")
            source: Any = _OneByOne(source_of(generator))
            values = f(self.array.transpose(order), *args, generator=source, **kwargs)
            values = values.transpose(np.argsort(order))
        return assign(self, values.astype(self.array.dtype, copy=False), f.__name__)

    fill.__name__ = fill.__qualname__ = f.__name__
    fill.__doc__ = f.__doc__
    setattr(Tensor, f.__name__, fill)


class _OneByOne:
    """A stream for tensors whose numbers do not follow one another in rows. PyTorch fills these
    in the order in which they lie in memory, with normal numbers drawn one at a time."""

    def __init__(self, source: Generator):
        self.source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def bell(self, n: int, dtype: np.dtype, mean: float, std: float) -> np.ndarray:
        drawn = [self.source.bell(1, dtype, mean, std) for _ in range(n)]
        return np.concatenate(drawn) if drawn else np.zeros(0, dtype)


@_filler
def uniform_(a: Any, low: float = 0.0, to: float = 1.0, *, generator: Any, **named: Any) -> Any:
    """Evenly spread numbers in [low, to), written over the tensor's."""
    low = named.pop("from", low)
    only_floating(a.dtype)
    if named or low > to:
        raise RuntimeError(say("errors.random.range", low=low, high=to))
    return source_of(generator).uniform(a.size, a.dtype, low, to).reshape(a.shape)


@_filler
def normal_(a: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any) -> Any:
    """Normal numbers, written over the tensor's. RuntimeError for a negative std."""
    only_floating(a.dtype)
    check_std(std)
    return source_of(generator).bell(a.size, a.dtype, mean, std).reshape(a.shape)


@_filler
def bernoulli_(a: Any, p: Any = 0.5, *, generator: Any) -> Any:
    """1 with probability p (a number or a tensor), else 0, written over the tensor's numbers."""
    return coins(a, p, generator)


@_filler
def exponential_(a: Any, lambd: float = 1.0, *, generator: Any) -> Any:
    """Waiting times of mean 1 / lambd, written over the tensor's numbers."""
    only_floating(a.dtype)
    if lambd <= 0:
        raise RuntimeError(say("errors.random.rate", rate=lambd))
    return source_of(generator).exponential(a.size, lambd).reshape(a.shape)


@_filler
def geometric_(a: Any, p: float, *, generator: Any) -> Any:
    """How many tries it takes until what has probability p happens, written over the numbers."""
    if a.dtype.kind == "b":
        raise NotImplementedError(say("errors.random.dtype", dtype=a.dtype))
    if not 0 < p < 1:
        raise RuntimeError(say("errors.random.probability", low=p, high=p))
    tries = np.ceil(np.log(source_of(generator).fine(a.size)) / math.log1p(-p))
    return tries.reshape(a.shape)


@_filler
def log_normal_(a: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any) -> Any:
    """e to the power of normal numbers, written over the tensor's numbers."""
    only_floating(a.dtype)
    if std <= 0:
        raise RuntimeError(say("errors.nn.std", std=std))
    source = source_of(generator)
    normals = np.array([source._one_normal() for _ in range(a.size)])
    return np.exp(mean + std * normals).reshape(a.shape)


@_filler
def cauchy_(a: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any) -> Any:
    """Numbers of the Cauchy distribution, written over the tensor's numbers."""
    only_floating(a.dtype)
    if sigma <= 0:
        raise RuntimeError(say("errors.nn.std", std=sigma))
    angle = math.pi * (source_of(generator).fine(a.size) - 0.5)
    return (median + sigma * np.tan(angle)).reshape(a.shape)


@_filler
def random_(
    a: Any, low: int | None = None, to: int | None = None, *, generator: Any, **named: Any
) -> Any:
    """Whole numbers from low to `to` - 1, or `random_(to)` from 0; without both, all that the dtype
    can hold exactly and that are not negative."""
    low = named.pop("from", low)
    source = source_of(generator)
    if low is None and to is None:
        bits = np.finfo(a.dtype).nmant + 1 if a.dtype.kind == "f" else 8 * a.dtype.itemsize
        bits = 1 if a.dtype.kind == "b" else bits - (a.dtype.kind == "i")
        span = 2**bits + (a.dtype.kind == "f")
        words = source.long_words(a.size) if a.dtype.itemsize == 8 else source.words(a.size)
        return (words.astype(np.uint64) % np.uint64(span)).astype(a.dtype).reshape(a.shape)
    if to is None:
        low, to = 0, low
    assert low is not None and to is not None
    check_range(low, to, a.dtype)
    return source.integers(low, to, a.size).reshape(a.shape)


# -- what drawing a new tensor needs too ----


def source_of(generator: Any) -> Generator:
    """The stream to draw from. TypeError for what is no Generator."""
    if generator is None:
        return default_generator
    if not hasattr(generator, "uniform"):
        raise TypeError(say("errors.random.generator", type=type(generator).__name__))
    stream: Generator = generator
    return stream


def coins(a: np.ndarray, p: Any, generator: Any) -> np.ndarray:
    """1 with probability p, else 0. PyTorch draws finer numbers for one p than for a tensor."""
    chance = p.array if isinstance(p, Tensor) else p
    if not ((np.asarray(chance) >= 0) & (np.asarray(chance) <= 1)).all():
        low, high = np.min(chance), np.max(chance)
        raise RuntimeError(say("errors.random.probability", low=low, high=high))
    several = isinstance(p, Tensor) and chance.dtype.itemsize < 8
    kind = np.dtype(np.float32 if several else np.float64)
    drawn = source_of(generator).uniform(a.size, kind).reshape(a.shape)
    return (drawn < chance).astype(a.dtype)


def check_range(low: int, high: int, dtype: np.dtype) -> None:
    """RuntimeError unless there are whole numbers from low to high - 1 and dtype holds them."""
    if low >= high:
        raise RuntimeError(say("errors.random.range", low=low, high=high))
    if dtype.kind != "f":
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if low < least or high - 1 > most:
            raise RuntimeError(say("errors.random.bounds", low=low, high=high, dtype=dtype))


def check_std(std: float) -> None:
    """RuntimeError for a negative standard deviation."""
    if std < 0:
        raise RuntimeError(say("errors.nn.std", std=std))


def only_floating(dtype: np.dtype) -> None:
    """NotImplementedError for whole numbers and truth values."""
    if dtype.kind != "f":
        raise NotImplementedError(say("errors.random.dtype", dtype=dtype))
