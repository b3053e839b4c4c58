"""Who replays the second half of a batch while this thread replays the first.

Two threads of Python wait for one another between any two calls of NumPy, which is long beside
the calls themselves. So the helper is a copy of this process where the system can fork one, with
parameters, gradients, arguments and results in memory that both see; elsewhere it is a thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np

from gobhir.engine.compile.arguments import given_array
from gobhir.engine.compile.blas import one_thread
from gobhir.engine.compile.flat import shared_like
from gobhir.engine.compile.recorder import Diverged
from gobhir.engine.compile.replay import Replay
from gobhir.engine.compile.results import Shown, exchanged, filled, shown
from gobhir.lang import say

SPIN = 0.002
"""Seconds of asking again and again whether the other is ready, before going to sleep: to be woken
takes longer than a step of a small network."""


def can_fork() -> bool:
    """Whether a copy of this process may go on computing: on macOS, its BLAS may not."""
    return sys.platform == "linux" and _cores() > 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


class Thread:
    """A thread that replays the part when it is asked to."""

    def __init__(self, part: Replay):
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        self.done: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=_work, args=(part, self.jobs, self.done), daemon=True).start()
        weakref.finalize(self, self.jobs.put, None)

    def start(self, args: Any, kwargs: Any) -> None:
        self.jobs.put((args, kwargs))

    def wait(self) -> Any:
        """The part's result. Diverged where it takes another way."""
        result, trouble = self.done.get()
        if trouble is not None:
            raise trouble
        return result


def _work(part: Replay, jobs: SimpleQueue[Any], done: SimpleQueue[Any]) -> None:
    while (given := jobs.get()) is not None:
        try:
            done.put((part.run(*given), None))
        except BaseException as trouble:
            done.put((None, trouble))
        del given


class Process:
    """A process that replays the part when it is asked to, and then does its share of the update:
    `advance(settings)`. All that it reads and changes lies in memory that both see."""

    def __init__(self, part: Replay, advance: Callable[[Any], Any]):
        self.given = {key: shared_like(buffer) for key, buffer in part.inputs}
        self.result = exchanged(part.result, lambda s: Shown(shared_like(s.array), s.kind))
        self.count = shared_like(np.zeros(4, np.int64))
        """So much was asked for, so much is done; what is to be done; whether the last replay
        took another way."""
        self.settings: Any = None
        system: Any = multiprocessing.get_context("fork")
        self.go, self.done = system.Semaphore(0), system.Semaphore(0)
        theirs, self.news = system.Pipe(duplex=False)
        self.process = system.Process(
            target=_serve,
            args=(part, advance, self.given, self.result, self.count, self.go, self.done, theirs),
            daemon=True,
        )
        with warnings.catch_warnings():
            # Other threads of this process may hold locks: the copy takes none that they could.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        weakref.finalize(self, _ask, self.count, self.go, END)

    def start(self, args: Any, kwargs: Any) -> None:
        """Let it replay its part."""
        self._settle()  # an interrupted step may have left it at work
        for key, array in self.given.items():
            np.copyto(array, given_array(key, args, kwargs))
        _ask(self.count, self.go, REPLAY)

    def start_update(self, settings: Any) -> None:
        """Let it do its share of the update."""
        if settings != self.settings:
            self.settings = settings
            self.news.send(settings)
        _ask(self.count, self.go, UPDATE)

    def wait(self) -> Any:
        """What the part gave, when all that was asked for is done. Diverged where it takes
        another way."""
        self._settle()
        if self.count[STRAYED]:
            raise Diverged
        return filled(self.result)

    def _settle(self) -> None:
        while self.count[ANSWERED] < self.count[ASKED]:
            if not _acquired(self.done) and not self.process.is_alive():
                raise RuntimeError(say("errors.compile.helper", code=self.process.exitcode))


ASKED, ANSWERED, ORDER, STRAYED = range(4)
REPLAY, UPDATE, END = range(3)


def _ask(count: np.ndarray, go: Any, order: int) -> None:
    count[ORDER] = order
    count[ASKED] += 1
    go.release()


def _serve(
    part: Replay, advance: Any, given: Any, result: Any, count: Any, go: Any, done: Any, news: Any
) -> None:
    parent, settings = os.getppid(), None
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    with one_thread():  # or BLAS's threads would wait for one another
        while True:
            asked = count[ASKED].item()
            if asked == count[ANSWERED]:
                if not _acquired(go) and os.getppid() != parent:
                    return
                continue
            if count[ORDER] == END:
                return
            if count[ORDER] == UPDATE:
                while news.poll():
                    settings = news.recv()
                with np.errstate(all="ignore"):
                    advance(settings)
            else:
                count[STRAYED] = not _replayed(part, given, result)
            count[ANSWERED] = asked
            done.release()


def _replayed(part: Replay, given: Any, result: Any) -> bool:
    try:
        part.run(given, given)
    except Diverged:
        return False
    for mine, theirs in zip(shown(part.result), shown(result), strict=True):
        theirs.array[...] = mine.array
    return True


def _acquired(semaphore: Any) -> bool:
    """Wait for it, a second at most: at first wide awake."""
    end = time.perf_counter() + SPIN
    while time.perf_counter() < end:
        for _ in range(50):
            if semaphore.acquire(False):
                return True
    return bool(semaphore.acquire(True, 1.0))
