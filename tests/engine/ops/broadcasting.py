"""Drawn shapes for ops of several operands."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.engine.parity import SHAPES


@st.composite
def broadcastable(draw: st.DrawFn, count: int = 2) -> tuple[tuple[int, ...], ...]:
    """Shapes that broadcast: sizes of 1 and missing leading sizes are stretched."""
    full = draw(SHAPES)
    shapes = []
    for _ in range(count):
        kept = full[draw(st.integers(0, len(full))) :]
        shapes.append(tuple(draw(st.sampled_from([n, 1])) for n in kept))
    return tuple(shapes)
