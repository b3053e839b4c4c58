"""IDX, the format of MNIST: a magic number with type and dimensions, their sizes, the numbers.
http://yann.lecun.com/exdb/mnist/ described it.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.datasets.catalogue import Entry
from gobhir.datasets.readers.arrays import labelled
from gobhir.lang import say

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
LARGEST = 1 << 31
"""Bytes that one file may unpack to; MNIST has 47 million."""


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file, packed with gzip or not."""
    data = _unpacked(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise ValueError(say("datasets.idx.magic", path=path, begin=data[:4].hex(" ")))
    kind, dimensions = np.dtype(TYPES[data[2]]), data[3]
    begin = 4 + 4 * dimensions
    if len(data) < begin:
        raise ValueError(say("datasets.idx.size", path=path, want=begin, got=len(data)))
    shape = struct.unpack(f">{dimensions}I", data[4:begin])
    want = begin + math.prod(shape) * kind.itemsize
    if want != len(data):
        raise ValueError(say("datasets.idx.size", path=path, want=want, got=len(data)))
    numbers = np.frombuffer(data, kind, offset=begin).reshape(shape)
    return numbers.astype(kind.newbyteorder("="))


def _unpacked(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                return path.read_bytes()
        with gzip.open(path) as file:
            data = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(say("datasets.idx.broken", path=path, reason=error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise FileNotFoundError(say("datasets.no_file", path=path, reason=reason)) from error
    if len(data) > LARGEST:
        raise ValueError(say("datasets.idx.large", path=path, most=LARGEST >> 20))
    return data


def read_set(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """`options.splits`: split -> [file of pictures, file of labels]."""
    parts, splits = [], []
    for split, (images, labels) in card.options["splits"].items():
        pictures, classes = read_idx(paths[images]), read_idx(paths[labels])
        parts.append(labelled(pictures, classes, paths[images], len(card.classes)))
        splits += [split] * len(classes)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return joined | {"splits": np.array(splits)}
