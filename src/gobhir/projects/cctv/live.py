"""What a camera sees now, for a page: live/NAME.jpg in the system's folder, with boxes, zones and
lines. It is made only while somebody looks: whoever does touches live/NAME.wanted (`want`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gobhir.projects.cctv.config import Camera
from gobhir.projects.cctv.ring import jpeg
from gobhir.projects.cctv.watch import Watch

WANTED = 10.0
"""Seconds for which a wish lasts."""
WIDTH = 960
GREEN, BLUE, YELLOW = (60, 200, 90), (80, 140, 255), (240, 200, 40)


def picture_of(folder: Path, camera: str) -> Path:
    return folder / "live" / f"{camera}.jpg"


def want(folder: Path, camera: str) -> Path:
    """Ask for pictures for the next WANTED seconds; gives where they are."""
    path = picture_of(folder, camera)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".wanted").open("ab") as file:
        file.write(b".")
    return path


@dataclass
class Live:
    """Gives one camera's pictures, at most one each `every` seconds of the monotonic clock."""

    folder: Path
    camera: Camera
    every: float = 0.5

    def __post_init__(self) -> None:
        self._size = self._wishes()
        self._asked = self._shown = -np.inf

    def offer(self, now: float, rgb: np.ndarray, watch: Watch) -> bool:
        """A frame; gives whether it was shown. What cannot be written is left out."""
        if now - self._shown < self.every:
            return False
        self._shown = now
        size = self._wishes()
        if size != self._size:  # by its size: the clock that dates files may be set back
            self._size, self._asked = size, now
        if now - self._asked > WANTED:
            return False
        path = picture_of(self.folder, self.camera.name)
        part = path.with_suffix(".part")
        with suppress(OSError):
            part.write_bytes(jpeg(drawn(rgb, watch), 80))
            os.replace(part, path)
            return True
        return False

    def _wishes(self) -> int:
        with suppress(OSError):
            return picture_of(self.folder, self.camera.name).with_suffix(".wanted").stat().st_size
        return 0


def drawn(rgb: np.ndarray, watch: Watch) -> np.ndarray:
    """A copy with zones, lines, and the people with their numbers."""
    height, width = rgb.shape[:2]
    scale = min(1.0, WIDTH / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb.copy()
    for marked, colour in ((watch.camera.zones, BLUE), (watch.camera.lines, YELLOW)):
        for one in marked:
            points = (np.array(one.points) * size).round().astype(np.int32)
            cv2.polylines(small, [points], colour == BLUE, colour, 2)
    for person in watch.here:
        x1, y1, x2, y2 = (person.box * scale).round().astype(int).tolist()
        cv2.rectangle(small, (x1, y1), (x2, y2), GREEN, 2)
        at = (x1, max(y1 - 5, 12))
        cv2.putText(small, str(person.id), at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, GREEN, 2)
    return small
