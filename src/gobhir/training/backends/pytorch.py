"""PyTorch under fit: its tensors, optimizers, schedulers and loaders, as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from gobhir.lang import say, warn
from gobhir.training.backends.base import Backend, Step, needs_closure
from gobhir.training.processes import place

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchBackend(Backend):
    """Models of torch.nn, on whatever device they are."""

    framework = torch

    def __init__(self, model: Any):
        super().__init__(model)
        if isinstance(model, torch.nn.parallel.DistributedDataParallel):
            raise TypeError(say("errors.training.wrapped"))
        self.device = next((p.device for p in model.parameters()), torch.device("cpu"))
        # What computes in training: the model itself, or what shares it among processes.
        self.network = model
        self.scaler: Any = None

    # -- where and how it computes ---------------------------------------------------------------

    def settle(self, device: str | None, precision: str) -> None:
        if precision not in PRECISIONS:
            told = {"precision": precision, "known": ", ".join(PRECISIONS)}
            raise ValueError(say("errors.training.precision", **told))
        here = place()
        if device is not None:
            self.device = device_named(device, here.local)
            self.model.to(self.device)
        self.precision = precision
        if precision == "fp16":
            # A share's mean has larger parts than the whole batch's: as many times as there are
            # processes.
            self.scaler = torch.amp.GradScaler(self.device.type, init_scale=2**16 / here.size)
        if here.size > 1:
            from gobhir.training.backends.distributed import Group

            self.group = Group(here, self.device)
            self.network = self.group.wrapped(self.model)

    @contextmanager
    def deterministic(self) -> Iterator[None]:
        """https://docs.pytorch.org/docs/stable/notes/randomness.html; workers of a DataLoader
        draw from seeds that it draws itself."""
        cudnn, name = torch.backends.cudnn, "CUBLAS_WORKSPACE_CONFIG"
        before = torch.get_deterministic_debug_mode(), cudnn.benchmark, cudnn.deterministic
        asked = os.environ.get(name)
        os.environ[name] = asked or ":4096:8"
        torch.use_deterministic_algorithms(True)
        cudnn.benchmark, cudnn.deterministic = False, True
        try:
            yield
        finally:
            mode, cudnn.benchmark, cudnn.deterministic = before
            torch.set_deterministic_debug_mode(mode)
            if asked is None:
                del os.environ[name]

    def by_itself(self) -> None:
        super().by_itself()
        self.network = self.model

    def state_dict(self) -> dict[str, Any]:
        return {} if self.scaler is None else {"scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.scaler is not None:
            self.scaler.load_state_dict(state["scaler"])

    def loss(self, wish: Any) -> Callable[..., Any]:
        function = super().loss(wish)
        if isinstance(function, torch.nn.Module):
            function.to(self.device)  # the classes' weights, for instance
        return function

    def optimizer(self, wish: Any, lr: float | None) -> Any:
        optimizer = super().optimizer(wish, lr)
        kept = (t for one in optimizer.state.values() for t in one.values() if torch.is_tensor(t))
        if any(t.ndim and t.device != self.device for t in kept):  # the model has been moved
            optimizer.load_state_dict(optimizer.state_dict())
        return optimizer

    # -- a step ----------------------------------------------------------------------------------

    def step(
        self, loss: Any, optimizer: Any, clip: Callable[[], Any] | None, shows: bool = True
    ) -> Step:
        if needs_closure(optimizer) and (self.scaler is not None or self.group.place.size > 1):
            raise ValueError(say("errors.training.searching", type=type(optimizer).__name__))
        return super().step(loss, optimizer, clip, shows)

    def answer(self, batch: tuple[Any, ...], loss: Any = None) -> tuple[Any, Any]:
        network = self.network if torch.is_grad_enabled() else self.model
        narrow = PRECISIONS[self.precision]
        with torch.autocast(self.device.type, narrow) if narrow else nullcontext():
            output = network(*batch[:-1])
            return output, None if loss is None else loss(output, batch[-1])

    def backward(self, value: Any) -> None:
        if self.group.batch is not None:
            value = value * self.group.weight(self.of_sums)
        # Gradients too small for float16 are made larger on their way back.
        super().backward(value if self.scaler is None else self.scaler.scale(value))

    def update(self, optimizer: Any, clip: Callable[[], Any] | None) -> None:
        if self.scaler is None:
            return super().update(optimizer, clip)
        if clip is not None:
            self.scaler.unscale_(optimizer)
            clip()
        self.scaler.step(optimizer)  # left out where a gradient is infinite
        self.scaler.update()

    @contextmanager
    def adding_up(self, last: bool) -> Iterator[None]:
        alone = self.network is self.model
        with nullcontext() if last or alone else self.network.no_sync():
            yield

    # -- what it says in its own way -------------------------------------------------------------

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
            state["device"] = getattr(torch, self.device.type).get_rng_state(*self._which())
        return state

    def put_random_state(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"])
        if "device" in state and self.device.type != "cpu":
            tools = getattr(torch, self.device.type)
            tools.set_rng_state(state["device"], *self._which())

    def _which(self) -> list[torch.device]:
        """Of several devices of a kind, this one."""
        return [self.device] if self.device.type == "cuda" else []

    def generators(self, loaders: list[Any]) -> list[Any]:
        if any(getattr(loader, "persistent_workers", False) for loader in loaders):
            warn(say("errors.training.persistent_workers"))
        return super().generators(loaders)

    def _model_dtype(self) -> np.dtype:
        kinds = (p.dtype for p in self.model.parameters() if p.is_floating_point())
        known = {torch.float64: np.float64, torch.float16: np.float16}
        return np.dtype(known.get(next(kinds, torch.float32), np.float32))


def device_named(wish: str, local: int = 0) -> torch.device:
    """The device of that name; "auto": the fastest that there is. ValueError where it is not
    there. local: the process's number on this machine; it takes the GPU of that number."""
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there[:0] = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    name = there[0] if wish == "auto" else str(wish)
    if name == "cuda" or (wish == "auto" and torch.cuda.is_available()):
        name = f"cuda:{local}"
    if name not in there:
        asked = name if torch.cuda.is_available() else wish
        told = {"device": asked, "there": ", ".join(there)}
        raise ValueError(say("errors.training.device", **told))
    return torch.device(name)
