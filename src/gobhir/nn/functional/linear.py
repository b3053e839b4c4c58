"""Weighted sums."""

from gobhir.engine.ops.linear import linear

__all__ = ["linear"]
