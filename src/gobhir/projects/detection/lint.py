"""What is wrong with a YOLO folder, told before hours are spent learning from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gobhir.datasets import read_picture
from gobhir.evaluation import same
from gobhir.lang import Message, say
from gobhir.projects.detection.formats import (
    CLASSES,
    SUFFIXES,
    label_of,
    label_rows,
    part_of,
    pictures_of,
    roots,
    yaml_names,
)

EDGE = 0.002
"""Shares are written with few digits: a box may leave the picture by so much of it."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. kind: what (missing_label, no_picture, line, class, zero, outside,
    twice, unreadable, leak, copy); told: where, and what to do."""

    kind: str
    told: Message

    def __str__(self) -> str:
        return str(self.told)


def lint(folder: Path) -> list[Fault]:
    """All that is wrong with a YOLO folder: labels that are missing or belong to no picture, lines
    that are no boxes, classes without a name, boxes without area, outside, or there twice, pictures
    that cannot be read, and the same picture twice, also in two parts of the split.

    FileNotFoundError, ValueError: there is no such folder."""
    if not roots(folder):
        raise FileNotFoundError(say("detection.lint.folder", folder=folder))
    found = list(pictures_of(folder))
    if not found:
        raise ValueError(say("detection.data.empty", folder=folder / "images"))
    names = yaml_names(folder)
    faults: list[Fault] = []
    for root, path in found:
        faults += _of_labels(label_of(root, path), path, len(names))
    known = {label_of(root, path) for root, path in found}
    for path in (p for root in roots(folder) for p in sorted((root / "labels").rglob("*.txt"))):
        if path not in known and path.name != CLASSES:
            faults.append(_fault("no_picture", path=path, known=", ".join(SUFFIXES)))
    return faults + list(_of_pictures(folder, [path for _, path in found]))


def _of_labels(path: Path, picture: Path, classes: int) -> Iterator[Fault]:
    if not path.is_file():
        yield _fault("missing_label", path=path, picture=picture)
        return
    try:
        rows = label_rows(path)
    except ValueError as error:
        yield Fault("line", say("detection.lint.line", reason=error))
        return
    times = Counter(tuple(row) for row in rows.tolist())
    for number, row in enumerate(rows, 1):
        kind, x, y, w, h = (float(n) for n in row)
        said = {"path": path, "number": number}
        if classes and kind >= classes:
            yield _fault("class", **said, given=int(kind), classes=classes)
        if w <= 0 or h <= 0:
            yield _fault("zero", **said, width=w, height=h)
        elif min(x - w / 2, y - h / 2) < -EDGE or max(x + w / 2, y + h / 2) > 1 + EDGE:
            yield _fault("outside", **said)
    for row, count in times.items():
        if count > 1:
            yield _fault("twice", path=path, count=count, given=int(row[0]))


def _of_pictures(folder: Path, found: list[Path]) -> Iterator[Fault]:
    readable, pixels = [], []
    for path in found:
        try:
            picture = read_picture(path)
        except (ValueError, FileNotFoundError) as error:
            yield Fault("unreadable", say("detection.lint.unreadable", reason=error))
            continue
        readable.append(path)
        # Of each picture only a fingerprint stays in memory.
        pixels.append(np.frombuffer(_digest(picture), np.uint8))
    groups = same(pixels)
    first: dict[int, Path] = {}
    for path, group in zip(readable, groups.tolist(), strict=True):
        if group not in first:
            first[group] = path
            continue
        parts = {part_of(folder, one) for one in (first[group], path)}
        yield _fault("leak" if len(parts) > 1 else "copy", one=first[group], other=path)


def _digest(picture: np.ndarray) -> bytes:
    from hashlib import blake2b

    return blake2b(str(picture.shape).encode() + picture.tobytes()).digest()


def _fault(kind: str, **values: object) -> Fault:
    return Fault(kind, say(f"detection.lint.{kind}", **values))  # keys: detection.lint.*
