"""One number or one for each dimension: how kernels, strides and paddings are given."""

from __future__ import annotations

import operator
from typing import Any

from gobhir.engine import Tensor
from gobhir.lang import say


def each(value: Any, n: int, name: str) -> tuple[int, ...]:
    """`value` for each of n dimensions. TypeError for what is no whole number, RuntimeError for
    the wrong count of them."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    try:
        numbers = tuple(operator.index(v) for v in given)
    except TypeError:
        raise TypeError(say("errors.conv.whole", name=name, value=value)) from None
    if len(numbers) not in (1, n):
        raise RuntimeError(say("errors.conv.count", name=name, value=value, n=n))
    return numbers * n if len(numbers) == 1 else numbers


def batched(input: Tensor, n: int, what: str) -> tuple[Tensor, bool]:
    """The input as (N, C, n sizes), and whether it came without N. RuntimeError for another
    number of dimensions."""
    if input.ndim == n + 2:
        return input, False
    if input.ndim == n + 1:
        return input.unsqueeze(0), True
    raise RuntimeError(say("errors.conv.dimensions", what=what, n=n + 2, less=n + 1, x=input.shape))
