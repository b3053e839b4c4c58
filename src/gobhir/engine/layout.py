"""Names for how numbers may lie in memory. They are accepted where PyTorch takes them; Gobhir has
one layout, rows after rows, and chooses by itself where another is faster."""

from __future__ import annotations


class layout:
    """`gobhir.strided`, the layout of every tensor."""

    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return f"gobhir.{self._name}"


class memory_format(layout):
    """`gobhir.channels_last` and its kin: wishes that change no result."""


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
