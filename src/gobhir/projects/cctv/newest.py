"""A short queue in which the newest wins: who comes late finds what is new."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Room for `room` things between two threads. When it is full, the oldest is dropped."""

    def __init__(self, room: int = 2) -> None:
        self.dropped = 0
        self._items: deque[T] = deque(maxlen=room)
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        with self._changed:
            self.dropped += len(self._items) == self._items.maxlen
            self._items.append(item)
            self._changed.notify()

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, patience: float) -> T | None:
        """The oldest that is still there; None when none came in so many seconds. EOFError when
        nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, patience)
            if self._items:
                return self._items.popleft()
            if self._closed:
                raise EOFError
            return None
