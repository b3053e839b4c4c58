"""Random tensors: the very numbers that PyTorch draws on the CPU from the same seed.

How the numbers come out of the stream of random words stands in generator.py.
https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gobhir.engine.arguments import Number, Sizes, as_int, checked
from gobhir.engine.creation import array_of, dtype_asked, dtype_like, made, shape_of
from gobhir.engine.dtypes import int64
from gobhir.engine.filling import check_range, check_std, coins, only_floating, source_of
from gobhir.engine.functions.memory import is_contiguous, stride
from gobhir.engine.functions.publish import takes_out
from gobhir.engine.generator import Generator, default_generator
from gobhir.engine.layout import contiguous_format
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

__all__ = ["Generator", "default_generator"]


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
    shape, kind = shape_of(sizes, size), _floating(dtype, options)
    values = source_of(generator).uniform(math.prod(shape), kind)
    return made(values.reshape(shape), options)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """Normal numbers: mean 0, variance 1."""
    shape, kind = shape_of(sizes, size), _floating(dtype, options)
    values = source_of(generator).normal(math.prod(shape), kind)
    return made(values.reshape(shape), options)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """Whole numbers from low (included) to high (not included): `randint(high, size)` starts
    at 0. RuntimeError when there is none."""
    if isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if not isinstance(size, (tuple, list)):
        raise TypeError(say("errors.random.size"))
    shape, low, high = shape_of((size,)), as_int(low), as_int(high)
    kind = dtype_asked(dtype, options, int64)
    check_range(low, high, kind)
    values = source_of(generator).integers(low, high, math.prod(shape))
    return made(values.reshape(shape).astype(kind), options)


@checked
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, **options: Any
) -> Tensor:
    """The numbers 0 to n - 1, shuffled."""
    if n < 0:
        raise RuntimeError(say("errors.shape.negative", shape=(n,)))
    kind = dtype_asked(dtype, options, int64)
    if n < 2:
        return made(np.arange(n, dtype=kind), options)
    words = source_of(generator).words(n - 1)
    places = np.arange(n - 1) + words % np.arange(n, 1, -1, dtype=np.uint32)
    return made(_shuffled(places).astype(kind, copy=False), options)


def _shuffled(places: np.ndarray) -> np.ndarray:
    """0 to n - 1, after each place i has been exchanged with places[i] >= i, one by one from 0 on
    (Fisher and Yates): who was sent where is looked up for all places at once."""
    n = len(places) + 1
    # NumPy sorts numbers of 16 bits several times faster.
    order = places.astype(np.uint16 if n <= 1 << 16 else np.int64).argsort(kind="stable")
    at = places[order]
    # Place i is no longer looked at after exchange i, so only what was sent on matters: at
    # exchange i, places[i] holds what the last exchange before i with the same place sent there.
    again = at[1:] == at[:-1]
    last = np.full(n - 1, -1)
    last[order[1:][again]] = order[:-1][again]
    # What exchange i sends on: i, or what the last exchange with place i had sent there, and so on.
    sent = np.arange(n)
    moved = order != at
    sent[at[moved]] = order[moved]  # of several with one place, NumPy keeps the last
    while ((further := sent[sent]) != sent).any():
        sent = further
    return np.append(np.where(last < 0, places, sent[last]), sent[-1])


def rand_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Uniform numbers in [0, 1), of input's shape and dtype."""
    return _like(rand, "uniform_", input, dtype, options)


def randn_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Normal numbers of input's shape and dtype."""
    return _like(randn, "normal_", input, dtype, options)


def _like(draw: Any, fill: str, input: Tensor, dtype: Any, options: dict[str, Any]) -> Any:
    """Numbers drawn and laid out in the order in which input's lie in memory, as PyTorch does."""
    shape, kind = array_of(input).shape, dtype_like(dtype, input)
    if is_contiguous(input) or options.get("memory_format") is contiguous_format:
        return draw(shape, dtype=kind, **options)
    order = np.argsort([-step for step in stride(input)], kind="stable")
    room = Tensor._wrap(np.zeros([shape[d] for d in order], kind)).permute(*np.argsort(order))
    getattr(room, fill)(generator=options.get("generator"))
    return room.requires_grad_() if options.get("requires_grad") else room


def randint_like(
    input: Tensor, low: Any = 0, high: Any = None, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Whole numbers from low (0 when left out) up to but without high, of input's shape and
    dtype."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, array_of(input).shape, dtype=dtype_like(dtype, input), **options)


@checked
def normal(
    mean: Number | Tensor = 0.0,
    std: Number | Tensor = 1.0,
    size: Sizes | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """Normal numbers of these means and standard deviations: two numbers and a size, or a tensor
    for one of them or for both. RuntimeError for a negative standard deviation."""
    source = source_of(generator)
    many = [x.array for x in (mean, std) if isinstance(x, Tensor)]
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError(say("errors.random.size"))
        shape, kind = shape_of((size,)), _floating(dtype, options)
        check_std(std)
        return made(source.bell(math.prod(shape), kind, mean, std).reshape(shape), options)
    shape, kind = np.broadcast_shapes(*(a.shape for a in many)), many[0].dtype
    only_floating(kind)
    check_std(many[-1].min(initial=0) if isinstance(std, Tensor) else std)
    spread = 1.0 if isinstance(std, Tensor) else std
    values = source.bell(math.prod(shape), kind, 0.0, spread).reshape(shape)
    if isinstance(std, Tensor):
        values = values * many[-1]
    middle = many[0] if isinstance(mean, Tensor) else kind.type(mean)
    return made((values + middle).astype(kind), options)


@takes_out
def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that stands in `input` (or with p), else 0, in input's dtype.
    RuntimeError for a probability outside of 0 to 1."""
    array = array_of(input)
    if p is not None:
        return Tensor._wrap(coins(array, p, generator))
    only_floating(array.dtype)
    return Tensor._wrap(coins(array, input, generator))


@checked
@takes_out
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Places drawn by the weights in each row of `input`, which need not sum to 1: (n) to
    (num_samples), (m, n) to (m, num_samples). RuntimeError for weights that are negative or all
    0, or when more are to be drawn than there are and none is put back."""
    weights = array_of(input)
    if weights.dtype.kind != "f" or weights.ndim not in (1, 2) or not weights.shape[-1]:
        raise RuntimeError(say("errors.random.weights", shape=weights.shape, dtype=weights.dtype))
    if num_samples < 1 or (not replacement and num_samples > weights.shape[-1]):
        raise RuntimeError(say("errors.random.samples", n=num_samples, of=weights.shape[-1]))
    fine = np.isfinite(weights).all() and (weights >= 0).all()
    if not fine or not (weights.sum(-1) > 0).all():
        raise RuntimeError(say("errors.random.negative_weight"))
    source = source_of(generator)
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
    rates = array_of(input)
    only_floating(rates.dtype)
    if (rates < 0).any():
        raise RuntimeError(say("errors.random.rate", rate=rates.min()))
    source = source_of(generator)
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


def _floating(dtype: Any, options: dict[str, Any]) -> np.dtype:
    kind = dtype_asked(dtype, options)
    only_floating(kind)
    return kind


for _name in ("bernoulli", "multinomial"):
    setattr(Tensor, _name, globals()[_name])


@checked
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How often something of probability `prob` happens in `count` tries. Both of one floating
    dtype; they broadcast. ValueError for whole numbers, RuntimeError for two dtypes."""
    for x in (count, prob):
        if x.array.dtype.kind != "f":
            raise ValueError(say("errors.dtype.not_for", op="binomial", dtype=x.dtype))
    if count.array.dtype != prob.array.dtype:
        raise RuntimeError(say("errors.arithmetic.one_dtype", x=count.dtype, y=prob.dtype))
    tries, chances = np.broadcast_arrays(count.array, prob.array)
    source = source_of(generator)
    pairs = zip(tries.reshape(-1).tolist(), chances.reshape(-1).tolist(), strict=True)
    found = [_successes(n, p, source) for n, p in pairs]
    return Tensor._wrap(np.array(found, tries.dtype).reshape(tries.shape))


def _successes(n: float, p: float, source: Generator) -> float:
    """Sources: waiting times from one success to the next where few are expected (Devroye,
    Non-uniform random variate generation, 1986, X.4.3); else Hoermann, The generation of binomial
    random variates (1993)."""
    if n <= 0 or p <= 0 or math.isnan(n * p):
        return math.nan if math.isnan(n * p) else 0
    if p >= 1:
        return n
    if p > 0.5:
        return n - _successes(n, 1 - p, source)
    if n * p < 10:
        tries, found, log_q = 0.0, 0, math.log1p(-p)
        while True:
            tries += math.ceil(math.log(float(source.fine(1)[0])) / log_q)
            if tries > n:
                return found
            found += 1
    spread, odds, top = math.sqrt(n * p * (1 - p)), p / (1 - p), math.floor((n + 1) * p)
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha, v_r = (2.83 + 5.1 / b) * spread, 0.92 - 4.2 / b
    highest = math.lgamma(top + 1) + math.lgamma(n - top + 1)
    while True:
        u, v = float(source.fine(1)[0]) - 0.5, float(source.fine(1)[0])
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + n * p + 0.5)
        if us >= 0.07 and v <= v_r:
            return k
        if 0 <= k <= n:
            likely = highest - math.lgamma(k + 1) - math.lgamma(n - k + 1)
            if math.log(v * alpha / (a / (us * us) + b)) <= likely + (k - top) * math.log(odds):
                return k
