"""The tensors of a watched PyTorch step, and their numbers as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import ref

import numpy as np
import torch

from gobhir.lang import say
from gobhir.lift.places import name_of
from gobhir.lift.trace import Value


def tensors_in(x: Any) -> Iterator[Any]:
    """Every tensor in nested arguments."""
    if isinstance(x, torch.Tensor):
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
    """A tensor's numbers, floats as float64. ValueError for complex numbers."""
    t = t.detach()
    if t.is_complex():
        raise ValueError(say("errors.watch.complex", shape=tuple(t.shape)))
    if t.is_quantized:
        t = t.dequantize()
    if t.layout != torch.strided:
        t = t.to_dense()
    t = t.double() if t.is_floating_point() else t
    return np.array(t.cpu().numpy())


class _Kept:
    """A tensor's memory at one moment: shared with it, or a copy once somebody writes there."""

    __slots__ = ("lasting", "memory", "version")

    def __init__(self, t: Any, lasting: bool):
        self.memory = t.detach()
        self.version = t._version
        self.lasting = lasting
        """Whether the user's program goes on working on it when nobody watches any more."""

    def secure(self) -> None:
        if self.memory._version == self.version:
            self.memory = self.memory.clone()
            self.version = self.memory._version

    def read(self) -> np.ndarray:
        if self.memory._version != self.version:
            raise ValueError(say("errors.watch.overwritten", shape=tuple(self.memory.shape)))
        return numbers(self.memory)


def _memory(t: Any) -> int:
    strided = t.layout == torch.strided
    return t.untyped_storage()._cdata if strided else id(t)


class Values:
    """Which Value each tensor is now; a parameter is another one after each step."""

    def __init__(self) -> None:
        self._now: dict[int, tuple[Any, Value]] = {}
        self._kept: dict[int, list[_Kept]] = {}
        self._names: dict[int, tuple[Any, str]] = {}
        self._leaves: dict[int, tuple[Any, Value]] = {}

    def learn_names(self, named: Iterable[tuple[str, Any]]) -> None:
        """A model's own names go before what variables the program happens to have for them."""
        for name, t in named:
            self._names[id(t)] = t, name
            found = self._now.get(id(t))
            if found is None or found[0]() is not t:
                continue
            if found[1].origin:
                found[1].name = name
            elif not found[1].learns:  # the program has prepared it
                self._new(t, "buffer", name)

    def named(self, t: Any) -> bool:
        return id(t) in self._names

    def known(self, x: Any) -> Any:
        """The Value of a tensor; one that was never seen came from outside. Else x."""
        if not isinstance(x, torch.Tensor):
            return x
        found = self._now.get(id(x))
        if found is not None and found[0]() is x:
            if found[1].origin == "parameter" and not found[1].name:
                found[1].name = name_of(x)  # made here, and given its name only now
            return found[1]
        _, name = self._names.get(id(x), (None, ""))
        learns = isinstance(x, torch.nn.Parameter) or (x.requires_grad and made_by(x) is None)
        origin = "parameter" if learns else "buffer" if name else "given"
        origin = "unseen" if made_by(x) is not None else origin
        return self._new(x, origin, name or name_of(x))

    def result(self, x: Any) -> Any:
        """The Value of what a call gave. Else x."""
        if not isinstance(x, torch.Tensor):
            return x
        if id(x) in self._leaves and self._leaves[id(x)][0] is x:
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
        _, name = self._names.get(id(t), (None, ""))
        return self._new(t, "parameter", name or name_of(t))

    def awake(self, t: Any) -> None:
        """What was a plain result may ask for a gradient from now on."""
        if t.requires_grad and made_by(t) is None and id(t) not in self._leaves:
            self.renew(t)

    def leaves_on(self, written: list[Any]) -> list[tuple[Any, Value]]:
        """The parameters whose memory is that of one of these tensors."""
        memories = set(map(_memory, written))
        return [pair for pair in self._leaves.values() if _memory(pair[0]) in memories]

    def _new(self, t: Any, origin: str = "", name: str = "") -> Value:
        kept = self._keep(t, bool(origin))
        strides = t.stride() if t.layout == torch.strided else ()
        shape, memory = tuple(t.shape), _memory(t)
        learns = t.requires_grad if origin else made_by(t) is not None
        value = Value(shape, kept.read, origin, name, learns, strides, memory)
        self._now[id(t)] = ref(t), value
        if origin == "parameter":
            self._leaves[id(t)] = t, value
        return value

    def _keep(self, t: Any, lasting: bool) -> _Kept:
        kept = _Kept(t, lasting)
        self._kept.setdefault(_memory(t), []).append(kept)
        return kept

    def snapshot(self, t: Any) -> Value:
        """The tensor as it is now, apart from what it is in the calls."""
        return Value(tuple(t.shape), self._keep(t, True).read)

    def secure(self, t: Any) -> None:
        """Copy what is remembered of its memory: something is about to write there."""
        for kept in self._kept.pop(_memory(t), ()):
            kept.secure()

    def gradients(self, about_to_change: bool = True) -> dict[Value, Value]:
        """The gradients that leaves have now. about_to_change: more will be added to them."""
        found = {}
        for t, leaf in self._leaves.values():
            if t.grad is not None:
                found[leaf] = self.snapshot(t.grad)
                if about_to_change:
                    self.secure(t.grad)
        return found

    def forget(self, but: set[Value]) -> None:
        """Only these and what parameters are now is still of interest."""
        wanted = {id(v.read.__self__) for v in but}  # type: ignore[attr-defined]  # a _Kept's own
        self._kept = {
            memory: still
            for memory, kept in self._kept.items()
            if (still := [k for k in kept if k.lasting or id(k) in wanted])
        }
        leaves = {id(t) for t, _ in self._leaves.values()}
        self._now = {k: p for k, p in self._now.items() if k in leaves or p[1] in but}

    def end(self) -> None:
        """The user's program goes on: what it works on is copied."""
        for group in self._kept.values():
            for kept in group:
                if kept.lasting:
                    kept.secure()
        self._now.clear()
        self._kept.clear()
        self._names.clear()
        self._leaves.clear()
