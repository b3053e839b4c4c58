"""The tensors of a watched PyTorch step, and their numbers as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from gobhir.lang import say
from gobhir.lift.identity import ByIdentity
from gobhir.lift.places import name_of
from gobhir.lift.trace import Value


def tensors_in(x: Any) -> Iterator[Any]:
    """Every tensor in nested arguments."""
    if isinstance(x, torch.Tensor):
        if not is_lazy(x):
            yield x
    elif isinstance(x, (tuple, list)):
        for v in x:
            yield from tensors_in(v)
    elif isinstance(x, dict):
        for v in x.values():
            yield from tensors_in(v)


def made_by(t: Any) -> Any:
    """A tensor's node in autograd's graph. None also for a view that no_grad made of something that
    learns, and that was written into: of that autograd does not like to be asked."""
    try:
        return t.grad_fn
    except RuntimeError:
        return None


def numbers(t: Any) -> np.ndarray:
    """A tensor's numbers, wherever it lies, floats as float64. ValueError where there are none that
    can be worked with: complex ones, or none at all (a meta tensor)."""
    with torch._C.DisableTorchFunction():  # it may be read while somebody looks on
        t = t.detach()
        if t.is_complex():
            raise ValueError(say("errors.watch.complex", shape=tuple(t.shape)))
        if t.is_meta:
            raise ValueError(say("errors.watch.meta", shape=tuple(t.shape)))
        if t.is_quantized:
            t = t.dequantize()
        if t.layout != torch.strided:
            t = t.to_dense()
        t = t.cpu() if t.device.type != "cpu" else t  # first: not every device has float64
        own = t.resolve_neg()
        own = own.double() if own.is_floating_point() else own
        array: np.ndarray = own.numpy()
        return array.copy() if own is t else array


class _Memory(WeakValueDictionary[Any, "_Kept"]):
    """All that is remembered of one memory as it is now, by the part of it that is meant."""


class _Kept:
    """A tensor's numbers at one moment: its memory, or a copy once somebody writes there."""

    __slots__ = ("__weakref__", "lasting", "memory", "part_of", "version")

    def __init__(self, t: Any, part_of: _Memory):
        self.memory = t.detach()
        self.version = _version(t)
        self.part_of = part_of
        self.lasting = False
        """Whether the user's program goes on working on it when nobody watches any more."""

    @property
    def valid(self) -> bool:
        return _version(self.memory) == self.version

    def secure(self) -> int:
        """Copy it; the bytes that takes."""
        if not self.valid:
            return 0
        self.memory = self.memory.clone()
        self.version = _version(self.memory)
        return _bytes(self.memory)

    def read(self) -> np.ndarray:
        with torch._C.DisableTorchFunction():
            if not self.valid:
                raise ValueError(say("errors.watch.overwritten", shape=tuple(self.memory.shape)))
        try:
            return numbers(self.memory)
        except (RuntimeError, TypeError) as trouble:
            kind, why = type(self.memory).__name__, str(trouble).partition("\n")[0]
            raise ValueError(say("errors.watch.strange", kind=kind, why=why)) from trouble

    def lies(self) -> np.ndarray:
        """Where they lie, if NumPy can see them there; else as `read`."""
        with torch._C.DisableTorchFunction():
            t = self.memory
            seen = type(t) in _PLAIN and t.layout == torch.strided and t.dtype in _KNOWN
            if not seen or t.device.type != "cpu" or t.is_neg() or not self.valid:
                return self.read()
            array: np.ndarray = t.numpy()
        array.flags.writeable = False
        return array


_PLAIN = (torch.Tensor, torch.nn.Parameter)
_KNOWN = (torch.float32, torch.float64)


def _version(t: Any) -> int:
    """How often it was written into; nobody counts that of an inference tensor."""
    return 0 if t.is_inference() else t._version


def _bytes(t: Any) -> int:
    return int(t.numel() * t.element_size())


def _memory(t: Any) -> int:
    try:
        return t.untyped_storage()._cdata if t.layout == torch.strided else id(t)
    except RuntimeError:  # one that only stands for others
        return id(t)


class Values:
    """Which Value each tensor is now; a parameter is another one after each step.

    Nothing here keeps a tensor or its numbers alive: the Values of the trace do. remembers: told
    how many bytes something takes that is remembered from now on."""

    def __init__(self, remembers: Callable[[int], None] = lambda size: None) -> None:
        self.remembers = remembers
        self._now: ByIdentity[Value] = ByIdentity()
        self._names: ByIdentity[str] = ByIdentity()
        self._leaves: ByIdentity[Value] = ByIdentity()
        self._unused: WeakSet[Value] = WeakSet()
        """Parameters that are called what they were called where they were made."""
        self._kept: WeakValueDictionary[int, _Memory] = WeakValueDictionary()

    def learn_names(self, named: Iterable[tuple[str, Any]]) -> None:
        """A model's own names go before what variables the program happens to have for them."""
        for name, t in named:
            self._names[t] = name
            found = self._now.get(t)
            if found is None:
                continue
            if found.origin:
                found.name = name
            elif not found.learns:  # the program has prepared it
                self._new(t, "buffer", name)

    def named(self, t: Any) -> bool:
        return t in self._names

    def known(self, x: Any) -> Any:
        """The Value of a tensor; one that was never seen came from outside. Else x."""
        if not isinstance(x, torch.Tensor) or is_lazy(x):
            return x
        found = self._now.get(x)
        if found is not None and _stale(found, x):
            found = None
        if found is not None:
            if found.origin == "parameter" and not self._is_called(x, found):
                found.name = name_of(x) or found.name
                self._unused.discard(found)
            return found
        name = self._names.get(x) or ""
        learns = isinstance(x, torch.nn.Parameter) or (x.requires_grad and made_by(x) is None)
        origin = "parameter" if learns else "buffer" if name else "given"
        origin = "unseen" if made_by(x) is not None else origin
        return self._new(x, origin, name or name_of(x))

    def _is_called(self, t: Any, leaf: Value) -> bool:
        """Whether it has a name of its own. Where many are made in one function, all of them are
        the same variable there; what they are when they are used tells them apart."""
        if t in self._names:
            return True
        others = (v.name for v in self._leaves.values() if v is not leaf)
        return bool(leaf.name) and leaf not in self._unused and leaf.name not in others

    def result(self, x: Any) -> Any:
        """The Value of what a call gave. Else x."""
        if not isinstance(x, torch.Tensor):
            return x
        if x in self._leaves:
            return self._new(x)  # written into
        return self.renew(x) if x.requires_grad and made_by(x) is None else self._new(x)

    def drawn(self, t: Any) -> None:
        """Its numbers are new, and no call says where they come from."""
        self.secure(t)
        if t.requires_grad and made_by(t) is None:
            self.renew(t)
        else:
            self._new(t, "drawn")

    def renew(self, t: Any) -> Value:
        """A parameter has other numbers from now on."""
        was = self._leaves.get(t)
        name = self._names.get(t) or ("" if was is None else was.name)
        value = self._new(t, "parameter", name or name_of(t))
        if not name:
            self._unused.add(value)
        return value

    def rewritten(self, t: Any) -> None:
        """A function has changed what it was given before it read it: the same Value, with the
        numbers that it was read with."""
        self.known(t).read = self._keep(t, True).read

    def awake(self, t: Any) -> None:
        """What was a plain result may ask for a gradient from now on."""
        if t.requires_grad and made_by(t) is None and t not in self._leaves:
            self.renew(t)

    def leaves_on(self, written: list[Any]) -> list[tuple[Any, Value]]:
        """The parameters whose memory is that of one of these tensors."""
        memories = set(map(_memory, written))
        return [pair for pair in self._leaves.items() if _memory(pair[0]) in memories]

    def live(self) -> list[Value]:
        """Of the tensors that the program still has."""
        return self._now.values()

    def _new(self, t: Any, origin: str = "", name: str = "") -> Value:
        was = self._now.get(t)
        kept = self._keep(t, bool(origin) or (was is not None and _kept_of(was).lasting))
        strides = t.stride() if t.layout == torch.strided else ()
        shape, memory = tuple(t.shape), _memory(t)
        learns = t.requires_grad if origin else made_by(t) is not None
        value = Value(shape, kept.read, origin, name, learns, strides, memory, kept.lies)
        self._now[t] = value
        if origin == "parameter":
            self._leaves[t] = value
        return value

    def _keep(self, t: Any, lasting: bool) -> _Kept:
        place, size = _memory(t), 0
        memory = self._kept.get(place)
        if memory is None:
            memory = self._kept[place] = _Memory()
            size = _bytes(t)
        strided = t.layout == torch.strided
        part: Any = object()
        if strided:
            part = (t.shape, t.stride(), t.storage_offset(), t.dtype, t.is_conj(), t.is_neg())
        kept = memory.get(part)
        if kept is None or not kept.valid:
            kept = memory[part] = _Kept(t, memory)
        kept.lasting |= lasting
        self.remembers(size)
        return kept

    def snapshot(self, t: Any) -> Value:
        """The tensor as it is now, apart from what it is in the calls."""
        kept = self._keep(t, True)
        return Value(tuple(t.shape), kept.read, lies=kept.lies)

    def secure(self, t: Any) -> None:
        """Copy what is remembered of its memory: something is about to write there."""
        memory = self._kept.pop(_memory(t), None)
        for kept in () if memory is None else list(memory.values()):
            self.remembers(kept.secure())

    def about_to_learn(self) -> tuple[dict[Value, Any], dict[Value, Value]]:
        """backward() is about to add to gradients: how they lie there, and the numbers of those
        that are there already."""
        for t, _ in self._names.items():
            if t.requires_grad and t not in self._leaves:
                self.known(t)  # a parameter that something has used which nobody could look into
        marks, before = {}, {}
        for t, leaf in self._leaves.items():
            marks[leaf] = _mark(t.grad)
            if t.grad is not None:
                before[leaf] = self.snapshot(t.grad)
                self.secure(t.grad)
        return marks, before

    def learned(self, marks: dict[Value, Any]) -> Iterator[tuple[Value, Value]]:
        """The leaves that have other gradients now, and these."""
        for t, leaf in self._leaves.items():
            if t.grad is not None and leaf in marks and _mark(t.grad) != marks[leaf]:
                yield leaf, self.snapshot(t.grad)

    def end(self) -> None:
        """The user's program goes on: what it works on is copied."""
        for memory in list(self._kept.values()):
            for kept in list(memory.values()):
                if kept.lasting:
                    kept.secure()
        for known in (self._now, self._names, self._leaves, self._kept):
            known.clear()


def _mark(grad: Any) -> Any:
    return None if grad is None else (id(grad), _version(grad))


def _kept_of(value: Value) -> _Kept:
    kept: _Kept = value.read.__self__  # type: ignore[attr-defined]  # its own
    return kept


def _stale(value: Value, t: Any) -> bool:
    """Whether somebody has written into the tensor, and nobody saw it (set_, an extension)."""
    kept = _kept_of(value)
    return not kept.valid or kept.memory.shape != t.shape
