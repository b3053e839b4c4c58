"""The tuned tracker at work: who is where in a video, or in a file of detections."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import numpy as np

from gobhir.lang import say, t
from gobhir.projects.film import Film, apart
from gobhir.projects.settings import write
from gobhir.projects.tracking.data import as_rows, follow, looked
from gobhir.projects.tracking.draw import with_boxes
from gobhir.projects.tracking.files import Rows, mot, read_mot
from gobhir.projects.tracking.looks import looks
from gobhir.projects.tracking.settings import Settings
from gobhir.projects.tracking.tracker import Tracker
from gobhir.projects.tracking.train import kept


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str, "tracking.to"] = "tracks.txt",
    drawn: Annotated[str | None, "tracking.drawn"] = None,
) -> Rows:
    """Follow everybody in one video, or in one file of detections (.txt, as the MOTChallenge has
    them); the tracks go to the file `to`, and, for a video, with boxes to the video `drawn`."""
    if len(inputs) != 1:
        raise ValueError(say("tracking.bad.inputs", count=len(inputs)))
    options, source = kept(folder), Path(inputs[0])
    if not source.is_file():
        raise FileNotFoundError(say("film.missing", source=source))
    for goes in (to, drawn or to):
        apart(source, Path(goes))
    if source.suffix.lower() == ".txt":
        if drawn is not None:
            raise ValueError(say("tracking.bad.drawn", path=source))
        seen = read_mot(source)
        last = int(seen.frames[-1]) if len(seen) else -1
        found, count = follow(seen, range(last + 1), options), last + 1
    else:
        found, count = _watched(source, settings, Tracker(options), drawn)
    write(Path(to), mot(found))
    people = len(np.unique(found.ids))
    print(t("tracking.followed", people=people, frames=count, path=to))
    return found


def _watched(video: Path, settings: Settings, tracker: Tracker, to: str | None) -> tuple[Rows, int]:
    """The tracks in a video, and how many frames it has; with boxes it goes to the file `to`."""
    rows: list[tuple[float, ...]] = []
    count = 0
    with nullcontext() if to is None else Film(Path(to)) as film:
        for count, (frame, seen) in enumerate(looked(video, settings), 1):
            colours = looks(frame.pixels, seen.boxes) if settings.colours else None
            tracks = tracker.update(seen, looks=colours)
            rows.extend(as_rows(count - 1, tracks))
            if film is not None:
                film.add(frame.seconds, with_boxes(frame.pixels, tracks))
    if to is not None:
        print(t("projects.command.answered", path=to))
    return Rows.of(rows), count
