"""What a camera sees now, for a page: live/NAME.jpg in the system's folder, and in it, as a JPEG's
comment, who is seen where; whoever shows it draws that over it. It is made only while somebody
looks: whoever does touches live/NAME.wanted (`want`), and is gone soon after.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gobhir.projects.cctv.config import Camera
from gobhir.projects.cctv.ring import jpeg
from gobhir.projects.cctv.watch import Watch

WANTED = 10.0
"""Seconds for which a wish lasts."""
WIDTH = 960
MOST = 500
"""People who are noted: a comment has room for 64 kB."""


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
        self._lies = True

    def offer(self, now: float, rgb: np.ndarray, watch: Watch) -> bool:
        """A frame; gives whether it was shown. What cannot be written is left out."""
        if now - self._shown < self.every:
            return False
        self._shown = now
        size = self._wishes()
        if size != self._size:  # by its size: the clock that dates files may be set back
            self._size, self._asked = size, now
        path = picture_of(self.folder, self.camera.name)
        if now - self._asked > WANTED:
            if self._lies:  # nobody looks
                self.close()
                self._lies = False
            return False
        part = path.with_suffix(".part")
        with suppress(OSError):
            part.write_bytes(shown(rgb, watch))
            os.replace(part, path)
            self._lies = True
            return True
        return False

    def close(self) -> None:
        """The camera ends: no picture of anybody stays."""
        with suppress(OSError):
            picture_of(self.folder, self.camera.name).unlink(missing_ok=True)

    def _wishes(self) -> int:
        with suppress(OSError):
            return picture_of(self.folder, self.camera.name).with_suffix(".wanted").stat().st_size
        return 0


def shown(rgb: np.ndarray, watch: Watch) -> bytes:
    """A JPEG with who is seen in it: {"people": [{"id": 7, "box": [x1, y1, x2, y2]}]}, boxes in
    shares of the frame."""
    height, width = rgb.shape[:2]
    scale = min(1.0, WIDTH / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    sides = np.array([width, height, width, height])
    people = [
        {"id": person.id, "box": (person.box / sides).round(4).tolist()}
        for person in watch.here[:MOST]
    ]
    return noted(jpeg(small, 80), {"people": people})


def noted(picture: bytes, note: dict[str, Any]) -> bytes:
    """A JPEG with a note as its comment (ITU T.81, B.2.4.5), right after its beginning."""
    text = json.dumps(note, separators=(",", ":")).encode()
    return picture[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + picture[2:]


def note_of(picture: bytes) -> dict[str, Any]:
    """What `noted` put in; {} where there is none."""
    if picture[2:4] != b"\xff\xfe":
        return {}
    return dict(json.loads(picture[6 : 4 + int.from_bytes(picture[4:6], "big")]))
