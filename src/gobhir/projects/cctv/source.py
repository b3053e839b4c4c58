"""Where frames come from: a file, a webcam, an address such as rtsp://. Read by PyAV.

A file is read without a gap, as fast as what follows can take, or at its own pace. Everything that
is live has a thread of its own which reads as fast as the camera sends: of what is not taken in
time the newest is kept, the rest is dropped and counted. A camera that goes away is asked again and
again.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np

from gobhir.lang import Message, say
from gobhir.projects.cctv.clock import Clock, SystemClock
from gobhir.projects.cctv.newest import Newest

OPENING, READING = 8.0, 8.0
"""Seconds after which a camera that does not answer counts as gone."""
BROKEN = 200
"""So many packets in a row that cannot be read: this is no stream any more."""
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
        if isinstance(self.raw, np.ndarray):
            return self.raw
        picture = self.raw.to_ndarray(format="rgb24")
        turns = round(self.raw.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


@dataclass
class Counts:
    """What a source has been through. trouble: why it has no frames just now."""

    read: int = 0
    broken: int = 0
    opened: int = 0
    trouble: Message | None = None


def hidden(address: str) -> str:
    """The address without its password."""
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:***@", address)


def is_live(address: str) -> bool:
    """Whether it is a webcam's number or an address, and no file."""
    return address.isdecimal() or "://" in address


def _opened(address: str) -> Any:
    if address.isdecimal():
        systems = {"win32": ("dshow", f"video={address}"), "darwin": ("avfoundation", address)}
        kind, name = systems.get(sys.platform, ("v4l2", f"/dev/video{address}"))
        return av.open(name, format=kind, timeout=(OPENING, READING))
    options = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
    return av.open(address, options=options, timeout=(OPENING, READING))


def trouble_with(address: str, error: Exception) -> Message:
    """What went wrong, in a sentence."""
    shown = hidden(address)
    if not is_live(address) and not Path(address).exists():
        return say("cctv.source.missing", source=shown)
    if not is_live(address):
        return say("cctv.source.no_video", source=shown)
    if address.isdecimal():
        return say("cctv.source.no_webcam", source=shown)
    reason = getattr(error, "strerror", None) or str(error)
    return say("cctv.source.no_answer", source=shown, seconds=OPENING, reason=reason)


def decoded(address: str, counts: Counts, stopped: Callable[[], bool]) -> Iterator[Any]:
    """The frames of one opening. OSError with a sentence when it cannot be opened or breaks."""
    try:
        with _opened(address) as container:
            if not container.streams.video:
                raise OSError(say("cctv.source.no_video", source=hidden(address)))
            counts.opened += 1
            stream = container.streams.video[0]
            stream.thread_type = (
                "NONE"  # threads would hold frames back, and cameras share the machine
            )
            row = 0
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError as error:
                    counts.broken += 1
                    row += 1
                    if row >= BROKEN:
                        raise OSError(trouble_with(address, error)) from None
                    continue
                row = 0
                for frame in frames:
                    if stopped():
                        return
                    counts.trouble = None
                    yield frame
    except av.FFmpegError as error:
        raise OSError(trouble_with(address, error)) from None


def stamped(frames: Iterator[Any]) -> Iterator[tuple[float, Any]]:
    """Each frame with its second since the first one. Time stamps that are missing or go back are
    led on by the stream's rate."""
    first: float | None = None
    last = 0.0
    for frame in frames:
        rate = float(getattr(frame, "rate", 0) or 0)
        step = 1 / 25 if not 1 <= rate <= 240 else 1 / rate
        if first is None:
            first = frame.time or 0.0
            yield 0.0, frame
            continue
        at = None if frame.time is None else frame.time - first
        if at is None or at <= last or at > last + 3600:
            first -= 0 if at is None else last + step - at
            at = last + step
        last = at
        yield at, frame


@dataclass
class FileSource:
    """Every frame of a file, none dropped. OSError when it is no video."""

    address: str
    clock: Clock = field(default_factory=SystemClock)
    counts: Counts = field(default_factory=Counts)
    dropped: int = 0
    _stop: bool = False

    def frames(self) -> Iterator[Frame | None]:
        began = self.clock.now()
        for seconds, raw in stamped(decoded(self.address, self.counts, lambda: self._stop)):
            self.counts.read += 1
            yield Frame(seconds, began + seconds, raw)
        if not self.counts.read and not self._stop:
            raise OSError(say("cctv.source.no_video", source=hidden(self.address)))

    def close(self) -> None:
        self._stop = True


@dataclass
class LiveSource:
    """A camera, or a file at its own pace (`once`). The newest frame wins. `frames` gives None when
    none came for a while. A file that is no video is an OSError; a camera that is gone is waited
    for: `first` seconds, then twice as long each time, up to `longest`.
    """

    address: str
    clock: Clock = field(default_factory=SystemClock)
    once: bool = False
    open: Callable[[str, Counts, Callable[[], bool]], Iterator[Any]] = decoded
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
            except OSError as error:
                message = error.args[0] if error.args else None
                fits = isinstance(message, Message)
                self.counts.trouble = message if fits else trouble_with(self.address, error)
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
        for seconds, raw in stamped(frames):
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
