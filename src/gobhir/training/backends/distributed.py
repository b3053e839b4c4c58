"""Several processes that train one PyTorch model: each computes on its share of every batch, and
the gradients are averaged (DistributedDataParallel).

The shares are cut from the batches that one process alone would see, so that two processes learn
what one learns, within rounding. https://docs.pytorch.org/docs/stable/notes/ddp.html
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.distributed import DistributedSampler

from gobhir.lang import Message, say, warn
from gobhir.training.processes import Alone, Place

_SETTINGS = (
    "num_workers",
    "collate_fn",
    "pin_memory",
    "timeout",
    "worker_init_fn",
    "multiprocessing_context",
    "generator",
    "prefetch_factor",
    "persistent_workers",
)


class Group(Alone):
    """This process among the others that torchrun started."""

    def __init__(self, place: Place, device: torch.device):
        self.place = place
        self.device = device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            _meet("nccl" if device.type == "cuda" else "gloo")

    def wrapped(self, model: Any) -> Any:
        """The model, whose backward passes average their gradients over the processes. All begin
        with the first one's weights."""
        if self.first and any(isinstance(m, _BATCH_NORM) for m in model.modules()):
            warn(say("errors.training.batch_norm"))
        here = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=here)

    def share(self, loader: Any, needed: bool = True) -> Any:
        if isinstance(loader, DataLoader):
            if isinstance(loader.sampler, DistributedSampler):
                raise ValueError(say("errors.training.shared_twice"))
            in_batches = loader.batch_sampler is not None or _gives_lists(loader.sampler)
            if in_batches and not isinstance(loader.dataset, IterableDataset):
                return _Shared(loader, self)
        if getattr(loader, "alike", False):
            return _Cut(loader, self)
        if needed:
            raise TypeError(say("errors.training.not_shared", type=type(loader).__name__))
        return loader

    def count(self, target: Any) -> int:
        return len(target) if self.batch is None else self.batch[1]

    def weight(self, of_sums: bool) -> float:
        """Such that the mean of the gradients over all processes, which is what is made of them,
        is that of the whole batch."""
        if self.batch is None:
            return 1.0
        own, count = self.batch
        return self.place.size * (float(own > 0) if of_sums else own / count)

    def whole(self, loss: Any, output: Any, target: Any, of_sums: bool) -> tuple[Any, Any, Any]:
        if self.batch is None:
            return loss, output, target
        if loss is not None:
            loss = loss.detach().float() * (self.weight(of_sums) / self.place.size)
            dist.all_reduce(loss)
        if output is not None:
            output, target = self._rows(output), self._rows(target)
        return loss, output, target

    def _rows(self, own: Any) -> Any:
        """The rows of all processes, in the order of the batch."""
        assert self.batch is not None
        mine, count = self.batch
        if not isinstance(own, torch.Tensor) or own.ndim == 0 or len(own) != max(mine, 1):
            shape = getattr(own, "shape", type(own).__name__)
            raise TypeError(say("errors.training.not_gathered", shape=shape, count=mine))
        most = -(-count // self.place.size)  # shares differ by one: filled up, and cut off again
        filled = own.new_zeros((most, *own.shape[1:]))
        filled[:mine] = own.detach()[:mine]
        parts = [torch.empty_like(filled) for _ in range(self.place.size)]
        dist.all_gather(parts, filled)
        return torch.stack(parts, 1).flatten(0, 1)[:count]

    def even(self, model: Any) -> None:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)

    def each(self, content: bytes) -> list[bytes]:
        sizes = [self._number(0) for _ in range(self.place.size)]
        dist.all_gather(sizes, self._number(len(content)))
        most = max(int(size) for size in sizes)
        mine = self._bytes(content.ljust(most, b"\0"))
        parts = [torch.empty_like(mine) for _ in sizes]
        dist.all_gather(parts, mine)
        return [_as_bytes(p)[: int(n)] for p, n in zip(parts, sizes, strict=True)]

    def firsts(self, content: bytes) -> bytes:
        size = self._number(len(content))
        dist.broadcast(size, 0)
        what = self._bytes(content if self.first else bytes(int(size)))
        dist.broadcast(what, 0)
        return _as_bytes(what)[: int(size)]

    def agree(self, wish: bool) -> bool:
        wishes = self._number(int(wish))
        dist.all_reduce(wishes)
        return bool(wishes)

    def _number(self, value: int) -> torch.Tensor:
        return torch.tensor([value], device=self.device)

    def _bytes(self, content: bytes) -> torch.Tensor:
        return torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8).to(self.device)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """torchrun ends the others (SIGTERM) when one has ended; they may notice it before."""

        def told_to_end(number: int, frame: Any) -> None:
            raise ConnectionError(self._lost())

        main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGTERM, told_to_end) if main else None
        try:
            yield
        except RuntimeError as trouble:
            if isinstance(trouble, dist.DistError) or "gloo" in str(trouble):
                raise ConnectionError(self._lost()) from trouble
            raise
        finally:
            if main:
                signal.signal(signal.SIGTERM, before or signal.SIG_DFL)

    def _lost(self) -> Message:
        return say("errors.training.process_lost", size=self.place.size, rank=self.place.rank)


_BATCH_NORM = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)


def _meet(how: str) -> None:
    """Find the others, where torchrun says that one does. After a restart the addresses of the
    processes before may still stand there, so each start has a page of its own."""
    store, rank, size = next(iter(rendezvous("env://")))
    page = f"gobhir/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
    dist.init_process_group(how, store=PrefixStore(page, store), rank=rank, world_size=size)
    atexit.register(_leave)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _as_bytes(tensor: torch.Tensor) -> bytes:
    return tensor.cpu().numpy().tobytes()


def _gives_lists(sampler: Any) -> bool:
    """Whether a sampler gives the numbers of whole batches."""
    return isinstance(sampler, torch.utils.data.BatchSampler)


class _Shared:
    """A DataLoader's batches, and of each only this process's examples."""

    def __init__(self, loader: DataLoader[Any], group: Group):
        self.group = group
        self.numbers = _OwnNumbers(loader.batch_sampler or loader.sampler, group)
        settings: dict[str, Any] = {name: getattr(loader, name) for name in _SETTINGS}
        if loader.batch_sampler is None:
            settings |= {"sampler": self.numbers, "batch_size": None}
        else:
            settings |= {"batch_sampler": self.numbers}
        self.loader: DataLoader[Any] = DataLoader(loader.dataset, **settings)

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Any]:
        group = self.group
        try:
            for i, batch in enumerate(self.loader):
                count = self.numbers.counts[i]
                group.batch = len(range(group.place.rank, count, group.place.size)), count
                yield batch
        finally:
            group.batch = None


class _Cut:
    """Of each batch of a loader that gives every process the same ones (it says so by `alike`),
    only this process's examples."""

    def __init__(self, loader: Any, group: Group):
        self.loader = loader
        self.group = group

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        place = self.group.place
        try:
            for batch in self.loader:
                count = len(batch[0])
                own = len(range(place.rank, count, place.size))
                self.group.batch = own, count
                mine = slice(place.rank, None, place.size) if own else slice(1)
                yield tuple(part[mine] for part in batch)
        finally:
            self.group.batch = None


class _OwnNumbers:
    """The numbers of this process's examples, batch by batch. The first process draws the order
    for all. Where a batch has fewer examples than there are processes, some of them borrow one,
    since all have to compute, and it counts nothing."""

    def __init__(self, order: Any, group: Group):
        self.order = order
        self.group = group
        self.counts: list[int] = []

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[list[int]]:
        batches = [list(batch) for batch in self.order] if self.group.first else []
        numbers = torch.tensor([number for batch in batches for number in batch])
        counts = torch.tensor([len(batch) for batch in batches])
        self.counts = self._told(counts).tolist()
        for batch in self._told(numbers).split(self.counts):
            own = batch[self.group.place.rank :: self.group.place.size]
            yield (own if len(own) else batch[:1]).tolist()

    def _told(self, numbers: torch.Tensor) -> torch.Tensor:
        content = self.group.firsts(numbers.to(torch.int64).numpy().tobytes())
        return torch.frombuffer(bytearray(content), dtype=torch.int64)
