"""DataLoader: a data set in batches, shuffled if wished.

Behaviour: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.random import Generator
from gobhir.lang import say, warn
from gobhir.utils.data.collate import default_collate, default_convert
from gobhir.utils.data.dataset import IterableDataset, Subset, TensorDataset, example, examples
from gobhir.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, draw_seed

T = TypeVar("T", covariant=True)
_SETTLED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


def get_worker_info() -> None:
    """None: examples are always fetched by the process that trains."""
    return None


class DataLoader(Generic[T]):
    """Walk through `dataset` in batches: `for x, y in DataLoader(data, batch_size=64): ...`

    batch_size: examples in a batch; None gives single examples as they are. shuffle: a new
    order each time. sampler, batch_sampler: an order of your own. collate_fn: how a list of
    examples becomes a batch. drop_last: leave out a last batch that is smaller. generator: draws
    the order. Everything else is for loading in other processes: it is accepted, and examples
    are fetched here all the same; the results are those of num_workers=0.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        streamed = isinstance(dataset, IterableDataset)
        _check_order(streamed, shuffle, sampler, batch_sampler, batch_size, drop_last)
        if num_workers > 0:
            warn(say("errors.data.workers"))
        for name, given in (("sampler", sampler), ("batch_sampler", batch_sampler)):
            if given is not None and not {"__iter__", "__getitem__"} & set(dir(given)):
                raise TypeError(say("errors.data.no_sampler", name=name, type=type(given).__name__))
        if sampler is None:
            sampler = _order(dataset, bool(shuffle), generator)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        batched = batch_sampler is not None
        if collate_fn is None:
            collate_fn = default_collate if batched else default_convert
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._settled = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SETTLED and "_settled" in self.__dict__:
            raise ValueError(say("errors.data.settled", name=name))
        object.__setattr__(self, name, value)

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._numbers)  # type: ignore[arg-type]  # if the sampler has a length
        n = len(self.dataset)  # type: ignore[arg-type]  # if its author gave it one
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    @property
    def _numbers(self) -> Iterable[Any]:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if self.timeout and not self.num_workers:
            raise AssertionError(say("errors.data.timeout_alone"))
        numbers = iter(self._numbers)
        # PyTorch draws the seed of its workers here even when there are none. The order of the
        # next shuffle depends on it.
        draw_seed(self.generator)
        if isinstance(self.dataset, IterableDataset):
            return self._stream(iter(self.dataset), numbers)
        return self._fetch(numbers)

    def _fetch(self, numbers: Iterator[Any]) -> Iterator[Any]:
        if self.batch_sampler is None:
            for i in numbers:
                yield self.collate_fn(example(self.dataset, i))
        elif (columns := self._columns()) is not None:
            quick = self.batch_sampler.runs() if type(self.batch_sampler) is BatchSampler else None
            for batch in numbers if quick is None else quick:
                yield columns(batch)
        else:
            for batch in numbers:
                yield self.collate_fn(examples(self.dataset, batch))

    def _columns(self) -> Callable[[Any], list[Tensor]] | None:
        """A function that takes a whole batch out of tensors at once, where that gives what
        collating single examples would; None where it might not."""
        dataset, chosen = self.dataset, None
        while type(dataset) is Subset:
            inner = np.asarray(dataset.indices)
            if inner.ndim != 1 or inner.dtype.kind not in "iu":
                return None
            chosen = inner if chosen is None else inner[chosen]
            dataset = dataset.dataset
        if type(dataset) is not TensorDataset or self.collate_fn is not default_collate:
            return None
        if not all(type(t) is Tensor and not t.requires_grad for t in dataset.tensors):
            return None
        columns = list(enumerate(t.detach().numpy() for t in dataset.tensors))
        if chosen is not None:
            size = len(dataset)
            if len(chosen) and not -size <= chosen.min() <= chosen.max() < size:
                return None
            chosen = chosen % size

        def take(batch: Any) -> list[Tensor]:
            try:
                rows = np.asarray(batch, np.intp)
            except (TypeError, ValueError):
                raise TypeError(say("errors.data.number", index=repr(batch))) from None
            try:
                if chosen is not None:
                    rows = chosen[rows]
                return [Tensor._wrap(self._rows(i, array, rows)) for i, array in columns]
            except IndexError:
                size = len(self.dataset)
                far = next(i for i in batch if not -size <= i < size)
                raise IndexError(say("errors.data.index", index=far, size=size)) from None

        return take

    def _rows(self, column: int, array: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """A batch of one column of a TensorDataset."""
        return array.take(rows, 0)

    def _stream(self, examples: Iterator[Any], sizes: Iterator[Any]) -> Iterator[Any]:
        if self.batch_size is None:
            for one in examples:
                yield self.collate_fn(one)
            return
        for numbers in sizes:
            batch = [one for _, one in zip(numbers, examples, strict=False)]
            if not batch or (self.drop_last and len(batch) < len(numbers)):
                return
            yield self.collate_fn(batch)


def _order(dataset: Any, shuffle: bool, generator: Generator | None) -> Iterable[Any]:
    if isinstance(dataset, IterableDataset):
        return _NoNumbers()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


class _NoNumbers:
    """The sampler of a stream, whose examples have no numbers."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(say("errors.data.not_negative", name="num_workers", value=num_workers))
    if timeout < 0:
        raise ValueError(say("errors.data.not_negative", name="timeout", value=timeout))
    if prefetch_factor is not None:
        if num_workers == 0:
            raise ValueError(say("errors.data.needs_workers", name="prefetch_factor"))
        if prefetch_factor < 0:
            name = "prefetch_factor"
            raise ValueError(say("errors.data.not_negative", name=name, value=prefetch_factor))
    if persistent_workers and num_workers == 0:
        raise ValueError(say("errors.data.needs_workers", name="persistent_workers"))


def _check_order(
    streamed: bool,
    shuffle: bool | None,
    sampler: Any,
    batch_sampler: Any,
    batch_size: int | None,
    drop_last: bool,
) -> None:
    if streamed:
        given = {"shuffle": bool(shuffle), "sampler": sampler is not None}
        given["batch_sampler"] = batch_sampler is not None
        for name in (n for n, there in given.items() if there):
            raise ValueError(say("errors.data.stream_order", name=name))
    if sampler is not None and shuffle:
        raise ValueError(say("errors.data.exclusive", one="sampler", others="shuffle"))
    if batch_sampler is not None and (
        batch_size != 1 or shuffle or sampler is not None or drop_last
    ):
        others = "batch_size, shuffle, sampler, drop_last"
        raise ValueError(say("errors.data.exclusive", one="batch_sampler", others=others))
    if batch_size is None and batch_sampler is None and drop_last:
        raise ValueError(say("errors.data.exclusive", one="batch_size=None", others="drop_last"))
