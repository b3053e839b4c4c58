"""One recorded op as the straight line that it is close to its own numbers.

`push`: a small change of one input, and how the result changes by it (J v). `pull`: a gradient of
the result, and what it says about one input (transposed J times c). A pullback is linear in the
gradient that it is given, so differentiating it once more gives `push` for any op; where that is
known beforehand to be simple (weighted sums, numbers changed one by one), it is done directly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import Record, Tape, Tensor, grad
from gobhir.engine.apply import Part, Parts, Pieces, apply
from gobhir.engine.op import Family
from gobhir.engine.ops.reductions import SumTo
from gobhir.engine.quiet import quietly
from gobhir.engine.tape import enable_grad, no_grad

BILINEAR = {"linear", "mat_mul", "conv", "conv_transpose"}
"""Ops that are linear in each of their first two inputs; what comes third is added."""
MOST_ROWS = 1024
"""Results of an op that is not ours to look into, up to which each is asked for by itself."""


def inputs_of(record: Record) -> tuple[Any, ...]:
    """What the op worked on, also where a checkpoint has to bring it back."""
    if type(record.inputs) is tuple:
        return record.inputs
    again: tuple[Any, ...] = record.inputs.again(record).inputs
    return again


def arrays_of(tape: Tape, record: Record) -> list[Any]:
    """The same as arrays, with the values that they had on the tape."""
    return [tape.value(x) if isinstance(x, Tensor) else x for x in inputs_of(record)]


def pull(tape: Tape, record: Record, i: int, d: Any) -> np.ndarray | None:
    """dL/d(input i) when dL/d(result) is d; None where the op passes nothing on to this input."""
    arrays = arrays_of(tape, record)
    with no_grad():
        g = quietly(_pullback, (record, i, d, record.value, arrays), {})
    return None if g is None else np.asarray(_fitted(g, arrays[i]))


def push(tape: Tape, record: Record, i: int, v: Any) -> Any:
    """How much the result changes for each small change v of input i, v of its shape. A tuple
    for an op of several results. None where nothing reaches the result."""
    op = record.op
    if op is Part:
        return v[record.settings["place"]]
    arrays = arrays_of(tape, record)
    if op.name in BILINEAR and i < 2:
        changed = [*arrays[:2], *(None for _ in arrays[2:])]
        changed[i] = np.asarray(v, arrays[i].dtype)
        return quietly(op.forward, changed, record.settings)
    if op.family is Family.ELEMENTWISE and not isinstance(record.value, tuple):
        wide = np.broadcast_to(np.asarray(v, record.value.dtype), record.value.shape)
        with no_grad():
            out = quietly(_pullback, (record, i, wide, record.value, arrays), {})
        if out is None or np.shape(out) == wide.shape:
            return out
    if op.family is not Family.OPAQUE:
        return _twice(record, i, v, arrays)
    try:
        return _twice(record, i, v, arrays)
    except Exception:  # somebody else's code, written for arrays or to be differentiated once
        return _row_by_row(tape, record, i, v)


def _twice(record: Record, i: int, v: Any, arrays: list[Any]) -> Any:
    """`push` by differentiating the pullback with respect to the gradient that it is given."""
    value = record.value
    several = isinstance(value, tuple)
    parts = value if several else (value,)
    inputs = [Tensor._wrap(a) if isinstance(a, np.ndarray) else a for a in arrays]
    with enable_grad():
        given = tuple(Tensor._wrap(np.zeros_like(p), p.dtype.kind == "f") for p in parts)
        results = tuple(Tensor._wrap(p) for p in parts)
        c, out = (Parts(given), results) if several else (given[0], results[0])
        g = quietly(_pullback, (record, i, c, out, inputs), {})
        if g is None:
            return None
        g = _fitted(g, arrays[i])
        if not isinstance(g, Tensor) or not g.requires_grad:
            return None
        moving = [t for t in given if t.requires_grad]
        direction = Tensor._wrap(np.asarray(v, g.dtype))
        found = iter(grad(g, moving, direction, allow_unused=True))
    found_all = [next(found) if t.requires_grad else None for t in given]
    columns = tuple(
        np.zeros_like(p) if t is None else t.array for t, p in zip(found_all, parts, strict=True)
    )
    return columns if several else columns[0]


def _row_by_row(tape: Tape, record: Record, i: int, v: Any) -> Any:
    """`push` by asking the pullback for one result after the other; None where they are many."""
    value = record.value
    if isinstance(value, tuple) or value.size > MOST_ROWS:
        return None
    out = np.zeros_like(value)
    for index in np.ndindex(*value.shape):
        hot = np.zeros_like(value)
        hot[index] = 1
        row = pull(tape, record, i, hot)
        out[index] = 0 if row is None else np.sum(row * v)
    return out


def _pullback(record: Record, i: int, d: Any, value: Any, inputs: Any) -> Any:
    op = record.op
    if op.vjps is not None:
        return op.vjps(d, value, *inputs, **record.settings)[i]
    pullback = op.pullbacks.get(op.inputs[i]) if i < len(op.inputs) else None
    return None if pullback is None else pullback(d, value, *inputs, **record.settings)


def _fitted(g: Any, x: Any) -> Any:
    """The gradient in the shape of x: what broadcasting stretched is summed back."""
    if type(g) is Pieces:
        g = g.whole()
    return apply(SumTo, g, shape=np.shape(x)) if np.shape(g) != np.shape(x) else g
