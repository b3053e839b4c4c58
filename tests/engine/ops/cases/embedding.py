"""Rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

ROWS = np.array([[0, 2, 2], [1, 2, 0]])

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "add_rows": ([numbers(41, (2, 3, 4)), ROWS], {"rows": 5}),
    "embedding": ([ROWS, numbers(40, (5, 4))], {}),
}
NOT_PER_ELEMENT = {"add_rows": "several rows may go to the same place"}
