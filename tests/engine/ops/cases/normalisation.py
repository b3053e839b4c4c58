"""Normalisations, with weights that do not average out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

X = np.random.default_rng(1).normal(size=(3, 4, 2, 3))
W, B = numbers(2, (4,)), numbers(3, (4,))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "batch_norm": ([X, W, B], {}),
    "batch_norm_by_running": ([X, numbers(4, (4,)), numbers(5, (4,), low=0.5), W, B], {}),
    "group_norm": ([X, W, B], {"groups": 2}),
    "instance_norm": ([X, W, B], {}),
    "layer_norm": ([X, numbers(6, (2, 3)), numbers(7, (2, 3))], {"count": 2}),
    "rms_norm": ([X, numbers(8, (2, 3))], {"count": 2, "eps": 0.1}),
}
NOT_PER_ELEMENT = dict.fromkeys(CASES, "mean and variance are those of many numbers")
