"""Poolings whose windows overlap, leave a rest and look at padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.ops.pooling import MaxPool
from tests.engine.parity import numbers

X = np.random.default_rng(1).permutation(60).reshape(1, 2, 5, 6) / 10.0
WINDOWS = {"kernel": (2, 3), "stride": (2, 1), "padding": (1, 0)}
LARGEST = WINDOWS | {"dilation": (1, 2)}
OUT = MaxPool.forward(X, **LARGEST)
AT = np.array([[[[3, 0]], [[5, 1]]]])

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "avg_pool": ([X], WINDOWS | {"count_include_pad": False}),
    "avg_pool_back": (
        [numbers(2, (1, 2, 3, 4))],
        WINDOWS | {"size": (5, 6), "count_include_pad": False},
    ),
    "max_pool": ([X], LARGEST),
    "max_pool_back": ([numbers(3, OUT.shape), X, OUT], LARGEST),
    "max_pool_pick": ([numbers(4, X.shape), X, OUT], LARGEST),
    "max_unpool": ([numbers(5, AT.shape), AT], {"size": (2, 3)}),
}
NOT_PER_ELEMENT = {
    "avg_pool": "window(x) is what the window shows",
    "avg_pool_back": "windows(d) are those that cover the place",
    "max_pool": "window(x) is what the window shows",
    "max_pool_back": "the sum goes over the windows that cover the place",
    "max_pool_pick": "first_largest is a place that the window chooses",
    "max_unpool": "the places come with the numbers",
}
