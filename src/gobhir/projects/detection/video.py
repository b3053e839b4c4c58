"""Frames of a film or a camera, upright and with their times, and films written that any browser
plays. Through PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gobhir.lang import say

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp")
"""What is taken for a film by its name."""


@dataclass(frozen=True)
class Frame:
    """One frame: its number from 0, when it is shown (seconds), its pixels (h, w, 3), red green
    blue."""

    number: int
    seconds: float
    pixels: np.ndarray


def is_video(source: str) -> bool:
    """Whether a film, a camera's number or an address is meant."""
    return source.isdigit() or "://" in source or Path(source).suffix.lower() in SUFFIXES


def frames(source: str, timeout: float = 10.0) -> Iterator[Frame]:
    """The frames of a file, of a camera by its number, or of an address (rtsp://...), as they come.

    FileNotFoundError: there is none; ValueError: it is no film, or has no frame; ConnectionError:
    an address does not answer within `timeout` seconds.
    """
    import av

    number = -1
    try:
        with _open(source, timeout) as container:
            if not container.streams.video:
                raise ValueError(say("detection.video.none", source=source))
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or 25)
            for number, frame in enumerate(container.decode(stream)):
                pixels = frame.to_ndarray(format="rgb24")
                # Telephones film sideways, and write beside it how it has to be turned.
                turned = np.rot90(pixels, round(frame.rotation / 90) % 4)
                seconds = number / rate if frame.time is None else float(frame.time)
                yield Frame(number, seconds, np.ascontiguousarray(turned))
    except av.FFmpegError as error:
        if number >= 0:  # cut off, or torn: what came before was good
            return
        told = {"source": source, "reason": error.strerror}
        if "://" in source:
            raise ConnectionError(say("detection.video.silent", **told)) from None
        raise ValueError(say("detection.video.unreadable", **told)) from None
    if number < 0:
        raise ValueError(say("detection.video.empty", source=source))


def _open(source: str, timeout: float) -> Any:
    import errno
    import os
    import sys

    import av

    if source.isdigit():
        kinds = {"linux": ("v4l2", f"/dev/video{source}"), "darwin": ("avfoundation", source)}
        form, name = kinds.get(sys.platform, ("dshow", f"video={source}"))
        return av.open(name, format=form)
    if "://" in source:
        options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
        return av.open(source, options=options, timeout=timeout)
    if not Path(source).is_file():
        raise FileNotFoundError(
            say("datasets.no_file", path=source, reason=os.strerror(errno.ENOENT))
        )
    return av.open(source)


class Film:
    """A film that is written frame by frame (H.264, MP4), under another name until it is whole."""

    def __init__(self, path: Path, rate: float):
        self.path, self.rate = path, Fraction(rate).limit_denominator(1000)
        self.part = path.with_name(f".{path.name}.part")
        self.container: Any = None
        self.stream: Any = None
        self.last = -1

    def __enter__(self) -> Self:
        return self

    def add(self, frame: Frame) -> None:
        """One more frame; all have the size of the first. A row or column too many is left out:
        H.264 wants even sizes."""
        import av

        high, wide = (n - n % 2 for n in frame.pixels.shape[:2])
        if self.container is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.container = av.open(self.part, "w", format="mp4")
            self.stream = self.container.add_stream("libx264", self.rate)
            self.stream.width, self.stream.height = wide, high
            self.stream.pix_fmt = "yuv420p"
            self.stream.options = {"crf": "26", "preset": "veryfast"}
            self.stream.codec_context.time_base = Fraction(1, 1000)
        picture = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame.pixels[:high, :wide]), format="rgb24"
        )
        # Each frame at its own time: not all films have as many a second all along.
        self.last = max(self.last + 1, round(frame.seconds * 1000))
        picture.pts, picture.time_base = self.last, Fraction(1, 1000)
        self.container.mux(self.stream.encode(picture))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.container is None:
            return
        self.container.mux(self.stream.encode(None))
        self.container.close()
        if kind is None or kind is KeyboardInterrupt:  # a camera is stopped by Ctrl-C
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)
