"""From the list of calls of one run to the fewer calls of every other run.

In order: copies of what nobody needs any more, calls that only depend on constants, what is
computed twice, calls whose result nobody reads. Where results are kept stands in memory.py, how
each call is carried out in lowering.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.compile.program import (
    Base,
    Program,
    adds,
    bytes_of,
    exchange,
    last_uses,
    same_layout,
    window,
)
from gobhir.engine.compile.recorder import Call


def without_needless_copies(program: Program) -> None:
    """`b = a.copy()` where a is not used afterwards: let b be a."""
    last = last_uses(program)
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
                and same_layout(source, target)
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
            whole = base.kind == "temporary" and program.whole(out) and not adds(call)
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
        return window(bytes_of(holder), array, offset)

    def note(self, call: Call) -> None:
        """The call has been carried out."""
        pure = call.how in ("ufunc", "method", "copy", "opaque") and not call.also_writes
        what = self.identity((call.how, call.f, call.args, call.kwargs)) if pure else call.number
        for k, out in enumerate((*call.outs, *call.also_writes)):
            base = self.program.base(out)
            covers = self.program.whole(out) and not adds(call) and not call.also_writes
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


def _with_renamed(call: Call, program: Program) -> Call:
    if not program.renamed:
        return call
    args, kwargs, outs, also = (
        exchange(x, program.moved) for x in (call.args, call.kwargs, call.outs, call.also_writes)
    )
    return Call(call.how, call.f, args, kwargs, outs, also, call.must, call.number)


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
            if base.kind == "temporary" and program.whole(array) and not adds(call):
                live.discard(base)
        live |= program.reads(call)
        calls.append(call)
    program.calls = calls[::-1]


def updates_after_guards(program: Program) -> bool:
    """Let optimizers step after the last call that may find that a replay takes another way: by
    then nothing is changed that could not be put back. False where something in between looks at
    what they change."""
    calls = program.calls
    last = max((i for i, c in enumerate(calls) if guards(c)), default=-1)
    late: list[Call] = []
    touched: set[Base] = set()
    for call in reversed(calls[: last + 1]):
        if call.how == "update":
            if not touched.isdisjoint(program.reads(call) | program.writes(call)):
                return False
            late.insert(0, call)
        else:
            touched |= program.reads(call) | program.writes(call)
    early = [c for c in calls[: last + 1] if c.how != "update"]
    program.calls = early + late + calls[last + 1 :]
    return True


def guards(call: Call) -> bool:
    """Whether a replay may learn from it that it takes another way than the recorded run."""
    return call.must and call.how not in ("update", "draw")


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
