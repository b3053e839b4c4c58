"""How files are read: one function a format, `read(card, paths) -> contents` of a Dataset.
Each refuses what it cannot read in a sentence with the place of the trouble.
Start reading in arrays.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gobhir.datasets.catalogue import Entry
from gobhir.datasets.readers import arrays, scikit, texts

Reader = Callable[[Entry, dict[str, Path]], dict[str, Any]]

READERS: dict[str, Reader] = {
    "npz": arrays.read_set,
    "scikit-learn": scikit.read_set,
    "split texts": texts.read_split,
    "texts by class": texts.read_by_class,
}


def reader(name: str) -> Reader:
    return READERS[name]
