"""The detector at work: on pictures, folders, films and cameras; ours, or another's ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd

from gobhir.datasets import read_picture
from gobhir.lang import say, t
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.detection.draw import drawn
from gobhir.projects.detection.formats import SUFFIXES, pictures
from gobhir.projects.detection.looks import LEAST, Looks
from gobhir.projects.detection.onnx import open_detector
from gobhir.projects.detection.settings import Settings
from gobhir.projects.film import Film, Frame, apart, frames, hidden, is_live, is_video, name_of
from gobhir.projects.parts import png
from gobhir.projects.settings import of_training, write

ONNX, TABLE = "model.onnx", "detections.csv"
Look = Callable[[np.ndarray], Detections]
COLUMNS = ("source", "frame", "seconds", "class", "score", "x1", "y1", "x2", "y2")


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "detection.to"] = None,
    threshold: Annotated[float, "detection.threshold"] = 0.3,
    model: Annotated[str | None, "detection.model"] = None,
    kind: Annotated[str | None, "detection.kind"] = None,
    size: Annotated[int, "detection.size"] = 0,
    tiles: Annotated[int, "detection.tiles"] = 0,
    twice: Annotated[bool, "detection.twice"] = False,
    frames: Annotated[int, "detection.frames"] = 0,
) -> pd.DataFrame:
    """What is in the pictures, folders of pictures, films (files, addresses) and cameras (numbers):
    shown, or written to the folder `to`, as a table and drawn into the pictures and films."""
    if not inputs:
        raise ValueError(say("detection.bad.inputs"))
    if not 0 <= threshold <= 1:
        said = {"option": "--threshold", "value": threshold, "low": 0, "high": 1}
        raise ValueError(say("projects.bad.range", **said))
    path = of_training(folder / ONNX) if model is None else model
    detector = open_detector(
        path,
        threshold=LEAST if twice else threshold,
        tiles=tiles or None,
        kind=kind,
        size=size or None,
    )
    look: Look = Looks(detector, threshold) if twice else detector
    place = None if to is None else Path(to)
    rows: list[tuple[object, ...]] = []
    try:
        for source in inputs:
            if is_video(source):
                _film(look, detector.names, source, place, frames or None, rows)
                continue
            for file in _files(source):
                pixels = read_picture(file)
                found = look(pixels)
                rows += _rows(detector.names, str(file), Frame(0, 0.0, pixels), found)
                if place is not None:
                    goes = apart(file, place / f"{file.stem}.png")
                    write(goes, png(drawn(pixels, found, detector.names)))
    except KeyboardInterrupt:  # how one stops a camera; what was seen is kept
        pass
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    if place is None:
        print(table.to_string(index=False) if rows else t("detection.nothing"))
    else:
        write(place / TABLE, table.to_csv(index=False))
        print(t("detection.saved", path=place))
    return table


def _film(
    look: Look,
    names: Sequence[str],
    source: str,
    place: Path | None,
    most: int | None,
    rows: list[tuple[object, ...]],
) -> None:
    name = name_of(source) if is_live(source) else Path(source).stem
    with nullcontext() if place is None else Film(apart(source, place / f"{name}.mp4")) as film:
        for frame in islice(frames(source), most):
            found = look(frame.pixels)
            rows += _rows(names, hidden(source), frame, found)
            if film is not None:
                film.add(frame.seconds, drawn(frame.pixels, found, names))


def _files(source: str) -> Iterator[Path]:
    """The file that is named, or the pictures in the folder that is."""
    path = Path(source)
    if not path.is_dir():
        yield path
        return
    inside = list(pictures(path))
    if not inside:
        raise ValueError(say("images.bad.empty", folder=path, known=", ".join(SUFFIXES)))
    yield from inside


def _rows(
    names: Sequence[str], source: str, frame: Frame, found: Detections
) -> Iterator[tuple[object, ...]]:
    for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True):
        name = names[kind] if kind < len(names) else str(kind)
        corners = [round(float(n), 1) for n in box]
        yield source, frame.number, round(frame.seconds, 3), name, round(float(score), 4), *corners
