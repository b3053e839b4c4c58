"""Arrays: NumPy's npz (never unpickled)."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.datasets.catalogue import Entry
from gobhir.lang import Message, say

Arrays = dict[str, np.ndarray]
LARGEST = 4 << 30
"""Bytes that one npz file may unpack to."""


def read_npz(path: Path, names: tuple[str, ...]) -> Arrays:
    """The arrays `names` of an npz file; arrays with Python objects (pickles) are refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise ValueError(say("datasets.npz.large", path=path, most=LARGEST >> 20))
        with np.load(path, allow_pickle=False) as file:
            known = ", ".join(file.files)
            missing = [name for name in names if name not in file.files]
            if missing:
                raise ValueError(
                    say("datasets.npz.missing", path=path, name=missing[0], known=known)
                )
            return {name: file[name] for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, MemoryError) as error:
        raise ValueError(say("datasets.npz.broken", path=path, reason=error)) from error
    except ValueError as error:
        if error.args and isinstance(error.args[0], Message):
            raise
        raise ValueError(say("datasets.npz.pickled", path=path, reason=error)) from error


def labelled(images: np.ndarray, labels: np.ndarray, path: Path, classes: int) -> dict[str, Any]:
    """Pictures and their labels, when they fit each other and the number of classes."""
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        shapes = {"images": images.shape, "labels": labels.shape}
        raise ValueError(say("datasets.pair", path=path, **shapes))
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(say("datasets.label_type", path=path, type=labels.dtype))
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        row = int(np.flatnonzero((labels < 0) | (labels >= classes))[0])
        raise ValueError(
            say("datasets.label", path=path, row=row, label=labels[row], last=classes - 1)
        )
    return {"images": images, "labels": labels.astype(np.int64)}


def read_set(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """A data set of one npz file with `images` and `labels`."""
    (path,) = paths.values()
    arrays = read_npz(path, ("images", "labels"))
    return labelled(arrays["images"], arrays["labels"], path, len(card.classes))
