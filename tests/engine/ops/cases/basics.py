"""Losses, and the ops that the engine itself needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import OPS
from tests.engine.parity import numbers

X = numbers(1, (3, 4), low=0.2, high=2.0)
Y = numbers(2, (3, 4), low=0.3, high=2.5)
HALF = numbers(4, (3, 4), low=0.1, high=0.9)
Z = numbers(5, (3, 4))
ANY = numbers(7, (3, 4))
HOT = np.eye(4)[[0, 3, 1]]

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "bce_loss": ([HALF, numbers(8, (3, 4), low=0.0, high=1.0)], {}),
    "bce_with_logits_loss": ([Z, HALF], {}),
    "cross_entropy_loss": ([Z, HOT], {"label_smoothing": 0.1}),
    "huber_loss": ([X, ANY], {"delta": 0.7}),
    "kl_div_loss": ([np.log(HALF), Y], {}),
    "l1_loss": ([X, ANY], {}),
    "log_target_kl_div_loss": ([np.log(HALF), np.log(X)], {}),
    "mse_loss": ([X, ANY], {}),
    "smooth_l1_loss": ([X, ANY], {"beta": 0.7}),
    "weighted_bce_with_logits_loss": ([Z, HALF, numbers(12, (4,), low=0.5, high=3.0)], {}),
    "part": ([(X, Y)], {"place": 1}),
    "view_scatter": ([X, ANY.T], {"looks": ((OPS["permute"], {"dims": (1, 0)}),)}),
}
NOT_PER_ELEMENT = {
    "part": "it chooses one of several results",
    "view_scatter": "in_view stands for the places that the view shows",
}
