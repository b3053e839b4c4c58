"""Random tensors: the very numbers that PyTorch draws on the CPU from the same seed.

How the numbers come out of the stream of random words stands in generator.py.
https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import index
from typing import Any

import numpy as np

from gobhir.engine.creation import _array, _made, _same, _size
from gobhir.engine.dtypes import as_dtype, default_dtype
from gobhir.engine.generator import Generator, _rounded_once, default_generator
from gobhir.engine.inplace import assign
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

__all__ = ["Generator", "_rounded_once", "default_generator"]


def manual_seed(seed: int) -> Generator:
    """Start the random numbers from `seed`: the same program then draws the same numbers."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start the random numbers from a seed that nobody chose; returns it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the random numbers started from."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """Where the random numbers stand."""
    return default_generator.get_state()


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to where `get_rng_state` was."""
    default_generator.set_state(state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **others: Any) -> Iterator[None]:
    """Inside `with fork_rng():` random numbers are drawn as always; afterwards they stand where
    they stood before."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


# -- new tensors ----


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """Uniform numbers in [0, 1)."""
    shape, kind = _size(sizes, size), _floating(dtype)
    values = (generator or default_generator).uniform(math.prod(shape), kind)
    return _made(values.reshape(shape), options)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """Normal numbers: mean 0, variance 1."""
    shape, kind = _size(sizes, size), _floating(dtype)
    values = (generator or default_generator).normal(math.prod(shape), kind)
    return _made(values.reshape(shape), options)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = np.int64,
    **options: Any,
) -> Tensor:
    """Whole numbers from low (included) to high (not included): `randint(high, size)` starts
    at 0. RuntimeError when there is none."""
    if isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise TypeError(say("errors.random.size"))
    shape, low, high, kind = _size((size,)), index(low), index(high), as_dtype(dtype or np.int64)
    _check_range(low, high, kind)
    values = (generator or default_generator).integers(low, high, math.prod(shape))
    return _made(values.reshape(shape).astype(kind), options)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = np.int64, **options: Any
) -> Tensor:
    """The numbers 0 to n - 1, shuffled."""
    if n < 0:
        raise RuntimeError(say("errors.shape.negative", shape=(n,)))
    order = list(range(n))
    words = (generator or default_generator).words(max(n - 1, 0))
    places = np.arange(max(n - 1, 0)) + words % np.arange(n, 1, -1, dtype=np.uint32)
    for i, j in enumerate(places.tolist()):
        order[i], order[j] = order[j], order[i]
    return _made(np.array(order, as_dtype(dtype or np.int64)), options)


def rand_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Uniform numbers in [0, 1), of input's shape and dtype."""
    return rand(_array(input).shape, dtype=_same(dtype, input), **options)


def randn_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Normal numbers of input's shape and dtype."""
    return randn(_array(input).shape, dtype=_same(dtype, input), **options)


def randint_like(
    input: Tensor, low: Any, high: Any = None, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Whole numbers from low (0 when left out) up to but without high, of input's shape and
    dtype."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, _array(input).shape, dtype=_same(dtype, input), **options)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """Normal numbers of these means and standard deviations: two numbers and a size, or a tensor
    for one of them or for both. RuntimeError for a negative standard deviation."""
    source = generator or default_generator
    many = [x.array for x in (mean, std) if isinstance(x, Tensor)]
    if not many:
        if size is None:
            raise TypeError(say("errors.random.size"))
        shape, kind = _size((size,)), _floating(dtype)
        _check_std(std)
        return _made(source.bell(math.prod(shape), kind, mean, std).reshape(shape), options)
    shape, kind = np.broadcast_shapes(*(a.shape for a in many)), many[0].dtype
    _check_std(many[-1].min(initial=0) if isinstance(std, Tensor) else std)
    spread = 1.0 if isinstance(std, Tensor) else std
    values = source.bell(math.prod(shape), kind, 0.0, spread).reshape(shape)
    if isinstance(std, Tensor):
        values = values * many[-1]
    middle = many[0] if isinstance(mean, Tensor) else kind.type(mean)
    return _made((values + middle).astype(kind), options)


def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that stands in `input` (or with p), else 0, in input's dtype.
    RuntimeError for a probability outside of 0 to 1."""
    array = _array(input)
    if p is not None:
        return Tensor._wrap(_coins(array, p, generator))
    if array.dtype.kind != "f":
        raise NotImplementedError(say("errors.random.dtype", dtype=array.dtype))
    return Tensor._wrap(_coins(array, input, generator))


def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Places drawn by the weights in each row of `input`, which need not sum to 1: (n) to
    (num_samples), (m, n) to (m, num_samples). RuntimeError for weights that are negative or all
    0, or when more are to be drawn than there are and none is put back."""
    weights = _array(input)
    if weights.dtype.kind != "f" or weights.ndim not in (1, 2) or not weights.shape[-1]:
        raise RuntimeError(say("errors.random.weights", shape=weights.shape, dtype=weights.dtype))
    if num_samples < 1 or (not replacement and num_samples > weights.shape[-1]):
        raise RuntimeError(say("errors.random.samples", n=num_samples, of=weights.shape[-1]))
    fine = np.isfinite(weights).all() and (weights >= 0).all()
    if not fine or not (weights.sum(-1) > 0).all():
        raise RuntimeError(say("errors.random.negative_weight"))
    source = generator or default_generator
    if not replacement or num_samples == 1:
        # The first of exponential waiting times with these rates is drawn by these weights.
        waiting = source.exponential(weights.size, 1.0).reshape(weights.shape)
        haste = weights / waiting.astype(weights.dtype)
        return Tensor._wrap(np.argsort(-haste, -1, kind="stable")[..., :num_samples].copy())
    rows = weights.reshape(-1, weights.shape[-1])
    ladder = np.cumsum(rows, 1, dtype=weights.dtype)
    ladder = ladder / ladder[:, -1:]
    draws = source.fine(len(rows) * num_samples).reshape(len(rows), num_samples)
    found = [np.searchsorted(row, draw) for row, draw in zip(ladder, draws, strict=True)]
    return Tensor._wrap(np.array(found).reshape(*weights.shape[:-1], num_samples))


def poisson(input: Any, generator: Generator | None = None) -> Tensor:
    """How many events happen where `input` are expected. RuntimeError for a negative rate."""
    rates = _array(input)
    if rates.dtype.kind != "f":
        raise NotImplementedError(say("errors.random.dtype", dtype=rates.dtype))
    if (rates < 0).any():
        raise RuntimeError(say("errors.random.rate", rate=rates.min()))
    source = generator or default_generator
    counts = [_events(rate, source) for rate in rates.reshape(-1).tolist()]
    return Tensor._wrap(np.array(counts, rates.dtype).reshape(rates.shape))


def _events(rate: float, source: Generator) -> int:
    """Sources: Knuth's product of uniform numbers below 10; above, Hoermann, The transformed
    rejection method for generating Poisson random variables (1993)."""
    if rate == 0:
        return 0
    if rate < 10:
        count, product, end = 0, float(source.fine(1)[0]), math.exp(-rate)
        while product > end:
            count, product = count + 1, product * float(source.fine(1)[0])
        return count
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha, v_r = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = float(source.fine(1)[0]) - 0.5, float(source.fine(1)[0])
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        chance = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if chance <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


# -- written over a tensor's own numbers ----


def _filler(f: Callable[..., np.ndarray]) -> None:
    """Offer f, which makes the numbers, as the method that writes them."""

    def fill(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        values = f(self.array, *args, generator=generator, **kwargs)
        return assign(self, values.astype(self.array.dtype, copy=False), f.__name__)

    fill.__name__ = fill.__qualname__ = f.__name__
    fill.__doc__ = f.__doc__
    setattr(Tensor, f.__name__, fill)


@_filler
def uniform_(a: Any, low: float = 0.0, to: float = 1.0, *, generator: Any, **named: Any) -> Any:
    """Evenly spread numbers in [low, to), written over the tensor's."""
    low = named.pop("from", low)
    _only_floating(a)
    if named or low > to:
        raise RuntimeError(say("errors.random.range", low=low, high=to))
    return _source(generator).uniform(a.size, a.dtype, low, to).reshape(a.shape)


@_filler
def normal_(a: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any) -> Any:
    """Normal numbers, written over the tensor's. RuntimeError for a negative std."""
    _only_floating(a)
    _check_std(std)
    return _source(generator).bell(a.size, a.dtype, mean, std).reshape(a.shape)


@_filler
def bernoulli_(a: Any, p: Any = 0.5, *, generator: Any) -> Any:
    """1 with probability p (a number or a tensor), else 0, written over the tensor's numbers."""
    return _coins(a, p, generator)


@_filler
def exponential_(a: Any, lambd: float = 1.0, *, generator: Any) -> Any:
    """Waiting times of mean 1 / lambd, written over the tensor's numbers."""
    _only_floating(a)
    if lambd <= 0:
        raise RuntimeError(say("errors.random.rate", rate=lambd))
    return _source(generator).exponential(a.size, lambd).reshape(a.shape)


@_filler
def geometric_(a: Any, p: float, *, generator: Any) -> Any:
    """How many tries it takes until what has probability p happens, written over the numbers."""
    if a.dtype.kind == "b":
        raise NotImplementedError(say("errors.random.dtype", dtype=a.dtype))
    if not 0 < p < 1:
        raise RuntimeError(say("errors.random.probability", low=p, high=p))
    tries = np.ceil(np.log(_source(generator).fine(a.size)) / math.log1p(-p))
    return tries.reshape(a.shape)


@_filler
def log_normal_(a: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any) -> Any:
    """e to the power of normal numbers, written over the tensor's numbers."""
    _only_floating(a)
    if std <= 0:
        raise RuntimeError(say("errors.nn.std", std=std))
    source = _source(generator)
    normals = np.array([source._one_normal() for _ in range(a.size)])
    return np.exp(mean + std * normals).reshape(a.shape)


@_filler
def cauchy_(a: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any) -> Any:
    """Numbers of the Cauchy distribution, written over the tensor's numbers."""
    _only_floating(a)
    if sigma <= 0:
        raise RuntimeError(say("errors.nn.std", std=sigma))
    angle = math.pi * (_source(generator).fine(a.size) - 0.5)
    return (median + sigma * np.tan(angle)).reshape(a.shape)


@_filler
def random_(
    a: Any, low: int | None = None, to: int | None = None, *, generator: Any, **named: Any
) -> Any:
    """Whole numbers from low to `to` - 1, or `random_(to)` from 0; without both, all that the dtype
    can hold exactly and that are not negative."""
    low = named.pop("from", low)
    source = _source(generator)
    if low is None and to is None:
        bits = np.finfo(a.dtype).nmant + 1 if a.dtype.kind == "f" else 8 * a.dtype.itemsize
        bits = 1 if a.dtype.kind == "b" else bits - (a.dtype.kind == "i")
        span = 2**bits + (a.dtype.kind == "f")
        words = source.long_words(a.size) if a.dtype.itemsize == 8 else source.words(a.size)
        return (words.astype(np.uint64) % np.uint64(span)).astype(a.dtype).reshape(a.shape)
    if to is None:
        low, to = 0, low
    assert low is not None and to is not None
    _check_range(low, to, a.dtype)
    return source.integers(low, to, a.size).reshape(a.shape)


def _source(generator: Any) -> Generator:
    return generator or default_generator


def _coins(a: np.ndarray, p: Any, generator: Any) -> np.ndarray:
    """1 with probability p, else 0. PyTorch draws finer numbers for one p than for a tensor."""
    chance = p.array if isinstance(p, Tensor) else p
    if not ((np.asarray(chance) >= 0) & (np.asarray(chance) <= 1)).all():
        low, high = np.min(chance), np.max(chance)
        raise RuntimeError(say("errors.random.probability", low=low, high=high))
    several = isinstance(p, Tensor) and chance.dtype.itemsize < 8
    kind = np.dtype(np.float32 if several else np.float64)
    drawn = _source(generator).uniform(a.size, kind).reshape(a.shape)
    return (drawn < chance).astype(a.dtype)


def _check_range(low: int, high: int, dtype: np.dtype) -> None:
    """RuntimeError unless there are whole numbers from low to high - 1 and dtype holds them."""
    if low >= high:
        raise RuntimeError(say("errors.random.range", low=low, high=high))
    if dtype.kind != "f":
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if low < least or high - 1 > most:
            raise RuntimeError(say("errors.random.bounds", low=low, high=high, dtype=dtype))


def _check_std(std: float) -> None:
    if std < 0:
        raise RuntimeError(say("errors.nn.std", std=std))


def _only_floating(a: np.ndarray) -> None:
    if a.dtype.kind != "f":
        raise NotImplementedError(say("errors.random.dtype", dtype=a.dtype))


def _floating(dtype: Any) -> np.dtype:
    kind = default_dtype() if dtype is None else as_dtype(dtype)
    if kind.kind != "f":
        raise NotImplementedError(say("errors.random.dtype", dtype=kind))
    return kind


for _name in ("bernoulli", "multinomial"):
    setattr(Tensor, _name, globals()[_name])
