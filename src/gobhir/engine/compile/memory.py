"""Where results are kept: memory that is still warm in the cache is used again."""

from __future__ import annotations

import numpy as np

from gobhir.engine.compile.flat import aligned
from gobhir.engine.compile.program import Base, Program, bytes_of, last_uses, window
from gobhir.engine.compile.recorder import Call
from gobhir.engine.compile.traced import arrays_in


def place(program: Program) -> None:
    """Give every temporary its memory: that of one which is no longer needed, where possible;
    an elementwise result takes the place of an operand that dies with it."""
    last = last_uses(program)
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
                base.memory = bytes_of(base)
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
        base.memory = bytes_of(base) if base.kind != "temporary" else aligned(base.size)
    return window(base.memory, array, array.__array_interface__["data"][0] - base.start)
