"""Scenes staged for the rules, and films rendered for the rest: people are red boxes on grey."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from gobhir.projects.cctv.people import People, Scene
from gobhir.projects.cctv.rules import Finding, Rule
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.detection.boxes import Detections

SHAPE = (240, 320, 3)
Path_ = Callable[[float], tuple[float, float] | None]
"""Where somebody stands (shares of the frame) at a second; None: not there."""
RED, GREY = (220, 30, 30), (110, 110, 110)


@dataclass(frozen=True)
class Tracked:
    id: int
    box: np.ndarray
    score: float = 0.9


def box_at(x: float, y: float, high: float = 60, wide: float = 24) -> np.ndarray:
    """Somebody who stands at (x, y), shares of SHAPE, of that many pixels."""
    x, y = x * SHAPE[1], y * SHAPE[0]
    return np.array([x - wide / 2, y - high, x + wide / 2, y], np.float32)


def scenes(
    people: dict[int, Path_], seconds: float, fps: float = 10, box: Callable = box_at
) -> Iterator[Scene]:
    """What a perfect tracker would give for people who walk so."""
    known = People()
    for k in range(round(seconds * fps)):
        at = k / fps
        places = {one: path(at) for one, path in people.items()}
        tracks = [Tracked(one, box(*place)) for one, place in places.items() if place]
        yield Scene(at, known.see(at, tracks, SHAPE), SHAPE)


def play(
    rule: Rule, staged: Iterable[Scene], zones: Iterable[Zone] = (), lines: Iterable[Line] = ()
) -> list[tuple[float, Finding]]:
    """All that a rule notices, and when."""
    rule.prepare({z.name: z for z in zones}, {x.name: x for x in lines})
    return [(scene.seconds, found) for scene in staged for found in rule.look(scene)]


def walk(a: tuple[float, float], b: tuple[float, float], seconds: float) -> Path_:
    """From a to b in so many seconds, and stays there."""

    def path(at: float) -> tuple[float, float]:
        share = min(at / seconds, 1.0)
        return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])

    return path


def picture(boxes: Iterable[np.ndarray], shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A frame with people in it."""
    made = np.full(shape, GREY, np.uint8)
    for x1, y1, x2, y2 in boxes:
        made[max(0, round(y1)) : max(0, round(y2)), max(0, round(x1)) : max(0, round(x2))] = RED
    return made


def film(path: Path, pictures: Iterable[np.ndarray], times: Iterable[float] | None = None) -> Path:
    """An MP4 of the pictures, ten a second, or at these times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = None
        for k, rgb in enumerate(pictures):
            if stream is None:
                stream = file.add_stream("libx264", rate=10)
                stream.height, stream.width = rgb.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
                stream.options = {"preset": "ultrafast", "crf": "18"}
                ticks = iter(times) if times is not None else None
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = round((next(ticks) if ticks else k / 10) * 1000)
            frame.time_base = Fraction(1, 1000)
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode(None))
    return path


def sees_red(rgb: np.ndarray, regions: np.ndarray | None = None) -> Detections:
    """A detector of staged people: a box around each that is red."""
    import cv2

    mask = ((rgb[..., 0] > 150) & (rgb[..., 1] < 90)).astype(np.uint8)
    if regions is not None:
        looked = np.zeros_like(mask)
        for x1, y1, x2, y2 in np.asarray(regions).round().astype(int):
            looked[y1:y2, x1:x2] = 1
        mask &= looked
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    found = [stats[i, :4] for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > 50]
    return Detections.of([(x, y, x + w, y + h) for x, y, w, h in found], [0.9] * len(found))
