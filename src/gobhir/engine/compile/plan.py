"""From the list of calls of one run to the list of calls of every other run.

The steps, in order: which memory each call reads and writes (`Base`, `bases`); copies of what
nobody needs any more (`without_needless_copies`); calls whose result nobody reads
(`without_dead_calls`); calls that only depend on constants (`without_constant_calls`); where
results are kept, so that memory still warm in the cache is used again (`place`).
How each call is carried out stands in lowering.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from gobhir.engine.compile.flat import aligned
from gobhir.engine.compile.recorder import Call, arrays_in, owner


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
        return window(_bytes_of(self.base(root)), array, offset)

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


# -- leaving out -------------------------------------------------------------------------------


def without_needless_copies(program: Program) -> None:
    """`b = a.copy()` where a is not used afterwards: let b be a."""
    last = _last_uses(program)
    kept = {program.base(a) for a in program.kept}
    calls = []
    for i, call in enumerate(program.calls):
        call = _with_renamed(call, program)
        if call.how == "copy" and isinstance(call.args[0], np.ndarray):
            source, target = call.args[0], call.outs[0]
            a, b = program.base(source), program.base(target)
            if (
                a.kind == b.kind == "temporary"
                and a is not b
                and a not in kept
                and last[a] == i
                and b.first == i
                and _same_layout(source, target)
                and program.whole(source)
                and program.whole(target)
            ):
                program.rename(b, a)
                last[a] = last[b]
                if b in kept:
                    kept.add(a)
                continue
        calls.append(call)
    program.calls = calls
    program.kept = [program.moved(a) for a in program.kept]


def in_single_assignments(program: Program) -> None:
    """Where a buffer is overwritten as a whole, let it be a new one from there on: what it held
    before can then be used again. `place` lets both share their memory where it can."""
    latest: dict[Base, np.ndarray] = {}
    written: set[Base] = set()

    def now(array: np.ndarray) -> np.ndarray:
        base = program.base(array)
        if base not in latest:
            return array
        return window(latest[base], array, array.__array_interface__["data"][0] - base.start)

    calls = []
    for call in program.calls:
        args, kwargs = exchange(call.args, now), exchange(call.kwargs, now)
        for out in call.outs:
            base = program.base(out)
            whole = base.kind == "temporary" and program.whole(out) and not _adds(call)
            if whole and base in written:
                latest[base] = np.empty(base.size, np.uint8)
                program.base(latest[base], "temporary")
            written.add(base)
        written |= {program.base(a) for a in call.also_writes}
        outs, also = exchange(call.outs, now), exchange(call.also_writes, now)
        calls.append(Call(call.how, call.f, args, kwargs, outs, also, call.must, call.number))
    program.calls = calls
    program.kept = [now(a) for a in program.kept]


def without_repeated_calls(program: Program) -> None:
    """What is computed a second time from the same numbers: read the first result instead."""
    contents = _Contents(program)
    calls = []
    for call in program.calls:
        args, kwargs = exchange(call.args, contents.first), exchange(call.kwargs, contents.first)
        call = Call(
            call.how, call.f, args, kwargs, call.outs, call.also_writes, call.must, call.number
        )
        contents.note(call)
        calls.append(call)
    program.calls = calls


class _Contents:
    """Which memory holds the same numbers: each content has a number of its own."""

    def __init__(self, program: Program):
        self.program = program
        self.numbers: dict[Any, int] = {}
        self.of: dict[Base, int] = {}
        self.holder: dict[int, Base] = {}

    def number(self, key: Any) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def now(self, base: Base) -> int:
        if base not in self.of:
            key: Any = ("unwritten", base.size) if base.kind == "temporary" else base
            self.of[base] = self.number(key)
        return self.of[base]

    def first(self, array: np.ndarray) -> np.ndarray:
        """The same window on the memory that held these numbers first."""
        base = self.program.base(array)
        if base.kind != "temporary":
            return array
        holder = self.holder.get(self.now(base), base)
        if holder is base or self.of[holder] != self.of[base]:
            return array
        offset = array.__array_interface__["data"][0] - base.start
        return window(_bytes_of(holder), array, offset)

    def note(self, call: Call) -> None:
        """The call has been carried out."""
        pure = call.how in ("ufunc", "method", "copy", "opaque") and not call.also_writes
        what = self.identity((call.how, call.f, call.args, call.kwargs)) if pure else call.number
        for k, out in enumerate((*call.outs, *call.also_writes)):
            base = self.program.base(out)
            covers = self.program.whole(out) and not _adds(call) and not call.also_writes
            before = None if covers else self.now(base)
            new = self.number((pure, what, k, self._window(out), base.size, before))
            self.of[base] = new
            held = self.holder.get(new)
            if held is None or self.of[held] != new:
                self.holder[new] = base

    def _window(self, array: np.ndarray) -> Any:
        offset = array.__array_interface__["data"][0] - self.program.base(array).start
        return offset, array.shape, array.strides, array.dtype.str

    def identity(self, x: Any) -> Any:
        """Something hashable that is equal for equal functions of equal numbers."""
        if isinstance(x, np.ndarray):
            base = self.program.base(x)
            if base.kind == "constant" and x.size < 1000 and base not in self.of:
                return x.shape, x.dtype.str, x.tobytes()
            return self.now(base), self._window(x)
        if isinstance(x, (tuple, list)):
            return tuple(self.identity(v) for v in x)
        if isinstance(x, dict):
            return tuple((k, self.identity(v)) for k, v in x.items())
        if isinstance(x, slice):
            return repr(x)
        return type(x), x if x.__hash__ is not None else id(x)


def _same_layout(a: np.ndarray, b: np.ndarray) -> bool:
    return (a.dtype, a.shape, a.strides) == (b.dtype, b.shape, b.strides)


def _last_uses(program: Program) -> dict[Base, int]:
    last: dict[Base, int] = {}
    for base in program.bases.values():
        base.first = -1
    for i, call in enumerate(program.calls):
        for base in program.reads(call) | program.writes(call):
            last[base] = i
            if base.first < 0:
                base.first = i
    return last


def _bytes_of(base: Base) -> np.ndarray:
    flat = base.array.ravel("K") if base.array.size else base.array
    return flat.view(np.uint8) if flat.ndim else flat.reshape(1).view(np.uint8)


def window(memory: np.ndarray, like: np.ndarray, offset: int) -> np.ndarray:
    """An array of the same shape, strides and dtype that looks at `memory` (bytes) at `offset`."""
    return np.ndarray(like.shape, like.dtype, memory, offset, like.strides)  # type: ignore[arg-type]


def _with_renamed(call: Call, program: Program) -> Call:
    if not program.renamed:
        return call
    args, kwargs, outs, also = (
        exchange(x, program.moved) for x in (call.args, call.kwargs, call.outs, call.also_writes)
    )
    return Call(call.how, call.f, args, kwargs, outs, also, call.must, call.number)


def exchange(x: Any, how: Any) -> Any:
    """x with every array in it exchanged by `how`."""
    if isinstance(x, np.ndarray):
        return how(x)
    if type(x) in (tuple, list):
        return type(x)([exchange(v, how) for v in x])
    if type(x) is dict:
        return {k: exchange(v, how) for k, v in x.items()}
    return x


def without_dead_calls(program: Program) -> None:
    """Drop every call that changes nothing that is read later or outlives the step."""
    live = {program.base(a) for a in program.kept}
    live |= {b for b in program.bases.values() if b.kind == "state"}
    calls: list[Call] = []
    for call in reversed(program.calls):
        written = program.writes(call)
        if not (call.must or written & live):
            continue
        for array in call.outs:
            base = program.base(array)
            if base.kind == "temporary" and program.whole(array) and not _adds(call):
                live.discard(base)
        live |= program.reads(call)
        calls.append(call)
    program.calls = calls[::-1]


def _adds(call: Call) -> bool:
    return call.kwargs.get("where") is not None


def without_constant_calls(program: Program) -> None:
    """Drop every call whose result is the same each time: it has been computed already."""
    writers: dict[Base, list[Call]] = {}
    for call in program.calls:
        for base in program.writes(call):
            writers.setdefault(base, []).append(call)
    calls = []
    for call in program.calls:
        written = program.writes(call)
        if (
            not call.must
            and call.how in ("ufunc", "method", "copy", "opaque")
            and all(b.kind == "constant" for b in program.reads(call) - written)
            and all(b.kind == "temporary" and len(writers[b]) == 1 for b in written)
        ):
            for base in written:
                base.kind = "constant"
            continue
        calls.append(call)
    program.calls = calls


# -- where results are kept --------------------------------------------------------------------


def place(program: Program) -> None:
    """Give every temporary its memory: that of one which is no longer needed, where possible;
    an elementwise result takes the place of an operand that dies with it."""
    last = _last_uses(program)
    kept = {program.base(a) for a in program.kept}
    free: list[np.ndarray] = []
    taken_over: set[Base] = set()
    for i, call in enumerate(program.calls):
        touched = program.reads(call) | program.writes(call)
        for array in (*call.outs, *call.also_writes, *arrays_in((call.args, call.kwargs))):
            base = program.base(array)
            if base.memory is not None:
                continue
            if base.kind != "temporary":
                base.memory = _bytes_of(base)
                continue
            dying = None
            if call.how == "ufunc" and base in program.writes(call):
                dying = _heir(program, call, array, last, i, kept, taken_over)
            if dying is not None:
                base.memory = dying.memory
                taken_over.add(dying)
            else:
                base.memory = _fitting(free, base.size)
        for base in touched:
            done = base.kind == "temporary" and last[base] == i and base not in kept
            if done and base not in taken_over and not base.fixed:
                free.append(base.memory)  # type: ignore[arg-type]


def _heir(
    program: Program,
    call: Call,
    out: np.ndarray,
    last: dict[Base, int],
    i: int,
    kept: set[Base],
    taken_over: set[Base],
) -> Base | None:
    if len(call.outs) != 1 or call.f is np.matmul or getattr(call.f, "signature", None):
        return None
    operands = [a for a in arrays_in((call.args, call.kwargs)) if isinstance(a, np.ndarray)]
    for a in operands:
        base = program.base(a)
        if (
            base.kind == "temporary"
            and last[base] == i
            and base not in kept
            and base not in taken_over
            and base.memory is not None
            and not base.fixed
            and (a.shape, a.strides, a.nbytes) == (out.shape, out.strides, out.nbytes)
            and base.size == program.base(out).size
            and sum(program.base(other) is base for other in operands if other is not a) == 0
        ):
            return base
    return None


def _fitting(free: list[np.ndarray], size: int) -> np.ndarray:
    """The memory most recently freed, if it has the size or at most twice as much."""
    for k in range(len(free) - 1, -1, -1):
        if size <= free[k].size <= 2 * size + 4096:
            return free.pop(k)
    return aligned(size)


def final(program: Program, array: np.ndarray) -> np.ndarray:
    """The array as the replay sees it."""
    base = program.base(array)
    if base.memory is None:
        base.memory = _bytes_of(base) if base.kind != "temporary" else aligned(base.size)
    return window(base.memory, array, array.__array_interface__["data"][0] - base.start)
