"""Samplers: in which order the examples come. From the same seed, PyTorch's order.

Behaviour: https://docs.pytorch.org/docs/stable/data.html#data-loading-order-and-sampler
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.random import Generator, default_generator, multinomial, randperm
from gobhir.lang import say

T = TypeVar("T", covariant=True)
_AT_ONCE = 32  # numbers that are drawn together with replacement, as in PyTorch


def draw_seed(generator: Generator | None = None) -> int:
    """A whole number of 63 bits: where another stream of random numbers may start."""
    return int((generator or default_generator).long_words(1)[0] & np.uint64(2**63 - 1))


class Sampler(Generic[T]):
    """Base of samplers. A subclass says in `__iter__` which example numbers come."""

    def __init__(self, data_source: Any = None):
        pass

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(say("errors.data.no_iter", dataset=type(self).__name__))


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ... to the end."""

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(_count(self.data_source)))

    def runs(self) -> Iterator[np.ndarray]:
        """The same numbers, many at a time."""
        yield np.arange(_count(self.data_source))

    def __len__(self) -> int:
        return _count(self.data_source)


class RandomSampler(Sampler[int]):
    """All examples shuffled; with `replacement`, each drawn from all of them anew.

    num_samples: how many, by default as many as there are. Without a generator, each walk
    through starts one of its own from a seed that it draws.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        self._own = Generator()
        if not isinstance(replacement, bool):
            raise TypeError(say("errors.data.true_false", name="replacement", value=replacement))
        if num_samples is None and not self.num_samples:
            raise ValueError(say("errors.data.empty"))
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many numbers one walk through gives."""
        return _count(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        for numbers in self.runs():
            yield from numbers.tolist()

    def runs(self) -> Iterator[np.ndarray]:
        """The same numbers, many at a time."""
        n = len(self.data_source)
        if self.generator is None and not self.replacement and self.num_samples == n:
            # The usual case: one order, from a stream that is started anew each time.
            yield randperm(n, generator=self._own.manual_seed(draw_seed())).numpy()
            return
        own = self.generator or Generator().manual_seed(draw_seed())
        if self.replacement:
            for start in range(0, self.num_samples, _AT_ONCE):
                yield own.integers(0, n, min(_AT_ONCE, self.num_samples - start))
            return
        whole, rest = divmod(self.num_samples, n)
        for _ in range(whole):
            yield randperm(n, generator=own).numpy()
        if rest:
            yield randperm(n, generator=own).numpy()[:rest]
        else:
            own.words(n - 1)  # PyTorch draws one more order, of which it then takes nothing

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given example numbers, shuffled."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None):
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Example i comes with probability weights[i] / sum(weights): rare classes can be shown more
    often. Without replacement no example comes twice."""

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ):
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(say("errors.data.true_false", name="replacement", value=replacement))
        values = weights.detach().numpy() if isinstance(weights, Tensor) else weights
        array = np.array(values, np.float64)
        if array.ndim != 1:
            raise ValueError(say("errors.data.weights_shape", shape=array.shape))
        self.weights = Tensor._wrap(array)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The numbers of another sampler, batch_size at a time; drop_last leaves out a last batch
    that is smaller."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool):
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(say("errors.data.true_false", name="drop_last", value=drop_last))
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def runs(self) -> Iterator[np.ndarray] | None:
        """The same batches as arrays, where the sampler gives its numbers many at a time."""
        runs = self.whole_runs()
        return None if runs is None else self._cut(runs)

    def whole_runs(self) -> Iterator[np.ndarray] | None:
        """The numbers before they are cut into batches, where they come many at a time."""
        if type(self.sampler) not in (SequentialSampler, RandomSampler):
            return None
        return self.sampler.runs()  # type: ignore[attr-defined]  # as both have

    def _cut(self, runs: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        size, rest = self.batch_size, np.zeros(0, np.int64)
        for run in runs:
            numbers = np.concatenate([rest, run]) if len(rest) else run
            whole = len(numbers) // size * size
            for start in range(0, whole, size):
                yield numbers[start : start + size]
            rest = numbers[whole:]
        if len(rest) and not self.drop_last:
            yield rest

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]  # has a length when its author gave it one
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def _count(data: Sized) -> int:
    """How many examples there are. TypeError where the data set does not say it."""
    try:
        return len(data)
    except TypeError:
        if hasattr(data, "__len__"):
            raise  # its own trouble
        raise TypeError(say("errors.data.no_len", type=type(data).__name__)) from None


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(say("errors.data.positive", name=name, value=value))
