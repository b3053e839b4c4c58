"""A trained camera's file, opened: how unusual frames are. NumPy, OpenCV and onnxruntime alone, so
that a camera starts quickly; cctv's rule `unusual` asks `open_scorer`.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.projects.anomaly.footage import grey, some_pairs
from gobhir.projects.anomaly.tail import Tail, smoothed
from gobhir.projects.keeping import typed

ONNX = "model.onnx"
KEY = "gobhir.anomaly"
"""Where the file says what it is: a `Watch` as JSON."""
TOP = 3
"""A frame is as unusual as its so many most unusual squares are on average: one is often noise."""


@dataclass(frozen=True)
class Watch:
    """How a camera is watched. width, height: of the pictures that the network sees; shape:
    (height, width) of the camera's frames; rate: frames a second; window: scores of which the mean
    is taken; quiet: scores after which an alarm is over; alarms: false ones an hour that are wished
    for; tail: of the smoothed scores of normal footage."""

    width: int
    height: int
    shape: list[int]
    rate: float
    window: int
    quiet: int
    alarms: float
    tail: Tail

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Camera:
    """The network of a file, and how it is to be used."""

    path: Path
    runs: Any = field(repr=False)
    watch: Watch

    def see(self, frame: np.ndarray) -> np.ndarray:
        """A frame (h, w, 3) as the network sees it. ValueError where its form is not that of the
        frames that were learned from."""
        high, wide = self.watch.shape
        h, w = frame.shape[:2]
        if abs(np.log(w * high / (h * wide))) > 0.1:
            said = {"path": self.path, "given": f"{w} x {h}", "learned": f"{wide} x {high}"}
            raise ValueError(say("anomaly.bad.form", **said))
        return grey(frame, self.watch.height, self.watch.width)

    def squares(self, greys: np.ndarray) -> np.ndarray:
        """How unusual each square of each frame but the first is: (n, height, width) bytes ->
        (n - 1, rows, cols)."""
        return squares(self.runs, greys)

    def scores(self, greys: np.ndarray) -> np.ndarray:
        """How unusual each frame but the first is, not smoothed: (n - 1,)."""
        return of_frames(self.squares(greys))

    def __call__(self, frames: np.ndarray) -> float:
        """How unusual what happens in some frames (n, h, w, 3), evenly spaced in time, is: from 0
        to 1, and 0.8 where a threshold gives the false alarms that were wished for."""
        scores = self.scores(np.stack([self.see(one) for one in frames]))
        return self.watch.tail.value(float(scores.mean()), self.watch.alarms)


class Stream:
    """A camera's frames one after the other: the smoothed score of each."""

    def __init__(self, camera: Camera):
        self.camera = camera
        self.before: np.ndarray | None = None
        self.recent: deque[float] = deque(maxlen=camera.watch.window)

    def add(self, frame: np.ndarray) -> tuple[float, np.ndarray] | None:
        """(score, squares (rows, cols)) of the newest frame; None for the first one."""
        now = self.camera.see(frame)
        before, self.before = self.before, now
        if before is None:
            return None
        (found,) = self.camera.squares(np.stack([before, now]))
        self.recent.append(float(of_frames(found[None])[0]))
        return float(np.mean(self.recent)), found


def open_camera(path: str | Path) -> Camera:
    """FileNotFoundError where there is no such file, ValueError where it is none of ours."""
    from gobhir.deploy.opening import opened

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(say("anomaly.bad.no_model", path=path))
    _, runs = opened(path, threads=1)
    told = dict(runs.get_modelmeta().custom_metadata_map)
    try:
        return Camera(path, runs, typed(Watch, json.loads(told[KEY])))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise ValueError(say("anomaly.bad.model", path=path)) from None


open_scorer = open_camera
"""What cctv's rule opens `model` with: a Camera is called with frames."""


def squares(runs: Any, greys: np.ndarray) -> np.ndarray:
    """As `Camera.squares`, by a session."""
    name = runs.get_inputs()[0].name
    return np.concatenate([runs.run(None, {name: some})[0] for some in some_pairs(greys)])


def of_frames(squares: np.ndarray) -> np.ndarray:
    """(n, rows, cols) -> (n,): the mean of the TOP largest."""
    flat = np.sort(squares.reshape(len(squares), -1), 1)
    return np.asarray(flat[:, -TOP:].mean(1), float)


def all_smoothed(raw: list[np.ndarray], window: int) -> list[np.ndarray]:
    """The smoothed scores of each piece of footage."""
    return [smoothed(row, window) for row in raw]
