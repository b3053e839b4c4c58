"""Making tensors: from numbers, filled, and counted. Names and defaults are PyTorch's.

`device` may be the CPU; `layout`, `pin_memory` and `memory_format` are accepted as PyTorch has
them, and change nothing: there is one memory, and a new tensor lies in it in rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine.arguments import Number, Sizes, as_int, checked, shown
from gobhir.engine.arrays import as_array, first_array, one_value
from gobhir.engine.device import check_place
from gobhir.engine.dtypes import as_dtype, default_dtype, of_python
from gobhir.engine.inplace import into
from gobhir.engine.tensor import Tensor, View
from gobhir.lang import say, warn


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of these numbers: Python floats become float32 (the default dtype),
    integers int64, arrays keep their dtype. TypeError for what is no number."""
    return _finish(
        as_array(data, None if dtype is None else as_dtype(dtype)), requires_grad, device
    )


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Like `tensor`, but a Tensor or an array is not copied unless its dtype must change."""
    check_place(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype.kind in "biufc":
        kind = data.dtype if dtype is None else as_dtype(dtype)
        return from_numpy(data if kind == data.dtype else data.astype(kind))
    return tensor(data, dtype=dtype)


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Like `as_tensor`; copy=True always copies, copy=False raises ValueError where one must."""
    if copy and isinstance(obj, Tensor):
        out = as_tensor(obj, dtype, device).clone()
    elif copy:
        out = tensor(obj, dtype=dtype, device=device)
    else:
        out = as_tensor(obj, dtype, device)
        if copy is False and not np.shares_memory(out.array, getattr(obj, "array", obj)):
            raise ValueError(say("errors.tensor.must_copy"))
    out = out.detach() if out.requires_grad and not requires_grad else out
    return out.requires_grad_() if requires_grad and not out.requires_grad else out


def scalar_tensor(s: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """One number as a tensor without dimensions, of the default dtype unless another is asked."""
    return made(as_array(s, as_dtype(dtype or default_dtype())), options)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory. ValueError for an array that runs backwards."""
    if not isinstance(array, np.ndarray):
        raise TypeError(say("errors.tensor.not_numbers", type=type(array).__name__))
    if array.dtype.kind not in "biufc":
        raise TypeError(say("errors.tensor.not_numbers", type=array.dtype.name))
    out = Tensor._wrap(array)
    if not array.flags.c_contiguous:
        _look_at_memory(out)
    return out


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor that shares the memory of `buffer` (bytearray, array.array, mmap, ...): `count`
    numbers (-1: all) of this dtype from byte `offset` on. ValueError where they are not there."""
    kind = as_dtype(dtype)
    try:
        memory = np.frombuffer(buffer, np.uint8)
    except (TypeError, AttributeError):
        raise ValueError(say("errors.tensor.buffer", type=type(buffer).__name__)) from None
    left = memory.size - offset
    size = left if count < 0 else count * kind.itemsize
    if not (0 <= offset < memory.size and 0 < size <= left) or size % kind.itemsize:
        where = {"bytes": memory.size, "offset": offset, "size": kind.itemsize}
        raise ValueError(say("errors.tensor.buffer_size", count=count, dtype=kind, **where))
    if not memory.flags.writeable:
        warn(say("errors.tensor.buffer_fixed"))
    return _finish(memory[offset : offset + size].view(kind), requires_grad, None)


def _look_at_memory(t: Tensor) -> None:
    """Note that t, an array from outside that is not in rows, is a view of the memory it is in."""
    from numpy.lib.stride_tricks import as_strided

    from gobhir.engine.ops.windows import AsStrided

    a = t.array
    if min(a.strides, default=0) < 0:
        raise ValueError(say("errors.tensor.negative_stride"))
    steps = tuple(s // a.itemsize for s in a.strides)
    reach = 1 + sum((n - 1) * s for n, s in zip(a.shape, steps, strict=True))
    root = Tensor._wrap(as_strided(a, (reach,), (a.itemsize,)))
    root._changes = t._changes
    settings = {"size": a.shape, "stride": steps, "storage_offset": 0}
    t._view = View(root, (None, AsStrided, settings), 0)


def _finish(array: np.ndarray, requires_grad: bool, device: Any) -> Tensor:
    check_place(device)
    out = Tensor._wrap(array)
    if requires_grad is False:
        return out
    if requires_grad is not True:
        raise TypeError(say("errors.tensor.requires_grad", got=shown(requires_grad)))
    return out.requires_grad_()


_OPTIONS = {"device", "requires_grad", "layout", "pin_memory", "memory_format", "out"}


def made(array: np.ndarray, options: dict[str, Any]) -> Tensor:
    """The array as a Tensor, or in `out`. TypeError for an option that PyTorch has not either."""
    for name in options.keys() - _OPTIONS:
        raise TypeError(say("errors.tensor.option", name=name))
    out = _finish(array, options.get("requires_grad", False), options.get("device"))
    return out if options.get("out") is None else into(options["out"], out)


def shape_of(sizes: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """(2, 3) from `2, 3` as from `(2, 3)` and `size=(2, 3)`. RuntimeError for a negative size."""
    if size is not None:
        sizes = (size,)
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    elif not sizes:
        raise TypeError(say("errors.shape.sizes_missing"))
    shape = tuple([n if n.__class__ is int else as_int(n) for n in sizes])
    if min(shape, default=0) < 0:
        raise RuntimeError(say("errors.shape.negative", shape=shape))
    return shape


def dtype_asked(dtype: Any, options: dict[str, Any], usual: np.dtype | None = None) -> np.dtype:
    """The dtype asked for, by name or by `out`; without a wish the usual one. RuntimeError where
    name and `out` differ."""
    out = options.get("out")
    if dtype is None:
        return (usual or default_dtype()) if out is None else out.dtype
    if out is not None and out.dtype != as_dtype(dtype):
        raise RuntimeError(say("errors.tensor.out_dtype", dtype=as_dtype(dtype), out=out.dtype))
    return as_dtype(dtype)


@checked
def full(size: Sizes, fill_value: Number, *, dtype: Any = None, **options: Any) -> Tensor:
    """`size` filled with one value; the value's dtype unless another is asked for."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(say("errors.random.size"))
    value = getattr(fill_value, "array", fill_value)
    if not isinstance(value, (int, float, complex, np.generic, np.ndarray)):
        raise TypeError(say("errors.tensor.not_numbers", type=type(value).__name__))
    kind = dtype_asked(dtype, options, of_python(value))
    return made(np.full(shape_of((size,)), one_value(value, kind), kind), options)


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, **options: Any) -> Tensor:
    """All zeros; the default dtype unless another is asked for."""
    return made(np.zeros(shape_of(sizes, size), dtype_asked(dtype, options)), options)


def ones(*sizes: Any, size: Any = None, dtype: Any = None, **options: Any) -> Tensor:
    """All ones; the default dtype unless another is asked for."""
    return made(np.ones(shape_of(sizes, size), dtype_asked(dtype, options)), options)


def empty(*sizes: Any, size: Any = None, dtype: Any = None, **options: Any) -> Tensor:
    """Room for numbers that somebody will write; here it starts as zeros, so that runs repeat."""
    return made(np.zeros(shape_of(sizes, size), dtype_asked(dtype, options)), options)


@checked
def full_like(input: Tensor, fill_value: Number, *, dtype: Any = None, **options: Any) -> Tensor:
    """One value everywhere, in input's shape and dtype."""
    value = getattr(fill_value, "array", fill_value)
    kind = dtype_like(dtype, input)
    return made(np.full(array_of(input).shape, one_value(value, kind), kind), options)


def zeros_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Zeros of input's shape and dtype."""
    return made(np.zeros(array_of(input).shape, dtype_like(dtype, input)), options)


def ones_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Ones of input's shape and dtype."""
    return made(np.ones(array_of(input).shape, dtype_like(dtype, input)), options)


def empty_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Room of input's shape and dtype; it starts as zeros, so that runs repeat."""
    return zeros_like(input, dtype=dtype, **options)


def array_of(input: Any) -> np.ndarray:
    """The numbers of a Tensor. TypeError for anything else."""
    if not isinstance(input, Tensor):
        raise TypeError(say("errors.tensor.wanted", type=type(input).__name__))
    return input.array


def dtype_like(dtype: Any, input: Tensor) -> np.dtype:
    """The dtype asked for, input's without a wish."""
    return input.array.dtype if dtype is None else as_dtype(dtype)


@checked
def eye(n: int, m: int | None = None, *, dtype: Any = None, **options: Any) -> Tensor:
    """Ones on the diagonal, zeros elsewhere; n rows, m columns (m = n when left out)."""
    rows, columns = shape_of((n, n if m is None else m))
    return made(np.eye(rows, columns, dtype=dtype_asked(dtype, options)), options)


@checked
def arange(
    start: Number = 0,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """start, start + step, ... up to but without end; `arange(n)` counts from 0. RuntimeError
    when the step is 0 or leads away from the end."""
    if end is None:
        start, end = 0, start
    start, end, step = (_number(v) for v in (start, end, step))
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = _evenly_kind("arange", dtype, options, np.dtype(np.int64) if whole else None)
    finite = all(math.isfinite(v) for v in (start, end, step))
    if not finite or step == 0 or (end - start) * step < 0:
        raise RuntimeError(say("errors.shape.arange", start=start, end=end, step=step))
    count = -(-(end - start) // step) if whole else math.ceil((end - start) / step)
    if kind.kind in "iu" and not whole:
        stop, start, step = int(end), int(start), int(step)
        if step == 0:
            raise ValueError(say("errors.shape.arange", start=start, end=end, step=step))
        if kind == np.int64:  # PyTorch counts the steps of the other dtypes before it cuts
            count = -(-(stop - start) // step)
    return made((start + np.arange(count) * step).astype(kind), options)


@checked
def range(
    start: Number = 0,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """start, start + step, ... up to and with end: unlike Python's range, and deprecated. Write
    `arange`. RuntimeError when the step is 0 or leads away from the end."""
    if end is None:
        raise TypeError(say("errors.shape.range_end"))
    warn(say("errors.shape.range"))
    start, end, step = (_number(v) for v in (start, end, step))
    kind = _evenly_kind("range", dtype, options)
    if (
        not all(math.isfinite(v) for v in (start, end, step))
        or not (end - start) * step >= 0 != step
    ):
        raise RuntimeError(say("errors.shape.arange", start=start, end=end, step=step))
    if kind.kind in "iu":
        start, end, step = int(start), int(end), int(step)
    count = math.floor((end - start) / step) + 1
    return made((start + np.arange(count) * step).astype(kind), options)


def _evenly_kind(op: str, dtype: Any, options: Any, usual: np.dtype | None = None) -> np.dtype:
    """The dtype asked for. NotImplementedError for bool, of which no steps can be made."""
    kind = dtype_asked(dtype, options, usual)
    if kind.kind == "b":
        raise NotImplementedError(say("errors.dtype.not_for", op=op, dtype=kind))
    return kind


def _number(v: Any) -> Any:
    return v.item() if isinstance(v, (Tensor, np.generic, np.ndarray)) else v


@checked
def linspace(
    start: Number | Tensor,
    end: Number | Tensor,
    steps: int,
    *,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """`steps` numbers from start to end, both included, evenly spaced."""
    kind = _evenly_kind("linspace", dtype, options)
    return made(_evenly(start, end, steps, kind, kind), options)


@checked
def logspace(
    start: Number | Tensor,
    end: Number | Tensor,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    **options: Any,
) -> Tensor:
    """base ** x for `steps` evenly spaced x from start to end, both included."""
    kind = _evenly_kind("logspace", dtype, options)
    powers = _evenly(start, end, steps, kind, np.dtype(np.float64))
    return made((base**powers).astype(kind), options)


def _evenly(start: Any, end: Any, steps: int, ends: np.dtype, kind: np.dtype) -> np.ndarray:
    """From both ends, which are of dtype `ends`, towards the middle, so that the end is met
    exactly. Each number is rounded once, like PyTorch's, which come from fused multiply-adds."""
    start, end = _number(start), _number(end)
    if ends.kind in "iu":
        start, end = int(start), int(end)
    if steps < 0:
        raise RuntimeError(say("errors.shape.steps", steps=steps))
    if steps <= 1:
        return np.full(steps, start).astype(kind)
    exact = kind if kind.kind == "f" and kind.itemsize > 2 else np.dtype(np.float64)
    step = (exact.type(end) - exact.type(start)) / exact.type(steps - 1)
    count = np.arange(steps, dtype=np.float64)
    first, last, step = (np.float64(exact.type(x)) for x in (start, end, step))
    up, down = first + step * count, last - step * count[::-1]
    return np.where(count < steps // 2, up, down).astype(kind)


def _new(name: str, make: Any) -> None:
    def method(self: Tensor, *sizes: Any, dtype: Any = None, **options: Any) -> Tensor:
        return make(*sizes, dtype=dtype_like(dtype, self), **options)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{make.__doc__} The dtype is this tensor's unless another is asked for."
    setattr(Tensor, name, method)


for _name, _make in {
    "new_zeros": zeros,
    "new_ones": ones,
    "new_empty": empty,
    "new_full": full,
    "new_tensor": tensor,
}.items():
    _new(_name, _make)


def new(self: Tensor, *data: Any) -> Tensor:
    """Tensor(*data) of this tensor's dtype: sizes for zeros, or the numbers to be held."""
    return Tensor._wrap(np.array(first_array(data, self.dtype), self.dtype))


setattr(Tensor, "new", new)  # noqa: B010  Tensor does not know it
