"""What every metric is, and how outputs and targets of any framework are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.lang import say, warn


class Metric:
    """A measure that is fed batch by batch: `update`, then `compute`; `reset` starts anew.

    Called with (output, target) it measures these alone.
    """

    name: str = ""
    quick = True
    """Whether `compute` is cheap enough to be shown while an epoch runs."""
    joins = False
    """Whether several batches may be given as one: then fit does, which is faster."""

    def reset(self) -> None:
        """Forget all that was seen."""
        raise NotImplementedError(say("errors.metrics.no_method", metric=type(self).__name__))

    def update(self, output: Any, target: Any) -> None:
        """Take in one batch: what the model gave, and what would have been right."""
        raise NotImplementedError(say("errors.metrics.no_method", metric=type(self).__name__))

    def compute(self) -> Any:
        """The measure over all that was seen. ValueError when that is nothing."""
        raise NotImplementedError(say("errors.metrics.no_method", metric=type(self).__name__))

    def expect(self, logits: bool) -> None:
        """Be told by the loss whether outputs are scores (logits) or probabilities."""

    def __call__(self, output: Any, target: Any) -> Any:
        self.reset()
        self.update(output, target)
        return self.compute()

    def _check_seen(self, count: int) -> None:
        if not count:
            raise ValueError(say("errors.metrics.nothing", metric=self.name))


class Mean(Metric):
    """The mean of what a function gives for each batch, weighted by the batches' sizes."""

    def __init__(self, function: Callable[[Any, Any], Any]):
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.reset()

    def reset(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, output: Any, target: Any) -> None:
        n, found = len(target), self.function(output, target)
        try:
            self.total += float(as_array(found)) * n
        except TypeError:
            kind = f"{type(found).__name__} {getattr(found, 'shape', '')}".strip()
            raise TypeError(say("errors.metrics.result", metric=self.name, type=kind)) from None
        self.count += n

    def compute(self) -> float:
        self._check_seen(self.count)
        return self.total / self.count


def as_array(value: Any) -> np.ndarray:
    """The numbers of a tensor of any framework, an array or a list."""
    if isinstance(value, np.ndarray):
        return value
    inside = getattr(value, "array", None)  # Gobhir's Tensor
    if isinstance(inside, np.ndarray):
        return inside
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        known = "bfloat16" not in str(value.dtype)  # which NumPy has not
        return np.asarray((value if known else value.float()).numpy())
    return np.asarray(value)


def arrays(output: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays, (n, classes) or (n,) and (n,): what stands further back (the pixels of a
    segmentation) counts as more examples. One-hot targets become class numbers. ValueError when
    the shapes do not fit."""
    out, y = as_array(output), as_array(target)
    if out.ndim == 2 and y.ndim == 1 and out.shape[1] > 1 and len(out) == len(y):
        return out, whole(y)
    if out.shape == y.shape and y.ndim == 2 and y.shape[1] > 1 and out.dtype.kind == "f":
        if not _one_hot(y):
            raise ValueError(say("errors.metrics.one_hot", shape=y.shape))
        return out, y.argmax(1)
    if out.ndim == y.ndim + 1 > 1 and out.shape[1] > 1 and out.shape[:1] + out.shape[2:] == y.shape:
        return np.moveaxis(out, 1, -1).reshape(-1, out.shape[1]), whole(y.reshape(-1))
    if _squeezed(out) == _squeezed(y) and out.size == y.size:
        return out.reshape(-1), whole(y.reshape(-1))
    raise ValueError(say("errors.metrics.shapes", output=out.shape, target=y.shape))


def whole(y: np.ndarray) -> np.ndarray:
    """Class numbers that came as floating numbers as whole ones."""
    if y.dtype.kind != "f":
        return y.astype(np.int64) if y.dtype.kind == "b" else y
    labels = y.astype(np.int64)
    if not np.array_equal(labels, y):
        raise ValueError(say("errors.metrics.labels"))
    return labels


def _squeezed(a: np.ndarray) -> tuple[int, ...]:
    return tuple(size for size in a.shape if size != 1)


def _one_hot(y: np.ndarray) -> bool:
    return bool(np.allclose(y.sum(1), 1.0, atol=1e-4) and (y >= 0).all())


def ratio(above: Any, below: Any, otherwise: float, metric: str) -> Any:
    """above / below; where below is 0 the value is undefined: `otherwise`, with a warning."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    undefined = below == 0
    if undefined.any():
        told = say("errors.metrics.undefined", metric=metric, value=otherwise)
        warn(told, RuntimeWarning)
    return np.where(undefined, otherwise, above / np.where(undefined, 1.0, below))


def logit(p: float) -> float:
    """The score whose sigmoid is p."""
    if p <= 0 or p >= 1:
        return math.copysign(math.inf, p - 0.5)
    return math.log(p / (1 - p))
