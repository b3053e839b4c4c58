"""Shapes, joining, windows, diagonals, padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

X = numbers(1, (3, 4), low=0.2, high=2.0)
Y = numbers(2, (3, 4))
DIAGONAL = {"offset": 1, "dim1": 0, "dim2": 1}
STRIDES = {"stride": (3, 2), "storage_offset": 1}

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "as_strided": ([X], {"size": (3, 2), **STRIDES}),
    "cast": ([X], {"dtype": np.float32}),
    "cat": ([X, Y], {"dim": 1}),
    "clone": ([X], {}),
    "constant_pad": ([X], {"pad": ((1, 2), (-1, 3)), "value": 0.5}),
    "diagonal": ([X], DIAGONAL),
    "diagonal_scatter": ([X[0]], {"shape": (4, 5), **DIAGONAL}),
    "expand": ([X], {"shape": (2, 3, 4)}),
    "flip": ([X], {"dims": (0, 1)}),
    "overlap": ([numbers(3, (3, 2, 3))], {"shape": (3, 5), "dimension": 1, "step": 2}),
    "permute": ([X], {"dims": (1, 0)}),
    "read_as": ([np.arange(6, dtype=np.int64)], {"dtype": np.float64}),
    "reshape": ([X], {"shape": (4, 3)}),
    "roll": ([X], {"shifts": (1, -2), "dims": (0, 1)}),
    "stack": ([X, Y], {"dim": 1}),
    "strided_sum": ([numbers(4, (3, 2))], {"shape": (3, 4), **STRIDES}),
    "tril": ([X], {"diagonal": 1}),
    "triu": ([X], {"diagonal": -1}),
    "unfold": ([X], {"dimension": 1, "size": 3, "step": 1}),
}
NOT_PER_ELEMENT = {
    "cat": "tensors stands for all of its inputs",
    "stack": "tensors stands for all of its inputs",
}
