"""Gobhir's own engine under fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import gobhir
from gobhir.engine.tape import state
from gobhir.training.backends.base import Backend, Step
from gobhir.utils.data import BatchSampler, DataLoader, Subset, TensorDataset

AT_ONCE = 1 << 22
"""So many bytes of examples, at most, are put in order for a whole epoch."""


class _LendingLoader(DataLoader[Any]):
    """A DataLoader whose inputs (all columns but the last) are written into the same memory batch
    after batch: training is through with one before it asks for the next, and memory that was
    just in use is near the processor."""

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self._lent: dict[tuple[int, int], np.ndarray] = {}
        data = self.dataset
        while isinstance(data, Subset):
            data = data.dataset
        tensors = data.tensors if isinstance(data, TensorDataset) else ()
        self._last = len(tensors) - 1
        self._bytes = sum(t.nbytes for t in tensors)

    def at_once(self) -> tuple[Any, Iterator[np.ndarray]] | None:
        """What takes examples out, and in which order, where those of an epoch are put in order
        all together; then each batch is a tuple of tensors, the target last."""
        sampler, columns = self.batch_sampler, self._columns()
        runs = sampler.whole_runs() if isinstance(sampler, BatchSampler) else None
        if columns is None or runs is None or self._bytes > AT_ONCE:
            return None
        return columns, runs

    def _fetch(self, numbers: Iterator[Any]) -> Iterator[Any]:
        whole = self.at_once()
        if whole is None:
            return super()._fetch(numbers)
        # Once through all examples, and then only views.
        take, runs = whole
        size = self.batch_size or 1
        starts = range(0, len(self) * size, size)
        columns = [
            [gobhir.Tensor._wrap(column.array[start : start + size]) for start in starts]
            for column in take(np.concatenate(list(runs)))
        ]
        return zip(columns[0], *(columns[1:] or columns), strict=True)

    def _rows(self, column: int, array: np.ndarray, rows: np.ndarray) -> np.ndarray:
        if column == self._last:
            return array.take(rows, 0)
        memory = self._lent.get((column, len(rows)))
        if memory is None:
            memory = np.empty((len(rows), *array.shape[1:]), array.dtype)
            self._lent[column, len(rows)] = memory
        # The samplers give only numbers that there are; "clip" spares a copy made to be sure.
        return array.take(rows, 0, out=memory, mode="clip")


def _is_cut(source: Any) -> bool:
    """Whether an epoch's batches are cut before the first is asked for."""
    return isinstance(source, _LendingLoader) and source.at_once() is not None


class EngineBackend(Backend):
    """Models of gobhir.nn."""

    framework = gobhir

    @property
    def compiles(self) -> bool:  # type: ignore[override]
        """What is replayed is not looked at: where anomalies are looked for, nothing is."""
        return state.watch is None

    def ready(self, source: Any) -> Iterator[Any] | None:
        return iter(source) if _is_cut(source) else None

    def undisturbed(self, step: Step, source: Any) -> Step:
        return getattr(step, "again", step) if _is_cut(source) else step  # of a compiled step

    def tensor(self, value: Any) -> Any:
        if isinstance(value, gobhir.Tensor):
            return value
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        return gobhir.as_tensor(value)

    def array(self, tensor: Any) -> np.ndarray:
        return np.array(tensor.detach().numpy())

    def value(self, loss: Any) -> float:
        return float(loss.item())

    def row_loader(self, dataset: Any, batch_size: int, shuffle: bool, lend: bool) -> Any:
        kind = _LendingLoader if lend else DataLoader
        return kind(dataset, batch_size, shuffle=shuffle, generator=self.own_generator(shuffle))

    def cat(self, tensors: list[Any]) -> Any:
        return gobhir.from_numpy(np.concatenate([t.detach().numpy() for t in tensors]))

    def kept(self, tensor: Any) -> np.ndarray:
        return np.array(tensor.array)  # a replayed step writes into the same arrays again

    def _finite(self, tensor: Any) -> bool:
        return bool(np.isfinite(tensor.array).all())

    def weights(self) -> dict[str, Any]:
        named = self.model.state_dict().items()
        return {name: gobhir.Tensor._wrap(t.array.copy()) for name, t in named}

    def joined(self, kept: Sequence[Any]) -> np.ndarray:
        return np.concatenate(kept)

    def compiled(self, step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
        return gobhir.compile(step, **settings)

    def _model_dtype(self) -> np.dtype:
        kinds = (p.detach().numpy().dtype for p in self.model.parameters())
        return next((k for k in kinds if k.kind == "f"), np.dtype(np.float32))
