"""How each recorded call is carried out in a replay: as (function, arguments), nothing allocated.

The same numbers come out, in the way that measured fastest: constants as arrays without
dimensions (a Python number costs twice as much), `np.dot` for a product of two matrices,
a choice by a mask as bit arithmetic (`np.where` stumbles over every change of the mask).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from gobhir.engine.compile.memory import final
from gobhir.engine.compile.product import Line, product
from gobhir.engine.compile.program import Program, exchange
from gobhir.engine.compile.recorder import Call, Diverged

WIDEST = 2**20
"""So many numbers at most are kept of one constant."""
LONGEST_SUM = 4096
"""Beyond, NumPy's sum by halves is worth its time: it rounds better."""
_constant_arrays: dict[Any, np.ndarray] = {}


_INTEGERS = {4: np.int32, 8: np.int64, 2: np.int16, 1: np.int8}
_TAKE_OUT = {np.concatenate, np.cumsum, np.cumprod, np.take, np.argmax, np.argmin, np.einsum}


def lower(program: Program, exact: bool) -> list[tuple[int, list[Line]]]:
    """All calls as lines, on the memory that `place` gave them, each with its number. exact: to
    the bit as they were recorded."""
    lines: list[tuple[int, list[Line]]] = []
    for call in program.calls:
        if call.f is np.where:
            call.args = exchange(call.args, lambda a: _number(program, a))
        args, kwargs, outs, also = (
            exchange(x, lambda a: final(program, a))
            for x in (call.args, call.kwargs, call.outs, call.also_writes)
        )
        made = _lines(Call(call.how, call.f, args, kwargs, outs, also, call.must), exact)
        lines.append((call.number, made))
    return lines


def _number(program: Program, array: np.ndarray) -> Any:
    """A constant without dimensions as a number."""
    constant = not array.ndim and program.base(array).kind == "constant"
    return array[()] if constant else array


def _lines(call: Call, exact: bool) -> list[Line]:
    f, args, kwargs, outs = call.f, call.args, dict(call.kwargs), call.outs
    if call.how == "guard":
        return [(expect, (args[0], kwargs["value"]))]
    if call.how == "update":
        return [(f, ())]
    if call.how == "copy":
        return [_copy(args[0], outs[0])]
    if call.how == "ufunc":
        if f is np.matmul and not kwargs.keys() - {"subok"} and _matrices(*args, *outs):
            return [(np.dot, (*args, *outs))] if exact else product(*args, *outs)
        return [_ufunc(f, args, kwargs, outs)]
    if call.how == "method":
        return [_method(f, args, kwargs, outs, exact)]
    if f is np.where and len(args) == 3 and not kwargs and (chosen := _where(args, outs[0])):
        return chosen
    if f is np.dot and not kwargs and _matrices(*args, *outs):
        return [(np.dot, (*args, *outs))] if exact else product(*args, *outs)
    if f in _TAKE_OUT and len(outs) == 1:
        return [(partial(f, **kwargs, out=outs[0]), args)]
    return [(refill, (outs, f, args, kwargs))]


def expect(array: np.ndarray, value: bool) -> None:
    """Diverged unless the array's truth is what it was when the step was recorded."""
    if bool(array) is not value:
        raise Diverged


def refill(outs: tuple[np.ndarray, ...], f: Any, args: Any, kwargs: Any) -> None:
    """Put what f answers into the buffers; Diverged if it has another shape now."""
    answer = f(*args, **kwargs)
    for out, new in zip(
        outs, answer if isinstance(answer, tuple | list) else [answer], strict=True
    ):
        if out.shape != np.shape(new):
            raise Diverged
        out[...] = new


def _copy(source: Any, target: np.ndarray) -> Line:
    if not np.ndim(source):
        if isinstance(source, np.ndarray):
            return np.copyto, (target, source, "unsafe")
        return target.fill, (target.dtype.type(source),)
    return np.copyto, (target, source, "unsafe")


def _ufunc(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outs: Any) -> Line:
    kwargs.pop("subok", None)
    given = args
    if not kwargs.keys() - {"casting"}:
        args = _constants(f, args, outs)
        try:
            types = tuple(a.dtype for a in args)
            resolved = f.resolve_dtypes((*types, *(o.dtype for o in outs)))
            if resolved[-len(outs) :] == tuple(o.dtype for o in outs):
                kwargs.pop("casting", None)
        except (TypeError, AttributeError):
            pass
    if f in (np.maximum, np.minimum) and not kwargs:
        pairs = zip(given, args, strict=True)
        return partial(f, out=outs[0]), tuple(
            a if isinstance(g, np.ndarray) else _filled(a, outs[0]) for g, a in pairs
        )
    if kwargs:
        return partial(f, **kwargs, out=outs if len(outs) > 1 else outs[0]), args
    return f, (*args, *outs)


def _constants(f: Any, args: tuple[Any, ...], outs: Any) -> tuple[Any, ...]:
    """Python numbers as arrays of the dtype in which the ufunc would use them."""
    if not any(type(a) in (int, float, bool) for a in args):
        return args
    given = tuple(type(a) if type(a) in (int, float) else np.asarray(a).dtype for a in args)
    types = f.resolve_dtypes((*given, *(None for _ in outs)))
    return tuple(
        np.array(a, t) if type(a) in (int, float, bool) else a
        for a, t in zip(args, types, strict=False)
    )


def _filled(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    """A constant in out's shape and memory order: maximum and minimum are three times as fast
    with two arrays as with an array and a number."""
    if not 64 < out.size <= WIDEST:
        return a
    order = sorted(range(out.ndim), key=lambda axis: -out.strides[axis])
    packed = _constant(a, out.size).reshape([out.shape[axis] for axis in order])
    return packed.transpose(np.argsort(order))


def _constant(value: np.ndarray, count: int) -> np.ndarray:
    """So many times the same number, in memory that all replays share."""
    key = (value.dtype, value.item())
    kept = _constant_arrays.get(key)
    if kept is None or kept.size < count:
        kept = _constant_arrays[key] = np.full(count, value)
    return kept[:count]


def _matrices(a: Any, b: Any, out: np.ndarray) -> bool:
    """Whether np.dot can write the product straight into out."""
    return (
        all(isinstance(m, np.ndarray) and m.ndim == 2 and m.dtype == out.dtype for m in (a, b))
        and out.flags.c_contiguous
        and out.dtype.kind == "f"
    )


def _method(f: Any, args: Any, kwargs: dict[str, Any], outs: Any, exact: bool) -> Line:
    where, name = f
    method = where.f if name == "f" else getattr(where, name)
    if not outs:
        return (partial(method, **kwargs) if kwargs else method), args
    if name == "reduce":
        rest = dict(kwargs)
        axis, dtype = rest.pop("axis", 0), rest.pop("dtype", None)
        keepdims = rest.pop("keepdims", False)
        if rest.get("where") is True:
            del rest["where"]
        if len(args) == 1:
            product = _as_product(args[0], axis, outs[0]) if where is np.add else None
            if product is not None and not rest and not exact:
                return product
            function = partial(method, **rest) if rest else method
            return function, (args[0], axis, dtype, outs[0], keepdims)
    return partial(method, **kwargs, out=outs[0]), args


def _as_product(a: np.ndarray, axis: Any, out: np.ndarray) -> Line | None:
    """A sum over rows or columns as a product with ones: BLAS is several times as fast."""
    if a.dtype != out.dtype or a.dtype not in (np.float32, np.float64) or not a.size:
        return None
    wished = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {d % a.ndim for d in wished} if a.ndim else set()
    order = sorted(range(a.ndim), key=lambda d: (-abs(a.strides[d]), d))
    packed = a.transpose(order)
    left = [d for d in order if d not in gone]
    count = math.prod(a.shape[d] for d in gone)
    if out.ndim == a.ndim:
        sums = out.transpose([*left, *gone])
    else:
        sums = out.transpose([sorted(left).index(d) for d in left])
    if not packed.flags.c_contiguous or not sums.flags.c_contiguous:
        return None
    if not 2 <= count <= LONGEST_SUM or a.size < 512:
        return None
    ones = _constant(np.ones((), a.dtype), count)
    if order == [*left, *sorted(gone, key=order.index)]:
        return np.dot, (packed.reshape(-1, count), ones, sums.reshape(-1))
    if order == [*sorted(gone, key=order.index), *left]:
        return np.dot, (ones, packed.reshape(count, -1), sums.reshape(-1))
    return None


def _where(args: tuple[Any, ...], out: np.ndarray) -> list[Line]:
    """a where the mask holds, b elsewhere, bit by bit: b ^ ((a ^ b) & mask)."""
    mask, a, b = args
    kind = _INTEGERS.get(out.itemsize)
    if mask.dtype != bool or mask.shape != out.shape or kind is None or out.dtype.kind == "c":
        return []
    sides = [np.asarray(s, out.dtype) for s in (a, b)]
    if any(np.may_share_memory(s, out) for s in sides) or np.may_share_memory(mask, out):
        return []
    x, y = (s.view(kind) if s.ndim else s.reshape(1).view(kind).reshape(()) for s in sides)
    bits = out.view(kind) if out.ndim else out.reshape(1).view(kind).reshape(())
    whole = mask.view(np.int8)
    if not isinstance(b, np.ndarray) and not y:
        return [(np.negative, (whole, bits)), (np.bitwise_and, (x, bits, bits))]
    if not isinstance(a, np.ndarray) and not x:
        one = np.array(1, np.int8)
        return [(np.subtract, (whole, one, bits)), (np.bitwise_and, (y, bits, bits))]
    return []
