"""An image made larger along one dimension and smaller along the other."""

from __future__ import annotations

from typing import Any

from tests.engine.parity import numbers

SETTINGS = {"size": (5, 2), "mode": "linear"}

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "resample": ([numbers(1, (2, 1, 3, 4))], SETTINGS),
    "resample_back": ([numbers(2, (2, 1, 5, 2))], SETTINGS | {"before": (3, 4)}),
}
NOT_PER_ELEMENT = {
    "resample": "the sum goes over one dimension after the other",
    "resample_back": "the sum goes over one dimension after the other",
}
