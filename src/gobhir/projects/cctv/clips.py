"""Clips that a browser's <video> plays: H.264 in MP4, its index at the beginning.

While it is written, a clip is a fragmented MP4 under a name that ends in `.part`: also what a
killed process leaves can be played, and is finished at the next start (`finish`).
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from gobhir.projects.cctv.blur import without_faces
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.ring import Still
from gobhir.projects.film import PART, Film


class ClipFile(Film):
    """An MP4 file in the making, frame by frame. OSError when it cannot be written."""

    def __init__(self, path: Path, fps: float) -> None:
        form = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        codec = {"tune": "zerolatency", "g": str(max(1, round(fps)))}
        super().__init__(path, fps, form=form, codec=codec, threads=1)

    def _finish(self) -> None:
        finish(self.part)


def finish(part: Path) -> Path | None:
    """From a fragmented `.part` to the file itself, with its index at the beginning. None, and no
    file, where nothing in it can be played."""
    path = part.with_name(part.name.removesuffix(PART))
    whole = path.with_name(path.name + ".whole")
    count = 0
    try:
        with (
            av.open(str(part)) as old,
            av.open(str(whole), "w", format="mp4", options={"movflags": "+faststart"}) as new,
        ):
            came = old.streams.video[0]
            goes = new.add_stream_from_template(came)
            with suppress(av.error.InvalidDataError, av.error.EOFError):  # cut off in the middle
                for packet in old.demux(came):
                    if packet.is_corrupt:
                        break
                    if packet.dts is not None:
                        packet.stream = goes
                        new.mux(packet)
                        count += 1
    except (av.error.InvalidDataError, av.error.EOFError, IndexError):
        count = 0
    except OSError:
        whole.unlink(missing_ok=True)
        raise
    if count:
        os.replace(whole, path)
    else:
        whole.unlink(missing_ok=True)
    part.unlink(missing_ok=True)
    return path if count else None


def recover(folder: Path) -> list[Path]:
    """Finish what a killed process has left in the folder; gives the clips that play now."""
    for left in folder.rglob("*.whole"):
        left.unlink(missing_ok=True)
    return [path for part in sorted(folder.rglob("*" + PART)) if (path := finish(part))]


@dataclass
class Recorder:
    """One clip at a time for a camera: it begins `before` an event (what the ring still has), ends
    `after` the last of the events that it shows, and is at most `longest` seconds.

    Frames are encoded a few at a time (`pace`), so that a beginning clip holds nothing up.
    """

    after: float = 5.0
    longest: float = 60.0
    fps: float = 10.0
    blur: bool = True
    pace: int = 3
    events: list[Event] = field(default_factory=list)
    _waiting: deque[Still] = field(default_factory=deque)
    _clip: ClipFile | None = None
    _began: float = 0.0
    _until: float = 0.0
    _taken: float = 0.0

    @property
    def path(self) -> Path | None:
        """The clip in the making."""
        return self._clip.path if self._clip else None

    def begin(self, event: Event, stills: deque[Still], path: Path) -> Path:
        """Show this event too: in the clip in the making, or in a new one called `path`. Gives
        which it is."""
        if self._clip is None:
            self._clip = ClipFile(path, self.fps)
            self._waiting = deque(stills)
            self._began = stills[0].seconds if stills else event.began
            self._taken = stills[-1].seconds if stills else -np.inf
        self._until = event.began + self.after
        self.events.append(event)
        return self._clip.path

    def step(self, seconds: float, still: Still | None, open_events: list[Event]) -> list[Event]:
        """A moment passes. Gives the events whose clip was finished just now."""
        if self._clip is None:
            return []
        if any(event in open_events for event in self.events):
            self._until = seconds + self.after
        end = min(self._until, self._began + self.longest)
        fresh = still is not None and still.seconds > self._taken
        if still is not None and fresh and still.seconds <= end:
            self._taken = still.seconds
            self._waiting.append(still)
        for _ in range(min(self.pace, len(self._waiting))):
            self._encode()
        return self.close() if seconds > end and not self._waiting else []

    def close(self) -> list[Event]:
        """Finish the clip now. Gives the events that it shows. OSError where that fails."""
        shown, self.events = self.events, []
        clip = self._clip
        if clip is None:
            return []
        try:
            while self._waiting:
                self._encode()
            clip.close()
        except OSError:
            clip.drop()
            raise
        finally:
            self._clip = None
            self._waiting.clear()
        return shown

    def drop(self) -> None:
        """Give the clip in the making up."""
        if self._clip is not None:
            self._clip.drop()
        self._clip = None
        self._waiting.clear()
        self.events = []

    def _encode(self) -> None:
        assert self._clip is not None
        still = self._waiting.popleft()
        rgb = still.rgb()
        if self.blur:
            rgb = without_faces(rgb, self._heads(still))
        self._clip.add(still.seconds, rgb)

    def _heads(self, still: Still) -> np.ndarray:
        """The people in a still, and those whom the detector finds a moment later only: where they
        are found first they were nearly, too, half a second before."""
        soon: dict[int, np.ndarray] = {}
        for later in self._waiting:
            if later.seconds > still.seconds + 0.8:
                break
            for one, box in zip(later.ids, later.boxes, strict=True):
                if one not in still.ids:
                    soon.setdefault(one, box)
        return np.array([*still.boxes, *soon.values()], np.float32).reshape(-1, 4)
