"""Module: a part of a network that knows its parameters, its buffers and the modules inside it.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.hooks import RemovableHandle
from gobhir.engine.tape import state
from gobhir.lang import Message, say
from gobhir.nn.parameter import Parameter


class Loaded(NamedTuple):
    """What load_state_dict did not find, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"Loaded(missing_keys={self[0]}, unexpected_keys={self[1]})"


class Module:
    """Base of all layers and networks. A subclass calls `super().__init__()`, sets Parameters
    and Modules as attributes, and says in `forward` what it computes."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        put = object.__setattr__
        put(self, "training", True)
        put(self, "_parameters", {})
        put(self, "_buffers", {})
        put(self, "_passing_buffers", set())
        put(self, "_modules", {})
        put(self, "_forward_hooks", [])
        put(self, "_forward_pre_hooks", [])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes. Call the module itself instead, `model(x)`."""
        raise NotImplementedError(say("errors.nn.no_forward", module=type(self).__name__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            tape = state.tape
            if tape is None:
                return self._run(args, kwargs)
            with tape.inside(self):
                return self._run(args, kwargs)
        except Exception as trouble:
            _name_the_layer(trouble, self)
            raise

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in self._forward_pre_hooks:
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        out = self.forward(*args, **kwargs)
        for hook in self._forward_hooks:
            changed = hook(self, args, out)
            out = out if changed is None else changed
        return out

    # -- what belongs to it ------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        registries = self.__dict__
        if isinstance(value, (Parameter, Module)) and "_modules" not in registries:
            raise AttributeError(say("errors.nn.super_init", module=type(self).__name__))
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif name in registries.get("_parameters", ()):
            if value is not None:
                raise TypeError(say("errors.nn.not_parameter", name=name, type=_kind(value)))
            self._parameters[name] = None
        elif name in registries.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(say("errors.nn.not_buffer", name=name, type=_kind(value)))
            self._buffers[name] = value
        elif name in registries.get("_modules", ()):
            if value is not None:
                raise TypeError(say("errors.nn.not_module", name=name, type=_kind(value)))
            self._modules[name] = None
        else:
            self._forget(name)
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for registry in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(registry, {})
            if name in found:
                return found[name]
        raise AttributeError(say("errors.nn.attribute", module=type(self).__name__, name=name))

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            object.__delattr__(self, name)

    def _forget(self, name: str) -> bool:
        known = False
        for registry in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(registry, {})
            known = found.pop(name, self) is not self or known
        return known

    def __dir__(self) -> list[str]:
        own = (*self._parameters, *self._buffers, *self._modules)
        return sorted({*super().__dir__(), *own})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` this module's own under `name`; None keeps the name without a value."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(say("errors.nn.not_parameter", name=name, type=_kind(param)))
        self._settle(name, "_parameters", param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the module but does not learn; it is saved in state_dict
        unless persistent=False."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(say("errors.nn.not_buffer", name=name, type=_kind(tensor)))
        self._settle(name, "_buffers", tensor)
        (self._passing_buffers.discard if persistent else self._passing_buffers.add)(name)

    def add_module(self, name: str, module: Module) -> None:
        """Make `module` a child under `name`."""
        if not isinstance(module, Module):
            raise TypeError(say("errors.nn.not_module", name=name, type=_kind(module)))
        self._settle(name, "_modules", module)

    register_module = add_module

    def _settle(self, name: str, registry: str, value: Any) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(say("errors.nn.name", name=repr(name)))
        own = self.__dict__[registry]
        if name not in own:  # a name that is there keeps its place in the order
            self._forget(name)
            self.__dict__.pop(name, None)
        own[name] = value

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module under `prefix`, then all inside it by their paths; each only once."""
        seen: set[int] = set()
        todo = [(prefix, self)]
        while todo:
            path, module = todo.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            children = [(_join(path, name), child) for name, child in module.named_children()]
            todo.extend(reversed(children))

    def modules(self) -> Iterator[Module]:
        """This module and all inside it."""
        return (m for _, m in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, by name; each only once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        return (m for _, m in self.named_children())

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "encoder.0"; AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            child = module._modules.get(name)
            if child is None:
                kind = type(module).__name__
                raise AttributeError(say("errors.nn.attribute", module=kind, name=name))
            module = child
        return module

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters by path, in the order of their definition; each only once."""
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, in the order of their definition; each only once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All buffers by path."""
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def _named(self, registry: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, value in module.__dict__[registry].items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    # -- saved and loaded ----------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """All parameters and buffers by path, sharing memory with the module."""
        out = {}
        for name, p in self._parameters.items():
            if p is not None:
                out[prefix + name] = p.detach()
        for name, b in self._buffers.items():
            if b is not None and name not in self._passing_buffers:
                out[prefix + name] = b.detach()
        for name, child in self._modules.items():
            if child is not None:
                out |= child.state_dict(f"{prefix}{name}.")
        return out

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Loaded:
        """Copy values into parameters and buffers by path. Values: Tensors, or anything that
        NumPy reads, such as PyTorch's tensors.

        RuntimeError that lists all that does not fit; missing and unexpected keys count only if
        strict.
        """
        own = self.state_dict()
        given = {
            k: v.array if isinstance(v, Tensor) else np.asarray(v) for k, v in state_dict.items()
        }
        missing = [k for k in own if k not in given]
        unexpected = [k for k in given if k not in own]
        troubles = [
            say("errors.nn.load_size", key=k, got=given[k].shape, want=t.shape)
            for k, t in own.items()
            if k in given and given[k].shape != t.shape
        ]
        if strict and missing:
            troubles.append(say("errors.nn.load_missing", keys=", ".join(missing)))
        if strict and unexpected:
            troubles.append(say("errors.nn.load_unexpected", keys=", ".join(unexpected)))
        for name, t in own.items():
            if name in given and given[name].shape == t.shape:
                t.copy_(given[name])
        if troubles:
            details = Lines(troubles)
            raise RuntimeError(say("errors.nn.load", module=type(self).__name__, details=details))
        return Loaded(missing, unexpected)

    # -- changed as a whole --------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` with every module inside, then with this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all inside to training (what Dropout and BatchNorm look at)."""
        if not isinstance(mode, bool):
            raise ValueError(say("errors.nn.train_mode", mode=repr(mode)))
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch training off: the network is being used."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters learn, or none."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take the gradients of all parameters away (or fill them with zeros)."""
        for p in self.parameters():
            if set_to_none or p.grad is None:
                p.grad = None
            else:
                p.grad = Tensor._wrap(np.zeros_like(p.grad.array))

    def to(self, *wishes: Any, device: Any = None, dtype: Any = None) -> Self:
        """All floating parameters and buffers in another dtype, in place; device "cpu" or none."""
        for wish in (*wishes, device, dtype):
            if wish is not None:
                self._convert(wish)
        return self

    def _convert(self, wish: Any) -> None:
        kind = Tensor(0.0).to(wish).dtype
        if kind.kind != "f":
            raise TypeError(say("errors.nn.to_dtype", dtype=kind))
        if isinstance(wish, str) and wish.startswith("cpu"):
            return
        for t in (*self.parameters(), *self.buffers()):
            if t.dtype.kind == "f" and t.dtype != kind:
                t.array = t.array.astype(kind)
                t.grad = None if t.grad is None else t.grad.to(kind)

    def double(self) -> Self:
        """All floating parameters and buffers as float64."""
        return self.to(np.float64)

    def float(self) -> Self:
        """All floating parameters and buffers as float32."""
        return self.to(np.float32)

    def cpu(self) -> Self:
        return self

    # -- hooks ---------------------------------------------------------------------------------

    def register_forward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, args, output) after every forward; what it returns, unless None,
        takes the output's place."""
        return RemovableHandle(self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, args) before every forward; what it returns, unless None, takes the
        arguments' place."""
        return RemovableHandle(self._forward_pre_hooks, hook)

    # -- how it prints -------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The settings to show between the parentheses."""
        return ""

    def __repr__(self) -> str:
        settings = self.extra_repr().split("\n") if self.extra_repr() else []
        inside = [
            f"({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self._modules.items()
        ]
        if not inside and len(settings) <= 1:
            return f"{type(self).__name__}({''.join(settings)})"
        return f"{type(self).__name__}(\n  " + "\n  ".join(settings + inside) + "\n)"


class Lines(Message):
    """Several sentences, each on a line of its own."""

    def __init__(self, lines: list[Message]):
        super().__init__("", {})
        self.lines = lines

    def text(self, lang: str) -> str:
        return "".join(f"\n  - {line.text(lang)}" for line in self.lines)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _kind(value: object) -> str:
    return type(value).__name__


def _name_the_layer(trouble: Exception, module: Module) -> None:
    """Say in an error of ours in which layer it arose: its path from the outermost module that
    was called, and how it prints. Each module on the way out adds its part of the path."""
    message = trouble.args[0] if trouble.args else None
    if not isinstance(message, Message):
        return
    inner = message.values.get("inner")
    if inner is None:
        values = {"layer": _first_line(module), "trouble": message, "inner": module}
        told = say("errors.nn.in_layer", **values)
    else:
        names = (name for name, m in module._modules.items() if m is inner)
        step = next(names, type(inner).__name__)
        path = _join(step, str(message.values.get("path", "")))
        told = say("errors.nn.in_layer_at", **(message.values | {"path": path, "inner": module}))
    trouble.args = (told, *trouble.args[1:])


def _first_line(module: Module) -> str:
    first, *more = repr(module).split("\n")
    return f"{first}...)" if more else first
