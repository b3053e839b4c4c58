"""Products of vectors and matrices."""

from __future__ import annotations

from gobhir.engine.functions.publish import binary
from gobhir.engine.ops import linear

matmul = binary(linear.matmul, inplace=False)
mm = binary(linear.matmul, "mm", inplace=False)
dot = binary(linear.matmul, "dot", inplace=False)
