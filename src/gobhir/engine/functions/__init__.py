"""The ops under PyTorch's names and argument habits, as functions and as methods of Tensor.
engine and all above may import it. What an op computes stands in engine/ops.
Start reading in publish.py, then arithmetic.py.
"""

from gobhir.engine.functions import (  # noqa: F401  each file offers its functions on import
    arithmetic,
    comparison,
    conversion,
    counting,
    diagonals,
    einsum,
    elementwise,
    factors,
    gathering,
    indexing,
    joining,
    linalg,
    matrices,
    memory,
    norms,
    order,
    reductions,
    scattering,
    settings,
    shapes,
    sorting,
    statistics,
    typed,
)
from gobhir.engine.functions.publish import FUNCTIONS

__all__ = ["FUNCTIONS"]
