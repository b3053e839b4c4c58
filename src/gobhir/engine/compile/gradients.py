"""The `.grad` of a replay: a window on the memory in which it computes a gradient. Whoever kept
the last one must not see the next."""

from __future__ import annotations

import sys
from collections.abc import Collection

import numpy as np

from gobhir.engine.tensor import Tensor

Window = tuple[Tensor, Tensor, np.ndarray]
"""A tensor, the gradient that it is shown, and that one's array."""


class Gradients:
    """Gradients of tensors, computed in `arrays`. copied: whose gradients somebody kept once."""

    def __init__(self, arrays: dict[Tensor, np.ndarray], copied: set[Tensor]):
        self.copied = copied
        self.copies = [(t, array) for t, array in arrays.items() if t in copied]
        self.windows = [_window(t, array) for t, array in arrays.items() if t not in copied]

    def show(self, but: Collection[Tensor] = ()) -> None:
        for k, (t, gradient, array) in enumerate(self.windows):
            if but and t in but:
                continue
            if gradient.array is not array:  # the user gave it an array of his own
                self.windows[k] = _window(t, array)
                t.grad = self.windows[k][1]
            elif t.grad is not gradient:
                t.grad = gradient
        for t, array in self.copies:
            if t not in but:
                t.grad = Tensor._wrap(array.copy())

    def kept(self) -> bool:
        """Whether somebody still has a gradient that the next run would change. From then on
        copies are shown, but that one lies where it lies: the next need another place."""
        if _most(self.windows) <= _ALONE:
            return False
        self.copied.update(window[0] for window in self.windows if _most([window]) > _ALONE)
        return True


def _window(t: Tensor, array: np.ndarray) -> Window:
    window = array.view()
    return t, Tensor._wrap(window), window


def _most(windows: list[Window]) -> int:
    """How many look at a gradient or its array, as the interpreter counts: versions differ."""
    most, count = 0, sys.getrefcount
    for t, gradient, array in windows:
        seen = count(gradient) + count(array) - (t.grad is gradient)
        if seen > most:
            most = seen
    return most


_ALONE = _most([_window(Tensor._wrap(np.zeros(1)), np.zeros(1))])


def same_place(a: np.ndarray, b: np.ndarray | None) -> bool:
    """Whether both are the same window on the same memory."""
    return b is not None and a.__array_interface__ == b.__array_interface__
