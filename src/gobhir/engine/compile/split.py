"""A batch in two halves: each is replayed up to the gradients, at the same time (workers.py);
these are added up, and the optimizer takes one step.

Only on request (`threads=2`), and only where the examples of a batch do not meet: with BatchNorm
they do, and dropout would draw other numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import is_
from typing import Any

import numpy as np

from gobhir.engine.compile.arguments import given_array
from gobhir.engine.compile.blas import one_thread
from gobhir.engine.compile.flat import Update, can_move, is_shared, shared_like
from gobhir.engine.compile.replay import Part, Replay
from gobhir.engine.compile.surroundings import Surroundings
from gobhir.engine.compile.workers import Process, Thread, can_fork
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

    def part(value: Any, which: int) -> Any:
        if not isinstance(value, (Tensor, np.ndarray)):
            return value
        array = value.array if isinstance(value, Tensor) else value
        array = array[_cut(array, count)[which]]
        return Tensor._wrap(array) if isinstance(value, Tensor) else array

    return [
        (tuple(part(a, i) for a in args), {k: part(a, i) for k, a in kwargs.items()})
        for i in range(2)
    ]


def _cut(array: np.ndarray, count: int) -> tuple[Any, Any]:
    """Where the first and the second half of so many examples stand in an argument."""
    if not array.ndim or not len(array) or len(array) % count:
        return ..., ...
    at = count // 2 * (len(array) // count)
    return slice(0, at), slice(at, None)


def _length(args: Any, kwargs: Any) -> int:
    return next(len(v) for v in (*args, *kwargs.values()) if isinstance(v, (Tensor, np.ndarray)))


def _all_in_shared_memory(around: Surroundings, update: Update) -> bool:
    """Put all that the step reads where a forked process sees what becomes of it; False where
    somebody else looks at the memory of a parameter or a buffer."""
    learning = set(update.parameters)
    others = [t for t in around.tensors if t not in learning and not is_shared(t.array)]
    if not all(run.moved for run in update.runs) or not all(map(can_move, others)):
        return False
    for t in others:
        t.array = shared_like(t.array)
    return True


class Split:
    """Two replays of half a batch each, and how their gradients and results come together."""

    def __init__(
        self, step: Callable[..., Any], args: Any, kwargs: Any, around: Surroundings, mean: bool
    ):
        """mean: the loss is a mean over the examples, else a sum of them."""
        given = halves(args, kwargs)
        assert given is not None
        self.sizes = [_length(a, k) for a, k in given]
        self.shares = [n / sum(self.sizes) if mean else 1.0 for n in self.sizes]
        optimizer, parameters = around.updates[0]
        self.update = Update.of(optimizer, parameters, shared=can_fork())
        self.forks = self.update.shared and _all_in_shared_memory(around, self.update)
        self.others = [shared_like(run.g) for run in self.update.runs]
        slots = [self.update.grads, self.update.grads_in(self.others)]
        with one_thread():
            self.parts = [
                Replay(step, a, k, around, Part(where, share))
                for (a, k), where, share in zip(given, slots, self.shares, strict=True)
            ]
        # A forked process would not see what becomes of arrays that are no tensors.
        self.forks = self.forks and not any(p.arrays for p in self.parts)
        self.reason = next((p.reason for p in self.parts if p.reason is not None), None)
        self.cuts = [
            (key, *_cut(given_array(key, args, kwargs), sum(self.sizes)))
            for key, _ in self.parts[0].inputs
        ]
        self.worker: Process | Thread | None = None
        self.known: list[Any] = []

    def check(self) -> None:
        """RuntimeError if the step cannot be replayed, examples meet in it, or it draws."""
        if self.reason is not None:
            raise RuntimeError(self.reason)
        if any(p.changes_state or p.generators for p in self.parts):
            raise refuse("meets")

    def gradients(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Both halves' results; the gradients are where each half leaves its own."""
        first, second = {}, {}
        for key, half, rest in self.cuts:
            array = given_array(key, args, kwargs)
            first[key], second[key] = array[half], array[rest]
        self.update.adopt()
        with one_thread():  # or BLAS's threads and these two would wait for one another
            worker = self._helper()
            worker.start(second, second)
            try:
                mine = self.parts[0].run(first, first)
            finally:
                theirs = worker.wait()
        return mine, theirs

    def _helper(self) -> Process | Thread:
        """Whoever replays the second half. A process knows the optimizer's state as it was when
        it was forked: where that lies elsewhere now, another one takes its place."""
        known = [run.state for run in self.update.runs]
        if self.worker is None or self.forks and not all(map(is_, known, self.known)):
            self.known = known
            second = self.parts[1]
            self.worker = (
                Process(second, partial(self.advance, 1)) if self.forks else Thread(second)
            )
        return self.worker

    def combine(self, half: int | None = None) -> None:
        """The gradients of the whole batch, from those of its halves. half: which one of all
        numbers, else all."""
        for run, other in zip(self.update.runs, self.others, strict=True):
            where = run.half(half)
            np.add(run.g[where], other[where], out=run.g[where])

    def advance(self, half: int, settings: list[Any]) -> list[Any]:
        """The optimizer's step for one half of all numbers, from the gradients of the batch."""
        self.combine(half)
        pairs = zip(self.update.runs, settings, strict=True)
        return [run.advance(run.half(half), own) for run, own in pairs]

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

    def run(self, args: Any, kwargs: Any) -> Any:
        """The step."""
        runs, divides = self.update.runs, self.forks and self.update.side_by_side()
        settings = self.update.settings() if divides else []
        results = self.gradients(args, kwargs)
        if divides and isinstance(self.worker, Process):
            self.worker.start_update(settings)
            with np.errstate(all="ignore"):
                states = self.advance(0, settings)
            self.worker.wait()
            for run, state in zip(runs, states, strict=True):
                run.finish(state)
        else:
            self.combine()
            self.update()
        self.update.gradients.show()
        return self._together(*results)

    def holds(self) -> bool:
        return all(p.holds() for p in self.parts)


def refuse(why: str) -> RuntimeError:
    return RuntimeError(say(f"errors.compile.{why}"))  # keys: errors.compile.*
