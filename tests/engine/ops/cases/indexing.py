"""Reading, adding and writing at an index."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

X = numbers(1, (3, 4), low=0.2, high=2.0)
ANY = numbers(7, (3, 4))
THERE = (np.array([0, 2, 2]), np.array([1, 3, 3]))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "get_item": ([X], {"index": (slice(1, 3), 2)}),
    "add_at": ([X[0]], {"index": (np.array([0, 2, 2, 1]),), "shape": (5,)}),
    "set_item": ([X, ANY[1]], {"index": 1}),
    "scatter_reduce": ([X, ANY[0, :3]], {"index": THERE, "reduce": "prod"}),
}
NOT_PER_ELEMENT = {
    "set_item": "at_index stands for the places that the index names",
    "scatter_reduce": "at_index stands for the numbers that were sent to a place",
}
