"""Linear algebra: products, equations, decompositions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.parity import numbers

X = numbers(1, (3, 4), low=0.2, high=2.0)
SQUARE = numbers(16, (2, 3, 3)) + 3 * np.eye(3)
POSITIVE = X @ X.T + np.eye(3)
TWO = numbers(17, (2, 3, 3))

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "cholesky": ([POSITIVE], {}),
    "cofactor": ([SQUARE], {}),
    "cofactor_change": ([SQUARE[0], TWO[0]], {}),
    "det": ([SQUARE], {}),
    "eigh": ([POSITIVE], {}),
    "inv": ([SQUARE], {}),
    "linear": ([X, numbers(9, (2, 4)), numbers(10, (2,))], {}),
    "lu": ([SQUARE], {}),
    "mat_mul": ([X, numbers(11, (4, 2))], {}),
    "matrix_exp": ([TWO], {}),
    "pinv": ([X], {}),
    "qr": ([X], {}),
    "slogdet": ([SQUARE], {}),
    "solve": ([SQUARE, TWO], {}),
    "svd": ([X], {"full_matrices": False}),
}
SYMMETRIC = {"cholesky", "eigh"}
"""They read one triangle of a symmetric matrix, and give both their share of the gradient."""


WORDS = {"inv": np.linalg.inv, "det": np.linalg.det, "cholesky": np.linalg.cholesky}
NOT_PER_ELEMENT = {
    "cofactor": "its formula is for one matrix",
    "cofactor_change": "C stands for the cofactors",
    "eigh": "it has two results",
    "lu": "it has three results",
    "matrix_exp": "its formula is its name",
    "pinv": "its formula is its name",
    "qr": "it has two results",
    "slogdet": "it has two results",
    "svd": "it has three results",
}
