"""Requests that arrive together are computed together: a bounded queue, and batches out of it.

One pass over thirty examples costs far less than thirty passes. A batch starts when it is full,
when its first request has waited `max_wait` seconds, and never before one of `workers` is free:
under load the queue fills meanwhile, and batches grow by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

Rows = Sequence[np.ndarray]
"""One array for each input."""


class Full(Exception):
    """The queue has no room for one more."""


@dataclass
class _Waiting:
    rows: Rows
    answer: asyncio.Future[tuple[list[np.ndarray], int]]


class Batcher:
    """Runs `run` (arrays with a batch axis to outputs with one) for single examples.

    together: whether examples of several requests may share a run; else each is a run of its own,
    with its arrays as they come. seen: called with the size of each batch.
    """

    def __init__(
        self,
        run: Callable[[Rows], list[np.ndarray]],
        max_batch: int,
        max_wait: float,
        max_waiting: int,
        workers: int = 1,
        together: bool = True,
        seen: Callable[[int], Any] = lambda size: None,
    ):
        self._run, self._together, self._seen = run, together, seen
        self._max_batch, self._max_wait = max_batch if together else 1, max_wait
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(max_waiting)
        self._threads = ThreadPoolExecutor(workers, "batch")
        self._free = asyncio.Semaphore(workers)
        self._running: set[asyncio.Task[None]] = set()
        self._collector: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many requests are in the queue."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin to serve the queue."""
        self._collector = asyncio.create_task(self._collect())

    async def close(self) -> None:
        """Finish what is in the queue, and stop."""
        while self._queue.qsize():
            await asyncio.sleep(0.005)
        if self._collector is not None:
            # Between taking a request out and handing it to a thread there is no await that a
            # cancellation could fall into, but for the wait for others: that one is shielded.
            self._collector.cancel()
            with suppress(asyncio.CancelledError):
                await self._collector
        await asyncio.gather(*self._running, return_exceptions=True)
        self._threads.shutdown(wait=False)

    async def submit(self, rows: Rows) -> tuple[list[np.ndarray], int]:
        """The outputs for one example, and how many were computed with it. Full when too many
        wait already; whatever `run` raises."""
        waiting = _Waiting(rows, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Full from None
        return await waiting.answer

    async def _collect(self) -> None:
        while True:
            await self._free.acquire()
            batch: list[_Waiting] = []
            try:
                batch.append(await self._queue.get())
                await self._fill(batch)
            finally:  # also when the service is stopped while a batch is being filled
                batch = [w for w in batch if not w.answer.done()]  # nobody waits for the others
                if batch:
                    task = asyncio.create_task(self._compute(batch))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                else:
                    self._free.release()

    async def _fill(self, batch: list[_Waiting]) -> None:
        """More of the queue, until the batch is full or its time has come."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._max_wait
        while len(batch) < self._max_batch:
            if self._queue.qsize():
                batch.append(self._queue.get_nowait())
                continue
            left = end - loop.time()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    batch.append(await self._queue.get())
            except TimeoutError:
                return

    async def _compute(self, batch: list[_Waiting]) -> None:
        size = len(batch)
        self._seen(size)
        try:
            if self._together:
                columns = [
                    np.stack(arrays) for arrays in zip(*(w.rows for w in batch), strict=True)
                ]
            else:
                columns = list(batch[0].rows)
            loop = asyncio.get_running_loop()
            outputs = await loop.run_in_executor(self._threads, self._run, columns)
            for i, one in enumerate(batch):
                own = [o[i] for o in outputs] if self._together else outputs
                if not one.answer.done():
                    one.answer.set_result((own, size))
        except Exception as trouble:
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(trouble)
        finally:
            self._free.release()
