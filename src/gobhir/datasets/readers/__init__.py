"""How files are read: one function a format, `read(card, paths) -> contents` of a Dataset.
Each refuses what it cannot read in a sentence with the place of the trouble.
Start reading in arrays.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gobhir.datasets.catalogue import Entry
from gobhir.datasets.readers import arrays, idx, json_digits, scikit, tables, texts

Reader = Callable[[Entry, dict[str, Path]], dict[str, Any]]


def paths_alone(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """Nothing is read: whoever wants the files knows what to do with them."""
    return {}


READERS: dict[str, Reader] = {
    "files": paths_alone,
    "idx": idx.read_set,
    "json digits": json_digits.read_set,
    "npz": arrays.read_set,
    "rated texts": texts.read_rated,
    "scikit-learn": scikit.read_set,
    "split texts": texts.read_split,
    "table": tables.read_set,
    "texts by class": texts.read_by_class,
}


def reader(name: str) -> Reader:
    return READERS[name]
