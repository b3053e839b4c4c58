"""Clips in memory: those of the data set of fights, or a folder of films, one folder a class.

sport/run/1.mp4, sport/run/market__1.mp4, sport/run/market__2.mp4, sport/jump/1.mp4, ...

A film is cut into clips of `span` seconds. Those of one film, and of films whose names begin alike
before "__", come from one source: who learns from one of them must not be asked about another.
"""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gobhir.datasets import Dataset, read_picture
from gobhir.lang import say
from gobhir.projects.film import SUFFIXES, frames
from gobhir.projects.parts import Words
from gobhir.projects.video.sampling import uniform
from gobhir.projects.video.settings import STRIP, Settings

MOST_CLIPS = 30
"""Of one film: more of the same place say little, and fill the memory."""
MOST = 4_000_000_000
"""Bytes of all clips in memory."""
SHOWN = 5


@dataclass(frozen=True)
class Clips:
    """pixels: (N, kept, size, size, 3) bytes. labels: (N,), each one's place in `classes`. groups:
    (N,), a number for each source. names: what a clip is called."""

    classes: list[Words]
    pixels: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.pixels)


def squeezed(frame: np.ndarray, size: int) -> np.ndarray:
    """All of a frame (h, w, 3) in a square (size, size, 3): nobody is cut off, everybody is a
    little thinner or thicker, as in the data set."""
    import cv2

    if frame.shape[:2] == (size, size):
        return frame
    smaller = min(frame.shape[:2]) >= size
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    found: np.ndarray = cv2.resize(np.ascontiguousarray(frame), (size, size), interpolation=way)
    return found


def of_strips(dataset: Dataset, size: int) -> Clips:
    """The catalogue's fights. Clips of unknown source (-1) are each a group of their own.
    ValueError where the archive lacks one, or one is no strip of 16 squares."""
    frame = dataset.frame
    groups = frame["source_group"].to_numpy(int)
    unknown = groups < 0
    groups = groups.copy()
    groups[unknown] = groups.max(initial=0) + 1 + np.arange(unknown.sum())
    names = [str(name) for name in frame["clip"]]
    path = dataset.paths["clips_16x128.zip"]
    pixels = np.empty((len(names), STRIP, size, size, 3), np.uint8)
    try:
        with zipfile.ZipFile(path) as archive:
            for k, name in enumerate(names):
                strip = read_picture(archive.read(f"{name}.jpg"), name=f"{path.name}/{name}.jpg")
                if strip.shape[0] != STRIP * strip.shape[1]:
                    raise ValueError(say("video.bad.strip", name=name, shape=strip.shape[:2]))
                for t, one in enumerate(np.split(strip, STRIP)):
                    pixels[k, t] = squeezed(one, size)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(say("video.bad.archive", path=path, reason=error)) from None
    return Clips(
        list(dataset.card.classes), pixels, frame["label"].to_numpy(int, copy=True), groups, names
    )


def read_folder(folder: Path, settings: Settings) -> Clips:
    """All films of all class folders, cut into clips. ValueError where there are too few classes or
    films, and where a file is no film, with all such files."""
    files = listed(folder, settings.folds)
    kept = settings.kept
    each = kept * settings.size**2 * 3
    pixels: list[np.ndarray] = []
    labels, sources, names = [], [], []
    broken: list[str] = []
    for label, paths in enumerate(files.values()):
        for path in paths:
            try:
                found = list(cut(path, settings.span, kept, settings.size))
            except (ValueError, OSError) as error:
                broken.append(str(error))
                continue
            pixels += found
            labels += [label] * len(found)
            sources += [source_of(path)] * len(found)
            names += [f"{path.parent.name}/{path.name} [{k}]" for k in range(len(found))]
            if len(pixels) * each > MOST:
                raise ValueError(say("video.bad.memory", most=MOST // 1_000_000_000))
    if broken:
        told = "\n".join(broken[:SHOWN]) + ("\n..." if len(broken) > SHOWN else "")
        raise ValueError(say("video.bad.films", count=len(broken), files=told))
    groups = np.unique(sources, return_inverse=True)[1]
    return Clips(list(files), np.stack(pixels), np.array(labels), groups, names)


def source_of(path: Path) -> str:
    """Films cut from one longer film are called alike up to "__": they are one source."""
    before, between, _ = path.stem.partition("__")
    return before if between else f"{path.parent.name}/{path.name}"


def listed(folder: Path, least: int) -> dict[str, list[Path]]:
    """The films of each class, by its name. ValueError where there is nothing to tell apart, or a
    class has fewer sources than `least`: some fold would have none of it."""
    if not folder.is_dir():
        raise ValueError(say("video.bad.folder", folder=folder))
    files: dict[str, list[Path]] = {}
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        if part.name.startswith("."):
            continue
        # "ড়" may be one sign or two: to a reader it is the same name.
        name = unicodedata.normalize("NFC", part.name)
        files.setdefault(name, []).extend(films(part))
    if len(files) < 2:
        raise ValueError(say("video.bad.classes", folder=folder, found=", ".join(files) or "-"))
    many = {name: len({source_of(path) for path in found}) for name, found in files.items()}
    few = [f"{name} ({count})" for name, count in many.items() if count < least]
    if few:
        told = {"classes": ", ".join(few), "least": least, "known": ", ".join(SUFFIXES)}
        raise ValueError(say("video.bad.few", **told))
    return files


def films(folder: Path) -> list[Path]:
    """The films in a folder, by their names."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in inside if path.suffix.lower() in SUFFIXES]


def cut(path: Path, span: float, kept: int, size: int) -> Iterator[np.ndarray]:
    """The clips (kept, size, size, 3) of a film, one after the other, at most MOST_CLIPS; what is
    left at the end and shorter than `span` seconds is left out, but of a film that is all of it."""
    part: list[np.ndarray] = []
    begin, last, given = 0.0, 0.0, 0
    for frame in frames(str(path)):
        if part and frame.seconds - begin >= span - 1e-6:
            yield _some(part, kept)
            part, given = [], given + 1
            if given == MOST_CLIPS:
                return
        if not part:
            begin = frame.seconds
        last = frame.seconds
        part.append(squeezed(frame.pixels, size))
    # The last frame, too, is seen for a while.
    lasted = (last - begin) * len(part) / max(1, len(part) - 1)
    if part and (not given or lasted >= span - 1e-6):
        yield _some(part, kept)


def _some(part: list[np.ndarray], kept: int) -> np.ndarray:
    return np.stack([part[k] for k in uniform(len(part), kept)])
