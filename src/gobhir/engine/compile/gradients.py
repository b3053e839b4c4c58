"""The `.grad` of a replay: a window on the memory in which it computes a gradient. Whoever kept
the last one must not see the next."""

from __future__ import annotations

import sys
from collections.abc import Collection

import numpy as np

from gobhir.engine.tensor import Tensor

Window = tuple[Tensor, Tensor | None, np.ndarray]
"""A tensor, the gradient that it is shown, and that one's array; None: it is shown copies."""


class Gradients:
    """Gradients of tensors, computed in `arrays`. copied: whose gradients somebody kept once."""

    def __init__(self, arrays: dict[Tensor, np.ndarray], copied: set[Tensor]):
        self.copied = copied
        self.windows = [
            (t, None, array) if t in copied else _window(t, array) for t, array in arrays.items()
        ]

    def show(self, but: Collection[Tensor] = ()) -> None:
        for k, (t, gradient, array) in enumerate(self.windows):
            if but and t in but:
                continue
            if gradient is None:
                t.grad = Tensor._wrap(array.copy())
            elif gradient.array is not array:  # the user gave it an array of his own
                self.windows[k] = _window(t, array)
                t.grad = self.windows[k][1]
            elif t.grad is not gradient:
                t.grad = gradient

    def kept(self) -> bool:
        """Whether somebody still has a gradient that the next run would change. From then on
        copies are shown, but that one lies where it lies: the next need another place."""
        found = [window[0] for window in self.windows if _seen(window) > _ALONE]
        self.copied.update(found)
        return bool(found)


def _window(t: Tensor, array: np.ndarray) -> Window:
    window = array.view()
    return t, Tensor._wrap(window), window


def _seen(window: Window) -> int:
    """How many look at a gradient or its array, as the interpreter counts: versions differ."""
    t, gradient, array = window
    if gradient is None:
        return 0
    return sys.getrefcount(gradient) + sys.getrefcount(array) - (t.grad is gradient)


_ALONE = _seen(_window(Tensor._wrap(np.zeros(1)), np.zeros(1)))
