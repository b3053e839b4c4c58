"""A compiled step, as its user sees it: a function that knows how it can be replayed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from gobhir.engine.compile.arguments import kind
from gobhir.engine.compile.case import Case
from gobhir.engine.compile.recorder import Diverged, recording
from gobhir.engine.dtypes import default_dtype
from gobhir.engine.tape import state
from gobhir.engine.tensor import Tensor
from gobhir.lang import Message, language, say

CASES = 64
"""So many kinds of arguments are remembered."""


class Compiled:
    """A step function that is recorded once and replayed. Made by `gobhir.compile`.

    reason: why the last call ran as it is written although it might have been replayed, or None.
    """

    def __init__(self, step: Callable[..., Any], verbose: bool = False, threads: int = 1):
        self.step = step
        self.threads = threads
        self.verbose = verbose
        self.reason: Message | None = None
        self._cases: dict[Any, Case] = {}
        self._quick: Callable[..., Any] | None = None
        self._arity = 0
        self._keeper: Any = None
        self._last: tuple[Any, list[Any]] | None = None
        """What the last call replayed, on arguments of which shapes."""
        functools.update_wrapper(self, step, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._quick is not None and not kwargs and len(args) == self._arity:
            result = self._quick(*args)
            if result is not None:
                return result
        self._last = None
        if state.tape is not None or state.watch is not None or recording() is not None:
            return self.step(*args, **kwargs)
        key = kind(args, kwargs)
        if key is None:
            self._tell(say("errors.compile.argument"))
            return self.step(*args, **kwargs)
        case = self._cases.get(key)
        if case is None:
            if self._cases:
                self._say("errors.compile.again")
            if len(self._cases) == CASES:
                if not any(case.trusted for case in self._cases.values()):
                    self._tell(say("errors.compile.kinds", count=CASES))
                    return self.step(*args, **kwargs)
                self._cases.pop(next(iter(self._cases))).forget()
            case = self._cases[key] = Case(self, (args, kwargs))
        return case(args, kwargs)

    def again(self, *args: Tensor) -> Any:
        """The last call with other numbers, by whoever knows that nothing else has changed since:
        `fit`, between two batches. Whether all is as it was is then not looked at."""
        if self._last is None:
            return self(*args)
        replay, shapes = self._last
        if [a.array.shape for a in args] != shapes:
            return self(*args)
        try:
            return replay.run(args, {})
        except Diverged:
            return self(*args)

    def __getattr__(self, name: str) -> Any:
        if name == "step":
            raise AttributeError(name)
        return getattr(self.step, name)  # a compiled Module answers for the Module

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """A compiled method: each object has a compiled step of its own."""
        if owner is None or not isinstance(self.step, FunctionType):
            return self
        own = Compiled(MethodType(self.step, owner), self.verbose, self.threads)
        object.__setattr__(owner, self.step.__name__, own)  # found first from now on
        return own

    def run(self, *columns: Any) -> Tensor:
        """The step for one example after the other: `run(xs, ys)` calls step(xs[i : i + 1],
        ys[i : i + 1]) for all i, and gives back all results. A small network goes through them
        without leaving plain Python."""
        count = len(columns[0])
        results: list[Any] = []
        while len(results) < count:
            i = len(results)
            keeper = self._ready(columns, i)
            if keeper is None:
                results.append(self(*(c[i : i + 1] for c in columns)))
                continue
            send = keeper.send
            for given in zip(*(c.array[i:, None].tolist() for c in columns), strict=True):
                result = send(given)
                if result is None:
                    keeper.stuck()
                    results.append(self(*(c[len(results) : len(results) + 1] for c in columns)))
                    break
                keeper.current = False
                results.append(result)
        return Tensor(np.array([getattr(r, "array", r) for r in results], default_dtype()))

    def _ready(self, columns: tuple[Any, ...], i: int) -> Any:
        """The keeper of the unrolled step, if the last call showed that all is as it was."""
        if i == 0 or self._quick is None or len(columns) != self._arity:
            return None
        if not all(type(c) is Tensor and not c.requires_grad for c in columns):
            return None
        keeper = self._keeper
        if keeper.seen or [key for key, _ in keeper.source.arguments] != list(range(len(columns))):
            return None
        return keeper

    def source(self) -> str:
        """The step as plain Python, line by line the hand calculation: for networks of up to
        about a hundred parameters. RuntimeError where there is none (yet)."""
        replays = [r for case in self._cases.values() for r in case.replays]
        for replay in reversed(replays):
            if replay.keeper is not None:
                return replay.keeper.source.text
        why = self.reason or say(f"errors.compile.{'too_large' if replays else 'not_yet'}")
        raise RuntimeError(say("errors.compile.no_source", reason=why))

    def _tell(self, reason: Message) -> None:
        """Say why, once for each reason."""
        if self.reason != reason:
            self.reason = reason
            self._say("errors.compile.as_written", reason=reason)

    def _say(self, key: str, **values: Any) -> None:
        if self.verbose:
            print(
                f"gobhir.compile: {say(key, **values).text(language())}"
            )  # keys: errors.compile.*
