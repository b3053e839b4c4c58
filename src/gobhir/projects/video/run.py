"""The trained network at work: what happens when, in films, folders of films, cameras, streams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import pandas as pd

from gobhir.lang import say, t
from gobhir.projects.film import SUFFIXES, apart, hidden, is_video
from gobhir.projects.film import frames as frames_of
from gobhir.projects.settings import of_training, write
from gobhir.projects.video.clips import films, squeezed
from gobhir.projects.video.scorer import Clip
from gobhir.projects.video.settings import Settings
from gobhir.projects.video.window import Window

ONNX = "model.onnx"
COLUMNS = ("source", "from", "to")


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "video.to"] = None,
    every: Annotated[float, "video.every"] = 1.0,
    frames: Annotated[int, "video.frames"] = 0,
) -> pd.DataFrame:
    """What happens in films (files, addresses), folders of films and cameras (numbers): a row each
    `every` seconds, how sure the network is of each class for the `span` seconds before. Shown as
    they come, or written to the CSV file `to`."""
    if not inputs:
        raise ValueError(say("video.bad.inputs"))
    if not every > 0:
        raise ValueError(say("video.bad.every", every=every))
    clip = Clip(of_training(folder / ONNX))
    rows: list[tuple[object, ...]] = []
    try:
        for source in (one for given in inputs for one in sources(given)):
            if to is not None:
                apart(source, Path(to))
            for row in watched(clip, source, settings.span, every, frames or None):
                rows.append(row)
                if to is None:
                    print(_line(clip, row))
    except KeyboardInterrupt:  # how one stops a camera; what was seen is kept
        pass
    table = pd.DataFrame(rows, columns=[*COLUMNS, *clip.classes])
    if to is not None:
        write(Path(to), table.to_csv(index=False))
        print(t("projects.command.answered", path=to))
    return table


def sources(given: str) -> Iterator[str]:
    """What is named; of a folder, the films in it. ValueError for a folder without any."""
    path = Path(given)
    if not path.is_dir():
        yield given
        return
    inside = films(path)
    if not inside:
        raise ValueError(say("video.bad.empty", folder=path, known=", ".join(SUFFIXES)))
    yield from map(str, inside)


def watched(
    clip: Clip, source: str, span: float, every: float, most: int | None = None
) -> Iterator[tuple[object, ...]]:
    """(source, from, to, a share for each class): a film that is shorter than a clip is one."""
    if not is_video(source) and not Path(source).exists():
        raise FileNotFoundError(say("video.bad.none", source=source))
    window, seconds, given = Window(clip.frames, span, every), 0.0, 0
    for frame in islice(frames_of(source), most):
        seconds = frame.seconds
        found = window.add(seconds, squeezed(frame.pixels, clip.size))
        if found is not None:
            given += 1
            yield _row(clip, source, max(0.0, seconds - span), seconds, found)
    if not given:
        yield _row(clip, source, 0.0, seconds, window.clip())


def _row(clip: Clip, source: str, begin: float, end: float, found: object) -> tuple[object, ...]:
    shares = [round(float(share), 4) for share in clip(found)]  # type: ignore[arg-type]
    return hidden(source), round(begin, 3), round(end, 3), *shares


def _line(clip: Clip, row: tuple[object, ...]) -> str:
    source, begin, end, *shares = row
    said = ", ".join(
        f"{name} {share:.2f}" for name, share in zip(clip.classes, shares, strict=True)
    )
    return f"{source}  {begin:.1f}-{end:.1f} s  {said}"
