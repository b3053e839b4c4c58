"""Videos as frames, and frames as a video with everybody's box and name in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.projects.tracking.tracker import Track

COLOURS = np.array(
    [(230, 75, 53), (77, 187, 213), (0, 160, 135), (255, 206, 84), (145, 97, 242), (255, 120, 203)]
)
"""Of the boxes, by the number of the person."""


def frames(path: str | Path) -> Iterator[np.ndarray]:
    """The frames of a video, (height, width, 3) bytes each. FileNotFoundError, or ValueError where
    the file is no video."""
    with _opened(path) as video:
        try:
            for frame in video.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
        except _troubles() as error:
            raise ValueError(say("tracking.bad.video", path=path, reason=error)) from None


def rate(path: str | Path) -> Fraction:
    """How many frames a second the file says that it has."""
    with _opened(path) as video:
        return video.streams.video[0].average_rate or Fraction(25)


def with_boxes(frame: np.ndarray, tracks: Sequence[Track]) -> np.ndarray:
    """A copy of the frame with boxes and names; the box of who is not seen just now is thin."""
    import cv2

    picture = np.ascontiguousarray(frame).copy()
    for one in tracks:
        x1, y1, x2, y2 = (round(float(v)) for v in one.box)
        colour = tuple(COLOURS[one.id % len(COLOURS)].tolist())
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 1 if one.lost else 2)
        place = (x1, max(12, y1 - 4))
        cv2.putText(picture, str(one.id), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 2)
    return picture


def write_video(path: Path, pictures: Iterator[np.ndarray], rate: Fraction) -> None:
    """An MP4 file that a browser plays, whole or not at all."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".mp4", dir=path.parent)
    os.close(handle)
    try:
        with av.open(name, "w", format="mp4", options={"movflags": "+faststart"}) as file:
            stream = None
            for picture in pictures:
                high, wide = (side // 2 * 2 for side in picture.shape[:2])  # H.264 wants even ones
                if stream is None:
                    stream = file.add_stream("libx264", rate=rate)
                    stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
                now = av.VideoFrame.from_ndarray(picture[:high, :wide], format="rgb24")
                file.mux(stream.encode(now))
            if stream is not None:
                file.mux(stream.encode())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _opened(path: str | Path) -> Any:
    import av

    if not Path(path).is_file():
        raise FileNotFoundError(say("tracking.bad.none", path=path))
    try:
        video = av.open(str(path))
    except _troubles() as error:
        raise ValueError(say("tracking.bad.video", path=path, reason=error)) from None
    if not video.streams.video:
        video.close()
        raise ValueError(say("tracking.bad.no_video", path=path))
    return video


def _troubles() -> tuple[type[Exception], ...]:
    import av

    return (av.error.FFmpegError, OSError)
