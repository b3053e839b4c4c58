"""Footage as the network sees it: frames some times a second, grey and small, in pieces of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gobhir.datasets import read_picture
from gobhir.lang import say
from gobhir.projects.film import SUFFIXES as FILMS
from gobhir.projects.film import Frame, frames, is_live, is_video, name_of

AT_ONCE = 32
"""So many frames are looked at together."""
PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Clip:
    """A film, or a folder of pictures in the order of their names. labels: (frames,) whether each
    frame is unusual, None where nobody has said so."""

    name: str
    source: str
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class Watched:
    """A clip as it was looked at. greys: (n, height, width) bytes; numbers: which frames these are;
    shape: (height, width) of the film's own frames; frames: how many it has."""

    clip: Clip
    greys: np.ndarray
    numbers: np.ndarray
    shape: tuple[int, int]
    frames: int


def clips(source: str) -> list[Clip]:
    """What a name means: a film, a camera or an address; a folder of pictures is one clip; of a
    folder of films, or of folders of pictures, each. ValueError where there is nothing."""
    folder = Path(source).expanduser()
    if is_video(source) and not folder.is_dir():
        return [Clip(name_of(source) if is_live(source) else folder.stem, source)]
    if not folder.is_dir():
        raise ValueError(say("anomaly.bad.source", source=source, films=", ".join(FILMS)))
    if pictures(folder):
        return [Clip(folder.name, str(folder))]
    inside = [
        Clip(path.stem, str(path))
        for path in sorted(folder.iterdir())
        if (path.is_dir() and pictures(path)) or path.suffix.lower() in FILMS
    ]
    if not inside:
        raise ValueError(say("anomaly.bad.empty", folder=folder, films=", ".join(FILMS)))
    return inside


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder, by their names."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)


def all_frames(source: str, fps: float) -> Iterator[Frame]:
    """Every frame of a film or a camera, or of a folder of pictures, `fps` of them a second."""
    if not Path(source).is_dir():
        yield from frames(source)
        return
    for number, path in enumerate(pictures(Path(source))):
        yield Frame(number, number / fps, read_picture(path))


def sampled(found: Iterator[Frame], rate: float) -> Iterator[tuple[Frame, bool]]:
    """All frames, and of each whether it is looked at: at most `rate` are in a second."""
    due: float | None = None
    for frame in found:
        due = frame.seconds if due is None else due
        wanted = frame.seconds >= due - 1e-6
        if wanted:
            # By an even beat, not from frame to frame, else rounding would slow it down; what is
            # late, after a break, is not caught up with.
            due += 1 / rate
            due = due if due > frame.seconds else frame.seconds + 1 / rate
        yield frame, wanted


def grey(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """A frame (h, w, 3), red green blue bytes, as the network sees it: (height, width) bytes."""
    import cv2

    whole = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def pairs(greys: np.ndarray) -> np.ndarray:
    """Each frame but the first with the one before: (n, h, w) bytes -> (n - 1, 2, h, w) float32
    from 0 to 1, the newer one first."""
    both = np.stack([greys[1:], greys[:-1]], 1)
    return both.astype(np.float32) / 255


def some_pairs(greys: np.ndarray) -> Iterator[np.ndarray]:
    """All pairs, AT_ONCE of them at a time: those of an hour fill several gigabytes."""
    for start in range(0, len(greys) - 1, AT_ONCE):
        yield pairs(greys[start : start + AT_ONCE + 1])


def watched(
    clip: Clip, rate: float, fps: float, height: int, width: int, minutes: float = np.inf
) -> Watched:
    """Look at a clip, at most so many minutes of it. ValueError where the labels are not one a
    frame, or it is too short."""
    greys, numbers, count, shape, first = [], [], 0, (0, 0), None
    for frame, wanted in sampled(all_frames(clip.source, fps), rate):
        first = frame.seconds if first is None else first
        if frame.seconds - first > 60 * minutes:
            break
        count += 1
        if wanted:
            shape = frame.pixels.shape[:2]
            greys.append(grey(frame.pixels, height, width))
            numbers.append(frame.number)
    if clip.labels is not None and len(clip.labels) != count:
        said = {"name": clip.name, "labels": len(clip.labels), "frames": count}
        raise ValueError(say("anomaly.bad.labels", **said))
    if len(greys) < 2:
        raise ValueError(say("anomaly.bad.still", name=clip.name, frames=count, rate=rate))
    return Watched(clip, np.stack(greys), np.array(numbers), shape, count)
