"""Listening to PyTorch: a TorchFunctionMode hears every function that the loop calls, at the
granularity in which it is written. Nothing is changed by it: each is called as it was meant.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from gobhir.lift.listening import Listener


class TorchListener(Listener):
    """A Listener for torch.nn. Inside a compiled model nothing is heard: only its parameters,
    gradients and updates are."""

    def __init__(self, model: Any, optimizer: Any, every: int):
        super().__init__(model, optimizer, every, numbers)
        self.compiled = self.diary.details["compiled"] = _compiled(model)
        self._ears = _Ears(self)

    def attach(self, inside: bool = True) -> None:
        super().attach(inside and not self.compiled)
        self._ears.__enter__()

    def detach(self) -> None:
        super().detach()
        self._ears.__exit__(None, None, None)

    def _enter(self, module: Any, args: Any) -> None:
        if not torch.compiler.is_compiling():
            super()._enter(module, args)

    def _leave(self, module: Any, args: Any, out: Any) -> None:
        if not torch.compiler.is_compiling():
            super()._leave(module, args, out)

    def grad_enabled(self) -> bool:
        return torch.is_grad_enabled()


class _Ears(TorchFunctionMode):
    def __init__(self, listener: TorchListener):
        super().__init__()
        self.listener = listener

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.compiler.is_compiling():  # what is compiled shall not have us in it
            return func(*args, **(kwargs or {}))
        listener = self.listener
        if func is torch.Tensor.backward:
            listener.before_backward(args[0])
        out = func(*args, **(kwargs or {}))
        if listener.listening and not listener.compiled:
            first = out[0] if type(out) is tuple and out else out
            if type(first) is torch.Tensor and first.requires_grad and first.is_floating_point():
                name = func.__name__
                if name != "__get__" and not first.is_leaf and torch.is_grad_enabled():
                    given = (*args, *kwargs.values()) if kwargs else args
                    number = listener.op(name, given, numbers(first))
                    first.register_hook(partial(_told, listener, number))
        return out


def _told(listener: TorchListener, number: int, cotangent: Any) -> None:
    listener.back(number, numbers(cotangent))


def numbers(tensor: Any) -> np.ndarray:
    """A tensor's numbers as they lie in memory; a copy where they are on a device, sparse or in
    a dtype that NumPy has not."""
    if not isinstance(tensor, torch.Tensor):
        return np.asarray(tensor)
    with torch._C.DisableTorchFunction():  # else our own ears hear each of these calls
        plain = tensor.detach()
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        if plain.dtype is torch.bfloat16:
            plain = plain.float()
        return plain.cpu().resolve_conj().resolve_neg().numpy()


def _compiled(model: Any) -> bool:
    wrapped = hasattr(model, "_orig_mod")  # torch.compile(model)
    return wrapped or getattr(model, "_compiled_call_impl", None) is not None  # model.compile()
