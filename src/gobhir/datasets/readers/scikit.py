"""The data sets that scikit-learn ships, read by scikit-learn itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gobhir.datasets.catalogue import Entry


def read_set(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """A table with the column `target`, its units as measured; of digits also the images."""
    from sklearn import datasets

    function = getattr(datasets, card.options["function"])
    found = function(as_frame=True, **card.options.get("arguments", {}))
    contents: dict[str, Any] = {"frame": found.frame}
    if card.classes:
        contents["labels"] = found.target.to_numpy(np.int64)
    if card.kind == "images":
        contents["images"] = found.images.astype(np.uint8)
    return contents
