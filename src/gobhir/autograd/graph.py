"""What backward() needs of the forward pass, put away in the meantime by functions of one's own.

    def pack(x):                      # called with each tensor that an op keeps
        path = folder / f"{next(count)}.npy"
        numpy.save(path, x.numpy())
        return path

    def unpack(path):                 # called in backward() with what pack gave
        return gobhir.from_numpy(numpy.load(path))

    with saved_tensors_hooks(pack, unpack):
        loss = model(x).sum()
    loss.backward()

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#hooks-for-saved-tensors
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine import Gradient, Op, Record, Tape, Tensor, Update
from gobhir.engine.absent import missing
from gobhir.engine.backward import reads
from gobhir.engine.ops.shapes import Clone
from gobhir.engine.tape import no_grad, state
from gobhir.lang import say

__all__ = ["Node", "save_on_cpu", "saved_tensors_hooks"]

Node = Record


class saved_tensors_hooks:
    """Inside the `with` block every tensor that an op keeps for its pullback goes through
    pack_hook, which returns anything; in backward() unpack_hook makes the same numbers of it again.
    What an op keeps is what its pullback reads: of x * y both, of exp(x) the result. While a Tape
    records, nothing is packed: its readers want all numbers."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]):
        self._hooks = (pack_hook, unpack_hook)
        self._outer: list[Tape | None] = []

    def __enter__(self) -> None:
        self._outer.append(state.tape)
        if state.tape is None or isinstance(state.tape, _Packing):
            state.tape = _Packing(*self._hooks)

    def __exit__(self, *exc: object) -> None:
        state.tape = self._outer.pop()


class save_on_cpu(saved_tensors_hooks):
    """For programs that keep what backward() needs in the CPU's memory: here it always is there."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        super().__init__(lambda x: x, lambda x: x)


class _Packing(Tape):
    """Takes what the ops kept away from them, as they are recorded."""

    def __init__(self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]):
        super().__init__()
        self.pack, self.unpack = pack, unpack

    def record(self, entry: Record | Gradient | Update) -> None:
        if isinstance(entry, Record) and any(e is not None for e in entry.edges):
            state.tape = None  # the hooks are no part of the graph
            try:
                with no_grad():
                    entry.inputs = _Packed(entry, self)
            finally:
                state.tape = self
            entry.value, entry.versions = None, ()

    def packed(self, array: np.ndarray) -> Any:
        return self.pack(Tensor._wrap(array))

    def unpacked(self, kept: Any, like: np.ndarray) -> np.ndarray:
        with no_grad():
            found = self.unpack(kept)
        if not isinstance(found, Tensor):
            raise TypeError(say("errors.function.unpacked_type", type=type(found).__name__))
        if found.shape != like.shape:
            shapes = {"got": tuple(found.shape), "want": like.shape}
            raise RuntimeError(say("errors.function.unpacked_shape", **shapes))
        return found.array


class _Packed:
    """Stands for the inputs and the result of an op: those that its pullbacks read as the hook left
    them, of the others the shapes."""

    def __init__(self, record: Record, hooks: _Packing):
        op, self.hooks = record.op, hooks
        ctx = record.settings.get("ctx")
        if ctx is not None:  # an op of the learner's own
            ctx.pack(hooks.pack, hooks.unpack)
        wanted = [n for n, e in zip(op.inputs, record.edges, strict=False) if e is not None]
        self.inputs = [
            self._kept(x.array, not ctx and _needed(op, wanted, i + 2, x.array))
            if isinstance(x, Tensor)
            else (x,)
            for i, x in enumerate(record.inputs)
        ]
        several = type(record.value) is tuple
        need = _needed(op, wanted, 1)
        results = record.value if several else (record.value,)
        self.several, self.results = several, [self._kept(v, need) for v in results]

    def _kept(self, array: Any, need: bool) -> tuple[Any, ...]:
        if isinstance(array, tuple):  # the bundle of an op with several results: only counted
            return (tuple(self._shape(a) for a in array), None)
        return (self._shape(array), self.hooks.packed(array) if need else None, need)

    @staticmethod
    def _shape(array: np.ndarray) -> np.ndarray:
        """An array of the same shape that takes no memory."""
        return np.broadcast_to(np.zeros((), array.dtype), array.shape)

    def _array(self, kept: tuple[Any, ...]) -> Any:
        like = kept[0]
        need = len(kept) == 3 and kept[2]
        return self.hooks.unpacked(kept[1], like) if need else like

    def again(self, record: Record) -> Record:
        """The op with all that its pullback needs."""
        inputs = []
        for kept, edge in zip(self.inputs, record.edges, strict=True):
            x = kept[0] if len(kept) == 1 else Tensor._wrap(self._array(kept), edge is not None)
            if isinstance(edge, Record):
                x._record = edge
            elif edge is not None:  # the leaf itself may hold other numbers by now
                x._record = Record(Clone, (edge,), {}, x.array, [edge], ())
            inputs.append(x)
        results = tuple(self._array(kept) for kept in self.results)
        value = results if self.several else results[0]
        made = (record.op, tuple(inputs), record.settings, value, record.edges)
        return Record(*made, (), record.scope)


def _needed(op: type[Op], wanted: list[str], place: int, input: Any = None) -> bool:
    """Whether a pullback reads the result (place 1) or this input (from place 2 on) of the op."""
    if op.shape_only and isinstance(input, np.ndarray) and input.dtype.kind == "f":
        return False
    pullbacks = [op.vjps] if op.vjps is not None else [op.pullbacks.get(n) for n in wanted]
    for pullback in pullbacks:
        if pullback is None:
            continue
        varying = pullback.__code__.co_flags & inspect.CO_VARARGS
        if (varying and place > 1) or reads(pullback, place):
            return True
    return False


def __getattr__(name: str) -> Any:
    raise missing(__name__, name)
