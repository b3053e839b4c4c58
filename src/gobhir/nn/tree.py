"""What a module is made of: parameters, buffers and other modules, each under a name.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.hooks import changes
from gobhir.lang import say
from gobhir.nn.parameter import Buffer, Parameter


class Tree:
    """A node: what belongs to it directly, and walking through all that is below.

    Base of Module, which calls what is here by PyTorch's names.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _passing_buffers: set[str]

    def __init__(self) -> None:
        put = object.__setattr__
        put(self, "training", True)
        put(self, "_parameters", {})
        put(self, "_buffers", {})
        put(self, "_passing_buffers", set())
        put(self, "_modules", {})

    def __setattr__(self, name: str, value: Any) -> None:
        changes[0] += 1
        registries = self.__dict__
        if isinstance(value, (Parameter, Buffer, Tree)) and "_modules" not in registries:
            raise AttributeError(say("errors.nn.super_init", module=type(self).__name__))
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif isinstance(value, Tree):
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
                raise _not_module(name, value)
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
        changes[0] += 1
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

    def add_module(self, name: str, module: Any) -> None:
        """Make `module` a child under `name`; None keeps the name without a child."""
        if module is not None and not isinstance(module, Tree):
            raise _not_module(name, module)
        self._settle(name, "_modules", module)

    register_module = add_module

    def _settle(self, name: str, registry: str, value: Any) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(say("errors.nn.name", name=repr(name)))
        changes[0] += 1
        own = self.__dict__[registry]
        if name not in own:  # a name that is there keeps its place in the order
            self._forget(name)
            self.__dict__.pop(name, None)
        own[name] = value

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module under `prefix`, then all inside it by their paths; each only once, unless
        remove_duplicate=False."""
        seen: set[int] = set() if memo is None else memo
        todo: list[tuple[str, Any]] = [(prefix, self)]
        while todo:
            path, module = todo.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            named = module._modules.items()
            children = [(join(path, name), child) for name, child in named if child is not None]
            todo.extend(reversed(children))

    def modules(self) -> Iterator[Any]:
        """This module and all inside it."""
        return (m for _, m in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly inside, by name; each only once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Any]:
        """The modules directly inside."""
        return (m for _, m in self.named_children())

    def _way_to(self, module: Any) -> str:
        """The path to a module inside; of one that is not, the name of its class."""
        return next((path for path, m in self.named_modules() if m is module), _kind(module))

    def get_submodule(self, target: str) -> Any:
        """The module at a path such as "encoder.0"; AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            child = module._modules.get(name)
            if child is None:
                kind = type(module).__name__
                raise AttributeError(say("errors.nn.attribute", module=kind, name=name))
            module = child
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.0.weight"; AttributeError if there is none."""
        found: Parameter = self._get(target, "_parameters")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path; AttributeError if there is none."""
        found: Tensor = self._get(target, "_buffers")
        return found

    def _get(self, target: str, registry: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = module.__dict__[registry].get(name)
        if found is None:
            kind = type(module).__name__
            raise AttributeError(say("errors.nn.attribute", module=kind, name=name))
        return found

    def set_submodule(self, target: str, module: Any) -> None:
        """Put `module` in the place of the one at a path such as "encoder.0"."""
        path, _, name = target.rpartition(".")
        self.get_submodule(path).add_module(name, module)

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters by path, in the order of their definition; each only once, unless
        remove_duplicate=False."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, in the order of their definition; each only once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers by path."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def _named(
        self, registry: str, prefix: str, recurse: bool, once: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        everywhere = self.named_modules(prefix=prefix, remove_duplicate=once)
        for path, module in everywhere if recurse else [(prefix, self)]:
            for name, value in module.__dict__[registry].items():
                if value is not None and not (once and id(value) in seen):
                    seen.add(id(value))
                    yield join(path, name), value


def join(path: str, name: str) -> str:
    """One step further along a path: "encoder" and "0" make "encoder.0"."""
    return f"{path}.{name}" if path and name else path or name


def _kind(value: object) -> str:
    return type(value).__name__


def _not_module(name: str, value: object) -> TypeError:
    """What was meant most likely: a class without its parentheses, a list not unpacked."""
    if isinstance(value, type):
        return TypeError(say("errors.nn.not_called", name=name, type=value.__name__))
    key = "module_list" if isinstance(value, (list, tuple)) else "not_module"
    # keys: errors.nn.module_list, errors.nn.not_module
    return TypeError(say(f"errors.nn.{key}", name=name, type=_kind(value)))
