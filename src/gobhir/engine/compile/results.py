"""What a step returns, with places to fill in at each replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.compile.traced import plain
from gobhir.engine.tensor import Tensor


class Shown:
    """A place in the step's result: `array` as a tensor, an array, or a Python number."""

    def __init__(self, array: np.ndarray, kind: str):
        self.array, self.kind = array, kind

    def value(self) -> Any:
        if self.kind == "number":
            return self.array.item()
        copy = self.array.copy()
        return Tensor._wrap(copy) if self.kind == "tensor" else copy


def shown(template: Any) -> list[Shown]:
    """All places to fill in a result."""
    if isinstance(template, Shown):
        return [template]
    parts = template.values() if type(template) is dict else template
    return [s for p in parts for s in shown(p)] if type(template) in (tuple, list, dict) else []


def exchanged(template: Any, how: Callable[[Shown], Any]) -> Any:
    """The result with something else in each place to fill in."""
    if type(template) is Shown:
        return how(template)
    if type(template) in (tuple, list):
        return type(template)([exchanged(v, how) for v in template])
    if type(template) is dict:
        return {k: exchanged(v, how) for k, v in template.items()}
    return template


def filled(template: Any) -> Any:
    """The result with its places filled from the buffers."""
    return exchanged(template, Shown.value)


def untraced(result: Any) -> Any:
    """The result of a recorded run, with ordinary arrays in it."""
    if isinstance(result, Tensor):
        result.array = plain(result.array)
        if not result.requires_grad:
            result._record = None
        elif result._record is not None:
            result._record.value = plain(result._record.value)
        return result
    if type(result) in (tuple, list):
        return type(result)([untraced(v) for v in result])
    if type(result) is dict:
        return {k: untraced(v) for k, v in result.items()}
    if isinstance(result, float):
        return float.__add__(result, 0.0)
    return plain(result)
