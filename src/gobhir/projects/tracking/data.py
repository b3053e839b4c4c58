"""An annotated video: who is where, what a detector saw, and which part of it is tuned on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gobhir import datasets
from gobhir.lang import say, t
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.film import SUFFIXES, Frame, frames
from gobhir.projects.settings import write
from gobhir.projects.tracking.files import Rows, mot, read_mot
from gobhir.projects.tracking.looks import BINS, looks
from gobhir.projects.tracking.pets import read_cvml
from gobhir.projects.tracking.settings import Settings
from gobhir.projects.tracking.tracker import Options, Track, Tracker

SHIPPED = "vtest_gt"
OVERLAP = 0.6
"""Two detections with more in common (IoU) are one: people who pass each other overlap a lot."""


@dataclass(frozen=True)
class Task:
    """An annotated video. looks: what each row of `seen` looks like, None without the video;
    frames: how many there are; cut: the first one of the part that is held out."""

    truth: Rows
    seen: Rows
    looks: np.ndarray | None
    frames: int
    cut: int
    dataset: datasets.Dataset | None = None

    def part(self, which: str) -> range:
        """The frames of "train" or "test"."""
        return range(self.cut) if which == "train" else range(self.cut, self.frames)

    def true(self, which: str) -> Rows:
        """The truth of that part."""
        part = self.part(which)
        return self.truth.between(part.start, part.stop)


def task(settings: Settings, folder: Path) -> Task:
    """What the settings name. Where detections are still to be made, they are kept in `folder`."""
    place, dataset = Path(settings.data).expanduser(), None
    if settings.data == SHIPPED and not place.is_dir():
        dataset = datasets.load(SHIPPED)
        truth = read_cvml(dataset.paths["PETS2009-S2L1.xml"])
        video: Path | None = dataset.paths["vtest.avi"]
        seen = detected(dataset.paths["vtest.avi"], settings, folder)
    else:
        truth, seen, video = _own(place, settings, folder)
    count = int(max(truth.frames[-1], seen.frames[-1] if len(seen) else 0)) + 1
    cut = round(count * settings.share)
    todo = Task(truth, seen, None, count, cut, dataset)
    if not len(todo.true("train")) or not len(todo.true("test")):
        raise ValueError(say("tracking.bad.half", data=settings.data, cut=cut, frames=count))
    if settings.colours and video is not None:
        return replace(todo, looks=looks_of(video, seen))
    return todo


def _own(place: Path, settings: Settings, folder: Path) -> tuple[Rows, Rows, Path | None]:
    """Truth, detections and video of a folder that is laid out as the MOTChallenge does it."""
    if not place.is_dir():
        raise ValueError(say("tracking.bad.folder", folder=place))
    boxes = [
        path for path in (place / "gt" / "gt.txt", *sorted(place.glob("*.xml"))) if path.is_file()
    ]
    if not boxes:
        raise ValueError(say("tracking.bad.no_truth", folder=place))
    truth = read_cvml(boxes[0]) if boxes[0].suffix == ".xml" else read_mot(boxes[0])
    if not len(truth):
        raise ValueError(say("tracking.bad.no_truth", folder=place))
    videos = sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
    if (made := place / "det" / "det.txt").is_file():
        return truth, read_mot(made), videos[0] if videos else None
    if not videos:
        raise ValueError(say("tracking.bad.nothing_seen", folder=place, known=", ".join(SUFFIXES)))
    return truth, detected(videos[0], settings, folder), videos[0]


def detected(video: Path, settings: Settings, folder: Path) -> Rows:
    """What the detector sees in each frame. It takes minutes, so it is kept in the folder, under a
    name that changes with the video and with what the detector is told."""
    if not video.is_file():
        raise FileNotFoundError(say("film.missing", source=video))
    told = [settings.detector, settings.tiles, settings.least]
    with open(video, "rb") as file:
        print_ = hashlib.file_digest(file, "sha256")
    print_.update(json.dumps(told).encode())
    path = folder / f"detections-{print_.hexdigest()[:12]}.txt"
    if path.is_file():
        return read_mot(path)
    print(t("tracking.detecting", path=path))
    found = [
        (count, -1, *box, score)
        for count, (_, now) in enumerate(looked(video, settings))
        for box, score in zip(now.boxes.tolist(), now.scores.tolist(), strict=True)
    ]
    write(path, mot(Rows.of(found)))
    return read_mot(path)  # as it will be read next time, to the last digit


def looked(video: str | Path, settings: Settings) -> Iterator[tuple[Frame, Detections]]:
    """Each frame of a video, and who is seen in it."""
    from gobhir.projects.detection.onnx import open_detector

    detector = open_detector(
        settings.detector,
        threshold=settings.least,
        overlap=OVERLAP,
        tiles=settings.tiles or None,
        threads=settings.threads,
    )
    for frame in frames(video):
        yield frame, detector(frame.pixels)


def looks_of(video: Path, seen: Rows) -> np.ndarray:
    """What each row looks like (looks.py), (n, 64). ValueError where the video ends before them."""
    found = np.zeros((len(seen), BINS), np.float32)
    end = 0
    for frame in frames(video):
        start, end = np.searchsorted(seen.frames, [frame.number, frame.number + 1])
        found[start:end] = looks(frame.pixels, seen.boxes[start:end])
    if end < len(seen):
        raise ValueError(say("tracking.bad.short", path=video, frame=int(seen.frames[-1]) + 1))
    return found


def follow(
    seen: Rows, part: range, options: Options | None = None, looks: np.ndarray | None = None
) -> Rows:
    """The tracks that a new tracker finds in these frames. looks: of each row of `seen`."""
    tracker, rows = Tracker(options), []
    for frame in part:
        now = slice(*np.searchsorted(seen.frames, [frame, frame + 1]))
        look = None if looks is None else looks[now]
        rows += as_rows(frame, tracker.update(seen.detections(frame), looks=look))
    return Rows.of(rows)


def as_rows(frame: int, tracks: list[Track]) -> list[tuple[float, ...]]:
    """The tracks of a frame as `Rows.of` takes them."""
    return [(frame, one.id, *one.box.tolist(), one.score) for one in tracks]
