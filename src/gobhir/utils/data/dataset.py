"""Data sets: what can be asked for one example by its number, or walked through.

Behaviour: https://docs.pytorch.org/docs/stable/data.html#dataset-types
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, Self, TypeVar

from gobhir.engine import Tensor
from gobhir.engine.random import Generator, randperm
from gobhir.lang import Message, say, warn

T = TypeVar("T", covariant=True)


class Dataset(Generic[T]):
    """Base of data sets whose examples have numbers. A subclass says in `__getitem__` what
    example i is, and in `__len__` how many there are."""

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(say("errors.data.no_getitem", dataset=type(self).__name__))

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T]):
    """Base of data sets that can only be walked through: a stream, a file too large to index.
    A subclass says in `__iter__` what comes, one example after the other; without that it cannot
    be made (TypeError)."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls.__iter__ is IterableDataset.__iter__:
            raise TypeError(say("errors.data.no_iter", dataset=cls.__name__))
        return super().__new__(cls)

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(say("errors.data.no_iter", dataset=type(self).__name__))

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]  # PyTorch's
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of equal first size n side by side: example i is the tuple of their rows i.

    AssertionError when the first sizes differ.
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor):
        for t in tensors:
            if not isinstance(t, Tensor):
                raise TypeError(say("errors.tensor.wanted", type=type(t).__name__))
        sizes = [t.size(0) for t in tensors]
        if len(set(sizes)) > 1:
            raise AssertionError(say("errors.data.tensor_sizes", sizes=sizes))
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].size(0))


class StackDataset(Dataset[Any]):
    """Data sets of equal length side by side. Example i is the tuple of their examples i, or,
    when they are given by name, a dictionary. ValueError when the lengths differ."""

    def __init__(self, *args: Any, **kwargs: Any):
        if args and kwargs:
            raise ValueError(say("errors.data.stack_both"))
        if not args and not kwargs:
            raise ValueError(say("errors.data.stack_nothing"))
        self.datasets: Any = args or kwargs
        sizes = [len(d) for d in (args or kwargs.values())]
        if len(set(sizes)) > 1:
            raise ValueError(say("errors.data.stack_sizes", sizes=sizes))
        self._length = sizes[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple(d[index] for d in self.datasets)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        columns = self.datasets
        named = isinstance(columns, dict)
        fetched = [examples(d, indices) for d in (columns.values() if named else columns)]
        rows = zip(*fetched, strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows] if named else list(rows)

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[Any]):
    """Data sets one after the other, with their examples counted through."""

    def __init__(self, datasets: Iterable[Dataset[Any]]):
        self.datasets: list[Any] = list(datasets)
        if not self.datasets:
            raise AssertionError(say("errors.data.concat_nothing"))
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError(say("errors.data.concat_iterable"))
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """How many examples there are up to the end of each data set."""
        return list(accumulate(len(d) for d in sequence))

    def __getitem__(self, index: int) -> Any:
        if index < 0:
            if -index > len(self):
                raise ValueError(say("errors.data.index", index=index, size=len(self)))
            index += len(self)
        which = bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[Any]):
    """Data sets to walk through, one after the other."""

    def __init__(self, datasets: Iterable[Dataset[Any]]):
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for d in self.datasets:
            if not isinstance(d, IterableDataset):
                raise AssertionError(say("errors.data.chain"))
            yield from d

    def __len__(self) -> int:
        total = 0
        for d in self.datasets:
            if not isinstance(d, IterableDataset):
                raise AssertionError(say("errors.data.chain"))
            total += len(d)  # type: ignore[arg-type]  # has a length when its author gave it one
        return total


class Subset(Dataset[T]):
    """The examples of `dataset` that have the numbers `indices`, in that order."""

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset = dataset
        self.indices = indices
        cls = type(self)
        if cls.__getitem__ is not Subset.__getitem__ and cls.__getitems__ is Subset.__getitems__:
            # A DataLoader asks for whole batches, and would pass the new __getitem__ by.
            raise NotImplementedError(say("errors.data.subset_items", dataset=cls.__name__))

    def __getitem__(self, index: Any) -> T:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[T]:
        return examples(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def example(dataset: Any, i: Any) -> Any:
    """Example number i. IndexError that says so where there is none: a data set of somebody's own
    says it in its own words."""
    try:
        return dataset[i]
    except IndexError as trouble:
        if isinstance(dataset, Dataset) or isinstance(next(iter(trouble.args), None), Message):
            raise
        raise IndexError(say("errors.data.index", index=i, size=len(dataset))) from None
    except TypeError:
        if isinstance(dataset, (list, tuple)) and not hasattr(i, "__index__"):
            raise TypeError(say("errors.data.number", index=repr(i))) from None
        raise


def examples(dataset: Any, indices: Sequence[int]) -> list[Any]:
    """Several examples, at once where the data set can do that."""
    if isinstance(indices, int):
        raise TypeError(say("errors.data.batch_numbers", batch=indices))
    if not callable(getattr(dataset, "__getitems__", None)):
        return [example(dataset, i) for i in indices]
    found = dataset.__getitems__(indices)
    if len(found) != len(indices):
        raise ValueError(say("errors.data.items_count", got=len(found), want=len(indices)))
    return found


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[Any]]:
    """Parts of `dataset` that share no example, drawn by chance.

    lengths: numbers of examples that sum to len(dataset), or fractions that sum to 1; what
    rounding down leaves over goes one each to the first parts. ValueError otherwise.
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _whole(lengths, total)
    if sum(lengths) != total:
        raise ValueError(say("errors.data.split_sum", sum=sum(lengths), size=total))
    order = randperm(total, generator=generator).tolist()
    ends = accumulate(int(n) for n in lengths)
    return [Subset(dataset, order[e - int(n) : e]) for e, n in zip(ends, lengths, strict=True)]


def _whole(fractions: Sequence[float], total: int) -> list[int]:
    for i, part in enumerate(fractions):
        if not 0 <= part <= 1:
            raise ValueError(say("errors.data.split_fraction", index=i, value=part))
    counts = [math.floor(total * part) for part in fractions]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    for i, count in enumerate(counts):
        if count == 0:
            warn(say("errors.data.split_empty", index=i))
    return counts
