"""Running an op: arrays in, array out; Tensors in, Tensor out, with a Record of how it came."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.drawing import clash
from gobhir.engine.dtypes import default_dtype, float16, float32, promoted
from gobhir.engine.op import Family, Op
from gobhir.engine.quiet import quietly
from gobhir.engine.tape import Record, state
from gobhir.engine.tensor import Tensor, View
from gobhir.lang import say


def apply(op: type[Op], *inputs: Any, **settings: Any) -> Any:
    """The op's result. With a Tensor among the inputs the result is a Tensor; otherwise the
    forward computation runs on the arrays as they are (pullbacks use that)."""
    if len(settings) < len(op.settings):
        settings = op.defaults | settings
    arrays: list[Any] = []
    edges: list[Any] = []
    versions: list[tuple[list[Any], int]] = []
    wanted = False
    for x in inputs:
        if isinstance(x, Tensor):
            if x._view is not None and x._view.at != x._changes[2]:
                x._look_again()
            arrays.append(x.array)
            versions.append((x._changes, x._changes[0]))
            if x.requires_grad:
                wanted = True
                edges.append(x._record or x)
                continue
        else:
            arrays.append(x)
        edges.append(None)
    if not versions:
        return op.forward(*inputs, **settings)
    half = False
    if op.promotes or op.floats or op.accepts:
        for a in arrays:
            kind = type(a)
            if kind is float or kind is int:
                continue
            if not isinstance(a, np.ndarray) or a.dtype is not float32:
                arrays, half = _in_one_dtype(op, arrays)
                break
    try:
        value = quietly(op.forward, arrays, settings)
    except ValueError:
        if op.family is Family.ELEMENTWISE:
            _explain_shapes(op, arrays)
        raise
    watch = state.watch
    ran = None if watch is None else watch(op, value, inputs)
    wanted = wanted and state.grad_enabled and bool(op.pullbacks)
    if type(value) is tuple:
        return _several(op, inputs, settings, value, edges, versions, wanted, ran)
    if not isinstance(value, np.ndarray):
        value = np.asarray(value)  # what NumPy makes of arrays without dimensions
    if half:
        value = quietly(value.astype, (float16,), {})
    wanted = wanted and value.dtype.kind in "fc"
    out = Tensor._wrap(value, wanted)
    if value.base is not None:
        _mark_view(out, op, inputs[0], settings)
    tape = state.tape
    if wanted or tape is not None:
        versions.append((out._changes, out._changes[0]))
        scope = () if tape is None else tape.scope
        out._record = record = Record(op, inputs, settings, value, edges, versions, scope)
        if ran is not None:
            record.ran = ran
        if tape is not None:
            tape.record(record)
    return out


def _in_one_dtype(op: type[Op], arrays: list[Any]) -> tuple[list[Any], bool]:
    """The arrays in the dtype in which op computes, and whether the result is to be rounded to
    float16: elementwise ops compute that in float32. Python numbers stay what they are where
    NumPy lets the arrays decide. NotImplementedError for a dtype that the op is not for."""
    dtype = promoted(arrays) if op.promotes else arrays[0].dtype
    if op.accepts and dtype.kind not in op.accepts:
        raise NotImplementedError(say("errors.dtype.not_for", op=op.name, dtype=dtype))
    if op.floats and dtype.kind in "biu":
        dtype = default_dtype()
    half = dtype is float16 and op.family is Family.ELEMENTWISE
    if half:
        dtype = float32
    low, high = _RANGES.get(dtype, (-math.inf, math.inf))
    for i, a in enumerate(arrays):
        if isinstance(a, np.ndarray):
            if a.dtype is not dtype:
                arrays[i] = a.astype(dtype, copy=False)
        elif a is not None and not (type(a) in _NUMBERS and low <= a <= high):
            # astype, because a number that is too large wraps, as PyTorch has it.
            arrays[i] = np.asarray(a).astype(dtype)
    return arrays, half


_NUMBERS = (float, int, bool)
_RANGES = {np.dtype(t): (int(np.iinfo(t).min), int(np.iinfo(t).max)) for t in (*"bhilBHIL",)} | {
    np.dtype(bool): (0, 1)
}


def _several(
    op: type[Op],
    inputs: tuple[Any, ...],
    settings: dict[str, Any],
    value: tuple[Any, ...],
    edges: list[Any],
    versions: list[tuple[list[Any], int]],
    wanted: bool,
    ran: Any,
) -> tuple[Tensor, ...]:
    """The results of an op that has several: one Record for it, and one `Part` a result."""
    value = tuple(np.asanyarray(v) for v in value)
    bundle = Tensor._wrap(value, wanted)  # type: ignore[arg-type]
    if wanted or state.tape is not None:
        versions.append((bundle._changes, 0))
        scope = () if state.tape is None else state.tape.scope
        bundle._record = Record(op, inputs, settings, value, edges, versions, scope)
        if ran is not None:
            bundle._record.ran = ran
        if state.tape is not None:
            state.tape.record(bundle._record)
    parts = tuple(apply(Part, bundle, place=i) for i in range(len(value)))
    if op.family is not Family.GATHER:  # whose pullbacks read positions, not what was picked
        for i, part in enumerate(parts):
            if i not in op.unread:
                part._changes = bundle._changes
    return parts


class Parts(tuple[Any, ...]):
    """Gradients of the results of one op; None where none came back (yet)."""

    __slots__ = ()

    def __add__(self, other: Any) -> Parts:
        pairs = zip(self, other, strict=True)
        return Parts(a if b is None else b if a is None else a + b for a, b in pairs)


class Pieces:
    """A gradient that is zero but for pieces of it: put together when all have arrived, so that
    a tensor read in many places is not filled with zeros for each."""

    __slots__ = ("dtype", "like", "pieces", "shape")
    __array_ufunc__ = None  # array + Pieces is for Pieces to answer

    def __init__(self, like: np.ndarray, index: Any, d: np.ndarray):
        self.like, self.shape, self.dtype = like, like.shape, like.dtype
        self.pieces = [(index, d)]

    def __add__(self, other: Any) -> Any:
        if type(other) is Pieces:
            self.pieces += other.pieces
            return self
        return self._added_to(other.copy())

    __radd__ = __add__

    def whole(self) -> np.ndarray:
        if not self._side_by_side():
            return self._added_to(np.zeros_like(self.like))
        out = np.empty_like(self.like)
        for index, d in self.pieces:
            out[index] = d
        return out

    def _side_by_side(self) -> bool:
        """Whether the pieces lie along one axis and leave no place free, as those of `unbind` and
        `chunk` do: then there is nothing to add up."""
        found = (_stretch(index, self.shape) for index, _ in self.pieces)
        stretches = sorted(stretch for stretch in found if stretch is not None)
        if len(stretches) < len(self.pieces):
            return False
        axes, starts, stops = zip(*stretches, strict=True)
        return len(set(axes)) == 1 and (0, *stops) == (*starts, self.shape[axes[0]])

    def _added_to(self, out: np.ndarray) -> np.ndarray:
        for index, d in self.pieces:
            window = out[index]
            if isinstance(window, np.ndarray):
                np.add(window, d, out=window)
            else:
                out[index] = window + d
        return out


def _stretch(index: Any, shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """(axis, from, to) of an index that leaves all but one axis whole."""
    *lead, last = (index or (...,)) if isinstance(index, tuple) else (index,)
    axis = len(shape) - 1 if lead == [...] else len(lead)
    if lead != [...] and any(entry != slice(None) for entry in lead):
        return None
    if type(last) is int:
        start = last % shape[axis]
        return axis, start, start + 1
    if type(last) is slice:
        start, stop, step = last.indices(shape[axis])
        return (axis, start, max(start, stop)) if step == 1 else None
    return None


class Part(Op):
    """Result number `place` of an op that has several."""

    family = Family.REARRANGEMENT
    formula = "x[place]"
    local = "1"
    shape_only = True

    def forward(x: Any, *, place: int) -> Any:
        return x[place]

    def vjp(d: Any, out: Any, x: Any, *, place: int) -> Any:
        count = len(x.array if isinstance(x, Tensor) else x)
        return Parts(d if i == place else None for i in range(count))


def _mark_view(out: Tensor, op: type[Op], x: Any, settings: dict[str, Any]) -> None:
    """A view shares memory with what it looks at: a change of the one changes the other."""
    if not isinstance(x, Tensor) or op is Part:
        return
    base, own = out.array.base, x.array.base
    while base is not None and base is not x.array and base is not own:
        base = getattr(base, "base", None)  # strides by hand put an object between
    if base is not None:
        out._changes = x._changes
        root, chain = (x, None) if x._view is None else x._view[:2]
        out._view = View(root, (chain, op, settings), x._changes[2])


def _explain_shapes(op: type[Op], arrays: list[Any]) -> None:
    """RuntimeError that draws the first two shapes that do not broadcast, if there are such."""
    shapes = [np.shape(a) for a in arrays if a is not None]
    for i, y in enumerate(shapes):
        for x in shapes[:i]:
            try:
                np.broadcast_shapes(x, y)
            except ValueError:
                message = say("errors.shape.broadcast", op=op.name, **clash(x, y))
                raise RuntimeError(message) from None


def function(op: type[Op], name: str | None = None) -> Callable[..., Any]:
    """The op as a function of Tensors (or arrays), with the op's own docstring."""

    def call(*inputs: Any, **settings: Any) -> Any:
        return apply(op, *inputs, **settings)

    call.op = op  # type: ignore[attr-defined]
    call.__name__ = call.__qualname__ = name or op.name
    call.__doc__ = op.__doc__
    return call
