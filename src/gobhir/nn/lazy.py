"""Layers that find out from their first input how much comes in.

Until then their parameters are there, and empty. After it they are the ordinary layer.
Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html
"""

from __future__ import annotations

from inspect import signature
from typing import Any, ClassVar

from gobhir.engine.random import get_rng_state, set_rng_state
from gobhir.lang import say
from gobhir.nn import conv, normalisation
from gobhir.nn.linear import Linear
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter, UninitializedParameter

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


class _Lazy(Module):
    """`becomes`: the layer that it turns into; `counted`: the name of what is found out, the
    layer's first argument; `dim`: where in the input's shape it stands; `usual`: defaults that
    differ from the layer's own."""

    becomes: ClassVar[type[Module]]
    counted: ClassVar[str]
    dim: ClassVar[int]
    usual: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any):
        if self.usual:
            names = list(signature(self.becomes).parameters)[1:]
            args, kwargs = (), self.usual | dict(zip(names, args, strict=False)) | kwargs
        drawn = get_rng_state()
        # Any size will do that all groups can share; what is drawn for it is forgotten.
        self.becomes.__init__(self, self._least(args, kwargs), *args, **kwargs)
        set_rng_state(drawn)
        object.__setattr__(self, "_given", (args, kwargs))
        setattr(self, self.counted, 0)
        for p in self.parameters():
            p.__class__ = UninitializedParameter

    def _least(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        return int(kwargs.get("groups", 1))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._find_out(args[0])
        return self(*args, **kwargs)  # by now another class's __call__

    def _find_out(self, input: Any) -> None:
        """Become the ordinary layer for inputs like this one."""
        args, kwargs = self._given
        drawn = get_rng_state()
        ready: Any = self.becomes(input.shape[self.dim], *args, **kwargs)
        kinds = [t.dtype for t in (*self.parameters(), *self.buffers()) if t.dtype.kind == "f"]
        if kinds and any(t.dtype != kinds[0] for t in ready.parameters()):
            # .to() was called since: other numbers are drawn in another dtype.
            set_rng_state(drawn)
            ready.to(kinds[0]).reset_parameters()
        for name, p in self._parameters.items():
            if p is not None:
                new = ready._parameters[name]
                assert new is not None
                p.__class__, p.array = Parameter, new.array
        self._buffers.update(ready._buffers)
        setattr(self, self.counted, getattr(ready, self.counted))
        del self.__dict__["_given"]
        self.train(self.training)
        self.__class__ = self.becomes  # type: ignore[assignment]

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        raise RuntimeError(say("errors.nn.lazy_load", layer=type(self).__name__))


def _lazy(becomes: type[Module], counted: str, dim: int, **usual: Any) -> Any:
    name = f"Lazy{becomes.__name__}"
    doc = f"{becomes.__name__} whose `{counted}` is found out from the first input."
    body = {"becomes": becomes, "counted": counted, "dim": dim, "usual": usual, "__doc__": doc}
    return type(name, (_Lazy, becomes), body | {"__module__": __name__})


LazyLinear = _lazy(Linear, "in_features", -1)
LazyConv1d = _lazy(conv.Conv1d, "in_channels", -2)
LazyConv2d = _lazy(conv.Conv2d, "in_channels", -3)
LazyConv3d = _lazy(conv.Conv3d, "in_channels", -4)
LazyConvTranspose1d = _lazy(conv.ConvTranspose1d, "in_channels", -2)
LazyConvTranspose2d = _lazy(conv.ConvTranspose2d, "in_channels", -3)
LazyConvTranspose3d = _lazy(conv.ConvTranspose3d, "in_channels", -4)
LazyBatchNorm1d = _lazy(normalisation.BatchNorm1d, "num_features", 1)
LazyBatchNorm2d = _lazy(normalisation.BatchNorm2d, "num_features", 1)
LazyBatchNorm3d = _lazy(normalisation.BatchNorm3d, "num_features", 1)
_RUNNING = {"affine": True, "track_running_stats": True}
"""PyTorch's lazy instance normalisations keep running statistics, the others do not."""
LazyInstanceNorm1d = _lazy(normalisation.InstanceNorm1d, "num_features", -2, **_RUNNING)
LazyInstanceNorm2d = _lazy(normalisation.InstanceNorm2d, "num_features", -3, **_RUNNING)
LazyInstanceNorm3d = _lazy(normalisation.InstanceNorm3d, "num_features", -4, **_RUNNING)
