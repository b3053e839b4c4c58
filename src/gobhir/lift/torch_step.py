"""One training step of somebody's PyTorch model, run under watch and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from gobhir.lang import say
from gobhir.lift.torch_watch import TorchWatch
from gobhir.lift.trace import Trace


def watch_step(model: Any, x: Any, y: Any, loss: Callable[..., Any], optimizer: Any) -> Trace:
    """Forward, loss, backward and (with an optimizer) update, recorded. x, y: tensors, or anything
    that torch.as_tensor takes; floats get the model's dtype. Model, gradients, optimizer and random
    numbers are afterwards as they were. TypeError or ValueError, saying what was wrong, where
    nothing can learn or the loss is no single number."""
    if not callable(loss):
        raise TypeError(say("errors.explain.loss_callable", type=type(loss).__name__))
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(say("errors.explain.no_parameters"))
    dtype = next((p.dtype for p in model.parameters()), torch.get_default_dtype())
    x, y = _as_input(x, dtype), None if y is None else _as_input(y, dtype)
    with _put_back(model, optimizer), TorchWatch(model) as watch:
        model.zero_grad()
        output = _output(model, x)
        value = loss(output) if y is None else loss(output, y)
        if not isinstance(value, torch.Tensor):
            raise ValueError(say("errors.explain.loss_type", type=type(value).__name__))
        if value.numel() != 1:
            raise ValueError(say("errors.explain.loss_shape", shape=tuple(value.shape)))
        if not value.requires_grad:
            raise ValueError(say("errors.explain.detached"))
        value.backward()
        if optimizer is not None:
            optimizer.step()
    return watch.trace


def _output(model: Any, x: Any) -> Any:
    try:
        return model(*x) if isinstance(x, tuple) else model(x)
    except RuntimeError as trouble:
        if isinstance(x, tuple) or x.is_floating_point() or x.is_complex():
            raise
        why = str(trouble).partition("\n")[0]
        raise ValueError(say("errors.watch.integers", type=x.dtype, why=why)) from trouble


def _as_input(value: Any, dtype: Any) -> Any:
    if isinstance(value, torch.Tensor) or (isinstance(value, tuple) and _tensors(value)):
        return value
    made = torch.as_tensor(np.asarray(getattr(value, "array", value)))
    return made.to(dtype) if made.is_floating_point() else made


def _tensors(values: tuple[Any, ...]) -> bool:
    return all(isinstance(v, torch.Tensor) for v in values)


@contextmanager
def _put_back(model: Any, optimizer: Any) -> Iterator[None]:
    kept = [(t, t.detach().clone(), t.grad) for t in (*model.parameters(), *model.buffers())]
    states = None if optimizer is None else deepcopy(dict(optimizer.state_dict()))
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        with torch.no_grad():
            for t, numbers, grad in kept:
                if not torch.equal(t, numbers):
                    t.copy_(numbers)
                t.grad = grad
        if states is not None:
            optimizer.load_state_dict(states)
