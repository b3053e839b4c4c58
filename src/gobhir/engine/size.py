"""Size: a tensor's shape, a tuple that counts and prints as PyTorch's does."""

from __future__ import annotations

import math
from typing import Any, SupportsIndex, overload


class Size(tuple[int, ...]):
    """`gobhir.Size([2, 3])`: a tuple of sizes, one a dimension."""

    __slots__ = ()

    def numel(self) -> int:
        """How many numbers a tensor of this shape holds."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"gobhir.Size({list(self)})"

    @overload
    def __getitem__(self, i: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, i: slice) -> Size: ...
    def __getitem__(self, i: Any) -> Any:
        found = tuple.__getitem__(self, i)
        return Size(found) if isinstance(i, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, times: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__
