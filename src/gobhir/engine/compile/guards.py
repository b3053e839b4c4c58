"""What a step looks up from outside, by name: a replay holds only while that stays the same."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gobhir.engine.tensor import Tensor

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_CONSTANT = (types.ModuleType, type, types.BuiltinFunctionType)
_OURS = ("gobhir", "numpy")


FEW = 100
"""So many entries at most of a list or dictionary are watched."""


class Name(NamedTuple):
    """`holder[key]` (of a dict) or the content of a cell (`key` is None) was `value`."""

    holder: Any
    key: str | None
    value: Any
    entries: Any = None
    """Of a list, set or dictionary: the numbers and texts in it."""

    def now(self) -> Any:
        if self.key is not None:
            return self.holder.get(self.key)
        try:
            return self.holder.cell_contents
        except ValueError:  # a variable that was deleted
            return None

    def noted(self) -> Name:
        """As it is now."""
        now = self.now()
        return self._replace(value=now, entries=_entries(now))

    def holds(self) -> bool:
        now = self.now()
        if now is self.value:
            return self.entries is None or self.entries == _entries(now)
        return type(now) is type(self.value) and isinstance(now, _PLAIN) and now == self.value


def _entries(value: Any) -> Any:
    """The numbers and texts in a list, set or dictionary of a few entries; None of others."""
    if not isinstance(value, (list, set, dict)) or len(value) > FEW:
        return None
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if isinstance(v, _PLAIN)}
    return [v for v in value if isinstance(v, _PLAIN)]


def python_state(names: list[Name]) -> dict[Any, Any]:
    """The numbers and texts that a step can reach by name, outside of tensors, and how long the
    lists are. A step that changes them cannot be replayed."""
    found: dict[Any, Any] = {}
    for k, name in enumerate(names):
        value = name.now()
        if isinstance(value, _PLAIN):
            found[k, name.key] = value
        elif isinstance(value, (list, dict, set)):
            found[k, name.key] = len(value)
        elif not isinstance(value, (Tensor, types.FunctionType, *_CONSTANT)):
            if hasattr(value, "_modules") or hasattr(value, "param_groups"):
                continue
            for key, own in getattr(value, "__dict__", {}).items():
                if isinstance(own, _PLAIN):
                    found[k, key] = own
    return found


def names_in(step: Callable[..., Any]) -> list[Name]:
    """All variables that the step reads from around it, and the functions that it calls do, and
    the attributes of objects among them that its code mentions."""
    found: dict[tuple[int, str | None], Name] = {}
    seen: set[int] = set()
    for name in _walk(step, seen):
        found.setdefault((id(name.holder), name.key), name)
    return list(found.values())


def _walk(f: Any, seen: set[int]) -> Iterator[Name]:
    if id(f) in seen:
        return
    seen.add(id(f))
    if isinstance(f, functools.partial):
        for part in (f.func, *f.args, *f.keywords.values()):
            yield from _walk(part, seen)
    if isinstance(f, types.MethodType):
        if f.__func__.__module__.split(".")[0] in _OURS:
            return
        yield from _attributes(f.__self__, f.__func__.__code__, seen)
        f = f.__func__
    if hasattr(f, "__wrapped__"):
        yield from _walk(f.__wrapped__, seen)
    if not isinstance(f, types.FunctionType) or f.__module__.split(".")[0] in _OURS:
        return
    mentioned: list[Any] = []
    for cell in f.__closure__ or ():
        name = Name(cell, None, None)
        value = name.now()
        yield name._replace(value=value)
        mentioned.append(value)
    own = f.__code__.co_varnames[: f.__code__.co_argcount]
    values = f.__defaults__ or ()
    defaults = dict(zip(own[len(own) - len(values) :], values, strict=True))
    for key, value in (defaults | (f.__kwdefaults__ or {})).items():
        defaults[key] = value
        yield Name(defaults, key, value)
        mentioned.append(value)
    for key in _mentioned(f.__code__):
        if key in f.__globals__:
            value = f.__globals__[key]
            if not isinstance(value, _CONSTANT):
                yield Name(f.__globals__, key, value)
            mentioned.append(value)
    for value in mentioned:
        yield from _walk(value, seen)
        yield from _attributes(value, f.__code__, seen)


def _attributes(thing: Any, code: types.CodeType, seen: set[int]) -> Iterator[Name]:
    """Attributes of an object that the code mentions. Those of modules and optimizers are
    watched elsewhere."""
    own: Any = getattr(thing, "__dict__", {})
    if isinstance(thing, type) and thing.__module__.split(".")[0] not in (*_OURS, "builtins"):
        plain = (key for key in _mentioned(code) if isinstance(own.get(key), _PLAIN))
        yield from (Name(own, key, own[key]) for key in plain if key in own)
    known = isinstance(thing, (Tensor, types.FunctionType, *_CONSTANT))
    if known or hasattr(thing, "_modules") or hasattr(thing, "param_groups"):
        return
    for key in _mentioned(code):
        if key in own:
            yield Name(own, key, own[key])
        elif isinstance(found := getattr(type(thing), key, None), types.FunctionType):
            yield from _walk(types.MethodType(found, thing), seen)


def _mentioned(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _mentioned(constant)
