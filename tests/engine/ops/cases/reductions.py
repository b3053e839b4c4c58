"""Many numbers into fewer, running results, numbers by rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

X = numbers(1, (3, 4), low=0.2, high=2.0)
ANY = numbers(7, (3, 4))
Z = numbers(5, (3, 4))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "amax": ([ANY], {}),
    "amin": ([ANY], {}),
    "cummax": ([ANY], {"dim": 1}),
    "cummin": ([ANY], {"dim": 1}),
    "cumprod": ([ANY], {"dim": 1}),
    "cumsum": ([ANY], {"dim": 1}),
    "kthvalue": ([ANY], {"dim": 1, "k": 2}),
    "log_softmax": ([Z], {"dim": 1}),
    "log_sum_exp": ([ANY], {}),
    "logcumsumexp": ([ANY], {"dim": 1}),
    "max": ([ANY], {"dim": 1}),
    "mean": ([X], {}),
    "median": ([ANY], {}),
    "median_along": ([ANY], {"dim": 0}),
    "min": ([ANY], {"dim": 1}),
    "mode": ([ANY], {"dim": 1}),
    "norm": ([ANY], {"p": 3.0}),
    "prod": ([X], {}),
    "recurrence": ([X, ANY], {"dim": 1}),
    "softmax": ([Z], {"dim": 1}),
    "sort": ([ANY], {"dim": 0}),
    "std": ([ANY], {}),
    "sum": ([X], {}),
    "sum_to": ([X], {"shape": ()}),
    "topk": ([ANY], {"dim": 1, "k": 2}),
    "var": ([ANY], {}),
}
WORDS = {
    "cumprod": lambda a: np.stack([a[:, : i + 1].prod(1) for i in range(a.shape[1])], 1),
    "cumsum": lambda a: np.stack([a[:, : i + 1].sum(1) for i in range(a.shape[1])], 1),
    "largest": np.max,
    "middle": lambda a: np.sort(a, axis=None)[(a.size - 1) // 2],
    "product": np.prod,
    "smallest": np.min,
}
NOT_PER_ELEMENT = {
    "cummax": "it has two results, the number and its place",
    "cummin": "it has two results, the number and its place",
    "recurrence": "s_before is the result of the place before",
}
