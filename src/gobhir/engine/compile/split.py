"""A batch on two threads: each replays the step for its half of the examples, up to the
gradients; these are added up, and the optimizer takes one step.

Only on request (`threads=2`), and only where the examples of a batch do not meet: with BatchNorm
they do, and dropout would draw other numbers. BLAS runs on one thread meanwhile, or the threads
would wait for one another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np

from gobhir.engine.compile.flat import Update
from gobhir.engine.compile.replay import Part, Replay
from gobhir.engine.compile.surroundings import Surroundings
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def halves(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[Any, Any]] | None:
    """The arguments for the first and for the second half of the batch; None where it has fewer
    than two examples. Divided is what is as long as the first tensor, or some whole number of times
    as long (labels of all tokens, end to end); the rest is shared."""
    tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, (Tensor, np.ndarray))]
    if not tensors or not tensors[0].ndim or tensors[0].shape[0] < 2:
        return None
    count = tensors[0].shape[0]

    def part(value: Any, first: bool) -> Any:
        long = isinstance(value, (Tensor, np.ndarray)) and value.ndim
        if not long or not len(value) or len(value) % count:
            return value
        at = count // 2 * (len(value) // count)
        which = slice(0, at) if first else slice(at, None)
        return Tensor._wrap(value.array[which]) if isinstance(value, Tensor) else value[which]

    both = []
    for first in (True, False):
        some = tuple(part(a, first) for a in args)
        both.append((some, {k: part(a, first) for k, a in kwargs.items()}))
    return both


def _length(args: Any, kwargs: Any) -> int:
    return next(len(v) for v in (*args, *kwargs.values()) if isinstance(v, (Tensor, np.ndarray)))


class Split:
    """Two replays of half a batch each, and how their gradients and results come together."""

    def __init__(self, step: Callable[..., Any], args: Any, kwargs: Any, around: Surroundings):
        given = halves(args, kwargs)
        assert given is not None
        self.shares: list[float] = []
        optimizer, parameters = around.updates[0]
        self.update = Update.of(optimizer, parameters)
        self.others = [np.zeros_like(run.g) for run in self.update.runs]
        slots = [self.update.grads, self.update.grads_in(self.others)]
        self.parts = [
            Replay(step, a, k, around, Part(where))
            for (a, k), where in zip(given, slots, strict=True)
        ]
        self.reason = next((p.reason for p in self.parts if p.reason is not None), None)
        self.sizes = [_length(a, k) for a, k in given]
        self.average()
        self.worker: _Worker | None = None

    def check(self) -> None:
        """RuntimeError if the step cannot be replayed, examples meet in it, or it draws."""
        if self.reason is not None:
            raise RuntimeError(self.reason)
        if any(p.changes_state or p.generators for p in self.parts):
            raise refuse("meets")

    def gradients(self, args: Any, kwargs: Any) -> Any:
        """Both halves' results, their gradients added up in the optimizer's long arrays."""
        if self.worker is None:
            self.worker = _Worker()
        given = halves(args, kwargs)
        assert given is not None
        first, second = self.parts
        self.update.adopt()
        with _one_thread_each():
            self.worker.start(lambda: second.run(*given[1]))
            try:
                mine = first.run(*given[0])
            finally:
                theirs = self.worker.wait()
        a, b = self.shares
        for run, other in zip(self.update.runs, self.others, strict=True):
            if a != 1.0:
                np.multiply(run.g, a, out=run.g)
                np.multiply(other, b, out=other)
            np.add(run.g, other, out=run.g)
        return self._together(mine, theirs)

    def _together(self, mine: Any, theirs: Any) -> Any:
        a, b = self.shares
        if isinstance(mine, Tensor):
            if mine.ndim:
                return Tensor._wrap(np.concatenate([mine.array, theirs.array]))
            return Tensor._wrap(np.asarray(a * mine.array + b * theirs.array, mine.dtype))
        if isinstance(mine, np.ndarray):
            return np.concatenate([mine, theirs]) if mine.ndim else a * mine + b * theirs
        if type(mine) is float:
            return a * mine + b * theirs
        if type(mine) in (tuple, list):
            return type(mine)(map(self._together, mine, theirs))
        if type(mine) is dict:
            return {k: self._together(mine[k], theirs[k]) for k in mine}
        return mine

    def average(self) -> None:
        """The loss is a mean over the examples, and so are the gradients."""
        self.shares = [n / sum(self.sizes) for n in self.sizes]

    def add_up(self) -> None:
        """The loss is a sum over the examples, and so are the gradients."""
        self.shares = [1.0, 1.0]

    def run(self, args: Any, kwargs: Any) -> Any:
        """The step."""
        result = self.gradients(args, kwargs)
        self.update()
        for p, array in self.update.grads.items():
            if p.grad is None or p.grad.array is not array:
                p.grad = Tensor._wrap(array)
        return result

    def holds(self) -> bool:
        return all(p.holds() for p in self.parts)


class _Worker:
    """A thread that waits for something to do."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        self.done: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self.jobs.get()
            try:
                self.done.put((job(), None))
            except BaseException as trouble:
                self.done.put((None, trouble))
            del job

    def start(self, job: Callable[[], Any]) -> None:
        self.jobs.put(job)

    def wait(self) -> Any:
        result, trouble = self.done.get()
        if trouble is not None:
            raise trouble
        return result


_controller: Any = None


def _one_thread_each() -> Any:
    """BLAS on one thread meanwhile."""
    global _controller
    if _controller is None:
        from threadpoolctl import ThreadpoolController

        _controller = ThreadpoolController()
    return _controller.limit(limits=1, user_api="blas")


def refuse(why: str) -> RuntimeError:
    return RuntimeError(say(f"errors.compile.{why}"))  # keys: errors.compile.*
