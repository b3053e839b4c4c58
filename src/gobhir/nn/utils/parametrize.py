"""A weight computed from other weights, each time it is read: whatever an optimizer does to
those, the weight keeps its property (length 1, symmetric, ...).

Behaviour: https://docs.pytorch.org/tutorials/intermediate/parametrizations.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.tape import no_grad
from gobhir.lang import say
from gobhir.nn.container import ModuleDict, ModuleList
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]

_cache: dict[tuple[int, str], Tensor] | None = None


@contextmanager
def cached() -> Iterator[None]:
    """Inside, every parametrized weight is computed once and then remembered."""
    global _cache
    outer, _cache = _cache, {} if _cache is None else _cache
    try:
        yield
    finally:
        _cache = outer


class ParametrizationList(ModuleList):
    """The modules through which one weight goes, and where it starts: `original`, or original0,
    original1, ... where the first module takes several tensors."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False):
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        start: Any = original
        with no_grad():
            for module in reversed(list(modules)):
                if hasattr(module, "right_inverse"):
                    try:
                        start = module.right_inverse(start)
                    except NotImplementedError:
                        break
        self.is_tensor = isinstance(start, Tensor)
        starts = [start] if self.is_tensor else start
        if not isinstance(starts, Sequence) or not all(isinstance(t, Tensor) for t in starts):
            raise ValueError(say("errors.nn.right_inverse", type=type(start).__name__))
        self.ntensors = len(starts)
        if self.is_tensor:
            if start.dtype != dtype and not unsafe:
                raise ValueError(say("errors.nn.parametrized", got=start.dtype, want=dtype))
            if start is not original:
                original.data = start.data
            _register(self, "original", original)
        else:
            for i, t in enumerate(starts):
                kept: Tensor = t.detach()
                if isinstance(original, Parameter):
                    kept = Parameter(t.detach().clone(), original.requires_grad)
                _register(self, f"original{i}", kept)
        if not unsafe:
            _check(self(), shape, dtype)

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the weight becomes `value`."""
        with no_grad():
            start: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    name = type(module).__name__
                    raise RuntimeError(say("errors.nn.no_right_inverse", parametrization=name))
                start = module.right_inverse(start)
            starts = [start] if self.is_tensor else start
            for original, t in zip(self._originals(), starts, strict=True):
                _check(t, t.shape, original.dtype)
                original.data = t.data

    def forward(self) -> Tensor:
        first, *others = self
        x = first(*self._originals())
        for module in others:
            x = module(x)
        return x


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let `module.<tensor_name>` be parametrization(original) from now on; another one registered
    later goes on from its result. Returns the module.

    parametrization.right_inverse(weight), if there, says from which original (or originals) the
    weight comes: then setting the weight works too. unsafe: shape and dtype may change.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        chain = module.parametrizations[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name)
            _check(parametrization(before), before.shape, before.dtype)
        chain.append(parametrization)
        chain.unsafe = chain.unsafe or unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        message = say("errors.nn.no_tensor", module=type(module).__name__, name=tensor_name)
        raise ValueError(message)
    chain = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        # A class of its own, for this module alone: a property belongs to a class.
        kind = type(module)
        object.__setattr__(module, "__class__", type(f"Parametrized{kind.__name__}", (kind,), {}))
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = chain
    setattr(type(module), tensor_name, _weight(tensor_name))
    return module


def _weight(name: str) -> property:
    def get(self: Any) -> Tensor:
        if _cache is None:
            return self.parametrizations[name]()
        key = id(self), name
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, put)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this tensor of the module (any, when None) is computed from others."""
    chains = module._modules.get("parametrizations")
    if not isinstance(chains, ModuleDict):
        return False
    return len(chains) > 0 if tensor_name is None else tensor_name in chains


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make the tensor an ordinary one again: as it is now, or (leave_parametrized=False) the
    original, which must be a single tensor. Returns the module."""
    if not is_parametrized(module, tensor_name):
        message = say("errors.nn.no_tensor", module=type(module).__name__, name=tensor_name)
        raise ValueError(message)
    chain = module.parametrizations[tensor_name]
    if not chain.is_tensor and not leave_parametrized:
        raise ValueError(say("errors.nn.several_originals", name=tensor_name))
    with no_grad():
        value = getattr(module, tensor_name)
    learns = any(t.requires_grad for t in chain._originals())
    if chain.is_tensor:
        tensor = chain.original
        if leave_parametrized:
            tensor.data = value.data
    else:
        tensor = Parameter(value) if learns else value
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        object.__setattr__(module, "__class__", type(module).__bases__[0])
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's own class."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _check(result: Any, shape: tuple[int, ...], dtype: Any) -> None:
    got = (result.shape, result.dtype) if isinstance(result, Tensor) else type(result).__name__
    if got != (shape, dtype):
        raise ValueError(say("errors.nn.parametrized", got=got, want=(shape, dtype)))
