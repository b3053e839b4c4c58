"""PyTorch under fit: its tensors, optimizers, schedulers and loaders, as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from gobhir.training.backends.base import Backend


class TorchBackend(Backend):
    """Models of torch.nn, on whatever device they are."""

    framework = torch

    def __init__(self, model: Any):
        super().__init__(model)
        self.device = next((p.device for p in model.parameters()), torch.device("cpu"))

    def tensor(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(self.device, non_blocking=True)
        if hasattr(value, "detach"):
            value = value.detach().numpy()
        return torch.as_tensor(value, device=self.device)

    def array(self, tensor: Any) -> np.ndarray:
        plain = tensor.detach().cpu()
        if plain.dtype == torch.bfloat16:  # NumPy has none; float32 holds each of its numbers
            plain = plain.float()
        return np.array(plain.numpy())

    def value(self, loss: Any) -> Any:
        return loss.item() if loss.device.type == "cpu" else loss.detach()

    def row_loader(self, dataset: Any, batch_size: int, shuffle: bool, lend: bool) -> Any:
        data, own = torch.utils.data, self.own_generator(shuffle)
        if type(dataset) is not data.TensorDataset:
            return data.DataLoader(dataset, batch_size, shuffle=shuffle, generator=own)
        # Whole batches by their numbers: the same rows as one by one, and much faster.
        order = data.RandomSampler(dataset) if shuffle else data.SequentialSampler(dataset)
        numbers = data.BatchSampler(order, batch_size, drop_last=False)
        return data.DataLoader(dataset, batch_size=None, sampler=numbers, generator=own)

    def cat(self, tensors: list[Any]) -> Any:
        return torch.cat(tensors)

    def kept(self, tensor: Any) -> Any:
        return tensor.detach()  # each step makes new ones; where they are, they stay until joined

    def joined(self, kept: Sequence[Any]) -> Any:
        return torch.cat(list(kept))

    def compiled(self, step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
        return torch.compile(step, **settings)

    def random_state(self) -> dict[str, Any]:
        state = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":  # dropout there draws from the device's own numbers
            state["device"] = getattr(torch, self.device.type).get_rng_state()
        return state

    def put_random_state(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"])
        if "device" in state and self.device.type != "cpu":
            getattr(torch, self.device.type).set_rng_state(state["device"])

    def _model_dtype(self) -> np.dtype:
        kinds = (p.dtype for p in self.model.parameters() if p.is_floating_point())
        known = {torch.float64: np.float64, torch.float16: np.float16}
        return np.dtype(known.get(next(kinds, torch.float32), np.float32))
