"""Recurrent steps and layers, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

T, B, IN, H = 3, 2, 4, 3


def weights(gates: int) -> list[Any]:
    shapes = [(gates * H, IN), (gates * H, H), (gates * H,), (gates * H,)]
    return [numbers(20 + i, shape, low=-1, high=1) for i, shape in enumerate(shapes)]


X, STEP = numbers(30, (T, B, IN)), numbers(31, (B, IN))
START, CELL = numbers(32, (B, H)), numbers(33, (B, H))
SCORES = np.where(numbers(35, (2, 3)) > 2, -np.inf, numbers(34, (2, 3)))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "attention": (
        [numbers(36, (2, 4)), numbers(37, (3, 4)), numbers(38, (3, 2)), SCORES],
        {"scale": 0.5},
    ),
    "gru_layer": ([X, START, *weights(3)], {}),
    "gru_step": ([STEP, START, *weights(3)], {}),
    "lstm_layer": ([X, START, CELL, *weights(4)], {}),
    "lstm_step": ([STEP, START, CELL, *weights(4)], {}),
    "rnn_layer": ([X, START, *weights(1)], {}),
    "rnn_step": ([STEP, START, *weights(1)], {}),
    "split_heads": ([numbers(39, (2, 3, 8))], {"parts": 2, "heads": 2, "batch_first": True}),
}
_GATES = "it is written in gates, whose own formulas stand beside it"
_STEPS = "it says how step t follows from step t - 1"
NOT_PER_ELEMENT = {
    "attention": "every result depends on all keys",
    "gru_layer": _STEPS,
    "gru_step": _GATES,
    "lstm_layer": _STEPS,
    "lstm_step": _GATES,
    "rnn_layer": _STEPS,
    "rnn_step": _GATES,
    "split_heads": "it gives several results",
}
