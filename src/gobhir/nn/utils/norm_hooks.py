"""weight_norm and spectral_norm as PyTorch had them before parametrizations: the weight is
computed anew before every forward, from weight_g and weight_v, or weight_orig.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
Sources and formulas: parametrizations.py.
"""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.tape import no_grad
from gobhir.lang import say, warn
from gobhir.nn.functional import normalize
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter
from gobhir.nn.utils.parametrizations import (
    as_matrix,
    check_iterations,
    length,
    rows_of,
    start_vectors,
    stretch,
    with_length,
)


class WeightNorm:
    """The hook that sets weight = g * v / |v|."""

    def __init__(self, name: str, dim: int | None):
        self.name, self.dim = name, -1 if dim is None else dim

    def weight(self, module: Module) -> Tensor:
        v, g = getattr(module, self.name + "_v"), getattr(module, self.name + "_g")
        return with_length(v, g, self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split the weight into length weight_g and direction weight_v. Returns the module. PyTorch
    says: use parametrizations.weight_norm."""
    warn(say("errors.nn.norm_old"), FutureWarning)
    hook = WeightNorm(name, dim)
    _refuse_second(module, hook)
    weight = getattr(module, name)
    delattr(module, name)
    with no_grad():
        g = length(weight, hook.dim)
    module.register_parameter(name + "_g", Parameter(g))
    module.register_parameter(name + "_v", Parameter(weight.data))
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight an ordinary parameter again."""
    hook = _taken_away(module, WeightNorm, name)
    _replace(module, name, hook.weight(module), ("_g", "_v"))
    return module


class SpectralNorm:
    """The hook that sets weight = original / its largest singular value."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float):
        check_iterations(n_power_iterations)
        self.name, self.times, self.dim, self.eps = name, n_power_iterations, dim, eps

    def weight(self, module: Module, follow: bool) -> Tensor:
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        if follow:
            with no_grad():
                for _ in range(self.times):
                    v.copy_(normalize(matrix.t() @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
                # Copies: the next forward overwrites them before backward() may have used them.
                u, v = u.clone(), v.clone()
        return weight / stretch(matrix, u, v)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.weight(module, module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide the weight by its largest singular value before every forward; the parameter is
    weight_orig. Returns the module. Arguments: as parametrizations.spectral_norm."""
    hook = SpectralNorm(name, n_power_iterations, rows_of(module) if dim is None else dim, eps)
    _refuse_second(module, hook)
    weight = module._parameters.get(name)
    if weight is None:
        message = say("errors.nn.no_tensor", module=type(module).__name__, name=name)
        raise (ValueError if name in module._parameters else KeyError)(message)
    u, v = start_vectors(as_matrix(weight.detach(), hook.dim), eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight, as it is, an ordinary parameter again."""
    hook = _taken_away(module, SpectralNorm, name)
    with no_grad():
        weight = hook.weight(module, follow=False)
    _replace(module, name, weight, ("_u", "_v", "_orig"))
    return module


def _refuse_second(module: Module, hook: Any) -> None:
    for entry in module._hooks.before:
        other: Any = entry.call
        if isinstance(other, type(hook)) and other.name == hook.name:
            raise RuntimeError(say("errors.nn.second_norm", name=hook.name))


def _taken_away(module: Module, kind: type[WeightNorm] | type[SpectralNorm], name: str) -> Any:
    for entry in module._hooks.before:
        hook: Any = entry.call
        if isinstance(hook, kind) and hook.name == name:
            module._hooks.before.remove(entry)
            return hook
    message = say("errors.nn.no_tensor", module=type(module).__name__, name=name)
    raise ValueError(message)


def _replace(module: Module, name: str, weight: Tensor, endings: tuple[str, ...]) -> None:
    delattr(module, name)
    for ending in endings:
        delattr(module, name + ending)
    module.register_parameter(name, Parameter(weight.detach()))
