"""A few large results, kept as long as nothing newer takes their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Latest:
    """What was worked out lately, by what it belongs to: at most `most` numbers in all, but for one
    result that has more by itself."""

    def __init__(self, most: int):
        self.most, self._kept = most, dict[Any, tuple[int, Any]]()

    def get(self, key: Any, size: int, make: Callable[[], Any]) -> Any:
        """What belongs to the key, of so many numbers; made anew if it is forgotten."""
        if key in self._kept:
            size, found = self._kept.pop(key)
        else:
            while self._kept and size + sum(n for n, _ in self._kept.values()) > self.most:
                del self._kept[next(iter(self._kept))]
            found = make()
        self._kept[key] = size, found
        return found
