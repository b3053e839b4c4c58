"""Which of several processes this one is, and what fit asks of all of them together.

`torchrun --nproc-per-node 2 program.py` starts a program several times and tells each through its
surroundings who it is: https://docs.pytorch.org/docs/stable/elastic/run.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Place(NamedTuple):
    """rank: this process's number, 0 to size - 1; local: its number on this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0


def place() -> Place:
    """This process's place among those that torchrun started; the only one where it did not."""
    said = os.environ
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= said.keys():
        return Place()
    return Place(int(said["RANK"]), int(said["WORLD_SIZE"]), int(said.get("LOCAL_RANK", 0)))


def is_main_process() -> bool:
    """Whether this process is the one that writes files and speaks: the first, or the only one."""
    return place().rank == 0


class Alone:
    """A process that works by itself. One of several does the same, and asks the others."""

    place = Place()
    batch: tuple[int, int] | None = None
    """How many examples of the batch under way this process has, and all have together; None
    where each has all of them."""

    @property
    def first(self) -> bool:
        """Whether this one writes and speaks for all."""
        return self.place.rank == 0

    def share(self, loader: Any, needed: bool = True) -> Any:
        """A loader of this process's part of each batch. needed: whether a loader that cannot be
        shared is refused; else each process has all of it."""
        return loader

    def count(self, target: Any) -> int:
        """How many examples all processes together have in the batch under way."""
        return len(target)

    def weight(self, of_sums: bool) -> float:
        """What this process's loss counts among those of all. of_sums: whether it is the sum over
        its examples, not the mean."""
        return 1.0

    def whole(self, loss: Any, output: Any, target: Any, of_sums: bool) -> tuple[Any, Any, Any]:
        """The same of the whole batch, in its order: the loss, and, where there is an output,
        this and the target. of_sums: as in `weight`."""
        return loss, output, target

    def even(self, model: Any) -> None:
        """Give all processes what the first one's model has besides its parameters, such as
        BatchNorm's running mean."""

    def each(self, content: bytes) -> list[bytes]:
        """What each of the processes gives here."""
        return [content]

    def firsts(self, content: bytes) -> bytes:
        """What the first process gives here."""
        return content

    def agree(self, wish: bool) -> bool:
        """Whether any of them wishes it."""
        return wish

    @contextmanager
    def watching(self) -> Iterator[None]:
        """ConnectionError where another process has ended meanwhile."""
        yield
