"""Frames of a camera with boxes, as a folder in YOLO's layout that people can correct: what a
detector believes is a draft, not the truth.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from gobhir.lang import say
from gobhir.projects.cctv.ring import jpeg
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.detection.formats import Boxed, Sample, write_yolo
from gobhir.projects.film import TICKS, Frame
from gobhir.projects.settings import write

DRAFT = "draft.json"
"""In the folder: which label files were drafted, with the SHA-256 of each."""


def now_and_then(frames: Iterable[Frame], every: float, count: int) -> Iterator[Frame]:
    """A frame each `every` seconds, at most `count`; what a camera has given until Ctrl-C."""

    def chosen() -> Iterator[Frame]:
        due = 0.0
        for frame in frames:
            if frame.seconds >= due - 0.5 / TICKS:
                due = frame.seconds + every
                yield frame

    with suppress(KeyboardInterrupt):
        yield from islice(chosen(), count)


def labelled(
    frames: Iterable[Frame],
    boxes: Callable[[Frame], Detections],
    folder: Path,
    name: str = "person",
    draft: bool = False,
) -> int:
    """Write frames with the boxes of each, all of the class `name`, as a YOLO folder, named by
    their milliseconds; gives how many. Whole, or not at all. draft: what somebody changes in it is
    counted by `corrected`.

    FileExistsError where the folder is there already; ValueError where nobody is in any frame."""
    if folder.exists():
        raise FileExistsError(say("detection.data.full", folder=folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        samples = []
        for frame in frames:
            found, pixels = boxes(frame), frame.pixels
            path = Path(place) / f"{round(1000 * frame.seconds):09}.jpg"
            path.write_bytes(jpeg(pixels, 95))
            size = pixels.shape[1], pixels.shape[0]
            inside = np.clip(found.boxes, 0, [*size, *size])
            samples.append(Sample(path, size, inside, np.zeros(len(inside), np.int64)))
        if not any(len(sample.boxes) for sample in samples):
            raise ValueError(say("cctv.adapt.nobody", count=len(samples)))
        whole = Path(place) / "whole"
        write_yolo(Boxed((name,), tuple(samples)), whole)
        if draft:
            write(whole / DRAFT, json.dumps(_sums(whole), indent=1))
        whole.rename(folder)
    return len(samples)


def corrected(folder: Path) -> tuple[int, int] | None:
    """How many label files of a draft somebody has changed, of how many; None where it is none."""
    try:
        before = json.loads((folder / DRAFT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    now = _sums(folder)
    return sum(now.get(name) != one for name, one in before.items()), len(before)


def _sums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "labels").glob("*.txt"))
    }
