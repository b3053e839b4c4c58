"""One batch out of single examples: numbers become tensors with one dimension more.

Behaviour: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import as_tensor, tensor
from gobhir.engine.functions.joining import stack
from gobhir.lang import say


def default_collate(batch: Sequence[Any]) -> Any:
    """The examples of `batch` as one: tensors, arrays and numbers are stacked along a new first
    dimension, texts become a list, and inside dictionaries, tuples, named tuples and lists the
    same is done to each part. RuntimeError where sizes differ, TypeError for other things.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stack(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        _check_numbers(first)
        return _stack([as_tensor(one) for one in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=np.float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        for one in batch:
            if first.keys() - one.keys():
                keys = {"first": list(first), "other": list(one)}
                raise KeyError(say("errors.data.collate_keys", **keys))
        return _like(first, {k: default_collate([one[k] for one in batch]) for k in first})
    if isinstance(first, Sequence):
        if any(len(one) != len(first) for one in batch):
            raise RuntimeError(say("errors.data.collate_lengths"))
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        # A plain tuple becomes a list: what programs for PyTorch have come to expect.
        return parts if type(first) is tuple else _like(first, parts)
    raise TypeError(say("errors.data.collate_type", type=type(first).__name__))


def default_convert(data: Any) -> Any:
    """NumPy's arrays and numbers in `data` as tensors, also inside dictionaries, tuples and
    lists; everything else as it is."""
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {k: default_convert(v) for k, v in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        parts = [default_convert(one) for one in data]
        return parts if type(data) is tuple else _like(data, parts)
    return data


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    if not all(isinstance(t, Tensor) for t in tensors):
        kinds = sorted({type(t).__name__ for t in tensors})
        raise TypeError(say("errors.data.collate_mixed", kinds=", ".join(kinds)))
    shapes = {t.shape for t in tensors}
    if len(shapes) > 1:
        shown = ", ".join(str(tuple(shape)) for shape in sorted(shapes))
        raise RuntimeError(say("errors.data.collate_shapes", shapes=shown))
    return stack(list(tensors))


def _like(example: Any, parts: Any) -> Any:
    """`parts` in a container of the example's own kind, where that can be made of them."""
    kind = type(example)
    if isinstance(example, tuple) and hasattr(example, "_fields"):
        return kind(*parts)
    try:
        if isinstance(example, Mapping) and hasattr(example, "update"):
            same = copy(example)  # keeps what else it carries, such as a default factory
            same.update(parts)
            return same
        make: Callable[[Any], Any] = kind
        return make(parts)
    except TypeError:
        return parts


def _check_numbers(one: Any) -> None:
    if one.dtype.kind in "SUO":
        raise TypeError(say("errors.data.collate_type", type=f"numpy {one.dtype}"))
