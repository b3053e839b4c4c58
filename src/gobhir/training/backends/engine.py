"""Gobhir's own engine under fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gobhir
from gobhir.training.backends.base import Backend


class EngineBackend(Backend):
    """Models of gobhir.nn."""

    framework = gobhir

    compiles = True

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

    def cat(self, tensors: list[Any]) -> Any:
        return gobhir.from_numpy(np.concatenate([t.detach().numpy() for t in tensors]))

    def kept(self, tensor: Any) -> np.ndarray:
        return np.array(tensor.array)  # a replayed step writes into the same arrays again

    def joined(self, kept: Sequence[Any]) -> np.ndarray:
        return np.concatenate(kept)

    def compiled(self, step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
        return gobhir.compile(step, **settings)

    def _model_dtype(self) -> np.dtype:
        kinds = (p.detach().numpy().dtype for p in self.model.parameters())
        return next((k for k in kinds if k.kind == "f"), np.dtype(np.float32))
