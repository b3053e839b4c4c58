"""Where frames come from: a file, a webcam, an address such as rtsp://, read by film.py.

A file is read without a gap, as fast as what follows can take, or at its own pace. Everything that
is live has a thread of its own which reads as fast as the camera sends: of what is not taken in
time the newest is kept, the rest is dropped and counted. A camera that goes away is asked again and
again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.lang import Message, say
from gobhir.projects import film
from gobhir.projects.cctv.clock import Clock, SystemClock
from gobhir.projects.cctv.newest import Newest
from gobhir.projects.film import hidden, is_live

TIMEOUT = 8.0
"""Seconds after which a camera that does not answer counts as gone."""
PATIENCE = 0.5
"""Seconds after which who waits for a frame gets None, and may look after other things."""


@dataclass(frozen=True)
class Frame:
    """seconds: since the source began, by its own time stamps, never going back. wall: the same
    moment in seconds since 1970."""

    seconds: float
    wall: float
    raw: Any
    """What gives the picture: an av.VideoFrame, or the picture itself."""

    @cached_property
    def rgb(self) -> np.ndarray:
        """(height, width, 3), uint8, upright."""
        return film.upright(self.raw)


@dataclass
class Counts(film.Counts):
    """And how many frames were read; trouble: why there are none just now."""

    read: int = 0
    trouble: Message | None = None


def decoded(
    address: str, counts: Counts, stopped: Callable[[], bool]
) -> Iterator[tuple[float, Any]]:
    """The frames of one opening, each with its second. OSError or ValueError, with a sentence, when
    it cannot be opened or breaks. Without threads, which would hold frames back: cameras share the
    machine."""
    for found in film.decoded(address, TIMEOUT, counts=counts, threads=False):
        if stopped():
            return
        counts.trouble = None
        yield found


@dataclass
class FileSource:
    """Every frame of a file, none dropped. OSError or ValueError when it is no film."""

    address: str
    clock: Clock = field(default_factory=SystemClock)
    counts: Counts = field(default_factory=Counts)
    dropped: int = 0
    _stop: bool = False

    def frames(self) -> Iterator[Frame | None]:
        began = self.clock.now()
        for seconds, raw in decoded(self.address, self.counts, lambda: self._stop):
            self.counts.read += 1
            yield Frame(seconds, began + seconds, raw)

    def close(self) -> None:
        self._stop = True


@dataclass
class LiveSource:
    """A camera, or a file at its own pace (`once`). The newest frame wins. `frames` gives None when
    none came for a while. A file that is no film is an OSError; a camera that is gone is waited
    for: `first` seconds, then twice as long each time, up to `longest`.
    """

    address: str
    clock: Clock = field(default_factory=SystemClock)
    once: bool = False
    open: Callable[[str, Counts, Callable[[], bool]], Iterator[tuple[float, Any]]] = decoded
    first: float = 1.0
    longest: float = 60.0
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._newest: Newest[Frame] = Newest()
        self._stopped = threading.Event()

    @property
    def dropped(self) -> int:
        return self._newest.dropped

    def frames(self) -> Iterator[Frame | None]:
        threading.Thread(target=self._read, daemon=True, name="source").start()
        try:
            while True:
                yield self._newest.take(PATIENCE)
        except EOFError:
            if self.once and not self.counts.read and self.counts.trouble is not None:
                raise OSError(self.counts.trouble) from None

    def close(self) -> None:
        self._stopped.set()
        self._newest.close()

    def _read(self) -> None:
        began, wait = self.clock.monotonic(), self.first
        while not self._stopped.is_set():
            before = self.counts.read
            try:
                self._read_once(began)
                ended = say("cctv.source.ended", source=hidden(self.address))
                self.counts.trouble = None if self.once else ended
            except (OSError, ValueError) as error:
                told = error.args[0] if error.args else ""
                unknown = say("film.silent", source=hidden(self.address), reason=told)
                self.counts.trouble = told if isinstance(told, Message) else unknown
            if self.once:
                break
            if self.counts.read > before:
                wait = self.first
            self._stopped.wait(wait)
            wait = min(2 * wait, self.longest)
        self._newest.close()

    def _read_once(self, began: float) -> None:
        frames = self.open(self.address, self.counts, self._stopped.is_set)
        opened = self.clock.monotonic() - began
        for seconds, raw in frames:
            if self.once:  # at the pace of its own time stamps
                early = seconds + opened - (self.clock.monotonic() - began)
                if early > 0 and self._stopped.wait(early):
                    return
            at = self.clock.monotonic() - began
            self.counts.read += 1
            self._newest.put(Frame(at, self.clock.now(), raw))


def open_source(address: str, clock: Clock, pace: bool = False) -> FileSource | LiveSource:
    """pace: read a file at its own pace, as if it were a camera."""
    if is_live(address):
        return LiveSource(address, clock)
    return LiveSource(address, clock, once=True) if pace else FileSource(address, clock)
