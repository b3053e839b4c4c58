"""A list of calls, and which memory each of them reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from gobhir.engine.compile.recorder import Call
from gobhir.engine.compile.traced import arrays_in, owner


@dataclass(eq=False)
class Base:
    """One piece of memory. kind: "input" (an argument of the step), "state" (outlives the step:
    parameters, buffers, optimizer state), "constant", "temporary"."""

    array: np.ndarray
    kind: str
    start: int
    size: int
    memory: np.ndarray | None = None
    """Where it lies in the replay, as bytes; None while that is undecided."""
    fixed: bool = False
    """It lies where it has to lie; nothing else may be put there."""
    first: int = -1


@dataclass(eq=False)
class Program:
    """Calls and the memory they use. kept: arrays that are read after the last call."""

    calls: list[Call]
    kept: list[np.ndarray]
    bases: dict[int, Base] = field(default_factory=dict)
    renamed: dict[int, np.ndarray] = field(default_factory=dict)
    """By the id of an array that is left out: the one that has its numbers."""

    @staticmethod
    def of(
        calls: Sequence[Call],
        inputs: Iterable[np.ndarray],
        states: Iterable[np.ndarray],
        kept: Iterable[np.ndarray],
    ) -> Program:
        """The calls, with every array's memory looked up."""
        program = Program(list(calls), list(kept))
        for array in inputs:
            program.base(array, "input")
        for array in states:
            program.base(array, "state")
        for call in calls:
            for array in (*call.outs, *call.also_writes):
                program.base(array, "temporary")
            for array in arrays_in((call.args, call.kwargs)):
                program.base(array, "constant")
        return program

    def base(self, array: np.ndarray, kind: str = "constant") -> Base:
        root = owner(array)
        found = self.bases.get(id(root))
        if found is None:
            low, high = byte_bounds(root)
            found = self.bases[id(root)] = Base(root, kind, low, high - low)
        elif kind == "temporary" and found.kind == "constant":
            found.kind = "state"  # read before it was written: it came from outside
        return found

    def reads(self, call: Call) -> set[Base]:
        found = {self.base(a) for a in arrays_in((call.args, call.kwargs))}
        # What is only partly written keeps the rest of what was there.
        partly = (*call.outs, *call.also_writes) if call.kwargs.get("where") is not None else ()
        return found | {self.base(a) for a in (*call.also_writes, *partly)}

    def writes(self, call: Call) -> set[Base]:
        return {self.base(a) for a in (*call.outs, *call.also_writes)}

    def moved(self, array: np.ndarray) -> np.ndarray:
        """The same window on the memory that took the place of the array's own."""
        root = owner(array)
        if id(root) not in self.renamed:
            return array
        offset = array.__array_interface__["data"][0] - self.base(root).start
        while id(root) in self.renamed:
            root = self.renamed[id(root)]
        return window(bytes_of(self.base(root)), array, offset)

    def rename(self, old: Base, new: Base) -> None:
        self.renamed[id(old.array)] = new.array

    def whole(self, array: np.ndarray) -> bool:
        """Whether the array covers its memory, each byte once."""
        return array.nbytes == self.base(array).size and (
            array.flags.c_contiguous or array.flags.forc or _dense(array)
        )


def _dense(array: np.ndarray) -> bool:
    order = np.argsort([-abs(s) for s in array.strides], kind="stable")
    return array.transpose(tuple(order)).flags.c_contiguous


def same_layout(a: np.ndarray, b: np.ndarray) -> bool:
    return (a.dtype, a.shape, a.strides) == (b.dtype, b.shape, b.strides)


def last_uses(program: Program) -> dict[Base, int]:
    last: dict[Base, int] = {}
    for base in program.bases.values():
        base.first = -1
    for i, call in enumerate(program.calls):
        for base in program.reads(call) | program.writes(call):
            last[base] = i
            if base.first < 0:
                base.first = i
    return last


def bytes_of(base: Base) -> np.ndarray:
    flat = base.array.ravel("K") if base.array.size else base.array
    return flat.view(np.uint8) if flat.ndim else flat.reshape(1).view(np.uint8)


def window(memory: np.ndarray, like: np.ndarray, offset: int) -> np.ndarray:
    """An array of the same shape, strides and dtype that looks at `memory` (bytes) at `offset`."""
    return np.ndarray(like.shape, like.dtype, memory, offset, like.strides)


def exchange(x: Any, how: Any) -> Any:
    """x with every array in it exchanged by `how`."""
    if isinstance(x, np.ndarray):
        return how(x)
    if type(x) in (tuple, list):
        return type(x)([exchange(v, how) for v in x])
    if type(x) is dict:
        return {k: exchange(v, how) for k, v in x.items()}
    return x


def adds(call: Call) -> bool:
    return call.kwargs.get("where") is not None
