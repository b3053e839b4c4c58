"""A folder of pictures, one folder a class: what is in it, and what is wrong with it.

flowers/rose/1.jpg, flowers/rose/2.png, flowers/গাঁদা/1.webp, ...
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.datasets import read_picture
from gobhir.deploy import Picture
from gobhir.deploy.inputs import prepared
from gobhir.evaluation import same
from gobhir.lang import say, warn
from gobhir.projects.parts import Words

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FEWEST = 10
"""Pictures of a class: of fewer none would be left to learn from, to choose by and to ask about."""
MOST = 4_000_000_000
"""Bytes of all pictures in memory."""
SHOWN = 5


@dataclass(frozen=True)
class Pictures:
    """Pictures in memory, all of one size, as the network is shown them.

    pixels: (N, 3, size, size) bytes. labels: (N,), each one's place in `classes`. groups: (N,);
    pictures of one group (copies; parts of one photograph) belong on one side of a split.
    """

    classes: list[Words]
    pixels: np.ndarray
    labels: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)


def read_folder(folder: Path, size: int) -> Pictures:
    """All pictures of all class folders. ValueError, before a single picture is read, where there
    are too few classes or pictures; and where a file is no picture, with all such files."""
    files = listed(folder)
    paths = [path for found in files.values() for path in found]
    enough_memory(len(paths), size)
    labels = np.repeat(np.arange(len(files)), [len(found) for found in files.values()])
    pixels = np.empty((len(paths), 3, size, size), np.uint8)
    broken: list[str] = []
    for k, path in enumerate(paths):
        try:
            pixels[k] = shown(read_picture(path, name=f"{path.parent.name}/{path.name}"), size)
        except (ValueError, OSError) as error:
            broken.append(str(error))
    if broken:
        told = "\n".join(broken[:SHOWN]) + ("\n..." if len(broken) > SHOWN else "")
        raise ValueError(say("images.bad.pictures", count=len(broken), files=told))
    groups = same(pixels)
    _unambiguous(groups, labels, paths)
    return Pictures(list(files), pixels, labels, groups)


def listed(folder: Path) -> dict[str, list[Path]]:
    """The pictures of each class, by its name. ValueError where there is nothing to tell apart."""
    if not folder.is_dir():
        raise ValueError(say("images.bad.folder", folder=folder))
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files: dict[str, list[Path]] = {}
    others: list[str] = []
    for part in inside:
        if not part.is_dir():
            continue
        # "ড়" may be one sign or two: to a reader it is the same name.
        name = unicodedata.normalize("NFC", part.name)
        for path in sorted(part.iterdir()):
            if path.name.startswith(".") or path.is_dir():
                continue
            if path.suffix.lower() in SUFFIXES:
                files.setdefault(name, []).append(path)
            else:
                others.append(f"{part.name}/{path.name}")
        files.setdefault(name, [])
    if len(files) < 2:
        loose = sum(path.suffix.lower() in SUFFIXES for path in inside)
        key = "one_class" if files else "no_classes"
        said = {"folder": folder, "name": next(iter(files), ""), "loose": loose}
        raise ValueError(say(f"images.bad.{key}", **said))
        # keys: images.bad.one_class, images.bad.no_classes
    few = [f"{name} ({len(found)})" for name, found in files.items() if len(found) < FEWEST]
    if few:
        known = ", ".join(SUFFIXES)
        raise ValueError(say("images.bad.few", classes=", ".join(few), least=FEWEST, known=known))
    if others:
        told = ", ".join(others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
        warn(say("images.others", count=len(others), files=told, known=", ".join(SUFFIXES)))
    return files


def enough_memory(count: int, size: int) -> None:
    """ValueError where so many pictures of this size are more than a small machine holds."""
    if count * 3 * size * size > MOST:
        said = {"count": count, "size": size, "most": MOST // 1_000_000_000}
        raise ValueError(say("images.bad.memory", **said))


def shown(picture: Any, size: int) -> np.ndarray:
    """The middle square of a picture, (3, size, size) bytes: exactly what `gobhir serve` cuts."""
    cut = prepared(Picture(size, size), picture)
    return np.rint(cut * 255).astype(np.uint8)


def _unambiguous(groups: np.ndarray, labels: np.ndarray, paths: Sequence[Path]) -> None:
    """A warning where the same picture lies in two classes."""
    first: dict[int, int] = {}
    for k, group in enumerate(groups.tolist()):
        other = first.setdefault(group, k)
        if labels[other] != labels[k]:
            one, two = (f"{paths[i].parent.name}/{paths[i].name}" for i in (other, k))
            warn(say("images.twice", one=one, two=two))
            return
