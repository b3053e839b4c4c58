"""What a step looks up from outside, by name: a replay holds only while that stays the same."""

from __future__ import annotations

import marshal
import random
import types
from collections import deque
from collections.abc import Iterable
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from gobhir.engine.tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
CONSTANT = (types.ModuleType, type, types.BuiltinFunctionType)
CONTAINERS = (list, tuple, set, frozenset, dict, deque)
MISSING = object()
"""What a name that is not there yet stands for."""
FEW = 100
"""So many entries at most of a list or dictionary are watched."""
SHORT = 20_000
"""So many bytes at most of plain entries are kept."""
MANY = 1000
"""So many entries at most are watched of lists in lists, dictionaries in dictionaries; and of
a longer list, which objects they are."""


class Objects(tuple[Any, ...]):
    """The entries of a long list or dictionary: only which they are counts, not what is in them."""


class Methods:
    """What is written in a class and those it comes from, read as a dictionary is."""

    def __init__(self, kind: type):
        self.kind = kind

    def get(self, key: str, default: Any = None) -> Any:
        found = getattr(self.kind, key, default)
        if type(found) is types.FunctionType:
            return found
        for kind in self.kind.__mro__:
            if key in kind.__dict__:
                return kind.__dict__[key]
        return default

    __getitem__ = get


class Name(NamedTuple):
    """`holder[key]` (of a dict) or the content of a cell (`key` is None) was `value`."""

    holder: Any
    key: Any
    value: Any
    entries: Any = None
    """Of a list, set or dictionary: what was in it, as bytes if that is short and plain."""
    word: str = ""
    """What the step calls it."""

    def now(self) -> Any:
        if self.key is not None:
            return self.holder.get(self.key, MISSING)
        try:
            return self.holder.cell_contents
        except ValueError:  # a variable that was deleted
            return None

    def put(self, value: Any) -> None:
        if self.key is not None:
            self.holder[self.key] = value
        else:
            self.holder.cell_contents = value

    def noted(self) -> Name:
        """As it is now."""
        now = self.now()
        watched = isinstance(now, CONTAINERS) or isinstance(now, np.ndarray) and not self.traced()
        found = _bytes(now) if isinstance(now, CONTAINERS) else None
        if watched and (found is None or len(found) > SHORT):
            found = entries(now)
        return self._replace(value=now, entries=found if watched else None)

    def traced(self) -> bool:
        """Whether it is an array that can be a Traced one while a step is recorded: a replay
        reads what stands in it by then."""
        now = self.now()
        settable = self.key is None or hasattr(type(self.holder), "__setitem__")
        return settable and type(now) is np.ndarray and now.dtype.kind in "biuf"

    def holds(self) -> bool:
        now = self.now()
        if self.entries is None:
            return now is self.value or same(now, self.value)
        if type(self.entries) is bytes:
            return self.entries == _bytes(now)
        return type(now) is type(self.value) and same(entries(now), self.entries)

    def steady(self, but_for_entries: bool) -> bool:
        """Whether only numbers and texts are other ones now, if anything: a step that meets other
        objects than before works on other tensors, too."""
        now = self.now()
        if now is self.value or isinstance(now, PLAIN) and isinstance(self.value, PLAIN):
            before = () if type(self.entries) is bytes else self.entries
            whole = self.entries is None or but_for_entries
            return whole or _objects(entries(now)) == _objects(before)
        return False


def _bytes(value: Any) -> bytes | None:
    """Numbers and texts in lists, sets and dictionaries, written down by Python: this is soon
    done. None where there is something else among them."""
    try:
        return marshal.dumps(value, 2)  # later versions write equal things in different ways
    except ValueError:
        return None


def entries(value: Any, room: list[int] | None = None) -> Any:
    """What is in a list, set, dictionary or small array, and in those inside it; anything else as
    it is. Of many entries, which; of very many, how many."""
    if isinstance(value, np.ndarray):
        return (value.shape, value.tobytes()) if value.size <= 10 * FEW else value
    if not isinstance(value, CONTAINERS):
        return value
    room = [MANY] if room is None else room
    room[0] -= len(value)
    if FEW < len(value) <= MANY and not isinstance(value, (set, frozenset)):
        return Objects((*value, *value.values()) if isinstance(value, dict) else value)
    if len(value) > MANY or room[0] < 0:
        return len(value)
    if isinstance(value, dict):
        return tuple(value), tuple([entries(v, room) for v in value.values()])
    if isinstance(value, (set, frozenset)):
        return frozenset(value)
    return tuple([entries(v, room) for v in value])


def same(a: Any, b: Any) -> bool:
    """Whether two numbers, texts or `entries` are equal; of other objects, whether it is one."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is Objects:
        return len(a) == len(b) and all(map(is_, a, b))
    if type(a) is tuple:
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(a, (*PLAIN, frozenset)) and a == b


def _objects(found: Any) -> list[int]:
    """The ids of all that is neither a number nor a text in `entries`."""
    if isinstance(found, tuple):
        return [i for v in found for i in _objects(v)]
    return [] if isinstance(found, (*PLAIN, frozenset)) else [id(found)]


def python_state(names: Iterable[Name], generators: Iterable[Any]) -> dict[Any, Any]:
    """What a step can reach by name outside of tensors, and the random numbers that are not
    Gobhir's. A step that changes them cannot be replayed."""
    legacy: Any = np.random.get_state()
    found: dict[Any, Any] = {
        (-1, "random"): random.getstate(),
        (-1, "numpy.random"): (legacy[1].tobytes(), legacy[2]),
    }
    for k, generator in enumerate(generators):
        bits = getattr(generator, "bit_generator", None)
        found[-2 - k, "random"] = generator.getstate() if bits is None else repr(bits.state)
    for k, name in enumerate(names):
        value = name.now()
        found[k, name.word] = value if name.entries is None else entries(value)
        if isinstance(value, (Tensor, types.FunctionType, *CONSTANT)):
            continue
        if hasattr(value, "_modules") or hasattr(value, "param_groups"):
            continue
        for key, own in getattr(value, "__dict__", {}).items():
            if isinstance(own, PLAIN):
                found[k, key] = own
    return found
