"""Modules that hold other modules: one after another, as a list, as a dictionary."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any, Self

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Sequential",
]


def _at(modules: Mapping[str, Module | None], index: int) -> str:
    """The name of the module at this place; negative places count from the end."""
    if not -len(modules) <= index < len(modules):
        raise IndexError(say("errors.nn.index", index=index, count=len(modules)))
    return next(islice(iter(modules), index % len(modules), None))


class _Sequence(Module):
    """What Sequential and ModuleList share: modules in an order, named "0", "1", ..."""

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(_at(self._modules, index), module)

    def __delitem__(self, index: int | slice) -> None:
        rest = list(self)
        del rest[index]
        self._modules = {str(i): m for i, m in enumerate(rest)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        return self._modules[_at(self._modules, index)]

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def _insert(self, index: int, module: Module) -> None:
        rest = list(self)
        rest.insert(index, module)
        self._modules = {}
        self.extend(rest)

    def pop(self, key: int | slice) -> Any:
        """Take a module out."""
        found = self[key]
        del self[key]
        return found


class Sequential(_Sequence):
    """Modules one after another: the output of each is the input of the next.

    Given as arguments (named "0", "1", ...) or as one dictionary of names.
    """

    def __init__(self, *modules: Any):
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            self.extend(modules)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at `index`."""
        if not -len(self) <= index <= len(self):
            raise IndexError(say("errors.nn.index", index=index, count=len(self)))
        self._insert(index, module)
        return self

    def __add__(self, other: Iterable[Module]) -> Self:
        return type(self)(*self, *other)

    def __mul__(self, times: int) -> Self:
        """The same modules several times over; their parameters are shared."""
        if not isinstance(times, int):
            return NotImplemented
        if times < 1:
            raise ValueError(say("errors.nn.times", times=times))
        return type(self)(*list(self) * times)

    __rmul__ = __mul__


class ModuleList(_Sequence):
    """A list of modules whose parameters are found; it computes nothing itself."""

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return super().__getitem__(index)

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        self._insert(index, module)

    def __add__(self, other: Iterable[Module]) -> Self:
        return type(self)([*self, *other])

    def _inside(self) -> Iterator[tuple[str, str]]:
        """Equal neighbours print once: (0-3): 4 x Linear(...)."""
        start = 0
        for text, equal in groupby(map(repr, self)):
            count = len(list(equal))
            if count == 1:
                yield f"({start})", text
            else:
                yield f"({start}-{start + count - 1})", f"{count} x {text}"
            start += count


class ParameterList(Module):
    """A list of parameters that are found; Tensors put in become Parameters."""

    def __init__(self, values: Iterable[Any] | None = None):
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, self._name(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._name(index), _parameter(value))

    def _name(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(say("errors.nn.index", index=index, count=len(self)))
        return str(index % len(self))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __iadd__(self, other: Iterable[Any]) -> ParameterList:
        return self.extend(other)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        setattr(self, str(self._size), _parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several parameters at the end."""
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return "\n".join(f"  ({i}): {_described(p)}" for i, p in enumerate(self))


class ParameterDict(Module):
    """Parameters by name that are found; Tensors put in become Parameters."""

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None):
        super().__init__()
        self._names: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._names:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._names[key] = None
        setattr(self, key, _parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._names[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, key: object) -> bool:
        return key in self._names

    def keys(self) -> Iterable[str]:
        """The names of the parameters."""
        return self._names.keys()

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return (self[k] for k in self._names)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and parameters, in pairs."""
        return ((k, self[k]) for k in self._names)

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, or `default`."""
        return self[key] if key in self._names else default

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add parameters, replacing those of the same name."""
        for key, value in dict(parameters).items():
            self[key] = value

    def pop(self, key: str) -> Any:
        """Take a parameter out."""
        found = self[key]
        del self[key]
        return found

    def popitem(self) -> tuple[str, Any]:
        """Take the last parameter out, with its name."""
        key, _ = self._names.popitem()
        found = getattr(self, key)
        delattr(self, key)
        return key, found

    def clear(self) -> None:
        """Take all parameters out."""
        for key in list(self):
            del self[key]

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of this name, or `default`, which is then put in."""
        if key not in self._names:
            self[key] = default
        return self[key]

    def copy(self) -> ParameterDict:
        """A new dictionary of the same parameters."""
        return ParameterDict(self.items())

    def __or__(self, other: Mapping[str, Any]) -> ParameterDict:
        return ParameterDict({**dict(self.items()), **dict(other.items())})

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other.items())
        return self

    def extra_repr(self) -> str:
        return "\n".join(f"  ({k}): {_described(p, old=True)}" for k, p in self.items())


def _parameter(value: Any) -> Any:
    return Parameter(value) if type(value) is Tensor else value


def _described(p: Any, old: bool = False) -> str:
    """One line about a parameter; PyTorch names the dtype by the old types in a dictionary."""
    if not isinstance(p, Tensor):
        return f"Object of type: {type(p).__name__}"
    kind = "Parameter" if isinstance(p, Parameter) else "Tensor"
    sizes = "x".join(str(n) for n in p.shape)
    return f"{kind} containing: [{p.type() if old else p.dtype} of size {sizes}]"


class ModuleDict(Module):
    """Modules by name, whose parameters are found; it computes nothing itself."""

    def __init__(self, modules: Mapping[str, Module] | None = None):
        super().__init__()
        if modules is not None:
            self.update(modules)

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
        """The names of the modules."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and modules, in pairs."""
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
