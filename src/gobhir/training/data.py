"""What fit, evaluate and predict accept as data, made into one thing: something that can be
walked through in batches as often as wished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.training.backends import Backend

Batch = tuple[Any, ...]
"""Inputs first, the target last."""


def loader(
    data: Any,
    backend: Backend,
    batch_size: int,
    shuffle: bool = False,
    loss: Any = None,
    lend: bool = False,
) -> Any:
    """A loader over `data`: a DataLoader (of either framework, or anything else that can be
    walked through in batches again and again) as it is; a Dataset, or a list of examples; a tuple
    of tensors or arrays of equal length, (x, y) or (x1, x2, ..., y); or one of these alone, which
    is then its own target. lend: as in Backend.row_loader."""
    tools = backend.framework.utils.data
    if isinstance(data, tools.DataLoader):
        return data
    if isinstance(data, (str, bytes, PathLike)):
        raise TypeError(say("errors.training.data", type=type(data).__name__))
    if isinstance(data, list):
        data = _together(data)
    if _is_array(data):
        data = (data,)
    if isinstance(data, tuple):
        columns = backend.columns(data, loss)
        sizes = [len(c) for c in columns]
        if not columns or len(set(sizes)) > 1:
            raise ValueError(say("errors.training.columns", sizes=sizes))
        data = tools.TensorDataset(*columns)
    if isinstance(data, tools.IterableDataset):
        return tools.DataLoader(data, batch_size)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        if not len(data):
            raise ValueError(say("errors.training.empty"))
        return backend.row_loader(data, batch_size, shuffle, lend)
    if isinstance(data, Iterator):
        raise TypeError(say("errors.training.used_up", type=type(data).__name__))
    if isinstance(data, Iterable):
        return data
    raise TypeError(say("errors.training.data", type=type(data).__name__))


def split_off(data: Any, backend: Backend, share: float, loss: Any, seed: int | None) -> Any:
    """(training part, validation part): `share` of the examples, drawn by chance, are kept for
    validation; from the same seed always the same ones."""
    if not 0 < share < 1:
        raise ValueError(say("errors.training.share", share=share))
    tools = backend.framework.utils.data
    if isinstance(data, list):
        data = _together(data)
    if _is_array(data):
        data = (data,)
    if isinstance(data, tuple):
        data = tools.TensorDataset(*backend.columns(data, loss))
    if not hasattr(data, "__getitem__") or not hasattr(data, "__len__"):
        raise TypeError(say("errors.training.share_type", type=type(data).__name__))
    held_out = round(share * len(data))
    if not 0 < held_out < len(data):
        raise ValueError(say("errors.training.share_empty", count=len(data), share=share))
    generator = backend.framework.Generator().manual_seed(0 if seed is None else seed)
    return tools.random_split(data, [len(data) - held_out, held_out], generator=generator)


def batches(source: Any, backend: Backend) -> Iterator[Batch]:
    """The batches of a loader as tuples of tensors where the model is, the target last."""
    ready = backend.ready(source)
    return _as_tensors(source, backend) if ready is None else ready


def _as_tensors(source: Any, backend: Backend) -> Iterator[Batch]:
    tensor = backend.tensor
    for batch in source:
        if not isinstance(batch, (tuple, list)):
            if isinstance(batch, Mapping):
                raise TypeError(say("errors.training.batch", type=type(batch).__name__))
            batch = (batch,)
        parts = tuple(tensor(part) for part in batch)
        yield parts if len(parts) > 1 else parts * 2  # alone it is its own target


def length(source: Any) -> int | None:
    """The number of batches, or None where nobody knows."""
    try:
        return len(source)
    except TypeError:
        return None


def _is_array(data: Any) -> bool:
    return hasattr(data, "shape") and hasattr(data, "dtype")


def _together(examples: list[Any]) -> Any:
    """A list of rows of numbers as one array; a list of examples that are made of numbers, lists
    and arrays as a tuple of arrays, (x, y); any other list as it is. TypeError for [x, y]."""
    if len(examples) == 2 and _are_columns(*examples):
        raise TypeError(say("errors.training.pair"))
    try:
        if all(_is_row(one) for one in examples):
            return np.asarray(examples) if examples else examples
        if not all(isinstance(one, (tuple, list)) for one in examples):
            return examples
        if any(hasattr(part, "detach") for one in examples for part in one):
            return examples  # tensors have the dtype that they are meant to have
        return tuple(np.stack(parts) for parts in zip(*examples, strict=True))
    except ValueError:
        return examples


def _is_row(one: Any) -> bool:
    row = one if isinstance(one, list) else [one]
    return all(isinstance(x, (int, float, np.number)) for x in row)


def _are_columns(x: Any, y: Any) -> bool:
    """Whether these are hardly two examples, but all inputs and all targets."""
    try:
        return not isinstance(x, tuple) and len(x) == len(y) and np.shape(x[0]) != np.shape(y[0])
    except (TypeError, ValueError, LookupError):
        return False


def epoch_setters(source: Any) -> list[Callable[[int], Any]]:
    """The methods `set_epoch` of a loader and of what it draws by."""
    parts = [source, *(getattr(source, name, None) for name in ("sampler", "batch_sampler"))]
    return [part.set_epoch for part in parts if hasattr(part, "set_epoch")]
