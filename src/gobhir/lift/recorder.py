"""What the recorders of all frameworks share: looking away, taking a step, forgetting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from os import getpid
from threading import get_ident
from typing import Any, Self

from gobhir.lift.steps import differentiated, total
from gobhir.lift.trace import Stepped, Trace, Value, Whole

KEEP = 100
"""So many steps are kept in full where nothing else is said,"""
MOST = 1 << 30
"""and fewer where they would take more bytes than this; but always the last."""
OBJECTS = 2000
"""Bytes that a value takes besides its numbers, about."""


class Recorder:
    """A context in which a framework is looked on; `trace` is what happened, of a long training
    the last `keep` steps. on_step: called when an optimizer has stepped."""

    def __init__(
        self, trace: Trace, on_step: Callable[[], None] = lambda: None, keep: int = KEEP
    ) -> None:
        self.trace, self.on_step, self.keep = trace, on_step, keep
        self.within: tuple[Whole, ...] = ()
        """The layers that are running and are written down as one."""
        self.elsewhere = False
        """Whether something was differentiated in another thread, into which nobody can look from
        here."""
        self._away = 0
        self.over = False
        """Whether enough has been seen, although the program goes on."""
        self._thread, self._process = get_ident(), getpid()
        self._open = ExitStack()
        self._ends: deque[tuple[int, int]] = deque()
        self._fresh = 0

    @property
    def scope(self) -> tuple[str, ...]:
        """The modules that are running, outermost first."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._open.close()

    # -- looking away ----

    @property
    def busy(self) -> bool:
        """Whether something runs whose calls are no calls of the user's model."""
        return self._away > 0 or self.is_blind()

    def is_blind(self) -> bool:
        """Whether what runs now is none of what is watched: it is in another thread or process (a
        worker that loads data), or enough has been seen."""
        return self.over or get_ident() != self._thread or getpid() != self._process

    @contextmanager
    def nothing_noted(self) -> Iterator[None]:
        self._away += 1
        try:
            yield
        finally:
            self._away -= 1

    # -- tensors ----

    def seen(self, x: Any) -> Any:
        """The Value of a tensor; else x itself."""
        raise NotImplementedError

    def leaf(self, tensor: Any) -> Value:
        """The parameter's Value as the calls know it."""
        raise NotImplementedError

    def snapshot(self, tensor: Any) -> Value:
        """What it is now, safe from what is written there next."""
        raise NotImplementedError

    def renew(self, tensor: Any) -> Value:
        """The parameter's Value from now on."""
        raise NotImplementedError

    # -- steps ----

    def remembers(self, size: int) -> None:
        """A value of so many bytes is remembered from now on."""
        self._fresh += size + OBJECTS
        if self._fresh > MOST:
            self._fresh = 0
            self.sift()

    def sift(self) -> None:
        """Very much has happened without a step: leave out what nothing can come of any more."""

    def about_to_train(self, model: Any) -> None:
        """Keras is about to take a step of this model's; where it runs eagerly, all can be seen."""

    def about_to_differentiate(self) -> None:
        """What was done with the gradients so far was a step."""

    def stepped(self, event: Stepped) -> None:
        """An optimizer has taken a step: write it down; if they are too many, forget the first.

        What was between the step before and this one stays in any case: a loss may be made of what
        was computed there (the pictures of a GAN).
        """
        events, ends = self.trace.events, self._ends
        leaves = {change.parameter for change in event.changes}
        event.backwards = differentiated(self.trace, leaves, event.key)
        events.append(event)
        ends.append((len(events) - sum(count for count, _ in ends), self._fresh))
        self._fresh, kept = 0, len(ends)
        while len(ends) > 2 and (len(ends) > self.keep + 1 or sum(size for _, size in ends) > MOST):
            count, _ = ends.popleft()
            gone = (e for e in events[:count] if isinstance(e, Stepped) and e.backwards)
            self.trace.past += [total(e.backwards) for e in gone]
            del events[:count]
        if len(ends) <= kept:
            self.forgotten()

    def forgotten(self) -> None:
        """The trace has become shorter at its beginning."""

    def take_off_label(self) -> None:
        """Where only one model ran, its parts are called as it calls them itself."""
        if len(self.trace.models) == 1:
            self.trace.take_off(next(iter(self.trace.models)))
