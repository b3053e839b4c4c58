"""What a step can reach: variables from around it, and attributes of objects among them, in its
own code and in that of the user's functions and classes that it mentions."""

from __future__ import annotations

import dis
import functools
import random
import sys
import sysconfig
import types
from collections import ChainMap, UserDict, UserList
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gobhir.engine.compile.guards import CONSTANT, CONTAINERS, FEW, PLAIN, Methods, Name
from gobhir.engine.tensor import Tensor

_OURS = ("gobhir", "numpy")
_LIBRARY = sysconfig.get_path("stdlib")
_ANY = {"getattr", "vars", "__dict__"}
"""Words of code that reads attributes by names that do not stand in it."""
_OWN = {"_parameters", "_buffers", "_modules", "_hooks", "_passing_buffers"}
"""Attributes of a module that are looked after elsewhere."""
_SETTINGS = (bool, int, float, str)
"""What `Surroundings.modes` knows of modules."""
_NOT_CALLED = {"__init__", "__new__", "__repr__", "__dict__", "__weakref__", "__init_subclass__"}
_FUNCTIONS = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)


class Reached:
    """names: what a step looks up. modules, optimizers, leaves: those among what it finds there
    (leaves: tensors that learn), and generators of random numbers that are not Gobhir's."""

    def __init__(self, step: Callable[..., Any], given: Iterable[Any], modules: Iterable[Any]):
        self.modules: list[Any] = []
        self.optimizers: list[Any] = []
        self.leaves: list[Tensor] = []
        self.generators: list[Any] = []
        self._found: dict[tuple[int, Any], Name] = {}
        self._seen: dict[int, Any] = {}
        self._words: dict[str, set[str | None]] = {"forward": {None}}  # Module.__call__ calls it
        """Attributes in the code, and what stands before the dot there (None: who knows)."""
        self._called: dict[str, set[int]] = {}
        """By name: the ids of the things that have it."""
        self._things: list[Any] = []
        self._vars: dict[int, _Vars] = {}
        self._methods: dict[type, Methods] = {}
        for thing in (step, *given, *modules):
            self._visit(thing)
        before, now = -1, 0
        while before != now:
            for thing in list(self._things):
                self._attributes(thing)
            sets: list[Any] = [*self._words.values(), *self._called.values()]
            before, now = now, len(self._found) + len(self._things) + sum(map(len, sets))
        self.names = list(self._found.values())

    def _name(self, holder: Any, key: Any, word: str = "") -> None:
        if (id(holder), key) not in self._found:
            name = Name(holder, key, None, word=word or str(key)).noted()
            self._found[id(holder), key] = name
            self._called.setdefault(name.word, set()).add(id(name.value))
            self._visit(name.value)

    def _method(self, kind: type, key: str) -> None:
        """Watch what a class, or one it comes from, has by this name, and go through its code."""
        holder = self._methods.setdefault(kind, Methods(kind))
        if (id(holder), key) not in self._found:
            self._found[id(holder), key] = name = Name(holder, key, None, word=key).noted()
            if users(kind.__module__):
                self._visit(_code(name.value))

    def _visit(self, x: Any) -> None:
        if isinstance(x, Tensor) and x.requires_grad and x.is_leaf:
            self.leaves.append(x)
        if isinstance(x, types.BuiltinFunctionType):
            x = x.__self__  # of rng.random, the generator
        if isinstance(x, (Tensor, *PLAIN)) or id(x) in self._seen:
            return
        self._seen[id(x)] = x
        if isinstance(x, (np.random.Generator, random.Random)):
            self.generators.append(x)
        elif isinstance(x, CONTAINERS):
            if len(x) <= FEW:
                for v in x.values() if isinstance(x, dict) else x:
                    self._visit(v)
        elif isinstance(x, functools.partial):
            self._visit(x.func)
            for holder in (types.MappingProxyType(dict(enumerate(x.args))), x.keywords):
                for key in holder:
                    self._name(holder, key)
        elif isinstance(x, types.MethodType):
            self._visit(x.__self__)
            self._visit(x.__func__)
        elif isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, (type, types.ModuleType)):
            if users(x.__module__ if isinstance(x, type) else x.__name__):
                self._things.append(x)
        elif "__wrapped__" in getattr(x, "__dict__", ()):  # what `compile` made, for one
            self._visit(x.__wrapped__)
        elif hasattr(x, "_modules"):
            self.modules.append(x)
            for word, child in x.named_children():
                self._called.setdefault(word, set()).add(id(child))
                self._visit(child)
            self._method(type(x), "forward")
            if users(type(x).__module__):
                self._things.append(x)
        else:
            if hasattr(x, "param_groups"):
                self.optimizers.append(x)
            self._things.append(x)

    def _function(self, f: types.FunctionType) -> None:
        self._visit(getattr(f, "__wrapped__", None))
        if not users(f.__module__):
            return
        for word, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            self._name(cell, None, word)
        defaults = _Defaults(f)
        for key in defaults.names():
            self._name(defaults, key)
        for key, attribute, of in _mentioned(f.__code__, f.__globals__):
            if attribute or key in _ANY:
                self._words.setdefault(key, set()).add(of)
            elif key in f.__globals__:
                self._named_unless_constant(f.__globals__, key)

    def _named_unless_constant(self, holder: Any, key: str) -> None:
        value = holder.get(key)
        if isinstance(value, CONSTANT):
            self._visit(value)
        else:
            self._name(holder, key)

    def _attributes(self, thing: Any) -> None:
        """Watch those attributes of an object, class or module of the user's that the code
        mentions."""
        own, keys = self._own(thing)
        words = set(self._words)
        if hasattr(thing, "param_groups"):
            if "param_groups" in words:
                self._name(own, "param_groups")
            return
        if "get_last_lr" in words and "_last_lr" in keys:
            self._name(own, "_last_lr")
        if isinstance(thing, (UserDict, UserList, ChainMap)):
            self._name(own, "maps" if isinstance(thing, ChainMap) else "data")
        if isinstance(thing, CONSTANT):
            for key in words & keys:
                kinds = thing.__mro__ if isinstance(thing, type) else (thing,)
                found = next(vars(k)[key] for k in kinds if key in vars(k))
                if isinstance(found, _FUNCTIONS) and isinstance(thing, type):
                    self._method(thing, key)
                else:
                    self._named_unless_constant(own, key)
            return
        every = not words.isdisjoint(_ANY)
        for key in (words | keys if every else words) - _OWN:
            if key not in keys:
                self._of_the_class(thing, own, key)
            elif not (hasattr(thing, "_modules") and isinstance(own[key], _SETTINGS)):
                self._name(own, key)
        for kind in type(thing).__mro__:
            if users(kind.__module__):
                for key, found in list(vars(kind).items()):
                    if key.startswith("__") and key not in _NOT_CALLED and _code(found):
                        self._method(type(thing), key)

    def _of_the_class(self, thing: Any, own: Any, key: str) -> None:
        for kind in type(thing).__mro__:
            found = vars(kind).get(key) if users(kind.__module__) else None
            if isinstance(found, _FUNCTIONS):
                if self._may_be_of(thing, key):
                    self._method(type(thing), key)
                    if not hasattr(thing, "_modules"):
                        self._name(own, key)  # one of the object's own would come before it
            elif key in vars(kind):
                if users(kind.__module__) and isinstance(found, (*PLAIN, *CONTAINERS)):
                    self._name(self._own(type(thing))[0], key)
                    self._name(own, key)
                return

    def _may_be_of(self, thing: Any, key: str) -> bool:
        """Whether `a.key` in the code may mean this thing: `model.train()` is no trainer's."""
        return any(
            of is None or id(thing) in self._called.get(of, (id(thing),))
            for of in self._words.get(key, (None,))
        )

    def _own(self, thing: Any) -> tuple[Any, set[str]]:
        """The attributes of an object, class or module as a dictionary, and their names."""
        if not isinstance(thing, type) and hasattr(thing, "__dict__"):
            return thing.__dict__, set(thing.__dict__)
        holder = self._vars.setdefault(id(thing), _Vars(thing))
        if isinstance(thing, type):
            return holder, {k for c in thing.__mro__ if users(c.__module__) for k in vars(c)}
        slots = (k for kind in type(thing).__mro__ for k in getattr(kind, "__slots__", ()))
        return holder, {k for k in slots if hasattr(thing, k)}


class _Vars:
    """The attributes of a class, or those in slots, read as a dictionary is."""

    def __init__(self, thing: Any):
        self.thing = thing

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self.thing, key, default)

    __getitem__ = get

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self.thing, key, value)


class _Defaults:
    """What arguments are that are not given, read and written as a dictionary is."""

    def __init__(self, f: types.FunctionType):
        self.f = f

    def names(self) -> list[str]:
        own = self.f.__code__.co_varnames[: self.f.__code__.co_argcount]
        return [*own[len(own) - len(self.f.__defaults__ or ()) :], *(self.f.__kwdefaults__ or {})]

    def _at(self, key: str) -> int:
        own = self.f.__code__.co_varnames
        return own.index(key) - self.f.__code__.co_argcount

    def __getitem__(self, key: str) -> Any:
        named = self.f.__kwdefaults__ or {}
        return named[key] if key in named else (self.f.__defaults__ or ())[self._at(key)]

    def get(self, key: str, default: Any = None) -> Any:
        return self[key]

    def __setitem__(self, key: str, value: Any) -> None:
        named = self.f.__kwdefaults__
        if named and key in named:
            named[key] = value
            return
        values = list(self.f.__defaults__ or ())
        values[self._at(key)] = value
        self.f.__defaults__ = tuple(values)


def _code(found: Any) -> Any:
    """The function in a property or a static method."""
    for name in ("fget", "__func__", "func"):
        if isinstance(found, _FUNCTIONS) and hasattr(found, name):
            return getattr(found, name)
    return found if isinstance(found, types.FunctionType) else None


@functools.cache
def users(module: str | None) -> bool:
    """Whether a module is the user's own: not Gobhir, NumPy, or installed with Python."""
    name = module or "__main__"
    if name.split(".")[0] in _OURS or name in sys.builtin_module_names:
        return False
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    return not path.startswith(_LIBRARY) and "-packages" not in path


def _mentioned(
    code: types.CodeType, around: dict[str, Any]
) -> Iterator[tuple[str, bool, str | None]]:
    """The names in the code; True with those of attributes, unless of a library (`torch.log`);
    and of these, the name before the dot."""
    library = False
    before = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
            found = around.get(step.argval) if step.opname != "LOAD_DEREF" else None
            library = isinstance(found, types.ModuleType) and not users(found.__name__)
            before = step.argval
            if step.opname != "LOAD_DEREF":
                yield step.argval, False, None
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            if not library:
                yield step.argval, True, before
            before = step.argval
        else:
            library, before = False, None
            if step.opname in ("STORE_ATTR", "DELETE_ATTR"):
                yield step.argval, True, None
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _mentioned(constant, around)
