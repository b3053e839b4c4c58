"""Linear algebra under the names of torch.linalg: norms, equations, decompositions, products.
Stands on engine/, where each is worked out (engine/ops/linalg.py, engine/functions).
Start reading in engine/ops/linalg.py.
"""

from __future__ import annotations

from typing import Any

from gobhir.engine.functions.diagonals import diagonal as _diagonal
from gobhir.engine.functions.factors import (
    cholesky_ex,
    inv_ex,
    lu,
    lu_factor,
    lu_factor_ex,
    solve_ex,
)
from gobhir.engine.functions.factors import linalg_lu_solve as lu_solve
from gobhir.engine.functions.linalg import linalg_cross as cross
from gobhir.engine.functions.linalg import matmul, multi_dot, vecdot
from gobhir.engine.functions.matrices import (
    cholesky,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inv,
    lstsq,
    matrix_exp,
    matrix_power,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
    svdvals,
    tensorinv,
    tensorsolve,
)
from gobhir.engine.functions.norms import cond, matrix_norm, matrix_rank, norm, vector_norm
from gobhir.engine.functions.statistics import linalg_vander as vander
from gobhir.engine.ops.linalg import LinAlgError

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonal of each matrix, as a last dimension (a view)."""
    return _diagonal(A, offset, dim1, dim2)
