"""A module computed with other parameters than its own.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.stateless.functional_call.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.nn.module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: Mapping[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with these tensors, by path, in the place of the module's own;
    gradients flow to them. What shares memory with a replaced one (tie_weights) is replaced too.
    strict: RuntimeError unless all are given, and no others."""
    given = args if isinstance(args, tuple) else () if args is None else (args,)
    with _with(module, parameters_and_buffers, tie_weights, strict):
        return module(*given, **(kwargs or {}))


@contextmanager
def _with(
    module: Module, tensors: Mapping[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    missing, unknown = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if strict and (unknown or missing):
        names = ", ".join(unknown or missing)
        raise RuntimeError(
            say("errors.nn.load_unexpected" if unknown else "errors.nn.load_missing", keys=names)
        )
    new = {path: tensor for path, tensor in tensors.items() if path in own}
    if tie_weights:
        by_old = {id(own[path]): tensor for path, tensor in new.items()}
        new |= {path: by_old[id(t)] for path, t in own.items() if id(t) in by_old}
    places = []
    for path, tensor in new.items():
        owner, _, name = path.rpartition(".")
        holder = module.get_submodule(owner)
        registry: Any = holder._parameters if name in holder._parameters else holder._buffers
        places.append((registry, name, registry[name]))
        registry[name] = tensor
    try:
        yield
    finally:
        for registry, name, old in places:
            registry[name] = old
