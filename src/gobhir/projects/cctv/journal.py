"""Between a camera and the store: what cannot be written now (disk full, database locked for long)
waits in memory, in its order, and is written as soon as that works again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gobhir.lang import Message
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.store import Store

MOST = 2000
"""Writes that wait at most; the oldest give way, and are counted."""


@dataclass
class Journal:
    """What happens to a camera's events, written in order. announce: who is told of a new one;
    trouble: why nothing is written at present; lost: how many writes were given up. An event is
    announced when `Store` has committed it, so what is lost here was never announced."""

    camera: str
    store: Store
    announce: Callable[[Event], None] = lambda event: None
    trouble: Message | None = None
    lost: int = 0
    _waiting: deque[Callable[[], object]] = field(default_factory=deque)

    def opened(self, event: Event) -> None:
        def add() -> None:
            self.store.add(self.camera, event)
            self.announce(event)  # now that it is committed

        self._write(add)

    def changed(self, event: Event, closed: bool = False) -> None:
        self._write(lambda: self.store.update(event, closed) if event.id is not None else None)

    def flush(self) -> None:
        """Try to write what waits."""
        while self._waiting:
            try:
                self._waiting[0]()
            except OSError as error:
                self.trouble = error.args[0]
                return
            self._waiting.popleft()
        self.trouble = None

    def _write(self, action: Callable[[], object]) -> None:
        if len(self._waiting) >= MOST:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(action)
        self.flush()
