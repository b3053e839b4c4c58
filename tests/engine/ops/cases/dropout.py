"""Dropout with the noise given."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

KEPT = np.array([[2.0, 0.0, 2.0, 0.0]] * 3)

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "dropout": ([numbers(1, (3, 4)), KEPT], {}),
    "alpha_dropout": ([numbers(1, (3, 4)), KEPT, numbers(2, (3, 4))], {}),
}
