"""What is deleted: events older than so many days; clips, the oldest first, where they take more
room than they may, or the disk has too little left. Events are small, and stay their days.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gobhir.projects.cctv.clock import Clock, utc
from gobhir.projects.cctv.config import Keeping
from gobhir.projects.cctv.store import Store

JUMP = 3600.0
"""Seconds by which the wall clock may run ahead of the other one before it is not believed."""


def free(folder: Path) -> float:
    """Bytes that the disk has left."""
    return float(shutil.disk_usage(folder).free)


@dataclass
class Retention:
    """One system's. `tidy` is called now and then.

    A wall clock that has leapt forward since the last call is not believed this time: somebody may
    be setting it, and what is deleted does not come back.
    """

    store: Store
    keep: Keeping
    clock: Clock
    free: Callable[[Path], float] = free

    def __post_init__(self) -> None:
        self._last = self.clock.now(), self.clock.monotonic()

    def tidy(self) -> int:
        """Delete what has to go; gives how many files went."""
        deleted = 0
        if self._believed():
            oldest = utc(self.clock.now() - self.keep.days * 86400)
            rows = self.store.events(until=oldest)
            deleted += sum(self._delete(r.clip) + self._delete(r.thumb) for r in rows)
            self.store.delete([r.id for r in rows])
        return deleted + self._make_room()

    def _believed(self) -> bool:
        (wall, run), self._last = self._last, (self.clock.now(), self.clock.monotonic())
        return (self._last[0] - wall) - (self._last[1] - run) <= JUMP

    def _make_room(self) -> int:
        """By the order in which events came, not by the clock, which may have been set back."""
        rows = [r for r in self.store.events(oldest_first=True) if r.clip or r.thumb]
        sizes = {name: self._size(name) for r in rows for name in (r.clip, r.thumb) if name}
        used = sum(sizes.values())
        short = self.keep.free * 1e9 - self.free(self.store.folder)
        over = max(used - self.keep.gigabytes * 1e9, short)
        deleted = 0
        users: dict[str, list[int]] = {}
        for row in rows:
            users.setdefault(row.clip, []).append(row.id)
        for row in rows:
            if over <= 0:
                break
            for name in {row.clip, row.thumb} - {""}:
                over -= sizes.pop(name, 0)
                deleted += self._delete(name)
            for id in users.get(row.clip, []) if row.clip else []:
                self.store.files(id, clip="")
            self.store.files(row.id, clip="", thumb="")
        return deleted

    def _size(self, name: str) -> int:
        with suppress(OSError):
            return (self.store.folder / name).stat().st_size
        return 0

    def _delete(self, name: str) -> int:
        """1 where there was such a file. Its folder goes with the last one in it."""
        if not name:
            return 0
        path = self.store.folder / name
        try:
            path.unlink()
        except OSError:
            return 0
        with suppress(OSError):
            path.parent.rmdir()
        return 1
