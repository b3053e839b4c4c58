"""Modules that hold other modules: one after another, as a list, as a dictionary."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from gobhir.lang import say
from gobhir.nn.module import Module

__all__ = [
    "ModuleDict",
    "ModuleList",
    "Sequential",
]


def _at(modules: Mapping[str, Module | None], index: int) -> str:
    """The name of the module at this place; negative places count from the end."""
    if not -len(modules) <= index < len(modules):
        raise IndexError(say("errors.nn.index", index=index, count=len(modules)))
    return next(islice(iter(modules), index % len(modules), None))


class Sequential(Module):
    """Modules one after another: the output of each is the input of the next.

    Given as arguments (named "0", "1", ...) or as one dictionary of names.
    """

    def __init__(self, *modules: Any):
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(modules):
                self.add_module(str(i), module)

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[_at(self._modules, index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(_at(self._modules, index), module)

    def __delitem__(self, index: int) -> None:
        del self._modules[_at(self._modules, index)]
        self._modules = {str(i): m for i, m in enumerate(self._modules.values())}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Module) -> Sequential:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Sequential:
        """Add several modules at the end."""
        for module in modules:
            self.append(module)
        return self


class ModuleList(Module):
    """A list of modules whose parameters are found; it computes nothing itself."""

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        self.extend(modules or ())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[_at(self._modules, index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(_at(self._modules, index), module)

    def __delitem__(self, index: int) -> None:
        rest = list(self)
        del rest[index]
        self._modules = {str(i): m for i, m in enumerate(rest)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add several modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        rest = list(self)
        rest.insert(index, module)
        self._modules = {str(i): m for i, m in enumerate(rest)}


class ModuleDict(Module):
    """Modules by name, whose parameters are found; it computes nothing itself."""

    def __init__(self, modules: Mapping[str, Module] | None = None):
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def keys(self) -> Iterable[str]:
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._modules.items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, replacing those of the same name."""
        for name, module in dict(modules).items():
            self.add_module(name, module)

    def pop(self, name: str) -> Any:
        """Take a module out."""
        return self._modules.pop(name)

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()
