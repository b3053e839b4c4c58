"""Time, handed in: rules, events and retention never ask the machine themselves, so that a test can
let a day pass in a second, or set the clock back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """now: seconds since 1970 in UTC, which jumps when somebody sets the clock; monotonic: seconds
    since some moment, which never goes back."""

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class SetClock:
    """A clock that goes only where it is told: `sleep` moves it on, `jump` sets the wall clock."""

    wall: float = 1_750_000_000.0
    run: float = 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.run

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        self.run += seconds

    def jump(self, seconds: float) -> None:
        self.wall += seconds


def utc(wall: float) -> str:
    """As it is kept: 2026-02-21T06:30:00.125Z. Such texts sort by time."""
    moment = datetime.fromtimestamp(wall, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wall(text: str) -> float:
    """Back from `utc`."""
    return datetime.fromisoformat(text).timestamp()


def local(text: str, zone: str = "") -> str:
    """As it is shown: in the named time zone ("" is the machine's own), which stands behind it."""
    where: tzinfo | None = ZoneInfo(zone) if zone else None
    return datetime.fromisoformat(text).astimezone(where).strftime("%Y-%m-%d %H:%M:%S %Z")
