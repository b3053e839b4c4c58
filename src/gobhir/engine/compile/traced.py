"""Traced: an array that writes down, in the active recorder, all that is computed with it.

It computes as usual, on real memory. Because the memory is real, a view is the same memory as
what it looks at, and needs no writing down.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.engine.compile.reading import ReadFloat
from gobhir.engine.tape import state


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def plain(x: Any) -> Any:
    """x with every Traced array in it as an ordinary array on the same memory."""
    if isinstance(x, Traced):
        return x._plain if x._plain is not None else np.ndarray.view(x, np.ndarray)
    if type(x) in (tuple, list):
        return type(x)([plain(v) for v in x])
    if type(x) is dict:
        return {k: plain(v) for k, v in x.items()}
    if type(x) is slice:
        return slice(plain(x.start), plain(x.stop), plain(x.step))
    return x


def arrays_in(x: Any) -> Iterator[np.ndarray]:
    if isinstance(x, np.ndarray):
        yield x
    elif type(x) in (tuple, list):
        for v in x:
            yield from arrays_in(v)
    elif type(x) is dict:
        for v in x.values():
            yield from arrays_in(v)


def trace(array: np.ndarray) -> Traced:
    """The same memory as a Traced array."""
    array = plain(array)
    out = array.view(Traced)
    out._plain = array
    if state.recorder is not None:
        state.recorder.made.append(weakref.ref(out))
    return out


def record(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], must: bool = False) -> Any:
    """Carry out f on arrays; write it down unless its result is only another view."""
    args, kwargs = plain(args), plain(kwargs)
    result = f(*args, **kwargs)
    recorder = state.recorder
    if recorder is None:
        return result
    several = isinstance(result, (tuple, list))
    values = list(result) if several else [result]
    fresh: list[np.ndarray] = []
    seen = [owner(a) for a in arrays_in((args, kwargs))]
    written = kwargs.get("out")
    for i, value in enumerate(values):
        if isinstance(value, np.generic):
            value = values[i] = np.array(value)
        if isinstance(value, np.ndarray):
            if not any(owner(value) is o for o in seen) or written is not None:
                fresh.append(value)
            values[i] = trace(value)
        elif isinstance(value, bool) and f not in _HARMLESS:
            recorder.refuse("number")
    if fresh:
        if len(fresh) < len(values):
            recorder.refuse("mixed", function=getattr(f, "__name__", str(f)))
        kwargs = {k: v for k, v in kwargs.items() if k != "out"}
        recorder.add("opaque", f, args, kwargs, fresh, must=must)
    return type(result)(values) if several else values[0]


class Traced(np.ndarray):
    """An array that writes down, in the active recorder, all that is computed with it."""

    _plain: np.ndarray | None = None
    """The ordinary array on the same memory."""

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        args, kwargs = plain(inputs), plain(kwargs)
        into = () if out is None or any(o is None for o in out) else plain(tuple(out))
        if into:
            kwargs["out"] = into
        result = getattr(ufunc, method)(*args, **kwargs)
        recorder = state.recorder
        if recorder is None:
            return result
        kwargs.pop("out", None)
        if method == "at":
            recorder.add("method", (ufunc, "at"), args, kwargs, (), also_writes=(args[0],))
            return None
        results = result if isinstance(result, tuple) else (result,)
        outs = tuple(r if isinstance(r, np.ndarray) else np.array(r) for r in results)
        if method == "__call__":
            recorder.add("ufunc", ufunc, args, kwargs, outs)
        else:
            recorder.add("method", (ufunc, method), args, kwargs, outs)
        answers = out if into else tuple(trace(o) for o in outs)
        return answers if isinstance(result, tuple) else answers[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _HARMLESS:
            return func(*plain(args), **plain(kwargs))
        if func in _WRITE_TO_THE_FIRST:
            return _write_first(func, args, kwargs)
        if func in _OF_ARRAYS_ALONE or func in _VIEWS:
            return record(func, args, kwargs)
        if func in _SHAPE_BY_VALUE or (func is np.where and len(args) == 1):
            return record(func, args, kwargs, must=True)
        return super().__array_function__(func, types, args, kwargs)

    # -- indexing ----

    def __getitem__(self, index: Any) -> Any:
        found: Any
        if _is_basic(index):
            array = plain(self)
            found = array[index]
            if not isinstance(found, np.ndarray):
                found = array[_as_view(index)]
            return trace(found)
        masks = any(a.dtype == bool for a in arrays_in(index))
        return record(operator.getitem, (self, index), {}, must=masks)

    def __setitem__(self, index: Any, value: Any) -> None:
        array, index, value = plain(self), plain(index), plain(value)
        array[index] = value
        if (recorder := state.recorder) is None:
            return
        if _is_basic(index):
            target = array[_as_view(index)]
            recorder.add("copy", None, (value,), {}, (target,))
        else:
            args = (array, index, value)
            recorder.add("method", (operator, "setitem"), args, {}, (), also_writes=(array,))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # -- copies ----

    def copy(self, order: Any = "C") -> Any:
        return _copied(self, plain(self).copy(order))

    def astype(  # type: ignore[override]  # casting and subok change nothing here
        self, dtype: Any, order: Any = "K", *_: Any, copy: bool = True
    ) -> Any:
        return _copied(self, plain(self).astype(dtype, order, copy=copy))

    @property
    def T(self) -> Any:
        return trace(plain(self).T)

    @property
    def mT(self) -> Any:
        return trace(plain(self).mT)

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        return _copied(self, plain(self).reshape(*shape, **kwargs))

    def ravel(self, order: Any = "C") -> Any:
        return _copied(self, plain(self).ravel(order))

    def flatten(self, order: Any = "C") -> Any:
        return _copied(self, plain(self).flatten(order))

    # -- out of NumPy, into Python ----

    def item(self, *at: Any) -> Any:
        array = plain(self)
        value = array.item(*at)
        recorder = state.recorder
        if recorder is None:
            return value
        if at or array.size != 1 or not isinstance(value, float):
            recorder.refuse("number")
            return value
        read = ReadFloat(value)
        read.recorder = recorder
        recorder.numbers.append((read, array))
        return read

    def __bool__(self) -> bool:
        array = plain(self)
        value = bool(array)
        if (recorder := state.recorder) is not None:
            recorder.add("guard", None, (array,), {"value": value}, (), must=True)
        return value

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        _refuse("number")
        return int(plain(self))

    def __index__(self) -> int:
        _refuse("number")
        return operator.index(plain(self))

    def __complex__(self) -> complex:
        _refuse("number")
        return complex(plain(self))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __format__(self, spec: str) -> str:
        _refuse("number")
        return format(plain(self), spec)

    def __repr__(self) -> str:
        _refuse("number")
        return repr(plain(self))

    def __str__(self) -> str:
        _refuse("number")
        return str(plain(self))

    def tolist(self) -> Any:
        _refuse("number")
        return plain(self).tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        _refuse("number")
        return plain(self).tobytes(order)

    # -- in place ----

    def fill(self, value: Any) -> None:
        self[...] = value


def _refuse(why: str) -> None:
    if state.recorder is not None:
        state.recorder.refuse(why)


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        p is None or p is Ellipsis or isinstance(p, (slice, np.integer)) or type(p) is int
        for p in parts
    )


def _as_view(index: Any) -> Any:
    """The index so that a single number, too, is found as a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return parts if any(p is Ellipsis for p in parts) else (*parts, ...)


def _copied(source: np.ndarray, result: np.ndarray) -> Any:
    """What a copying method answers: written down as a copy unless it is a view."""
    if owner(result) is owner(source):
        return trace(result)
    if (recorder := state.recorder) is not None:
        array = plain(source)
        target = result
        if result.shape != array.shape:
            # Fill the new shape's memory through the old shape.
            target = result.reshape(array.shape)
            if owner(target) is not owner(result):
                recorder.add("opaque", np.ndarray.flatten, (array, "F"), {}, (result.ravel("K"),))
                return trace(result)
        recorder.add("copy", None, (array,), {}, (target,))
    return trace(result)


def _write_first(func: Any, args: Any, kwargs: Any) -> None:
    args, kwargs = plain(args), plain(kwargs)
    func(*args, **kwargs)
    recorder = state.recorder
    if recorder is None:
        return
    target = args[0] if args else kwargs["dst"]
    if func is np.copyto and len(args) == 2 and "where" not in kwargs:
        recorder.add("copy", None, (args[1],), {}, (target,))
    else:
        recorder.add("method", (_Named(func), "f"), args, kwargs, (), also_writes=(target,))


@dataclass
class _Named:
    f: Callable[..., Any]


def _method(name: str, writes: bool = False, must: bool = False) -> Any:
    original = getattr(np.ndarray, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if writes:
            return _write_first(original, (self, *args), kwargs)
        return record(original, (self, *args), kwargs, must)

    method.__name__ = name
    return method


for _name in (
    *("argmax", "argmin", "argsort", "cumsum", "cumprod", "dot", "take", "choose", "repeat"),
    *("searchsorted", "argpartition", "diagonal", "trace", "byteswap"),
    *("transpose", "swapaxes", "squeeze", "view"),
):
    setattr(Traced, _name, _method(_name))
for _name in ("nonzero", "compress"):
    setattr(Traced, _name, _method(_name, must=True))
for _name in ("sort", "partition", "put"):
    setattr(Traced, _name, _method(_name, writes=True))

_HARMLESS = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type}
_HARMLESS |= {np.may_share_memory, np.shares_memory, np.iscomplexobj, np.isrealobj, np.common_type}
_VIEWS = {np.broadcast_to, np.transpose, np.reshape, np.squeeze, np.expand_dims, np.swapaxes}
_VIEWS |= {np.moveaxis, np.flip, np.rot90, np.split, np.array_split, np.rollaxis, np.ravel}
_WRITE_TO_THE_FIRST = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis}
_SHAPE_BY_VALUE = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.extract, np.compress}
_SHAPE_BY_VALUE |= {np.bincount, np.repeat, np.delete, np.histogram, np.trim_zeros}
_OF_ARRAYS_ALONE = {
    *(np.where, np.concatenate, np.dot, np.vdot, np.inner, np.einsum, np.tensordot, np.lexsort),
    *(np.take, np.take_along_axis, np.argsort, np.sort, np.partition, np.argpartition, np.cumsum),
    *(np.cumprod, np.searchsorted, np.digitize, np.interp, np.choose, np.select, np.cross),
    *(np.linalg.inv, np.linalg.solve, np.linalg.det, np.linalg.slogdet, np.linalg.qr),
    *(np.linalg.svd, np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.pinv),
    *(np.linalg.norm, np.linalg.matrix_power, np.linalg.lstsq, np.linalg.eig, np.linalg.eigvals),
    *(np.median, np.quantile, np.percentile, np.nan_to_num, np.packbits, np.unpackbits),
    *(np.convolve, np.correlate, np.fft.rfft, np.fft.irfft, np.fft.fft, np.fft.ifft),
    *(np.argmax, np.argmin, np.diagonal, np.trace, np.kron, np.real, np.imag, np.around),
}
"""Functions that compute in C, or would lose Traced on the way: written down as one call.
All others are NumPy's own Python, and what they do inside is written down instead."""
