"""Likelihoods, margins, sequences of labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

X, Y = numbers(50, (3, 4)), numbers(56, (3, 4), low=0.3, high=4.0)
SIDE = np.where(numbers(52, (3, 4)) > 0, 1.0, -1.0)
SCORES = numbers(54, (5, 2, 3))
LOG_SHARES = SCORES - np.log(np.exp(SCORES).sum(2, keepdims=True))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "ctc_loss": (
        [LOG_SHARES, np.array([[1, 2], [2, 0]]), np.array([5, 4]), np.array([2, 1])],
        {},
    ),
    "gaussian_nll_loss": ([X, Y, numbers(53, (3, 4), low=0.2, high=2.0)], {"full": True}),
    "hinge_embedding_loss": ([X, SIDE], {"margin": 0.7}),
    "margin_ranking_loss": ([X, Y, SIDE], {"margin": 0.7}),
    "nll_loss": ([X, np.array([0, 3, 1]), numbers(55, (4,), low=0.5, high=2.0)], {}),
    "poisson_nll_loss": ([X, Y], {"full": True}),
    "soft_margin_loss": ([X, SIDE], {}),
}
NOT_PER_ELEMENT = {
    "ctc_loss": "alpha stands for the probabilities of the paths, worked out step by step",
    "nll_loss": "weight_y and s_y stand for the entries of the right class",
}
NOT_BY_WIGGLING = {
    "ctc_loss": "as in PyTorch its gradient is for numbers that log_softmax gave",
}
