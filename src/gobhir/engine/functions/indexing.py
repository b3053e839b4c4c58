"""Choosing: x[index], x[index] = values, and where a condition holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.creation import as_tensor
from gobhir.engine.functions.publish import function, method
from gobhir.engine.inplace import assign
from gobhir.engine.ops import elementary, shapes
from gobhir.engine.tensor import Tensor


def _getitem(self: Tensor, index: Any) -> Any:
    """x[index]."""
    return shapes.getitem(self, index=shapes.plain_index(index))


def _setitem(self: Tensor, index: Any, values: Any) -> None:
    """x[index] = values."""
    assign(self, values, "set_item", shapes.plain_index(index))


Tensor.__getitem__ = _getitem
Tensor.__setitem__ = _setitem  # type: ignore[attr-defined]


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the numbers of `src` into this tensor; they broadcast and take its dtype."""
    return assign(self, as_tensor(src).to(self.dtype), "copy_")


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one number everywhere."""
    return assign(self, value, "fill_")


@method
def zero_(self: Tensor) -> Tensor:
    """Write 0 everywhere."""
    return assign(self, 0, "zero_")


@function
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, other elsewhere; with the condition alone, the indices
    at which it holds, one tensor a dimension."""
    if input is None and other is None:
        return tuple(Tensor._wrap(index) for index in np.nonzero(condition.array))
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = as_tensor(input)
    return elementary.where(condition, input, other)
