"""The trained camera at work: what is unusual in films, folders of pictures, and live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd

from gobhir.lang import say, t
from gobhir.projects.anomaly.footage import Clip, all_frames, clips, sampled
from gobhir.projects.anomaly.scorer import ONNX, Camera, Stream, open_camera
from gobhir.projects.anomaly.settings import Settings
from gobhir.projects.anomaly.tail import alarms as found_in
from gobhir.projects.film import Frame, hidden
from gobhir.projects.parts import png
from gobhir.projects.settings import of_training, write

ALARMS, SCORES = "alarms.csv", "scores.csv"
COLUMNS = ("source", "start", "end", "peak", "value")


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "anomaly.to"] = None,
    alarms: Annotated[float, "anomaly.alarms"] = 0.0,
    frames: Annotated[int, "anomaly.frames"] = 0,
) -> pd.DataFrame:
    """What is unusual in films, folders, addresses and cameras: from when to when (seconds), how
    much, also as a value from 0 to 1. Shown as it comes, or written to the folder `to`, with all
    scores and with a picture of each alarm."""
    if not inputs:
        raise ValueError(say("anomaly.bad.inputs"))
    path = of_training(folder / ONNX)
    if not 0 <= alarms < np.inf:
        raise ValueError(say("anomaly.bad.alarms", alarms=alarms))
    camera = open_camera(path)
    watch, wished = camera.watch, alarms or camera.watch.alarms
    threshold = watch.tail.threshold(wished)
    rows, scores = [], []
    place = None if to is None else Path(to)
    stopped = False
    for clip in [one for source in inputs for one in clips(source)]:
        seen: list[tuple[float, float]] = []
        pictures: list[tuple[float, np.ndarray]] = []  # of each alarm the highest score
        try:
            for frame, score, squares in watched(camera, clip, settings.fps, frames):
                if score >= threshold:
                    new = all(s < threshold for _, s in seen[-watch.quiet - 1 :])
                    shown = (score, marked(frame.pixels, squares))
                    if new:
                        _announce(clip, frame, score)
                        pictures.append(shown)
                    elif score > pictures[-1][0]:
                        pictures[-1] = shown
                seen.append((frame.seconds, score))
        except KeyboardInterrupt:  # how one stops a camera; what was seen is kept
            stopped = True
        times, values = np.array(seen).reshape(-1, 2).T
        raised = found_in(values, threshold, watch.quiet)
        for one, (_, picture) in zip(raised, pictures, strict=False):
            value = round(watch.tail.value(one.peak, wished), 4)
            start, end = (round(float(times[k]), 2) for k in (one.first, one.last))
            rows.append((hidden(clip.source), start, end, round(one.peak, 4), value))
            if place is not None:
                write(place / f"{clip.name}-{start:.1f}.png", png(picture))
        scores += [(hidden(clip.source), round(s, 3), round(v, 5)) for s, v in seen]
        if stopped:
            break
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    print(t("anomaly.found", count=len(table), threshold=f"{threshold:.3f}", alarms=f"{wished:g}"))
    if place is None and rows:
        print(table.to_string(index=False))
    elif place is not None:
        write(place / ALARMS, table.to_csv(index=False))
        every = pd.DataFrame(scores, columns=["source", "seconds", "score"])
        write(place / SCORES, every.to_csv(index=False))
        print(t("anomaly.saved", path=place))
    return table


def watched(
    camera: Camera, clip: Clip, fps: float, most: int = 0
) -> Iterator[tuple[Frame, float, np.ndarray]]:
    """Each frame that is looked at, its smoothed score, and how unusual its squares are. most: end
    after so many frames of the clip; 0: with the clip."""
    stream = Stream(camera)
    for frame, wanted in sampled(all_frames(clip.source, fps), camera.watch.rate):
        if wanted and (found := stream.add(frame.pixels)) is not None:
            yield frame, *found
        if most and frame.number + 1 >= most:
            return


def marked(frame: np.ndarray, squares: np.ndarray, least: float = np.log(2)) -> np.ndarray:
    """A copy of the frame (h, w, 3), red where a square is drawn at least twice as badly as usual:
    the more so, the more red."""
    high, wide = frame.shape[:2]
    rows, cols = squares.shape
    red = np.clip((squares - least) / (2 * least), 0, 1) * 0.6
    place = np.ix_(np.arange(high) * rows // high, np.arange(wide) * cols // wide)
    share = red[place][..., None]
    return np.asarray((1 - share) * frame + share * np.array([255, 0, 0]), np.uint8)


def _announce(clip: Clip, frame: Frame, score: float) -> None:
    said = {"seconds": f"{frame.seconds:.1f}", "score": f"{score:.3f}"}
    print(t("anomaly.raised", source=hidden(clip.source), **said))
