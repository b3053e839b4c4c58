"""Writing into a tensor's own memory, and what that does to its history.

`x.add_(y)` computes `x + y` from x as it was, writes the numbers over x's, and gives x the
history of that result. Records made before keep the history from before; where their gradient
needs the numbers that are gone, backward() says so. If x looks at a part of another tensor, that
one is changed too, and so are all other views of it.
Behaviour: https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from gobhir.engine.op import Op
from gobhir.engine.ops.indexing import (
    SetItem,
    ViewScatter,
    explain_index,
    set_item,
    view_scatter,
)
from gobhir.engine.tape import Record, state
from gobhir.engine.tensor import Tensor
from gobhir.lang import Place, place, say


class Change(str):
    """The name of the op that changed a tensor in place, and the user's line."""

    place: Place | None


def become(x: Tensor, op: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """x itself, after `compute` of it was written into its memory."""
    refuse_leaf(x)
    # A tensor without dimensions may be computed with as a row of one, a view that must not change.
    before = Tensor._wrap(x.array if x.array.ndim else x.array.copy(), x.requires_grad)
    before._record = x.grad_fn
    after = compute(before)
    if after.shape != x.shape:
        raise RuntimeError(say("errors.tensor.inplace_shape", got=after.shape, want=x.shape))
    _check_dtype(after.dtype, x.dtype)
    after = after.to(x.dtype)
    if x.requires_grad and state.grad_enabled and not after.requires_grad:
        after = set_item(before, after, index=...)  # x > 0 and its like: a slope of 0
    if after.requires_grad:
        before.array = x.array.copy()  # backward() may need the numbers from before
    write(x, after.array, op)
    if after.requires_grad:
        _new_history(x, after, op)
    return x


def write(x: Tensor, values: Any, op: str, at: Any = ...) -> None:
    """Put these numbers at x[at], and nothing else. RuntimeError where they do not fit."""
    if not x.array.flags.writeable:
        raise RuntimeError(say("errors.tensor.inplace_expanded"))
    _check_dtype(values.dtype, x.dtype)
    if state.tape is not None:
        state.tape.written.append(ref(x))
        state.tape.keep(x.array)
    elif state.recorder is not None:  # gobhir.compile is watching
        state.recorder.writes(x.array)
    try:
        x.array[at] = values
    except IndexError:
        explain_index(x.array.shape, at)
        raise
    except ValueError:
        want = x.array[at].shape
        raise RuntimeError(
            say("errors.tensor.inplace_shape", got=values.shape, want=want)
        ) from None
    x._changed(op)


def into(out: Any, result: Any) -> Any:
    """out, with the numbers and the shape of result: what `out=` asks for. Several results go
    into as many tensors."""
    if isinstance(result, tuple):
        pairs = [into(o, r) for o, r in zip(out, result, strict=True)]
        return result._make(pairs) if hasattr(result, "_make") else tuple(pairs)
    if state.grad_enabled and (out.requires_grad or result.requires_grad):
        raise RuntimeError(say("errors.tensor.out_grad"))
    if out.shape != result.shape:
        out.array = np.empty(result.shape, out.dtype)
    write(out, result.array, "out")
    return out


def assign(x: Tensor, values: Any, op: str, index: Any = ...) -> Tensor:
    """x[index] = values, under autograd where x or the values are."""
    tracked = isinstance(values, Tensor) and values.requires_grad
    if state.grad_enabled and (x.requires_grad or tracked):
        source = values if isinstance(values, Tensor) else Tensor._wrap(_as_dtype(values, x))
        _check_dtype(source.dtype, x.dtype)
        source = source.to(x.dtype)
        if state.tape is None and state.watch is None:
            return _written_at(x, source, op, index)
        return become(x, op, lambda before: set_item(before, source, index=index))
    write(x, values.array if isinstance(values, Tensor) else _as_dtype(values, x), op, index)
    return x


def _written_at(x: Tensor, source: Tensor, op: str, index: Any) -> Tensor:
    """What `become` would do for x[index] = source, without a copy of x at each step of a loop:
    the gradient needs none of the numbers."""
    refuse_leaf(x)
    before = Tensor._wrap(x.array, x.requires_grad)
    before._record = x.grad_fn
    write(x, source.array, op, index)
    _new_history(x, _as_if_run(SetItem, before, source, {"index": index}), op)
    return x


def _as_if_run(op: type[Op], x: Tensor, v: Tensor, settings: dict[str, Any]) -> Tensor:
    """The result of an op that puts v into x, where the memory of x holds it already."""
    out = Tensor._wrap(x.array, True)
    edges = [(t.grad_fn or t) if t.requires_grad else None for t in (x, v)]
    versions = [(t._changes, t._changes[0]) for t in (x, v, out)]
    out._record = Record(op, (x, v), settings, x.array, edges, versions)
    return out


def _as_dtype(values: Any, x: Tensor) -> np.ndarray:
    array = np.asarray(values)
    return array.astype(x.dtype) if isinstance(values, (int, float)) else array


def refuse_leaf(x: Tensor) -> None:
    """RuntimeError where a change of x in place would make a leaf's gradient untrue."""
    if not state.grad_enabled:
        return
    if x.requires_grad and x.is_leaf:
        raise RuntimeError(say("errors.tensor.inplace_leaf"))
    root = x._view.root if x._view is not None else x
    if root.requires_grad and root.is_leaf:
        raise RuntimeError(say("errors.tensor.inplace_leaf_view"))


def _check_dtype(got: np.dtype, want: np.dtype) -> None:
    order = "buifc"
    grown = order.index(got.kind.replace("u", "i")) > order.index(want.kind.replace("u", "i"))
    if grown:
        raise RuntimeError(say("errors.tensor.inplace_dtype", got=got, want=want))


def _new_history(x: Tensor, after: Tensor, op: str) -> None:
    root = x
    if x._view is not None:
        root, looks = x._view.root, x._view.looks
        x.requires_grad = True
        before = Tensor._wrap(root.array, root.requires_grad)
        before._record = root.grad_fn
        if state.tape is None and state.watch is None:
            after = _as_if_run(ViewScatter, before, after, {"looks": looks})
        else:
            after = view_scatter(before, after, looks=looks)
    root.requires_grad = True
    root._record = after._record
    x._changes[2] += 1  # views of this memory look again before they are used
    x._changes[1] = change = Change(op)
    change.place = place()
    if root is x and root._view is None:
        record = root._record
        assert record is not None
        record.value = root.array
        record.versions = (*record.versions[:-1], (root._changes, root._changes[0]))
