"""Whether two runs of a step, from the same start, ended in the same place."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from gobhir.engine.compile.surroundings import Surroundings
from gobhir.engine.random import default_generator
from gobhir.engine.tensor import Tensor

TOLERANCE = 1e-5
"""How far a replay may be from the step as it is written, relative to the largest entry."""
MERE_ROUNDING = 1e-5
"""A gradient that is so much smaller than the largest one is met to the bit, or not at all."""


class Snapshot:
    """All that a step changes, as it is now."""

    def __init__(self, around: Surroundings):
        self.around = around
        self.random = default_generator.get_state()
        self.values = [t.array.copy() for t in around.tensors]
        self.grads = [None if t.grad is None else t.grad.array.copy() for t in around.tensors]
        self.shown = [None if t.grad is None else weakref.ref(t.grad) for t in around.tensors]
        """Only whom somebody else holds has to be put back."""
        self.optimizers = [
            (o, {p: {k: _copied(v) for k, v in own.items()} for p, own in o.state.items()})
            for o, _ in around.updates
        ]
        self.groups = [(g, dict(g)) for o, _ in around.updates for g in o.param_groups]

    def restore(self) -> None:
        default_generator.set_state(self.random)
        around = self.around
        for t, value in zip(around.tensors, self.values, strict=True):
            t.array[...] = value
        for t, shown, grad in zip(around.tensors, self.shown, self.grads, strict=True):
            t.grad = None if shown is None else shown()
            if t.grad is not None:
                t.grad.array[...] = grad
            elif grad is not None:
                t.grad = Tensor._wrap(grad.copy())
        for group, settings in self.groups:
            for key in group.keys() - settings.keys():
                del group[key]
            group.update(settings)
        for optimizer, kept in self.optimizers:
            for p in [p for p in optimizer.state if p not in kept]:
                del optimizer.state[p]
            for p, own in kept.items():
                for key in optimizer.state[p].keys() - own.keys():
                    del optimizer.state[p][key]
                for key, value in own.items():
                    now = optimizer.state[p].get(key)
                    if isinstance(now, Tensor):
                        now.array[...] = value.array
                    else:
                        optimizer.state[p][key] = value

    def has_mere_rounding(self) -> bool:
        """Whether some gradient is so small beside the others that it may be nothing but rounding,
        as that of a bias whose mean BatchNorm takes away."""
        sizes = [np.abs(g).max(initial=0.0) for g in self.grads if g is not None]
        return any(0 < size < MERE_ROUNDING * max(sizes) for size in sizes)

    def near(self, other: Snapshot, before: Snapshot) -> bool:
        """Whether both runs, from the same start, ended in the same place."""
        for a, b in zip(self.grads, other.grads, strict=True):
            if (a is None) != (b is None) or (a is not None and not near(a, b)):
                return False
        for a, b, start in zip(self.values, other.values, before.values, strict=True):
            with np.errstate(all="ignore"):
                moved = np.abs(a.astype(np.float64) - start).sum() if a.dtype.kind == "f" else 0.0
                if not near(a, b) and not np.abs(a - b).sum() <= 0.01 * moved:
                    return False
        return True


def _copied(value: Any) -> Any:
    return Tensor._wrap(value.array.copy()) if isinstance(value, Tensor) else value


def near(a: Any, b: Any, tolerance: float = TOLERANCE) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return bool((a == b).all())
    largest = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    return bool(np.allclose(a, b, tolerance, tolerance * largest, equal_nan=True))


def close(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return near(a.array, b.array)
    if type(a) in (tuple, list) and type(a) is type(b):
        return len(a) == len(b) and all(map(close, a, b))
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, (float, np.ndarray)):
        return near(a, b)
    return bool(a == b)
