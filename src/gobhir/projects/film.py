"""Films and cameras: opened, read frame by frame, and written so that any browser plays them; by
PyAV (FFmpeg).

    for frame in frames("film.mp4"):        # or "0", a webcam, or "rtsp://...", an address
        frame.number, frame.seconds, frame.pixels

    with Film(Path("new.mp4")) as film:
        film.add(frame.seconds, frame.pixels)
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gobhir.lang import Message, say
from gobhir.projects.naming import as_name

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp")
"""What is taken for a film by its name."""
TIMEOUT = 10.0
"""Seconds after which a camera that does not answer counts as gone."""
BROKEN = 200
"""So many packets in a row that cannot be read: this is no film any more."""
TICKS = 1000
"""Time stamps of what is written are milliseconds."""
PART = ".part"
"""What its name ends in until it is whole."""


@dataclass(frozen=True)
class Frame:
    """One frame: its number from 0, its second since the first one, never going back, and what
    gives its picture: an av.VideoFrame, or the picture itself."""

    number: int
    seconds: float
    raw: Any

    @cached_property
    def pixels(self) -> np.ndarray:
        """(height, width, 3) bytes, red green blue, upright; computed when it is asked for."""
        return upright(self.raw)


@dataclass
class Counts:
    """What reading has been through: openings, and packets that could not be read."""

    opened: int = 0
    broken: int = 0


def is_live(source: str) -> bool:
    """Whether it is a webcam's number or an address, and no file."""
    return source.isdecimal() or "://" in source


def is_video(source: str) -> bool:
    """Whether a film, a webcam's number or an address is meant."""
    return is_live(source) or Path(source).suffix.lower() in SUFFIXES


def hidden(source: str) -> str:
    """The source without its password, as it stands before the host or among the questions."""
    source = re.sub(r"(//[^/@:]*):[^/]*@", r"\1:***@", source)
    return re.sub(
        r"(?i)((?:password|passwd|pwd|pass|token|secret|key|auth)=)[^&;/]*", r"\1***", source
    )


def name_of(source: str) -> str:
    """A name for what is made of it, which a file or a camera can have."""
    if source.isdecimal():
        return f"webcam-{int(source)}"
    if "://" in source:  # the end of its path, or else what its machine is called
        host, *path = re.split("[?#]", hidden(source).split("://", 1)[1])[0].strip("/").split("/")
        stem = path[-1].split(".")[0] if path else host.split("@")[-1]
    else:
        stem = re.split(r"[/\\]", source.rstrip("/"))[-1].split(".")[0]
    return as_name(stem) or "camera"


def apart(source: str | Path, to: Path) -> Path:
    """Where to write what is made of a source. ValueError where that is the source itself."""
    if to.exists() and Path(source).exists() and to.samefile(source):
        raise ValueError(say("film.same", path=to))
    return to


# -- reading -------------------------------------------------------------------------------------


def frames(source: str | Path, timeout: float = TIMEOUT) -> Iterator[Frame]:
    """The frames of a file, of a webcam by its number, or of an address, as they come.

    FileNotFoundError: there is no such file; ValueError: it is no film, or has no frame;
    ConnectionError: a camera does not answer within `timeout` seconds, or breaks off.
    """
    for number, (seconds, raw) in enumerate(decoded(str(source), timeout)):
        yield Frame(number, seconds, raw)


def decoded(
    source: str, timeout: float = TIMEOUT, *, counts: Counts | None = None, threads: bool = True
) -> Iterator[tuple[float, Any]]:
    """As `frames`: (second, what `upright` makes a picture of). Packets that cannot be read are
    passed over and counted; of a file that is cut off one gets what there is. threads: quicker, but
    frames are held back a little."""
    import av

    counts, begun, asked = counts or Counts(), False, time.monotonic()
    try:
        with _opened(source, timeout) as container:
            if _is_still(container) and not is_live(source):
                raise ValueError(say("film.picture", source=source))
            if not container.streams.video:
                raise ValueError(say("film.no_pictures", source=hidden(source)))
            counts.opened += 1
            stream = container.streams.video[0]
            stream.thread_type = "AUTO" if threads else "NONE"
            rate = float(stream.average_rate or 0)
            for found in stamped(_unpacked(container, stream, counts), rate):
                begun = True
                yield found
    except av.FFmpegError as error:
        if is_live(source):
            late = not begun and time.monotonic() - asked >= timeout
            raise ConnectionError(_gone(source, error, late, timeout)) from None
        if not begun:
            raise ValueError(say("film.unreadable", source=source)) from None
    if not begun:
        raise ValueError(say("film.empty", source=hidden(source)))


def _opened(source: str, timeout: float) -> Any:
    import av

    if source.isdecimal():
        kind, name, options = _webcam(int(source))
        return av.open(name, format=kind, options=options, timeout=timeout)
    if is_live(source):
        options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
        return av.open(source, options=options, timeout=timeout)
    if not Path(source).exists():
        raise FileNotFoundError(say("film.missing", source=source))
    return av.open(source)


def _webcam(number: int) -> tuple[str, str, dict[str, str]]:
    """FFmpeg's kind of device on this system, the webcam's name there, and its options."""
    import av

    if sys.platform == "darwin":  # whose cameras refuse FFmpeg's 29.97 frames a second
        return "avfoundation", str(number), {"framerate": "30"}
    if sys.platform != "win32":
        return "v4l2", f"/dev/video{number}", {}
    if not hasattr(av, "enumerate_input_devices"):  # DirectShow knows names alone
        raise ConnectionError(say("film.old", version=av.__version__))
    found = [d.name for d in av.enumerate_input_devices("dshow") if "video" in d.media_types]
    if number >= len(found):
        raise ConnectionError(say("film.no_such_webcam", source=number))
    return "dshow", f"video={found[number]}", {}


def _is_still(container: Any) -> bool:
    name = container.format.name
    return name == "image2" or name.endswith("_pipe")


def _gone(source: str, error: Any, late: bool, timeout: float) -> Message:
    """Why there is nothing from a camera. late: it let all the time pass that it had; FFmpeg gives
    many a reason for that."""
    import av

    if source.isdecimal():
        if isinstance(error, FileNotFoundError):
            return say("film.no_such_webcam", source=int(source))
        return say("film.no_webcam", source=int(source), reason=error.strerror)
    said = {"source": hidden(source)}
    if late or isinstance(error, TimeoutError):
        return say("film.late", seconds=round(timeout), **said)
    if isinstance(error, ConnectionRefusedError):
        return say("film.refused", **said)
    if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
        return say("film.login", **said)
    if isinstance(error, av.error.HTTPNotFoundError):
        return say("film.no_stream", **said)
    return say("film.silent", reason=error.strerror or type(error).__name__, **said)


def _unpacked(container: Any, stream: Any, counts: Counts) -> Iterator[Any]:
    import av

    row = 0
    for packet in container.demux(stream):
        try:
            found = packet.decode()
        except av.error.InvalidDataError:
            counts.broken += 1
            row += 1
            if row >= BROKEN:
                raise
            continue
        row = 0
        yield from found


def stamped(raws: Iterator[Any], rate: float) -> Iterator[tuple[float, Any]]:
    """Each frame with its second since the first one. Time stamps that are missing or go back are
    led on by the film's rate, frames a second."""
    step = 1 / rate if 1 <= rate <= 240 else 1 / 25
    first: float | None = None
    last = 0.0
    for raw in raws:
        if first is None:
            first = raw.time or 0.0
            yield 0.0, raw
            continue
        at = None if raw.time is None else raw.time - first
        if at is None or at <= last or at > last + 3600:
            first -= 0 if at is None else last + step - at
            at = last + step
        last = at
        yield at, raw


def upright(raw: Any) -> np.ndarray:
    """The picture of a frame, (height, width, 3). Telephones film sideways, and write beside it how
    it has to be turned."""
    if isinstance(raw, np.ndarray):
        return raw
    pixels: np.ndarray = raw.to_ndarray(format="rgb24")
    turns = round(raw.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


# -- writing -------------------------------------------------------------------------------------


class Film:
    """A film in the making (H.264, MP4, its index first), each frame at its own time: whole, or not
    there at all. OSError when it cannot be written.

    rate: about how many frames a second come. crf: how much may be lost, 0 (nothing) to 51. form,
    codec: further options of FFmpeg; threads: of the encoder, 0 for as many as are good.
    """

    def __init__(
        self,
        path: Path,
        rate: float = 25.0,
        *,
        crf: int = 26,
        form: Mapping[str, str] | None = None,
        codec: Mapping[str, str] | None = None,
        threads: int = 0,
    ) -> None:
        self.path, self.rate, self.threads = path, max(1, round(rate)), threads
        self.part = path.with_name(path.name + PART)
        self.form = dict(form or {"movflags": "+faststart"})
        self.codec = {"preset": "veryfast", "crf": str(crf), **(codec or {})}
        self._file: Any = None
        self._stream: Any = None
        self._first = 0.0
        self._last = -1

    def add(self, seconds: float, pixels: np.ndarray) -> None:
        """One more frame (height, width, 3) at its time, which counts from the first one's; all
        have its size. A row or column too many is left out: H.264 wants even sides."""
        import av

        high, wide = (side - side % 2 for side in pixels.shape[:2])
        if self._file is None:
            self._begin(high, wide, seconds)
        picture = np.ascontiguousarray(pixels[:high, :wide])
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        self._last = max(round((seconds - self._first) * TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, TICKS)
        self._put(self._stream.encode(frame))

    def close(self) -> None:
        """Finish it: only now there is a file of its name."""
        if self._file is None:
            return
        try:
            self._put(self._stream.encode(None))
        finally:
            file, self._file = self._file, None
            file.close()
        self._finish()

    def drop(self) -> None:
        """Nothing of it stays."""
        file, self._file = self._file, None
        with suppress(OSError):
            if file is not None:
                file.close()
        with suppress(OSError):
            self.part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None or kind is KeyboardInterrupt:  # a camera is stopped by Ctrl-C
                self.close()
        finally:
            self.drop()

    def _begin(self, high: int, wide: int, seconds: float) -> None:
        import av

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = av.open(str(self.part), "w", format="mp4", options=self.form)
        self._stream = self._file.add_stream("libx264", rate=self.rate)
        self._stream.height, self._stream.width = high, wide
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._stream.thread_count = self.threads
        self._stream.options = self.codec
        self._first = seconds

    def _put(self, packets: list[Any]) -> None:
        for packet in packets:
            self._file.mux(packet)

    def _finish(self) -> None:
        self.part.replace(self.path)
