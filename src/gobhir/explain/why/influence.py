"""One recorded op as the straight line that it is close to its own numbers.

`push`: a small change of one input, and how the result changes by it (J v). `pull`: a gradient of
the result, and what it says about one input (transposed J times c). A pullback is linear in the
gradient that it is given, so differentiating it once more gives `push` for any op; where that is
known beforehand to be simple (weighted sums, numbers changed one by one), it is done directly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.expression import Index
from gobhir.engine import Record, Tape, Tensor, grad
from gobhir.engine.apply import Part, Parts, Pieces, apply
from gobhir.engine.op import Family
from gobhir.engine.ops.reductions import SumTo
from gobhir.engine.quiet import quietly
from gobhir.engine.tape import enable_grad, no_grad
from gobhir.lift.sparing import BILINEAR, lying

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


def _lying(tape: Tape, record: Record) -> list[np.ndarray]:
    """What was multiplied, only to be looked at; weights not always as float64."""
    return [lying(tape, x) for x in inputs_of(record)[:2]]


def pull(tape: Tape, record: Record, i: int, d: Any) -> np.ndarray | None:
    """dL/d(input i) when dL/d(result) is d; None where the op passes nothing on to this input."""
    arrays = arrays_of(tape, record)
    with no_grad():
        g = quietly(_pullback, (record, i, d, record.value, arrays), {})
    return None if g is None else np.asarray(_fitted(g, arrays[i]))


def push_one(tape: Tape, record: Record, i: int, at: Index) -> Any:
    """`push` of 1 at one place of input i, 0 elsewhere. In a weighted sum only the results that
    this number goes into are worked out."""
    x = inputs_of(record)[i]
    shape = tuple(x.shape)
    name, settings = record.op.name, record.settings
    if name == "mat_mul" and len(shape) == 2 and i == 1 and record.value.ndim > 1:
        out = np.zeros(record.value.shape, record.value.dtype)
        out[..., at[1]] = _lying(tape, record)[0][..., at[0]]
        return out
    if i == 2 and name in ("linear", "conv"):  # it is added
        out = np.zeros(record.value.shape, record.value.dtype)
        out[(..., at[0]) if name == "linear" else (slice(None), at[0])] = 1
        return out
    if i > 1 or name not in ("linear", "conv") or len(shape) < 2:
        hot = np.zeros(shape, record.value[0].dtype if type(record.value) is tuple else float)
        hot[at] = 1
        return push(tape, record, i, hot)
    image, weight = _lying(tape, record)
    out = np.zeros(record.value.shape, record.value.dtype)
    if name == "linear":
        if i == 0:
            out[at[:-1]] = weight[:, at[-1]]
        else:
            out[..., at[0]] = image[..., at[1]]
        return out
    groups = settings.get("groups", 1)
    ins, outs = weight.shape[1], weight.shape[0] // groups
    alone = {**settings, "groups": 1}
    if i == 0:
        group, channel = divmod(at[1], ins)
        rows = slice(group * outs, (group + 1) * outs)
        hot = np.zeros((1, 1, *shape[2:]), image.dtype)
        hot[(0, 0, *at[2:])] = 1
        seen = weight[rows, channel : channel + 1].astype(out.dtype)
        out[at[0], rows] = quietly(record.op.forward, (hot, seen, None), alone)[0]
    else:
        channel = at[0] // outs * ins + at[1]
        hot = np.zeros((1, 1, *shape[2:]), out.dtype)
        hot[(0, 0, *at[2:])] = 1
        seen = image[:, channel : channel + 1]
        out[:, at[0]] = quietly(record.op.forward, (seen, hot, None), alone)[:, 0]
    return out


def pull_one(tape: Tape, record: Record, i: int, at: Index) -> np.ndarray | None:
    """`pull` of 1 at one place of the result, 0 elsewhere; of what went into a weighted sum only
    what this number was made from is worked out."""
    shape, name, settings = record.value.shape, record.op.name, record.settings
    if i == 2 and name in ("linear", "conv"):  # it is added
        out = np.zeros(inputs_of(record)[2].shape, record.value.dtype)
        out[at[-1 if name == "linear" else 1]] = 1
        return out
    if i != 0 or name not in ("linear", "conv") or len(inputs_of(record)[1].shape) < 2:
        hot = np.zeros(shape, record.value.dtype)
        hot[at] = 1
        return pull(tape, record, i, hot)
    image, weight = _lying(tape, record)
    out = np.zeros(image.shape, image.dtype)
    if name == "linear":
        out[at[:-1]] = weight[at[-1]]
        return out
    groups = settings.get("groups", 1)
    ins, outs = weight.shape[1], weight.shape[0] // groups
    group = at[1] // outs
    mine = slice(group * ins, (group + 1) * ins)
    hot = np.zeros((1, 1, *shape[2:]), record.value.dtype)
    hot[(0, 0, *at[2:])] = 1
    seen = image[at[0] : at[0] + 1, mine]
    kernels = weight[at[1] : at[1] + 1].astype(seen.dtype)
    back = record.op.pullbacks["x"]
    with no_grad():
        out[at[0], mine] = quietly(
            back, (hot, hot, seen, kernels, None), {**settings, "groups": 1}
        )[0]
    return out


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
